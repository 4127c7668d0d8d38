package evaluate

import (
	"cmp"
	"hash"
	"hash/fnv"
	"slices"
	"time"
)

// none marks a row without a typology, look-alike or group.
const none = -1

// names numbers strings in the order of their first appearance.
type names struct {
	index map[string]int32
	list  []string
}

func newNames() *names { return &names{index: map[string]int32{}} }

func (n *names) id(s string) int32 {
	if id, ok := n.index[s]; ok {
		return id
	}
	id := int32(len(n.list))
	n.index[s] = id
	n.list = append(n.list, s)
	return id
}

// row is one scored payment, with what is known of it.
type row struct {
	at          int64 // microseconds UTC
	arrived     int64 // of a fraud report, microseconds UTC; 0 when none
	raw         float64
	probability float64
	amount      float64 // R$
	weight      float64
	account     int32 // the one that the model's question is about
	typology    int32
	lookAlike   int32
	age, state  int32
	fraud       bool
	mule        bool // a fraud whose payee is a mule's account
}

// sample is what a table of scores holds, in the order of the file.
type sample struct {
	role, model string
	receiver    bool
	truth       bool
	rows        []row
	fitted      time.Time   // the window begins there, when the model was fitted until then; else zero
	leftOut     int         // rows before the window or within the fitted time
	ids         hash.Hash64 // of the rows' payments, in their order

	accounts, typologies, lookAlikes, ages, states *names

	features      []string
	contributions []float64 // weighted sum of absolute values by feature
	explained     float64   // weight of the rows that have contributions
}

func newSample() *sample {
	return &sample{
		ids: fnv.New64a(), accounts: newNames(), typologies: newNames(), lookAlikes: newNames(), ages: newNames(), states: newNames(),
	}
}

// day numbers the local days of America/Sao_Paulo, which has been UTC-3 without daylight saving since 2019.
func (r *row) day() int64 {
	const hour = 3_600_000_000
	return floorDiv(r.at-3*hour, 24*hour)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// loss is the expected loss of a payment, R$.
func (r *row) loss() float64 { return r.probability * r.amount }

// byScore orders row numbers from the most suspicious down; ties by amount, then by place in the file.
func (s *sample) byScore() []int32 {
	return s.order(func(a, b *row) int {
		if c := falling(a.raw, b.raw); c != 0 {
			return c
		}
		return falling(a.amount, b.amount)
	})
}

// byLoss orders row numbers by falling expected loss; ties by score, then by place in the file.
func (s *sample) byLoss() []int32 {
	return s.order(func(a, b *row) int {
		if c := falling(a.loss(), b.loss()); c != 0 {
			return c
		}
		return falling(a.raw, b.raw)
	})
}

// byTime orders row numbers by event time; ties by place in the file.
func (s *sample) byTime() []int32 {
	return s.order(func(a, b *row) int { return cmp.Compare(a.at, b.at) })
}

func (s *sample) order(compare func(a, b *row) int) []int32 {
	order := make([]int32, len(s.rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		if c := compare(&s.rows[i], &s.rows[j]); c != 0 {
			return c
		}
		return int(i) - int(j)
	})
	return order
}

func falling(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	default:
		return 0
	}
}
