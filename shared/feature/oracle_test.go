package feature

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// The oracle recomputes every feature from raw lists by its definition, without windows, sets, histograms or any other
// code of the implementation but units of time and the names of things.

// raw is everything that was ever said of one payment's entities, in no order and with duplicates.
type raw struct {
	events map[string][]Event // by stream: payer_out, payer_in, payee_out, payee_in, use, pair, reverse
	older  map[string]First   // events that only the first-ever facts remember
	marks  map[string][]Mark  // payer, payee, device
}

func streamNames() []string {
	return []string{"payer_out", "payer_in", "payee_out", "payee_in", "use", "pair", "reverse"}
}

func genRaw(t *rapid.T) raw {
	r := raw{events: map[string][]Event{}, older: map[string]First{}, marks: map[string][]Mark{}}
	for _, name := range streamNames() {
		r.events[name] = genEvents(t, name)
		if rapid.IntRange(0, 3).Draw(t, name+" older") == 0 {
			days := rapid.Int64Range(31, 400).Draw(t, name+" first")
			r.older[name] = First{At: base().UnixMilli() - days*day, ID: id(idOfPayment - 1)}
		}
	}
	paid := rapid.SliceOfN(rapid.Custom(genPaid), 4, 4).Draw(t, "paid")
	for _, name := range []string{"payer", "payee", "device"} {
		r.marks[name] = rapid.SliceOfN(rapid.Custom(genMark), 0, 12).Draw(t, name+" marks")
		for i := range r.marks[name] { // an EndToEndId names one payment, made at one time
			m := &r.marks[name][i]
			m.Paid = paid[m.ID[len(m.ID)-1]&3]
		}
	}
	return r
}

func genPaid(t *rapid.T) int64 {
	days := rapid.SampledFrom([]int64{0, 1, 7, 30}).Draw(t, "days")
	return base().UnixMilli() - days*day + rapid.Int64Range(-1, 1).Draw(t, "ms")
}

func genMark(t *rapid.T) Mark {
	days := rapid.SampledFrom([]int64{-1, 0, 1, 29, 30, 31, 399, 400, 401}).Draw(t, "days")
	return Mark{
		At:     base().UnixMilli() - days*day + rapid.Int64Range(-1, 1).Draw(t, "ms"),
		ID:     id(rapid.IntRange(idOfPayment-2, idOfPayment+1).Draw(t, "n")),
		Source: rapid.SampledFrom([]string{"MED", "DESK"}).Draw(t, "source"),
		Role:   rapid.SampledFrom([]MarkRole{RoleVictim, RoleBeneficiary, RoleDevice}).Draw(t, "role"),
		Fraud:  rapid.Bool().Draw(t, "fraud"),
	}
}

// histories is what a store would return of r.
func (r raw) histories() *Histories {
	h := &Histories{}
	for name, into := range map[string]*Stream{
		"payer_out": &h.Payer.Out, "payer_in": &h.Payer.In, "payee_out": &h.Payee.Out, "payee_in": &h.Payee.In,
		"use": &h.Device.Use, "pair": &h.Pair.Out, "reverse": &h.Reverse.Out,
	} {
		into.Events = slices.Clone(r.events[name])
	}
	for name, into := range map[string]*First{
		"payer_out": &h.Payer.First.Out, "payee_in": &h.Payee.First.In, "use": &h.Device.First.Use,
		"pair": &h.Pair.First.Out, "reverse": &h.Reverse.First.Out,
	} {
		*into = r.older[name]
		for _, e := range r.events[name] {
			*into = into.Earlier(First{At: e.At, ID: e.ID})
		}
	}
	h.Payer.Marks = SortMarks(slices.Clone(r.marks["payer"]))
	h.Payee.Marks = SortMarks(slices.Clone(r.marks["payee"]))
	h.Device.Marks = SortMarks(slices.Clone(r.marks["device"]))
	return h
}

// seen lists what the payment sees of a stream within a time, newest last.
func (r raw) seen(tx *pix.Transaction, name string, w time.Duration) []Event {
	list := naive(tx, r.events[name], w)
	slices.SortFunc(list, func(a, b Event) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return list
}

func spans() map[string]time.Duration {
	return map[string]time.Duration{
		"1m": time.Minute, "10m": 10 * time.Minute, "1h": time.Hour, "24h": 24 * time.Hour,
		"7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour,
	}
}

// windowed recomputes a feature that is one measure of one stream in one window.
func (r raw) windowed(tx *pix.Transaction, d Definition) (float64, bool) {
	for _, name := range streamNames()[:5] {
		prefix := strings.Replace(name, "use", "device_use", 1)
		rest, ok := strings.CutPrefix(strings.TrimSuffix(d.Name, "_brl"), prefix+"_")
		if !ok || d.Window == "" {
			continue
		}
		v, known := measureOf(strings.TrimSuffix(rest, "_"+d.Window), r.seen(tx, name, spans()[d.Window]))
		return v, known
	}
	return 0, false
}

func measureOf(measure string, events []Event) (float64, bool) {
	var sum, largest, settled, returned pix.Money
	var settledCount, returnedCount, rejected, lastHour int
	for _, e := range events {
		sum += e.Amount
		largest = max(largest, e.Amount)
		returned += e.Returned
		if e.Returned > 0 {
			returnedCount++
		}
		if e.State&StateSettled != 0 {
			settledCount++
			settled += e.Amount
		}
		if e.State&StateRejected != 0 {
			rejected++
		}
		if base().UnixMilli()-e.At < hour {
			lastHour++
		}
	}
	n := float64(len(events))
	v, ok := map[string]float64{
		"count": n, "sum": sum.Reais(), "max": largest.Reais(), "payees": float64(len(parties(events))),
		"payers": float64(len(parties(events))), "settled_count": float64(settledCount), "settled_sum": settled.Reais(),
		"returned_count": float64(returnedCount), "returned_sum": returned.Reais(), "rejected_count": float64(rejected),
		"settled_share": over(float64(settledCount), n), "returned_share": over(float64(returned), float64(sum)),
	}[measure]
	return v, ok
}

func parties(events []Event) map[uint64]bool {
	set := map[uint64]bool{}
	for _, e := range events {
		set[e.Counterparty.Current] = true
	}
	return set
}

func over(a, b float64) float64 {
	if b <= 0 {
		return math.NaN()
	}
	return a / b
}

func total(events []Event) pix.Money {
	sum := pix.Money(0)
	for _, e := range events {
		sum += e.Amount
	}
	return sum
}

func days(ms int64) float64 { return float64(max(ms, 0)) / float64(day) }

// representative is the middle of an amount's bin, found by doubling.
func representative(a pix.Money) float64 {
	width := pix.Money(1)
	for a/width >= 128 {
		width *= 2
	}
	return float64(a/width*width + width/2)
}

// own recomputes what is said of the amount against the payer's payments.
func (r raw) own(tx *pix.Transaction, want map[string]float64) {
	var values, far []float64
	below := 0.0
	for _, e := range r.seen(tx, "payer_out", MaxWindow) {
		v := representative(e.Amount)
		values = append(values, v)
		below += truth(v < representative(tx.Amount)) + truth(v == representative(tx.Amount))/2
	}
	median := middleOfFloats(values)
	for _, v := range values {
		far = append(far, math.Abs(v-median))
	}
	n := float64(len(values))
	want["amount_to_median_30d"] = over(float64(tx.Amount), median)
	want["amount_rank_30d"] = over(below, n)
	want["amount_robust_z_30d"] = math.NaN()
	if n >= 3 {
		want["amount_robust_z_30d"] = (float64(tx.Amount) - median) / max(1.4826*middleOfFloats(far), 100)
	}
}

func middleOfFloats(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	switch n := len(v); {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return v[n/2]
	default:
		return (v[n/2-1] + v[n/2]) / 2
	}
}

// firsts recomputes what outlives the 30 days.
func (r raw) firsts(tx *pix.Transaction, want map[string]float64) {
	at := tx.EventTime.UnixMilli()
	for name, names := range map[string][2]string{
		"payer_out": {"", "payer_seen_days"}, "payee_in": {"", "payee_seen_days"}, "pair": {"pair_first_ever", "pair_age_days"},
		"reverse": {"pair_reverse_never", ""}, "use": {"device_first_ever", "device_seen_days"},
	} {
		all := slices.Clone(r.events[name])
		if f, ok := r.older[name]; ok {
			all = append(all, Event{At: f.At, ID: f.ID})
		}
		known := len(naive(tx, all, 100*365*24*time.Hour)) > 0
		age := math.NaN()
		if known {
			oldest := at
			for _, e := range all {
				oldest = min(oldest, e.At)
			}
			age = days(at - oldest)
		}
		want[names[0]], want[names[1]] = truth(!known), age
	}
}

// reports recomputes the marks: of one payment and role the report that arrived last counts.
func (r raw) reports(tx *pix.Transaction, want map[string]float64) {
	for prefix, c := range map[string]struct {
		of     string
		role   MarkRole
		stream string
	}{
		"payee_fraud": {"payee", RoleBeneficiary, "payee_in"}, "payer_fraud": {"payer", RoleBeneficiary, "payer_in"},
		"payer_victim": {"payer", RoleVictim, "payer_out"}, "device_fraud": {"device", RoleDevice, "use"},
	} {
		latest := map[pix.EndToEndID]Mark{}
		for _, m := range r.marks[c.of] {
			old, known := latest[m.ID]
			if m.Role == c.role && m.ID != tx.ID && (!known || m.At > old.At || m.At == old.At && m.Fraud) {
				latest[m.ID] = m
			}
		}
		ever, recent, newest := 0, 0, int64(math.MinInt64)
		var standing []Event
		for _, m := range latest {
			age := tx.EventTime.UnixMilli() - m.At
			if m.Fraud && age < 400*day {
				ever++
				recent += int(truth(age < 30*day))
				newest = max(newest, m.At)
				standing = append(standing, Event{At: m.Paid, ID: m.ID})
			}
		}
		for _, span := range []string{"7d", "30d"} {
			want[prefix+"_share_"+span] = over(float64(len(naive(tx, standing, spans()[span]))), float64(len(r.seen(tx, c.stream, spans()[span]))))
		}
		want[prefix+"_marks_30d"], want[prefix+"_marks_ever"] = float64(recent), float64(ever)
		want[prefix+"_mark_days"] = math.NaN()
		if ever > 0 {
			want[prefix+"_mark_days"] = days(tx.EventTime.UnixMilli() - newest)
		}
	}
}

// relations recomputes what compares streams with one another, the amount or the facts.
func (r raw) relations(tx *pix.Transaction, want map[string]float64) {
	at, amount := tx.EventTime.UnixMilli(), float64(tx.Amount)
	in := func(name, span string) []Event { return r.seen(tx, name, spans()[span]) }
	sum := func(name, span string) float64 { return float64(total(in(name, span))) }
	count := func(name, span string) float64 { return float64(len(in(name, span))) }
	since := func(unit int64, names ...string) float64 {
		last := int64(0)
		for _, n := range names {
			for _, e := range in(n, "30d") {
				last = max(last, e.At)
			}
		}
		if last == 0 {
			return math.NaN()
		}
		return float64(at-last) / float64(unit)
	}
	largest := 0.0
	for _, e := range in("payer_out", "30d") {
		largest = max(largest, float64(e.Amount))
	}
	near, devices, same := 0.0, map[uint64]bool{}, 0
	for _, e := range in("payer_out", "24h") {
		near += truth(e.Amount > 190_00 && e.Amount <= 200_00 || e.Amount > 950_00 && e.Amount <= 1000_00)
	}
	for _, e := range in("payer_out", "30d") {
		devices[e.Device.Current] = true
		if e.Device.Current == NewRef(tx.DeviceToken).Current {
			same++
		}
	}
	through := func(a, b, span string) float64 {
		return float64(min(len(parties(in(a, span))), len(parties(in(b, span)))))
	}
	for name, v := range map[string]float64{
		"amount_to_max_30d":          over(amount, largest),
		"amount_to_payee_mean_30d":   over(amount*count("payee_in", "30d"), sum("payee_in", "30d")),
		"amount_to_pair_mean_30d":    over(amount*count("pair", "30d"), sum("pair", "30d")),
		"pair_first_30d":             truth(count("pair", "30d") == 0),
		"pair_count_30d":             count("pair", "30d"),
		"pair_sum_30d_brl":           total(in("pair", "30d")).Reais(),
		"pair_since_last_days":       since(day, "pair"),
		"pair_reverse_count_30d":     count("reverse", "30d"),
		"payer_out_to_in_24h":        over(amount+sum("payer_out", "24h"), sum("payer_in", "24h")),
		"payee_out_to_in_1h":         over(sum("payee_out", "1h"), sum("payee_in", "1h")),
		"payee_out_to_in_24h":        over(sum("payee_out", "24h"), sum("payee_in", "24h")),
		"payee_out_to_in_30d":        over(sum("payee_out", "30d"), sum("payee_in", "30d")),
		"payer_since_in_minutes":     since(minute, "payer_in"),
		"payee_since_in_minutes":     since(minute, "payee_in"),
		"payer_dormant_days":         since(day, "payer_out", "payer_in"),
		"payee_dormant_days":         since(day, "payee_out", "payee_in"),
		"payer_burst_24h":            over(count("payer_out", "24h")*30, count("payer_out", "30d")),
		"payee_burst_24h":            over(count("payee_in", "24h")*30, count("payee_in", "30d")),
		"payer_fan_through_24h":      through("payer_in", "payer_out", "24h"),
		"payee_fan_through_1h":       through("payee_in", "payee_out", "1h"),
		"payee_fan_through_24h":      through("payee_in", "payee_out", "24h"),
		"payer_out_share_1h":         over(count("payer_out", "1h"), count("payer_out", "24h")),
		"payee_in_share_1h":          over(count("payee_in", "1h"), count("payee_in", "24h")),
		"payee_in_mean_24h_to_30d":   over(sum("payee_in", "24h")*count("payee_in", "30d"), sum("payee_in", "30d")*count("payee_in", "24h")),
		"payee_dwell_minutes":        dwellOf(in("payee_out", "30d"), in("payee_in", "30d")),
		"payer_near_limit_count_24h": near,
		"payer_devices_30d":          float64(len(devices)),
		"device_new_to_payer_30d":    truth(same == 0),
		"device_accounts_1h":         float64(len(parties(in("use", "1h")))),
		"device_accounts_24h":        float64(len(parties(in("use", "24h")))),
		"device_accounts_30d":        float64(len(parties(in("use", "30d")))),
		"day_sum_to_limit_24h":       optionalOver(amount+sum("payer_out", "24h"), tx.PayerFacts.DailyLimit),
		"payer_drained_24h":          drainedOf(sum("payer_out", "24h"), amount, tx.PayerFacts.Balance),
		"payee_drained_24h":          drainedOf(sum("payee_out", "24h"), 0, tx.PayeeFacts.Balance),
	} {
		want[name] = v
	}
}

func dwellOf(out, in []Event) float64 {
	if len(out) == 0 {
		return math.NaN()
	}
	left := out[len(out)-1].At
	for i := len(in) - 1; i >= 0; i-- {
		if in[i].At <= left {
			return float64(left-in[i].At) / float64(minute)
		}
	}
	return math.NaN()
}

func optionalOver(a float64, b pix.Optional[pix.Money]) float64 { return over(a, float64(b.Or(0))) }

func drainedOf(out, now float64, balance pix.Optional[pix.Money]) float64 {
	b, ok := balance.Get()
	if !ok {
		return math.NaN()
	}
	return over(out+now, out+float64(max(b, 0)))
}

// Every feature that needs history equals its recomputation from the raw lists.
func TestVectorEqualsTheOracle(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	rapid.Check(t, func(t *rapid.T) {
		tx, r := payment(), genRaw(t)
		if rapid.Bool().Draw(t, "all facts") {
			tx = full()
		}
		tx.Amount = rapid.SampledFrom([]pix.Money{1, 180_00, 190_01, 200_00, 1000_00, 123_456_78}).Draw(t, "amount")
		want := map[string]float64{}
		r.own(&tx, want)
		r.firsts(&tx, want)
		r.reports(&tx, want)
		r.relations(&tx, want)
		got := s.Vector(nil, &tx, r.histories())
		for i, d := range Definitions() {
			v, known := want[d.Name]
			if !known {
				v, known = r.windowed(&tx, d)
			}
			if !known && strings.HasPrefix(d.Source, "feature store") {
				t.Fatalf("the oracle does not know %s", d.Name)
			}
			if known && v != got[i] && !(math.IsNaN(v) && math.IsNaN(got[i])) {
				t.Fatalf("%s = %v, the oracle says %v", d.Name, got[i], v)
			}
		}
	})
}
