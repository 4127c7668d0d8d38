package pix

// Identifiers are ASCII, so sets of characters are tested byte by byte: no regular expression runs per payment.

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

func isUpperAlphanumeric(c byte) bool { return isDigit(c) || isUpper(c) }

func isAlphanumeric(c byte) bool { return isDigit(c) || isUpper(c) || isLower(c) }

func isBase64URL(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' }

func isPrintable(c byte) bool { return c > ' ' && c < 0x7f }

// every reports whether all bytes of s are in the set.
func every(s string, in func(byte) bool) bool {
	for i := range len(s) {
		if !in(s[i]) {
			return false
		}
	}
	return true
}

// filter appends to dst the bytes of s that are in the set.
func filter(dst []byte, s string, in func(byte) bool) []byte {
	for i := range len(s) {
		if in(s[i]) {
			dst = append(dst, s[i])
		}
	}
	return dst
}
