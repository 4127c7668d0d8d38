package terraform_test

import "testing"

// pod is what a manifest of Kubernetes runs.
type pod struct{ name string }

func podsOf(*testing.T, string) []pod { return nil }

func (d *deployment) cluster() {}
