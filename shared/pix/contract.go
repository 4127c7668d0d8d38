package pix

import (
	"strings"
	"time"
)

// Field is one entry of the contract of a payment: a fact, a raw identifier, a token, or a message of them. It says where
// the entry stands on the wire, in the domain, in a row and in a rule, so that those places follow from it or are held to
// it by a test: docs/contract.md shows all of them.
type Field struct {
	Number  int32  // in the .proto file
	Name    string // in JSON; the .proto file has it in snake case
	Doc     string // what it is, as the .proto file says it
	Example string // of text
	Token   TokenKind
	Message string  // of a message: its type in the .proto file
	Fields  []Field // of a message: what it holds

	// Column is where table decisions keeps it: a member of the column "facts", inside the member of its message, or with
	// Own a column. It is empty for what is never stored.
	Column string
	Own    bool
	// Variable is what the rules of a policy call it; empty where they cannot read it. A time is read as whole hours since.
	Variable string

	// Place gives the pointer to its value. Of a fact one of the others gives the value itself.
	Place func(*Carried) any
	Text  func(*Facts) string
	Whole func(*Facts) Optional[int64]
	Flag  func(*Facts) Optional[bool]
	Time  func(*Facts) Optional[time.Time]
	Span  func(*Facts) Optional[time.Duration]
	Real  func(*Facts) float64 // 0 is absent
}

// Carried is everything that the message of a payment may carry: raw identifiers or tokens, never both.
type Carried struct {
	Submission
	PayerTokens, PayeeTokens Party
	DeviceToken, TxIDToken   TokenPair
}

// Transaction returns the payment of tokens.
func (c *Carried) Transaction() Transaction {
	return Transaction{
		Facts: c.Facts, Payer: c.PayerTokens, Payee: c.PayeeTokens, DeviceToken: c.DeviceToken, TxIDToken: c.TxIDToken,
	}
}

// Put takes the facts and the tokens of a payment.
func (c *Carried) Put(tx *Transaction) {
	c.Facts, c.PayerTokens, c.PayeeTokens, c.DeviceToken, c.TxIDToken = tx.Facts, tx.Payer, tx.Payee, tx.DeviceToken, tx.TxIDToken
}

// Walk visits every entry of the contract that is no message, in order. path is its name with those of the messages around
// it, as problems name fields; column is the whole path of its column, empty when it is not stored.
func Walk(fields []Field, visit func(path, column string, f *Field)) {
	walk(fields, "", "facts.", visit)
}

func walk(fields []Field, path, column string, visit func(path, column string, f *Field)) {
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Fields != nil:
			walk(f.Fields, path+f.Name+".", column+f.Column+".", visit)
		case f.Own || f.Column == "":
			visit(path+f.Name, f.Column, f)
		default:
			visit(path+f.Name, column+f.Column, f)
		}
	}
}

// stored says where the entry is kept inside its message's member.
func (f Field) stored(column string) Field {
	f.Column = column
	return f
}

// own gives the entry a column of its own.
func (f Field) own(column string) Field {
	f.Column, f.Own = column, true
	return f
}

// rule lets rules read the entry.
func (f Field) rule(variable string) Field {
	f.Variable = variable
	return f
}

// rules lets rules read what a message holds, in order; "" passes over one.
func (f Field) rules(variables ...string) Field {
	for i, variable := range variables {
		f.Fields[i].Variable = variable
	}
	return f
}

func (f Field) like(example string) Field {
	f.Example = example
	return f
}

func (f Field) tokenised(kind TokenKind) Field {
	f.Token = kind
	return f
}

// fact is an entry that identifies nobody and is stored under its own name.
func fact[T any](number int32, name, doc string, at func(*Facts) *T) Field {
	return Field{
		Number: number, Name: name, Doc: doc, Column: columnName(name),
		Place: func(c *Carried) any { return at(&c.Facts) },
	}
}

func text[S ~string](number int32, name, doc string, at func(*Facts) *S) Field {
	f := fact(number, name, doc, at)
	f.Text = func(v *Facts) string { return string(*at(v)) }
	return f
}

func whole[N ~int64](number int32, name, doc string, at func(*Facts) *Optional[N]) Field {
	f := fact(number, name, doc, at)
	f.Whole = func(v *Facts) Optional[int64] {
		if n, ok := at(v).Get(); ok {
			return Some(int64(n))
		}
		return Optional[int64]{}
	}
	return f
}

func flag(number int32, name, doc string, at func(*Facts) *Optional[bool]) Field {
	f := fact(number, name, doc, at)
	f.Flag = func(v *Facts) Optional[bool] { return *at(v) }
	return f
}

func moment(number int32, name, doc string, at func(*Facts) *Optional[time.Time]) Field {
	f := fact(number, name, doc, at)
	f.Time = func(v *Facts) Optional[time.Time] { return *at(v) }
	return f
}

// given is a time that is absent as the zero time.
func given(number int32, name, doc string, at func(*Facts) *time.Time) Field {
	f := fact(number, name, doc, at)
	f.Time = func(v *Facts) Optional[time.Time] {
		if t := at(v); !t.IsZero() {
			return Some(*t)
		}
		return Optional[time.Time]{}
	}
	return f
}

// raw is an identifier that is tokenised, or dropped, at the first trusted hop.
func raw(number int32, name, doc string, at func(*Carried) *Secret) Field {
	return Field{Number: number, Name: name, Doc: doc, Place: func(c *Carried) any { return at(c) }}
}

// token is what takes an identifier's place.
func token(number int32, name, doc string, at func(*Carried) *TokenPair) Field {
	return Field{Number: number, Name: name, Doc: doc, Message: "Token", Place: func(c *Carried) any { return at(c) }}
}

// message holds entries that belong together.
func message(number int32, name, doc string, fields []Field) Field {
	return Field{Number: number, Name: name, Doc: doc, Column: columnName(name), Fields: fields}
}

func (f Field) of(message string) Field {
	f.Message = message
	return f
}

// columnName is a name of JSON as columns and .proto files write it.
func columnName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
