// Package pix holds the words of the domain: money, identifiers, tokens, payments, decisions, labels and error kinds.
//
// It is the innermost ring and imports the standard library only, so that every other package can speak the same
// language without dragging an SDK along. Names follow the Banco Central where it has one: EndToEndId is written
// EndToEndID in Go. Nothing in this package reads a clock or draws a random number; time is always an argument.
//
// A payment exists in two types. A Submission still carries raw identifiers, each wrapped in Secret, and lives only in
// the first trusted hop. A Transaction carries keyed tokens instead. Everything past that hop accepts a Transaction, so
// the compiler refuses to pass a raw CPF, key or account on.
package pix
