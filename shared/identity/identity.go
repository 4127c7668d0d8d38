// Package identity carries who a request comes from, as verified.
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

// Has tells whether the caller has a role.
func (c Caller) Has(r Role) bool { return slices.Contains(c.Roles, r) }

type key struct{}

// From returns the caller of a request; without a verified one it has no role.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}

// With returns a context that carries c.
func With(ctx context.Context, c Caller) context.Context { return context.WithValue(ctx, key{}, c) }
