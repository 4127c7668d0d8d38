// Package problem writes the answer to a request that is not served, in one form for every path: RFC 9457's
// application/problem+json, with what to mend and never a value of the request.
//
// Its type is about:blank, which stands for the HTTP status: no page describes the kinds. What a program tells them apart
// by is the member kind, a closed set: the labels of pix.Kind, and those of the requests that are refused before there is
// an error with a kind.
package problem
