package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ParseCallers reads who may do what, as in "core@bank.iam.gserviceaccount.com=decide+read,desk@bank.example=read+detail".
// Whoever has an @ is known by a verified address, anybody else by the token's subject. Pushing is no caller's.
func ParseCallers(list string) (map[string][]Role, error) {
	out := map[string][]Role{}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		at := strings.LastIndex(entry, "=")
		if at <= 0 {
			return nil, errors.New("an entry is not caller=role, as in desk@bank.example=read+detail")
		}
		name := strings.TrimSpace(entry[:at])
		if _, twice := out[name]; twice {
			return nil, errors.New("a caller is named twice")
		}
		for role := range strings.SplitSeq(entry[at+1:], "+") {
			r := Role(strings.TrimSpace(role))
			if r == Push || !slices.Contains(roles(), r) {
				return nil, fmt.Errorf("a role is none of %s, %s, %s, %s", Decide, Read, Detail, Replay)
			}
			out[name] = append(out[name], r)
		}
	}
	return out, nil
}
