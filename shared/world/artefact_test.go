package world_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// The second honesty test: what a simulator leaves behind by accident (ids, the text of EndToEndId, the order of records,
// the digits of milliseconds) must not tell fraud from honest payments. A payment's artefacts are tested on payments,
// an account's on accounts, each counted once: a mule is one draw however often it is used.

// auc is the chance that a fraud's value is above an honest one's, ties counting half.
func auc(values []float64, fraud []bool) float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	ranks, positives := 0.0, 0.0
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			if fraud[k] {
				ranks += float64(i+j+1) / 2
				positives++
			}
		}
		i = j
	}
	negatives := float64(len(values)) - positives
	return (ranks - positives*(positives+1)/2) / (positives * negatives)
}

// table is a sample of artefacts by column.
type table struct {
	names []string
	rows  [][]float64
	fraud []bool
}

func (a *table) add(fraud bool, row []float64) {
	a.rows, a.fraud = append(a.rows, row), append(a.fraud, fraud)
}

// check holds every column, and a logistic regression of all of them, to 0.50 ± 0.02.
func (a *table) check(t *testing.T, what string) {
	t.Helper()
	positives := 0
	for _, f := range a.fraud {
		if f {
			positives++
		}
	}
	// The standard deviation of an AUC of 0.5 is about 1/sqrt(12 n) for n frauds.
	if sigma := 1 / math.Sqrt(12*float64(positives)); 4*sigma > 0.02 {
		t.Fatalf("%s: %d frauds are too few: four sigma are %.3f", what, positives, 4*sigma)
	}
	column := make([]float64, len(a.rows))
	for k, name := range a.names {
		for i, row := range a.rows {
			column[i] = row[k]
		}
		if v := auc(column, a.fraud); math.Abs(v-0.5) > 0.02 {
			t.Errorf("%s: %s alone has AUC %.3f", what, name, v)
		}
	}
	v := a.regression()
	t.Logf("%s: %d rows, %d frauds, logistic regression on artefacts AUC %.4f", what, len(a.rows), positives, v)
	if math.Abs(v-0.5) > 0.02 {
		t.Errorf("%s: a model on artefacts has AUC %.3f", what, v)
	}
}

// regression is the AUC of a logistic regression with squares on rows that it has not seen: learnt on either half and
// tested on the other.
func (a *table) regression() float64 {
	x := a.standardised()
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(x))
	one, other := order[:len(order)/2], order[len(order)/2:]
	return (a.learn(x, one, other) + a.learn(x, other, one)) / 2
}

// standardised returns the rows with a constant, every column at mean 0 and deviation 1, and its square.
func (a *table) standardised() [][]float64 {
	mean, spread := make([]float64, len(a.names)), make([]float64, len(a.names))
	for _, row := range a.rows {
		for k, v := range row {
			mean[k] += v / float64(len(a.rows))
			spread[k] += v * v / float64(len(a.rows))
		}
	}
	x := make([][]float64, len(a.rows))
	for i, row := range a.rows {
		x[i] = append(make([]float64, 0, 2*len(a.names)+1), 1)
		for k, v := range row {
			z := (v - mean[k]) / math.Sqrt(max(spread[k]-mean[k]*mean[k], 1e-12))
			x[i] = append(x[i], z, z*z-1)
		}
	}
	return x
}

// learn fits the regression to some rows and returns its AUC on others.
func (a *table) learn(x [][]float64, rows, others []int) float64 {
	weights := make([]float64, len(x[0]))
	for epoch := range 4 {
		rate := 0.002 / float64(epoch+1)
		for _, i := range rows {
			target := 0.0
			if a.fraud[i] {
				target = 1
			}
			g := rate * (target - 1/(1+math.Exp(-dot(weights, x[i]))))
			for k, v := range x[i] {
				weights[k] += g * v
			}
		}
	}
	scores, fraud := make([]float64, len(others)), make([]bool, len(others))
	for n, i := range others {
		scores[n], fraud[n] = dot(weights, x[i]), a.fraud[i]
	}
	return auc(scores, fraud)
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// characters appends a text's characters as numbers, zero where it is shorter.
func characters(row []float64, text string, from, to int) []float64 {
	for i := from; i < to; i++ {
		c := 0.0
		if i < len(text) {
			c = float64(text[i])
		}
		row = append(row, c)
	}
	return row
}

// paymentArtefacts are what the order of records, their milliseconds and their ids could give away.
func paymentArtefacts(index int, s *pix.Submission) []float64 {
	at, took := s.EventTime.UnixMilli(), s.ReceivedAt.Sub(s.EventTime).Milliseconds()
	row := []float64{
		float64(index % 2), float64(index % 10), float64(index % 1000),
		float64(at % 10), float64(at / 10 % 10), float64(at % 1000), float64(at / 1000 % 60),
		float64(s.ReceivedAt.UnixMilli() % 1000), float64(min(took, 5000)),
	}
	return characters(row, string(s.ID), 21, 32)
}

func paymentColumns() []string {
	return []string{
		"index mod 2", "index mod 10", "index mod 1000", "last digit of ms", "tens of ms", "ms", "second", "ms of receipt",
		"delay of receipt", "id 1", "id 2", "id 3", "id 4", "id 5", "id 6", "id 7", "id 8", "id 9", "id 10", "id 11",
	}
}

// accountArtefacts are the identifiers of a person's account.
func accountArtefacts(p *pix.RawParty) []float64 {
	row := characters(nil, p.Account.Reveal(), 0, 9)
	row = characters(row, p.Document.Reveal(), 0, 11)
	row = characters(row, p.Branch.Reveal(), 0, 4)
	return append(row, float64(len(p.Name.Reveal())))
}

func accountColumns() []string {
	return []string{
		"account 1", "account 2", "account 3", "account 4", "account 5", "account 6", "account 7", "account 8", "account 9",
		"document 1", "document 2", "document 3", "document 4", "document 5", "document 6", "document 7", "document 8",
		"document 9", "document 10", "document 11", "branch 1", "branch 2", "branch 3", "branch 4", "length of the name",
	}
}

func deviceColumns() []string {
	return []string{
		"device 1", "device 2", "device 3", "device 4", "device 5", "device 6", "device 7", "device 8", "device 9",
		"device 10", "device 11", "device 12", "device 13", "device 14", "device 15", "device 16",
	}
}

func TestArtefactsTellNothing(t *testing.T) {
	t.Parallel()
	payments, accounts := &table{names: paymentColumns()}, &table{names: accountColumns()}
	rows := map[int32][]float64{}
	mules := map[int32]bool{}
	honest := map[string]bool{} // devices, by whether an honest payment came from them
	pick := rand.New(rand.NewPCG(3, 4))
	w := world.New(world.Params{Seed: 21, Accounts: 45_000, Days: 12, FraudBoost: 700, OurShare: 1})
	for i := 0; ; i++ {
		e, ok := w.Next()
		if !ok {
			break
		}
		s := &e.Submission
		if e.Fraud || pick.IntN(10) == 0 {
			payments.add(e.Fraud, paymentArtefacts(i, s))
		}
		if device := s.DeviceID.Reveal(); device != "" {
			honest[device] = honest[device] || !e.Fraud
		}
		if s.PayeeFacts.Person == pix.NaturalPerson {
			if rows[e.Payee] == nil {
				rows[e.Payee] = accountArtefacts(&s.Payee)
			}
			mules[e.Payee] = mules[e.Payee] || e.PayeeRole == world.Mule
		}
	}
	payments.check(t, "payments")
	for i := range int32(45_000) {
		if rows[i] != nil {
			accounts.add(mules[i], rows[i])
		}
	}
	accounts.check(t, "accounts")
	devices := &table{names: deviceColumns()}
	for _, device := range slices.Sorted(maps.Keys(honest)) {
		devices.add(!honest[device], characters(nil, device, 0, 16))
	}
	devices.check(t, "devices")
}
