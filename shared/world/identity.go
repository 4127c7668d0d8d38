package world

// Identities are computed from an account's index, never stored: a permutation of the index gives the digits, so no
// two accounts share a document, and the check digits are right.

// permute is a bijection of [0, modulus) for a multiplier coprime with the modulus.
func permute(i int32, seed, multiplier, modulus uint64) uint64 {
	// Index and modulus stay below 2^31 and multipliers below 2^31, so the product fits.
	return (uint64(i) + seed%modulus) % modulus * multiplier % modulus
}

func appendDigits(b []byte, v uint64, width int) []byte {
	start := len(b)
	for range width {
		b = append(b, '0')
	}
	for p := len(b) - 1; p >= start; p-- {
		b[p] = byte('0' + v%10)
		v /= 10
	}
	return b
}

// appendCPF appends an 11-digit CPF. The last of the nine free digits tells the tax region; here it is free.
func (w *World) appendCPF(b []byte, i int32) []byte {
	start := len(b)
	// Nine equal digits make no valid CPF: v counts only the numbers between the multiples of 111,111,111.
	v := permute(i, w.params.Seed, 387_420_489, 999_999_937)
	b = appendDigits(b, v+v/111_111_110+1, 9)
	for n := range 2 {
		sum := 0
		for p, c := range b[start:] {
			sum += int(c-'0') * (10 + n - p)
		}
		b = append(b, checkDigit(sum))
	}
	return b
}

// appendCNPJ appends a 14-character CNPJ; one in sixteen is alphanumeric, as new ones are since July 2026.
func (w *World) appendCNPJ(b []byte, i int32) []byte {
	start := len(b)
	v := permute(i, w.params.Seed, 43_046_721, 100_000_000)
	b = appendDigits(b, v, 8)
	if mix(v)%16 == 0 {
		// A letter in place of a digit keeps documents distinct: letter and digit map one to one.
		b[start+2] += 'A' - '0'
	}
	b = append(b, "0001"...)
	for range 2 {
		sum, weight := 0, 2
		for p := len(b) - 1; p >= start; p-- {
			sum += int(b[p]-'0') * weight
			if weight++; weight > 9 {
				weight = 2
			}
		}
		b = append(b, checkDigit(sum))
	}
	return b
}

// checkDigit is the modulus 11 digit that CPF and CNPJ share.
func checkDigit(sum int) byte {
	if r := sum % 11; r >= 2 {
		return byte('0' + 11 - r)
	}
	return '0'
}

func (w *World) appendDocument(b []byte, i int32) []byte {
	if w.accounts[i].kind == person {
		return w.appendCPF(b, i)
	}
	return w.appendCNPJ(b, i)
}

func (w *World) appendBranch(b []byte, i int32) []byte {
	return appendDigits(b, 1+mix(uint64(i))%400, 4)
}

func (w *World) appendAccount(b []byte, i int32) []byte {
	return appendDigits(b, permute(i, w.params.Seed, 1_162_261_467, 1_000_000_000), 9)
}

// AccountNumber returns the raw number of account i as its payments carry it, so that the truth can be joined.
func (w *World) AccountNumber(i int32) string { return string(w.appendAccount(nil, i)) }

// appendKey appends the account's Pix key in the form that DICT stores.
func (w *World) appendKey(b []byte, i int32) []byte {
	switch w.t.keyKinds[w.accounts[i].keyKind] {
	case "PHONE":
		b = append(b, "+55"...)
		b = append(b, w.t.areaCodes[mix(uint64(i))%uint64(len(w.t.areaCodes))]...)
		return appendDigits(append(b, '9'), permute(i, w.params.Seed, 43_046_721, 100_000_000), 8)
	case "EMAIL":
		b = append(b, w.t.givenNames[mix(uint64(i))%uint64(len(w.t.givenNames))].mailbox...)
		b = appendDigits(append(b, '.'), permute(i, w.params.Seed, 387_420_489, 1_000_000_000), 9)
		return append(b, "@example.com.br"...)
	case "EVP":
		return appendUUID(b, mix(w.params.Seed^uint64(i)), mix(^w.params.Seed+uint64(i)))
	default:
		return w.appendDocument(b, i)
	}
}

const hexDigits = "0123456789abcdef"

// appendUUID appends a version 4 UUID in lower case.
func appendUUID(b []byte, hi, lo uint64) []byte {
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	for n := range 32 {
		if n == 8 || n == 12 || n == 16 || n == 20 {
			b = append(b, '-')
		}
		v := hi
		if n >= 16 {
			v = lo
		}
		b = append(b, hexDigits[v>>(60-4*(n%16))&15])
	}
	return b
}

// appendDevice appends the id of an account's device, or, with a thief's salt, of somebody else's device.
func (w *World) appendDevice(b []byte, i int32, salt uint64) []byte {
	v := mix(w.params.Seed ^ uint64(i)<<20 ^ uint64(w.accounts[i].deviceGen) ^ salt)
	for n := range 16 {
		b = append(b, hexDigits[v>>(60-4*n)&15])
	}
	return b
}

func (w *World) appendName(b []byte, i int32) []byte {
	h := mix(uint64(i) + w.params.Seed)
	if w.accounts[i].kind != person {
		b = append(b, w.t.trades[h%uint64(len(w.t.trades))]...)
		return append(append(b, ' '), w.t.surnames[h>>16%uint64(len(w.t.surnames))]...)
	}
	b = append(b, w.t.givenNames[h%uint64(len(w.t.givenNames))].name...)
	b = append(append(b, ' '), w.t.surnames[h>>16%uint64(len(w.t.surnames))]...)
	return append(append(b, ' '), w.t.surnames[h>>32%uint64(len(w.t.surnames))]...)
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// appendBase62 appends width characters; 11 hold any 64-bit value.
func appendBase62(b []byte, v uint64, width int) []byte {
	for range width {
		b = append(b, base62[v%62])
		v /= 62
	}
	return b
}
