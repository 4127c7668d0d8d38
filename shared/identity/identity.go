package identity

import (
	"context"
	"slices"
)

// Role is one thing that a caller may do.
type Role string

// The roles.
const (
	Push   Role = "push"   // deliver messages of a subscription
	Decide Role = "decide" // ask for decisions
	Read   Role = "read"   // see the decision that stands for a payment
	Detail Role = "detail" // see what a decision was made of
	Replay Role = "replay" // send payments of the past
)

// roles returns every role.
func roles() []Role { return []Role{Push, Decide, Read, Detail, Replay} }

// Caller is who a request comes from, as verified. The zero value may do nothing.
type Caller struct {
	Subject string // the service account's address, or the token's subject
	Roles   []Role
}

// Has says whether the caller may do what the role stands for.
func (c Caller) Has(r Role) bool { return slices.Contains(c.Roles, r) }

// Anybody is the caller of a process that verifies nobody: it has every role.
func Anybody() Caller { return Caller{Roles: roles()} }

type contextKey struct{}

// With returns a context of a request from the caller.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the caller of a request; one without any role when nobody was verified.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(contextKey{}).(Caller)
	return c
}
