// Package setting finds what each process of this repository reads from its environment, in its sources: for the page of
// configuration, and for what Terraform and Kubernetes must set.
package setting
