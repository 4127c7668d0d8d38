// Package identity says who a request comes from and what its caller may do.
package identity

import (
	"context"
	"slices"
)

// Role is something that a caller may do.
type Role string

// The roles.
const (
	Push   Role = "push"
	Decide Role = "decide"
	Detail Role = "detail"
	Replay Role = "replay"
)

// Caller is who a request comes from, as verified.
type Caller struct {
	Subject string
	Roles   []Role
}

// Has reports whether the caller has a role.
func (c Caller) Has(r Role) bool { return slices.Contains(c.Roles, r) }

type key struct{}

// From returns the verified caller of a request, without any role when there is none.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}

// With returns a context of a request whose caller was verified.
func With(ctx context.Context, c Caller) context.Context { return context.WithValue(ctx, key{}, c) }
