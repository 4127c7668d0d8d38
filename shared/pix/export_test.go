package pix

// Spelling is what a token is made of.
func Spelling(n Normalisation, kind TokenKind, ispb ISPB, branch, value string) string {
	return string(n.append(nil, kind, identifier{ispb, branch, value}))
}
