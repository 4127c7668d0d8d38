package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/store"
)

const (
	hours   = 730.0
	seconds = hours * 3600
	gib     = 1 << 30
	tib     = 1 << 40
	mean    = 0.5 // of a processor that a mean load may take: the peak needs the other half

	// What a Bigtable node does a second, as docs/capacity.md cites it.
	nodeReads  = 17_000
	nodeWrites = 14_000
	nodeBytes  = 5e12 // that it keeps

	scoreVCPU = 4.0 // of an instance of score in prod
)

// line is one part of a month's bill.
type line struct {
	Name string
	USD  float64
}

// estimate is the month of one environment.
type estimate struct {
	Name     string
	Payments float64 // a second
	Lines    []line
	Kafka    float64 // what a managed Kafka would cost beside them
}

func (e estimate) total() float64 {
	sum := 0.0
	for _, l := range e.Lines {
		sum += l.USD
	}
	return sum
}

// million is what a million payments cost, everything shared out among them.
func (e estimate) million() float64 { return e.total() / (e.Payments * seconds) * 1e6 }

// month computes one environment. It remembers what it asked for in vain, so that a missing price is told and is not zero.
type month struct {
	basis
	sizes
	environmentLoad
	missing map[string]bool
}

func (b basis) estimate(env string, payments float64) (estimate, error) {
	m, err := b.month(env, payments)
	if err != nil {
		return estimate{}, err
	}
	e := estimate{Name: env, Payments: m.PaymentsPerSecond, Lines: m.lines(), Kafka: m.kafka()}
	if len(m.missing) > 0 {
		return estimate{}, m.lack()
	}
	return e, nil
}

// month is an environment's, at its assumed rate or at another.
func (b basis) month(env string, payments float64) (*month, error) {
	s, err := b.sizes(env)
	if err != nil {
		return nil, err
	}
	l, ok := b.load.Environments[env]
	if !ok {
		return nil, errors.New("load.json does not say what it carries")
	}
	if payments > 0 {
		l.PaymentsPerSecond = payments
	}
	return &month{basis: b, sizes: s, environmentLoad: l, missing: map[string]bool{}}, nil
}

// lack is why there is no estimate.
func (m *month) lack() error {
	return fmt.Errorf("no figure for %s: add it to terraform/cost/prices.json, or to docs/capacity.md's table", strings.Join(m.lacks(), ", "))
}

func (m *month) lacks() []string {
	names := slices.Sorted(maps.Keys(m.missing))
	for i, name := range names {
		names[i] = strconv.Quote(name)
	}
	return names
}

func (m *month) lines() []line {
	return []line{
		{"Bigtable nodes", m.nodes()},
		{"Bigtable storage and backup", m.stored()},
		{"Pub/Sub", m.messages()},
		{"BigQuery", m.warehouse()},
		{"Cloud Run", m.functions()},
		{"GKE", m.cluster()},
		{"Cloud Storage, evidence of five years", m.lake()},
		{"network", m.network()},
		{"keys, secrets, images", m.small()},
		{"logs and metrics", m.watch()},
	}
}

// at is a price.
func (m *month) at(name string) float64 {
	p, ok := m.prices.Prices[name]
	if !ok || p.USD <= 0 {
		m.missing[name] = true
	}
	return p.USD
}

// bytes is a figure that was measured.
func (m *month) bytes(name string) float64 {
	v, ok := m.measured[name]
	if !ok {
		m.missing[name] = true
	}
	return v
}

func (m *month) perMonth(perPayment float64) float64 {
	return perPayment * m.PaymentsPerSecond * seconds
}

func (m *month) clusters() float64 {
	if m.Bigtable.Replica == "" {
		return 1
	}
	return 2
}

func (m *month) nodes() float64 {
	return max(m.Bigtable.Nodes.Min, m.nodesByLoad(), m.nodesByData()) * m.clusters() * m.at("bigtable node hour") * hours
}

// stored is what a GiB costs in every cluster and in the backup, for all that is kept.
func (m *month) stored() float64 {
	return m.kept() * (m.clusters()*m.at("bigtable ssd gib month") + m.at("bigtable backup gib month"))
}

// kept is the GiB of a cluster: a cell counts for as long as its family keeps it, and a month where only newer ones take its place;
// what Bigtable's compression saves is left to be saved.
func (m *month) kept() float64 {
	kept, families := 0.0, store.Families(store.Retention{})
	for _, name := range slices.Sorted(maps.Keys(m.measured)) {
		family, ok := strings.CutPrefix(name, "Bigtable: bytes stored in family `")
		if !ok {
			continue
		}
		family = strings.TrimSuffix(family, "`")
		if family == "pend" {
			continue // gone with the next batch
		}
		days := families[family].Age.Hours() / 24
		if days == 0 {
			days = 31
		}
		kept += m.measured[name] * days
	}
	return kept * 86_400 * m.PaymentsPerSecond / gib
}

// messages are the payment to score and the decision to audit, each published and delivered. A request counts a thousand bytes.
func (m *month) messages() float64 {
	payment := m.bytes("Pub/Sub: bytes of the payment")
	decision := m.bytes("Pub/Sub: bytes of the decision")
	return m.perMonth(payment+max(payment, 1_000)+2*max(decision, 1_000)) / tib * m.at("pubsub tib")
}

// warehouse keeps a partition at the full price for 90 days and at half of it afterwards.
func (m *month) warehouse() float64 {
	row := m.bytes("BigQuery: bytes of the audit row")
	day := row * m.PaymentsPerSecond * 86_400 / gib
	kept := min(m.Warehouse.ExpiryDays, 90)*m.at("bigquery active gib month") + max(m.Warehouse.ExpiryDays-90, 0)*m.at("bigquery long term gib month")
	return m.perMonth(row)/gib*m.at("bigquery write gib") + day*kept
}

// functions pays score for as long as an instance is there, the others for requests and for the instances that wait for them.
func (m *month) functions() float64 {
	total := 0.0
	for _, name := range slices.Sorted(maps.Keys(m.Functions)) { // in one order: sums of floats depend on it
		f := m.Functions[name]
		cpu, err := strconv.ParseFloat(f.CPU, 64)
		if err != nil {
			m.missing["cpu of "+name] = true
		}
		memory := f.MemoryMiB / 1024
		if name == "score" {
			needed := math.Ceil(m.PaymentsPerSecond * m.load.DecisionMilliseconds / 1000 / (cpu * mean))
			on := max(f.Min, needed*m.Busy)
			total += on * seconds * (cpu*m.at("run always vcpu second") + memory*m.at("run always gib second"))
			total += m.perMonth(1) / 1e6 * m.at("run million requests")
			continue
		}
		share := map[string]float64{"audit": 1, "alert": m.load.AlertShare, "label": m.load.AlertShare}[name]
		total += m.perMonth(share) / 1e6 * m.at("run million requests")
		total += m.perMonth(share) * m.load.RowMilliseconds / 1000 * (cpu*m.at("run request vcpu second") + memory*m.at("run request gib second"))
		total += f.Min * seconds * (cpu*m.at("run idle vcpu second") + memory*m.at("run idle gib second"))
	}
	return total
}

func (m *month) cluster() float64 {
	if m.Cluster != nil && !*m.Cluster {
		return 0
	}
	total := m.at("gke cluster hour") * hours
	for _, name := range slices.Sorted(maps.Keys(m.Pods)) {
		p := m.Pods[name]
		total += p.Replicas * hours * (p.VCPU*m.at("gke pod vcpu hour") + p.GiB*m.at("gke pod gib hour"))
	}
	return total
}

// lake is what the exports cost once they have been kept for as long as evidence must be: each month's files move to a cheaper
// class when nobody reads them for 30, 90 and 365 days.
func (m *month) lake() float64 {
	day := m.load.LakeBytes * m.PaymentsPerSecond * 86_400 / gib
	years := m.load.EvidenceYears * 365
	return day * (30*m.at("storage standard gib month") + 60*m.at("storage nearline gib month") +
		275*m.at("storage coldline gib month") + (years-365)*m.at("storage archive gib month"))
}

func (m *month) network() float64 {
	return hours * (m.at("nat hour") + m.at("load balancer hour"))
}

// small is 10 keys with the four versions of a year, three secrets with two versions, and twenty versions of three images.
func (m *month) small() float64 {
	return 10*4*m.at("kms version month") + 100*m.at("kms ten thousand operations") + 6*m.at("secret version month") +
		20*3*0.04*m.at("registry gib month")
}

// watch is one log line a decision, less the 50 GiB of a project, and the series.
func (m *month) watch() float64 {
	return max(m.perMonth(m.load.LogBytes)/gib-50, 0)*m.at("logging gib") + m.series()
}

// series are 300 a pod every half minute.
func (m *month) series() float64 {
	replicas := 0.0
	for _, p := range m.Pods {
		replicas += p.Replicas
	}
	return replicas * 300 * seconds / 30 / 1e6 * m.at("prometheus million samples")
}

// kafka is the smallest managed cluster, for whoever has none.
func (m *month) kafka() float64 {
	return 3 * hours * (m.at("kafka vcpu hour") + m.at("kafka gib hour"))
}
