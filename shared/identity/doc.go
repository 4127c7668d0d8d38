// Package identity says who sends a request, from the OIDC token that it carries, and what that caller may do.
//
// A token counts when its issuer, its only audience, its times and its signature are right; a caller when it is one of those
// that the configuration names. Everything else is a Refusal, and so is a token whose key cannot be had at the moment:
// nothing is accepted because something could not be checked. docs/adr/0012-verified-callers.md says why it is done here,
// and what is not proven.
//
// It is the only importer of go-jose, which parses tokens, checks signatures and reads keys.
package identity
