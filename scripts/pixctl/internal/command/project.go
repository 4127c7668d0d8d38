package command

// ProjectUsage explains the flag whose default Project gives.
const ProjectUsage = "Google Cloud project; by default PROJECT, as pixctl demo -serve prints it, else GOOGLE_CLOUD_PROJECT"

// Project is the Google Cloud project that the environment names. PROJECT wins: who sets it means this system, while
// GOOGLE_CLOUD_PROJECT may stand in every shell of a machine. Empty where neither is set.
func Project(getenv func(string) string) string {
	return First(getenv("PROJECT"), getenv("GOOGLE_CLOUD_PROJECT"))
}

// First is the first that is not empty, for defaults from the environment.
func First(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
