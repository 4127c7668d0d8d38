package main

import (
	"fmt"
	"math"
	"strings"
)

// What each part of a deployment is sized by, as docs/capacity.md cites it. A quota is a default of São Paulo's, per project.
const (
	podVCPU     = 2.0 // of the scorer's pod, and the use at which k8s/base/scorer adds another
	podUse      = 0.6
	podsMin     = 3.0
	bridgesMin  = 2.0 // of the bridge's pods, of 1 vCPU, and the most, which is the topic's partitions
	bridgesMax  = 6.0
	nodesQuota  = 30.0  // Bigtable's nodes of a zone
	pubsubQuota = 50e6  // bytes published in a second
	logsQuota   = 300e6 // bytes of log lines in a minute
	appendQuota = 300e6 // bytes a second into BigQuery
)

// institution is who decides on a part of all Pix.
type institution struct {
	name       string
	mean, peak float64 // payments a second
}

// institutions are parts of the record day of all Pix: 313.3 million payments on 2025-12-05, and about three times the mean at its
// peak.
func institutions() []institution {
	return []institution{{"1 % of Pix", 36.26, 110}, {"10 %", 363, 1_100}, {"all of Pix", 3_626, 11_000}}
}

// need is what an institution's deployment takes.
type need struct {
	institution
	usual, top *month // prod's, at the mean rate and at the peak
}

// nodesByLoad is how many nodes a cluster of Bigtable takes for a rate, each half busy.
func (m *month) nodesByLoad() float64 {
	return math.Ceil(m.PaymentsPerSecond * (m.bytes("Bigtable: rows asked for")/nodeReads + m.bytes("Bigtable: rows written")/nodeWrites) / mean)
}

// nodesByData is how many it takes for what is kept.
func (m *month) nodesByData() float64 { return math.Ceil(m.kept() * gib / nodeBytes) }

// scorers is the processors that decisions take.
func (m *month) scorers() float64 { return m.PaymentsPerSecond * m.load.DecisionMilliseconds / 1000 }

func (n need) nodes() float64 {
	return max(n.usual.Bigtable.Nodes.Min, n.top.nodesByLoad(), n.usual.nodesByData())
}

func (n need) pods() float64 { return max(podsMin, math.Ceil(n.top.scorers()/(podVCPU*podUse))) }

func (n need) instances() float64 {
	return max(n.usual.Functions["score"].Min, math.Ceil(n.top.scorers()/(scoreVCPU*mean)))
}

func (n need) bridges() float64 {
	return min(bridgesMax, max(bridgesMin, math.Ceil(n.top.PaymentsPerSecond*n.usual.load.RecordMilliseconds/1000/mean)))
}

// share is how much of a quota is used at the peak.
type share struct {
	name string
	of   func(need) float64
}

func shares() []share {
	return []share{
		{"log lines, 300 MB a minute", func(n need) float64 { return n.top.PaymentsPerSecond * 60 * n.usual.load.LogBytes / logsQuota }},
		{"Bigtable, 30 nodes in a zone", func(n need) float64 { return n.nodes() / nodesQuota }},
		{"Pub/Sub, 50 MB/s published", func(n need) float64 {
			return n.top.PaymentsPerSecond * (n.usual.bytes("Pub/Sub: bytes of the payment") + n.usual.bytes("Pub/Sub: bytes of the decision")) / pubsubQuota
		}},
		{"BigQuery, 300 MB/s appended", func(n need) float64 {
			return n.top.PaymentsPerSecond * n.usual.bytes("BigQuery: bytes of the audit row") / appendQuota
		}},
	}
}

// first is the quota that is used most.
func (n need) first() string {
	most := share{}
	for _, s := range shares() {
		if most.of == nil || s.of(n) > most.of(n) {
			most = s
		}
	}
	name, _, _ := strings.Cut(most.name, ",")
	return name
}

// scale prints what each institution's deployment takes and costs.
func (b basis) scale() (string, error) {
	var needs []need
	var bills []estimate
	for _, i := range institutions() {
		usual, err := b.month("prod", i.mean)
		if err != nil {
			return "", err
		}
		top, err := b.month("prod", i.peak)
		if err != nil {
			return "", err
		}
		bill, err := b.estimate("prod", i.mean)
		if err != nil {
			return "", err
		}
		needs, bills = append(needs, need{i, usual, top}), append(bills, bill)
	}
	var out strings.Builder
	row := func(name string, cell func(i int, n need) string) {
		fmt.Fprintf(&out, "| %s |", name)
		for i, n := range needs {
			fmt.Fprintf(&out, " %s |", cell(i, n))
		}
		out.WriteString("\n")
	}
	count := func(of func(need) float64) func(int, need) string {
		return func(_ int, n need) string { return thousands(of(n)) }
	}
	row("an institution with", func(_ int, n need) string { return n.name })
	row("---", func(int, need) string { return "---:" })
	row("payments a second, mean; peak", func(_ int, n need) string {
		return thousands(n.mean) + "; " + thousands(n.peak)
	})
	row("processors that decide, mean; peak", func(_ int, n need) string { return fmt.Sprintf("%.1f; %.1f", n.usual.scorers(), n.top.scorers()) })
	row("scorer's pods of 2 vCPU at the peak", count(need.pods))
	row("or Cloud Run's instances of 4 vCPU at the peak", count(need.instances))
	row("bridge's pods at the peak", count(need.bridges))
	row("partitions of the Kafka topic at least", func(int, need) string { return thousands(bridgesMax) })
	row("Bigtable: nodes of a cluster", count(need.nodes))
	row("of them by load at the peak", func(_ int, n need) string { return thousands(n.top.nodesByLoad()) })
	row("of them by what is kept", func(_ int, n need) string { return thousands(n.usual.nodesByData()) })
	for _, s := range shares() {
		row(s.name, func(_ int, n need) string { return fmt.Sprintf("%.0f %%", 100*s.of(n)) })
	}
	row("the quota that is hit first", func(_ int, n need) string { return n.first() })
	row("R$ a month", func(i int, _ need) string { return thousands(bills[i].total() * b.prices.BRLPerUSD.Value) })
	row("R$ for a million payments", func(i int, _ need) string { return thousands(bills[i].million() * b.prices.BRLPerUSD.Value) })
	return out.String(), nil
}
