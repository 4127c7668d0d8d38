package pix

import (
	"errors"
	"time"
)

// EndToEndID names one payment: "E" + 8 ISPB + yyyyMMddHHmm in UTC + 11 [a-zA-Z0-9], case-sensitive, 32 characters.
// Its time is never the event's time: scheduled payments often carry 15:00.
type EndToEndID string

// ISPB identifies an institution: eight characters [0-9A-Z].
type ISPB string

const (
	endToEndIDLength = 32
	ispbLength       = 8
	minuteLayout     = "200601021504"
)

// ParseEndToEndID accepts s when it has the form of an EndToEndId and its minute exists in the calendar. The error has
// kind Invalid and does not contain s.
func ParseEndToEndID(s string) (EndToEndID, error) {
	var p Problems
	p.Add("endToEndId", endToEndIDProblem(s))
	if err := p.Err("parse end to end id"); err != nil {
		return "", err
	}
	return EndToEndID(s), nil
}

// endToEndIDProblem says what is wrong with s, empty when nothing is.
func endToEndIDProblem(s string) string { return idProblem(s, 'E') }

// idProblem says what is wrong with an id of SPI that starts with the given letter: E of a payment, D of a return.
func idProblem(s string, letter byte) string {
	switch {
	case s == "":
		return "required"
	case len(s) != endToEndIDLength:
		return "must have 32 characters"
	case s[0] != letter:
		return "must start with " + string(letter)
	case !every(s[1:9], isUpperAlphanumeric):
		return "its ISPB must be 8 characters 0-9 or A-Z"
	case !every(s[21:], isAlphanumeric):
		return "must end in 11 letters or digits"
	}
	if _, ok := EndToEndID(s).Minute(); !ok {
		return "its minute is not a date and time"
	}
	return ""
}

// ISPB returns the institution that issued the id, which is the initiating one and need not be the payer's; empty when
// the id is malformed.
func (id EndToEndID) ISPB() ISPB {
	if len(id) != endToEndIDLength {
		return ""
	}
	return ISPB(id[1:9])
}

// Minute returns the minute inside the id, UTC, and whether there is one.
func (id EndToEndID) Minute() (time.Time, bool) {
	if len(id) != endToEndIDLength || !every(string(id[9:21]), isDigit) {
		return time.Time{}, false
	}
	t, err := time.Parse(minuteLayout, string(id[9:21]))
	return t, err == nil
}

// ParseISPB accepts s when it is eight characters [0-9A-Z]. The error has kind Invalid and does not contain s.
func ParseISPB(s string) (ISPB, error) {
	if reason := ispbProblem(s); reason != "" {
		return "", E(Invalid, "parse ispb", errors.New(reason))
	}
	return ISPB(s), nil
}

// ispbProblem says what is wrong with s, empty when nothing is.
func ispbProblem(s string) string {
	switch {
	case s == "":
		return "required"
	case len(s) != ispbLength || !every(s, isUpperAlphanumeric):
		return "must be 8 characters 0-9 or A-Z"
	default:
		return ""
	}
}
