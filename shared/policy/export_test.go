package policy

// VariableNames lists what rules may read beside features and thresholds.
func VariableNames() []string {
	var names []string
	for _, v := range variables() {
		names = append(names, v.name)
	}
	return names
}
