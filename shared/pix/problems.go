package pix

import "strings"

// Problem is one thing that is wrong with a message. Neither part ever contains the value.
type Problem struct {
	Field  string `json:"field"` // path in the wire format's JSON names, for example "payer.document"; empty for the message as a whole
	Reason string `json:"reason"`
}

// Problems is everything that is wrong with a message. Validate returns it inside an Error of kind Invalid; reach it
// with errors.As.
type Problems struct { //nolint:errname // a list that grows before it is an error
	List []Problem
}

// Error joins all problems as "field: reason; field: reason". A problem of the message as a whole has no field.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, one := range p.List {
		if i > 0 {
			b.WriteString("; ")
		}
		if one.Field != "" {
			b.WriteString(one.Field)
			b.WriteString(": ")
		}
		b.WriteString(one.Reason)
	}
	return b.String()
}

// Add notes a problem. An empty reason means that there is none.
func (p *Problems) Add(field, reason string) {
	if reason != "" {
		p.List = append(p.List, Problem{Field: field, Reason: reason})
	}
}

// addIn notes a problem of one side of the payment. The path is built only when there is one.
func (p *Problems) addIn(side, field, reason string) {
	if reason != "" {
		p.Add(side+"."+field, reason)
	}
}

// Err returns nil without problems, and an Error of kind Invalid that wraps p with them.
func (p *Problems) Err(op string) error {
	if len(p.List) == 0 {
		return nil
	}
	return E(Invalid, op, p)
}
