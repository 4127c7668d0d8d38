package load

import (
	"fmt"
	"math"
	"strings"
)

// Names of the measured figures that the plan reads.
const (
	bigtableCalls       = "Bigtable: calls"
	bigtableRowsRead    = "Bigtable: rows asked for"
	bigtableRowsWritten = "Bigtable: rows written"
	familyPrefix        = "Bigtable: bytes stored in family `"
	pubsubTransaction   = "Pub/Sub: bytes of the payment"
	pubsubDecision      = "Pub/Sub: bytes of the decision"
	bigqueryRow         = "BigQuery: bytes of the audit row"
)

// What Google publishes, as docs/capacity.md cites it, in US dollars.
const (
	nodeReads       = 17_000 // rows a second of an SSD node that does nothing else
	nodeWrites      = 14_000
	nodeLoad        = 0.5 // of a node, to keep its latency low
	nodeHour        = 0.65
	storedMonth     = 0.17 // GiB in Bigtable on SSD
	pubsubTiB       = 40.0
	pubsubFreeGiB   = 10.0
	pubsubRequest   = 1_000 // bytes that a request counts at least
	writeGiB        = 0.025 // Storage Write API
	writeFreeTiB    = 2.0
	queryableMonth  = 0.02 // GiB in BigQuery
	hoursOfMonth    = 730
	secondsOfDay    = 86_400
	daysOfMonth     = 365.0 / 12
	gib             = 1 << 30
	tib             = 1 << 40
	queryableMonths = 3
)

// days is how long each family keeps a cell, as the store's schema says; first lives as long as its entity and is
// counted for the pairs of a month.
func days(family string) float64 {
	switch family {
	case "dec":
		return 90
	case "pend":
		return 0 // removed when the decision is published
	case "mark":
		return 400
	default:
		return 31
	}
}

// stored is how many bytes one payment a second keeps in Bigtable.
func stored(f figures) float64 {
	bytes := 0.0
	for _, line := range f {
		if name, ok := strings.CutPrefix(line.name, familyPrefix); ok {
			bytes += line.value * days(strings.TrimSuffix(name, "`")) * secondsOfDay
		}
	}
	return bytes
}

// demand is what a rate asks for in a month.
type demand struct {
	nodes, stored, pubsub, written float64 // nodes, and bytes
}

func (f figures) demand(rate float64) demand {
	load := f.get(bigtableRowsRead)/nodeReads + f.get(bigtableRowsWritten)/nodeWrites
	month := rate * secondsOfDay * daysOfMonth
	// Many are published in one request; a push delivers one.
	both := func(bytes float64) float64 { return bytes + math.Max(bytes, pubsubRequest) }
	return demand{
		nodes:  math.Max(1, math.Ceil(rate*load/nodeLoad)),
		stored: rate * stored(f),
		// The payment is published once and delivered to score; the decision is published once and delivered to audit.
		pubsub:  month * (both(f.get(pubsubTransaction)) + both(f.get(pubsubDecision))),
		written: month * f.get(bigqueryRow),
	}
}

// planTable is the second table of the page.
func planTable(f figures) string {
	rates := []float64{363, 3_626, 11_000}
	rows := []struct {
		name string
		of   func(demand) string
	}{
		{"Bigtable nodes", func(d demand) string { return fmt.Sprintf("%.0f", d.nodes) }},
		{"Bigtable nodes, US$ a month", func(d demand) string { return money(d.nodes * nodeHour * hoursOfMonth) }},
		{"Bigtable stored, TiB before compression", func(d demand) string { return fmt.Sprintf("%.1f", d.stored/tib) }},
		{"Bigtable stored, US$ a month", func(d demand) string { return money(d.stored / gib * storedMonth) }},
		{"Pub/Sub, TiB a month", func(d demand) string { return fmt.Sprintf("%.1f", d.pubsub/tib) }},
		{"Pub/Sub, US$ a month", func(d demand) string { return money((d.pubsub - pubsubFreeGiB*gib) / tib * pubsubTiB) }},
		{"BigQuery written, TiB a month", func(d demand) string { return fmt.Sprintf("%.1f", d.written/tib) }},
		{"BigQuery written, US$ a month", func(d demand) string { return money(math.Max(0, d.written-writeFreeTiB*tib) / gib * writeGiB) }},
		{"BigQuery kept three months, US$ a month", func(d demand) string { return money(d.written * queryableMonths / gib * queryableMonth) }},
		{"together, US$ a month", func(d demand) string { return money(total(d)) }},
		{"together, US$ for a million payments", nil},
	}
	var b strings.Builder
	b.WriteString("| |")
	for _, rate := range rates {
		fmt.Fprintf(&b, " %s payments/s |", money(rate))
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(rates)) + "\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |", row.name)
		for _, rate := range rates {
			d := f.demand(rate)
			if row.of != nil {
				fmt.Fprintf(&b, " %s |", row.of(d))
				continue
			}
			fmt.Fprintf(&b, " %.2f |", total(d)/(rate*secondsOfDay*daysOfMonth)*1e6)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func total(d demand) float64 {
	return d.nodes*nodeHour*hoursOfMonth + d.stored/gib*storedMonth + (d.pubsub-pubsubFreeGiB*gib)/tib*pubsubTiB +
		math.Max(0, d.written-writeFreeTiB*tib)/gib*writeGiB + d.written*queryableMonths/gib*queryableMonth
}

// money groups whole dollars by thousands.
func money(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
