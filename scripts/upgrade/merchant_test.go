package upgrade_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// sold is how many payments the merchant had before the roll: its stream is in tiles, which this version wrote.
const sold = feature.BusyEvents + 100

// merchant is a payee so busy that its payments are read from tiles.
type merchant struct {
	party pix.RawParty
	facts pix.PartyFacts
	token pix.Token
}

// newMerchant lets a merchant sell and this version's store make tiles of it, the day before yesterday: that takes minutes, which
// nobody waits for. The sales end with the day, so that every tile over them is whole: the version before never makes one that
// becomes whole while nothing is sold.
func newMerchant(t *testing.T, s *system) *merchant {
	t.Helper()
	at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	table, err := store.Open(t.Context(), store.Config{
		ProjectID: s.cloud.ProjectID, InstanceID: instance, Clock: func() time.Time { return at }, CallTimeout: time.Minute,
	}, s.cloud.BigtableOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	keys := keyring.Config{TokenKey: tokenKey(), TokenKeyVersion: 1, TokenNormalisation: 2}
	tokenizer, err := keys.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(world.Params{Seed: 16, Accounts: 400, Days: 40, Start: at.Truncate(24*time.Hour).AddDate(0, 0, -41)})
	m, last := &merchant{}, pix.Transaction{}
	var writes errgroup.Group
	writes.SetLimit(32)
	for n := range sold {
		e, _ := w.Next()
		p := live(&e.Submission)
		if n == 0 {
			m.party, m.facts = p.Payee, p.PayeeFacts
		}
		p.Payee, p.PayeeFacts, p.EventTime = m.party, m.facts, at.Add(time.Duration(n-sold)*time.Second)
		tx := tokenizer.Tokenize(p)
		last = tx
		writes.Go(func() error { return table.Record(t.Context(), &tx) })
	}
	if err := writes.Wait(); err != nil {
		t.Fatal(err)
	}
	m.token = last.Payee.Account.Current
	for range 8 { // it becomes hot, its events move, and are sealed
		h, _, err := table.Read(t.Context(), &last)
		if err == nil {
			err = table.Tend(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Payee.In.Tiles) > 0 {
			return m
		}
		at = at.Add(10 * time.Minute)
		last.EventTime, last.ReceivedAt = at, time.Time{}
	}
	t.Fatal("the merchant's payments are in no tiles")
	return nil
}

// position is where a feature stands in the vectors of a version, and the name of its feature set.
func (v *version) position(t *testing.T, name string) (set string, at int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(v.models(), "contract", "features.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Version  string
		Features []struct{ Name string }
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for i, f := range list.Features {
		if f.Name == name {
			return list.Version, i
		}
	}
	t.Fatalf("%s has no feature %s", v.name, name)
	return "", 0
}

// forgotten counts the decisions on payments to the merchant that know of fewer payments than it had, by feature set.
func (m *merchant) forgotten(t *testing.T, decisions map[pix.EndToEndID]*pix.Decision, versions ...*version) (seen map[string]int, n int) {
	t.Helper()
	seen = map[string]int{}
	for _, v := range versions {
		set, at := v.position(t, "payee_in_count_30d")
		for _, d := range decisions {
			if d.FeatureSet != set || d.FeaturesMissing || d.Transaction.Payee.Account.Current != m.token {
				continue
			}
			seen[v.name]++
			if known := d.Vector[at]; math.IsNaN(known) || known < sold {
				n++
				t.Logf("%s decided %s at %s and knows of %g payments", v.name, d.ID(), d.DecidedAt.Format(time.TimeOnly), known)
			}
		}
	}
	return seen, n
}
