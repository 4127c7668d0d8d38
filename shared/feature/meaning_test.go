package feature

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// probe is a payment and what is known of it. Another may be added at the end; one that stands here never changes.
type probe struct {
	tx pix.Transaction
	h  *Histories
}

func probes() []probe {
	night := full()
	night.EventTime = base().Add(33*time.Hour + 17*time.Minute)
	random := rand.New(rand.NewPCG(3, 1))
	busy := someHistory()
	for _, s := range []*Stream{&busy.Payer.Out, &busy.Payer.In, &busy.Payee.Out, &busy.Payee.In, &busy.Device.Use} {
		s.Events = crowd(random, BusyEvents+500)
	}
	all := []probe{{full(), someHistory()}, {night, someHistory()}, {payment(), &Histories{}}, {full(), busy}, {payment(), nil}}
	for i := range 6 {
		all = append(all, probe{otherwise(i), nil})
	}
	return all
}

// otherwise is a payment in which everything that full says is said the other way.
func otherwise(i int) pix.Transaction {
	tx := full()
	tx.EventTime = time.Date(2026, 1, 1+7*(i%2), 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute) // a holiday, a working day
	if i > 2 {
		tx.EventTime = time.Date(2026, 1, 8, 1, 0, 0, 0, time.UTC) // pay-day is not over in Brazil
	}
	tx.Amount = pix.Money(100_00 * (i + 1))
	tx.Initiation = []pix.Initiation{pix.Manual, pix.DynamicQR, pix.StaticQR, pix.ByInitiator, pix.Automatic, pix.ContactlessDN}[i]
	tx.PayeeFacts.KeyKind = []pix.KeyKind{pix.KeyCPF, pix.KeyCNPJ, pix.KeyPhone, pix.KeyEmail, pix.KeyEVP, ""}[i]
	tx.ServiceLevel, tx.Purpose, tx.TxIDToken = pix.ScheduledPayment, pix.Withdrawal, pix.TokenPair{}
	tx.PayerFacts.Person, tx.PayeeFacts.Person = pix.LegalPerson, pix.NaturalPerson
	tx.PayerFacts.ISPB, tx.PayerFacts.TrustedPayee = tx.PayeeFacts.ISPB, pix.Some(true)
	tx.Device.Registered, tx.Device.CallActive = pix.Some(false), pix.Some(false)
	tx.Device.RemoteAccess, tx.Device.Emulator = pix.Some(true), pix.Some(true)
	tx.Session.PastedKey, tx.Mandate.FirstCharge = pix.Some(false), pix.Some(false)
	tx.DICT.ScammerMarkers = pix.Some(int64(2))
	tx.DICT.Long.ApplicationFrauds.D90, tx.DICT.Long.FraudCentavos.D90 = pix.Some(int64(1)), pix.Some(int64(70_00))
	return tx
}

// meanings says of every name what it is declared to be and what it is of each probe, in nine digits, which no processor
// writes in another way.
func meanings(t *testing.T) map[string]string {
	t.Helper()
	all, set := map[string]string{}, newSet(t)
	for _, d := range Definitions() {
		all[d.Name] = strings.Join([]string{d.Entity, d.Window, d.Unit}, "/")
	}
	for _, p := range probes() {
		for i, v := range set.Vector(nil, &p.tx, p.h) {
			all[Names()[i]] += " " + strconv.FormatFloat(v, 'g', 9, 64)
		}
	}
	return all
}

// TestANameKeepsItsMeaning: models name the features that they were trained on and are served what bears the name. So a
// feature whose values change takes another name, beside the old one until no model reads that; a model that still does is
// then refused by name. Run with -update, this adds names; it never changes one, nor frees the name of a feature that is
// gone.
func TestANameKeepsItsMeaning(t *testing.T) {
	t.Parallel()
	const file = "testdata/meanings.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	now := meanings(t)
	for line := range strings.Lines(string(data)) {
		name, was, _ := strings.Cut(strings.TrimSpace(line), " ")
		known[name] = true
		if is, there := now[name]; there && is != was && !strings.HasPrefix(is, was+" ") {
			t.Errorf("%s was %s, and is %s now: give it another name, or models that were trained on it are served something else",
				name, was, is)
		}
	}
	text := string(data)
	for _, name := range Names() {
		if !known[name] {
			text += name + " " + now[name] + "\n"
		}
	}
	if text == string(data) {
		return
	}
	if !*update {
		t.Fatalf("%s lacks new features; run with -update", file)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
