package feature

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Amounts are counted in bins whose width grows with the amount: one centavo up to R$ 1,28, then 64 bins between a power
// of two and the next, as in HdrHistogram (Tene) and, with a logarithm, DDSketch (Masson and others, 2019). A bin is at
// most 1/64 of its amounts wide, so its middle is within 1/128 = 0.8 % of every amount in it. Arithmetic is on whole
// numbers, so that a histogram is the same on every machine, and the merge of two is the histogram of both lists.
const (
	binBits  = 6
	binCount = (47 - binBits + 1) << binBits // MaxAmount takes 47 bits
)

// binOf returns the bin of an amount in [0, pix.MaxAmount].
func binOf(a pix.Money) int {
	shift := max(bits.Len64(uint64(a))-binBits-1, 0)
	return shift<<binBits + int(uint64(a)>>shift)
}

// middleOf returns the middle of a bin, in centavos.
func middleOf(bin int) pix.Money {
	shift := max(bin>>binBits-1, 0)
	low := pix.Money(bin-shift<<binBits) << shift
	return low + (pix.Money(1)<<shift)/2
}

// Bin is a bin that is not empty.
type Bin struct {
	Index uint16
	Count uint32
}

// BinOf returns the index of an amount's bin.
func BinOf(a pix.Money) uint16 { return uint16(binOf(a)) }

// histogram counts amounts by bin, and remembers which bins are not empty.
type histogram struct {
	counts    [binCount]uint32
	low, high int // bounds of the bins in use, high exclusive
	total     int
}

// reset empties h. Only the bins in use are cleared.
func (h *histogram) reset() {
	clear(h.counts[h.low:h.high])
	h.low, h.high, h.total = 0, 0, 0
}

func (h *histogram) add(bin, n int) {
	if h.total == 0 {
		h.low, h.high = bin, bin+1
	}
	h.low, h.high = min(h.low, bin), max(h.high, bin+1)
	h.counts[bin] += uint32(n)
	h.total += n
}

// fill counts the amounts of a list into an empty h.
func (h *histogram) fill(events []Event) {
	if len(events) == 0 {
		return
	}
	low, high := binCount, 0
	for i := range events {
		bin := binOf(events[i].Amount)
		h.counts[bin]++
		low, high = min(low, bin), max(high, bin+1)
	}
	h.low, h.high, h.total = low, high, len(events)
}

// at returns the bin of the k-th smallest amount, k from 0.
func (h *histogram) at(k int) int {
	for bin := h.low; bin < h.high; bin++ {
		if k -= int(h.counts[bin]); k < 0 {
			return bin
		}
	}
	return h.high - 1
}

// median is the middle amount, the mean of the two middle ones when their number is even, in centavos.
func (h *histogram) median() float64 {
	upper := float64(middleOf(h.at(h.total / 2)))
	if h.total%2 == 1 {
		return upper
	}
	return (float64(middleOf(h.at(h.total/2-1))) + upper) / 2
}

// deviation is the median of the amounts' distances to centre, in centavos. It walks away from the centre on both sides.
func (h *histogram) deviation(centre float64) float64 {
	right := max(binOf(pix.Money(centre)), h.low) // the bin before it may be the first that is not below the centre
	for right > h.low && float64(middleOf(right-1)) >= centre {
		right--
	}
	for right < h.high && float64(middleOf(right)) < centre {
		right++
	}
	left := right - 1
	next := func() (distance float64, n int) {
		for left >= h.low && h.counts[left] == 0 {
			left--
		}
		for right < h.high && h.counts[right] == 0 {
			right++
		}
		below, above := left >= h.low, right < h.high
		if below && (!above || centre-float64(middleOf(left)) <= float64(middleOf(right))-centre) {
			left--
			return centre - float64(middleOf(left+1)), int(h.counts[left+1])
		}
		right++
		return float64(middleOf(right-1)) - centre, int(h.counts[right-1])
	}
	seen, lower, half := 0, 0.0, h.total/2
	for {
		distance, n := next()
		seen += n
		if h.total%2 == 0 && seen-n < half && seen >= half {
			lower = distance
		}
		if seen > half {
			if h.total%2 == 1 {
				return distance
			}
			return (lower + distance) / 2
		}
	}
}

// rank is the share of amounts below a, those of its own bin counted half.
func (h *histogram) rank(a pix.Money) float64 {
	bin, below := binOf(a), 0
	for b := h.low; b < min(bin, h.high); b++ {
		below += int(h.counts[b])
	}
	return (float64(below) + float64(h.counts[bin])/2) / float64(h.total)
}

var errBins = errors.New("feature: histogram is malformed")

// appendBins appends the number of bins, then each as the distance to the one before and its count.
func appendBins(b []byte, bins []Bin) []byte {
	b = binary.AppendUvarint(b, uint64(len(bins)))
	last := uint16(0)
	for _, bin := range bins {
		b = binary.AppendUvarint(b, uint64(bin.Index-last))
		b = binary.AppendUvarint(b, uint64(bin.Count))
		last = bin.Index
	}
	return b
}

// decodeBins reads bins in strictly ascending order, none of them empty, and returns what follows.
func decodeBins(b []byte) (bins []Bin, rest []byte, err error) {
	n, b, ok := uvarint(b, binCount)
	if !ok || n > uint64(len(b)/2) {
		return nil, nil, errBins
	}
	if n > 0 {
		bins = make([]Bin, n)
	}
	index := uint64(0)
	for i := range bins {
		var step, count uint64
		if step, b, ok = uvarint(b, binCount); !ok || i > 0 && step == 0 {
			return nil, nil, errBins
		}
		if count, b, ok = uvarint(b, maxTileCount); !ok || count == 0 {
			return nil, nil, errBins
		}
		if index += step; index >= binCount {
			return nil, nil, errBins
		}
		bins[i] = Bin{uint16(index), uint32(count)}
	}
	return bins, b, nil
}

// uvarint reads a number of at most limit.
func uvarint(b []byte, limit uint64) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || v > limit {
		return 0, nil, false
	}
	return v, b[n:], true
}

// addBin counts one amount, in place where its bin is there already.
func addBin(bins []Bin, index uint16) []Bin {
	i, found := slices.BinarySearchFunc(bins, index, func(b Bin, i uint16) int { return cmp.Compare(b.Index, i) })
	if found {
		bins[i].Count++
		return bins
	}
	return slices.Insert(bins, i, Bin{index, 1})
}

// mergeBins adds two lists of bins.
func mergeBins(a, b []Bin) []Bin {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := make([]Bin, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Index < b[0].Index:
			out, a = append(out, a[0]), a[1:]
		case a[0].Index > b[0].Index:
			out, b = append(out, b[0]), b[1:]
		default:
			out = append(out, Bin{a[0].Index, a[0].Count + b[0].Count})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
