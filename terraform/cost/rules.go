package main

import (
	"fmt"
	"strings"
)

// rates are what a running environment costs, so that Prometheus can work it out from what is really published, appended and
// decided.
type rates struct {
	Provisioned float64 // US$ a second, whatever comes: nodes, instances and pods at the rate that load.json assumes
	Kept        float64 // US$ a payment, for what it leaves in Bigtable, Cloud Storage and the logs
	Published   float64 // US$ a byte that is published; it is delivered once
	Appended    float64 // US$ a byte that is appended to BigQuery, and kept there
}

// smallestMessage is what Pub/Sub counts a smaller message as, in bytes.
const smallestMessage = 1000

func (m *month) rates() rates {
	kept := min(m.Warehouse.ExpiryDays, 90)*m.at("bigquery active gib month") + max(m.Warehouse.ExpiryDays-90, 0)*m.at("bigquery long term gib month")
	payments := m.PaymentsPerSecond * seconds
	return rates{
		Provisioned: (m.nodes() + m.functions() + m.cluster() + m.network() + m.small() + m.series()) / seconds,
		Kept:        (m.stored()+m.lake())/payments + m.load.LogBytes/gib*m.at("logging gib"),
		Published:   2 * m.at("pubsub tib") / tib,
		Appended:    (m.at("bigquery write gib") + kept*86_400/seconds) / gib,
	}
}

// rules writes recording rules of Prometheus for an environment: what each part costs a second, and R$ for a million payments.
func (b basis) rules(env string, payments float64) (string, error) {
	m, err := b.month(env, payments)
	if err != nil {
		return "", err
	}
	r := m.rates()
	if len(m.missing) > 0 {
		return "", m.lack()
	}
	decided := `sum(rate(pix_decisions_total{repeated="false"}[1h]))`
	bytes, messages := "sum by (topic) (rate(pix_bus_published_bytes_total[1h]))", "sum by (topic) (rate(pix_bus_published_messages_total[1h]))"
	var out strings.Builder
	fmt.Fprintf(&out, "# Written by go run ./terraform/cost -rules -env %s, from prices read on %s. Do not edit.\ngroups:\n  - name: sentinela-cost\n    rules:\n", env, b.prices.ReadOn)
	part := func(name, expr string) {
		fmt.Fprintf(&out, "      - record: pix:cost_usd:rate1h\n        labels: {part: %s}\n        expr: %s\n", name, expr)
	}
	part("provisioned", fmt.Sprintf("vector(%.6g)", r.Provisioned))
	part("kept", fmt.Sprintf("%.6g * %s", r.Kept, decided))
	part("pubsub", fmt.Sprintf("%.6g * sum((%s > %d * %s) or %[3]d * %[4]s)", r.Published, bytes, smallestMessage, messages))
	part("bigquery", fmt.Sprintf("%.6g * sum(rate(pix_warehouse_appended_bytes_total[1h]))", r.Appended))
	fmt.Fprintf(&out, "      - record: pix:cost_brl_per_million_payments:rate1h\n        expr: %.6g * sum(pix:cost_usd:rate1h) / (%s > 0)\n", b.prices.BRLPerUSD.Value*1e6, decided)
	return out.String(), nil
}
