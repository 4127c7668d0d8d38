package feature

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// Sketch counts different numbers approximately in 256 registers: HyperLogLog (Flajolet and others, 2007) over 64-bit
// hashes, so that no correction of large counts is needed (Heule and others, 2013). Its standard error is
// 1.04/√256 = 6.5 %; small counts come from the share of empty registers and are nearly exact. It is a pure function of
// the set of numbers: order and repetition change nothing, and the merge of two is the sketch of the union.
//
// axiomhq/hyperloglog has a smaller sparse form, but its encoding is not a function of the set alone.
type Sketch [sketchRegisters]uint8

const (
	sketchBits      = 8
	sketchRegisters = 1 << sketchBits
	sketchMaxRank   = 64 - sketchBits + 1
)

// Add counts the entity k. Zero stands for no entity.
func (s *Sketch) Add(k uint64) {
	i, rank := SketchRank(k)
	s[i] = max(s[i], rank)
}

// SketchRank is all that a sketch takes in of the entity k: the register, and the rank that it keeps the greatest of. Of zero
// the rank is zero.
func SketchRank(k uint64) (register int, rank uint8) {
	if k == 0 {
		return 0, 0
	}
	h := mix(k)
	return int(h >> (64 - sketchBits)), uint8(bits.LeadingZeros64(h<<sketchBits|1<<(sketchBits-1)) + 1)
}

// mix spreads the bits of an FNV hash, whose high bits alone are too regular (the finaliser of SplitMix64).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Merge makes s the sketch of the union of s and o. Ranks take seven bits, so that eight registers are compared at once: a
// register's highest bit, lent to it, comes back where s holds the greater rank.
func (s *Sketch) Merge(o *Sketch) {
	const lent = 0x8080808080808080
	for i := 0; i < sketchRegisters; i += 8 {
		mine, other := binary.LittleEndian.Uint64(s[i:]), binary.LittleEndian.Uint64(o[i:])
		keep := (mine | lent) - other&^lent
		keep = (keep & lent) >> 7 * 0xff
		binary.LittleEndian.PutUint64(s[i:], mine&keep|other&^keep)
	}
}

// Count estimates how many numbers were added, rounded to a whole one.
func (s *Sketch) Count() int {
	var byRank [sketchMaxRank + 7]int // up to a power of two: no index needs a check
	for _, r := range s {
		byRank[r%uint8(len(byRank))]++
	}
	const m = float64(sketchRegisters)
	if empty := byRank[0]; empty > 0 {
		if linear := m * math.Log(m/float64(empty)); linear <= 2.5*m {
			return int(math.Round(linear))
		}
	}
	sum := 0.0 // of powers of two: exact in any order
	for rank, n := range byRank {
		if n > 0 {
			sum += math.Ldexp(float64(n), -rank)
		}
	}
	const alpha = 0.7213 / (1 + 1.079/m)
	return int(math.Round(alpha * m * m / sum))
}

var (
	errSketchForm = errors.New("feature: sketch is malformed")
)

// Forms of an encoded sketch: a list of the registers that are not empty, or all of them.
const (
	sketchSparse = 0
	sketchDense  = 1
)

// appendValue appends the shorter of two forms: number and (index, rank) pairs, or 256 ranks of six bits.
func (s *Sketch) appendValue(b []byte) []byte {
	used := 0
	for _, r := range s {
		if r > 0 {
			used++
		}
	}
	if 2*used < sketchRegisters*6/8 {
		b = append(b, sketchSparse, byte(used))
		for i, r := range s {
			if r > 0 {
				b = append(b, byte(i), r)
			}
		}
		return b
	}
	b = append(b, sketchDense)
	for i := 0; i < sketchRegisters; i += 4 {
		v := uint32(s[i]) | uint32(s[i+1])<<6 | uint32(s[i+2])<<12 | uint32(s[i+3])<<18
		b = append(b, byte(v), byte(v>>8), byte(v>>16))
	}
	return b
}

// decodeSketch reads a sketch and returns what follows it.
func decodeSketch(b []byte) (s Sketch, rest []byte, err error) {
	if len(b) < 2 {
		return s, nil, errSketchForm
	}
	switch b[0] {
	case sketchSparse:
		n := int(b[1])
		if b = b[2:]; len(b) < 2*n {
			return s, nil, errSketchForm
		}
		for i := range n {
			s[b[2*i]] = b[2*i+1]
		}
		b = b[2*n:]
	case sketchDense:
		if b = b[1:]; len(b) < sketchRegisters*6/8 {
			return s, nil, errSketchForm
		}
		for i := 0; i < sketchRegisters; i += 4 {
			v := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
			s[i], s[i+1], s[i+2], s[i+3] = uint8(v&63), uint8(v>>6&63), uint8(v>>12&63), uint8(v>>18&63)
			b = b[3:]
		}
	default:
		return s, nil, errSketchForm
	}
	for _, r := range s {
		if r > sketchMaxRank {
			return s, nil, errSketchForm
		}
	}
	return s, b, nil
}
