// Package plan works out what a Terraform configuration would make, without a provider and without an account: variables,
// locals, modules, for_each, count, dynamic blocks and functions are evaluated as Terraform does, every resource is held to
// its provider's schema, and what only a service can know is a name for it or unknown.
//
// It exists because a configuration that reads its names from generated files says little as text: tests want to see the
// topic that comes out of it.
package plan
