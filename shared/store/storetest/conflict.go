package storetest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// impostors are payments under the EndToEndId of tx that are not tx, by how they differ.
func impostors(tx pix.Transaction) map[string]pix.Transaction {
	all := map[string]pix.Transaction{}
	add := func(name string, change func(*pix.Transaction)) {
		other := tx
		change(&other)
		all[name] = other
	}
	add("another payer", func(o *pix.Transaction) { o.Payer.Account = Pair(pix.AccountToken, 31) })
	add("another payee", func(o *pix.Transaction) { o.Payee.Account = Pair(pix.AccountToken, 41) })
	add("another device", func(o *pix.Transaction) { o.DeviceToken = Pair(pix.DeviceToken, 51) })
	add("another amount", func(o *pix.Transaction) { o.Amount = 1 })
	add("an earlier time", func(o *pix.Transaction) { o.EventTime = o.EventTime.Add(-5 * time.Hour) })
	add("a later time", func(o *pix.Transaction) { o.EventTime = o.EventTime.Add(time.Second) })
	add("itself at another moment", func(o *pix.Transaction) { o.ReceivedAt = o.Moment().Add(time.Hour) })
	add("itself at an earlier moment", func(o *pix.Transaction) { o.ReceivedAt = o.Moment().Add(-time.Minute) })
	add("the other way", func(o *pix.Transaction) { o.Payer, o.Payee = o.Payee, o.Payer })
	add("another token", func(o *pix.Transaction) { *o = rotate(*o); o.Amount = 2 })
	add("nothing alike", func(o *pix.Transaction) {
		o.Payer.Account, o.Payee.Account = Pair(pix.AccountToken, 31), Pair(pix.AccountToken, 41)
		o.DeviceToken, o.EventTime = pix.TokenPair{}, o.EventTime.Add(-time.Hour)
	})
	return all
}

// readers are payments that look at everything which payments between the entities of the others touched: at once, and
// when all that is left of them are first-ever facts.
func readers(txs ...pix.Transaction) (list []pix.Transaction) {
	for i, after := range []time.Duration{10 * time.Minute, 40 * 24 * time.Hour} {
		for j, tx := range txs {
			ahead, back := tx, tx
			back.Payer, back.Payee = tx.Payee, tx.Payer
			for k, r := range []*pix.Transaction{&ahead, &back} {
				r.ID, r.EventTime, r.ReceivedAt = ID(9000+100*i+10*j+k), r.Moment().Add(after), time.Time{}
				list = append(list, *r)
			}
		}
	}
	return list
}

// conflicts are the laws of Withdraw: every vector after it equals the model's, which never hears of the impostor.
func conflicts(t *testing.T, open Factory) {
	hold(t, open, map[string]law{
		"of any kind, in any order":         anyConflict,
		"the true first is known again":     withdrawnFirst,
		"what follows is first":             firstAfterWithdrawn,
		"under both tokens":                 withdrawnAcrossRotation,
		"withdrawing again changes nothing": withdrawTwice,
	})
}

// A payment under the EndToEndId of another, recorded and withdrawn, changes no vector, whatever was noted on the standing
// payment before, and whichever of the two was recorded first.
func anyConflict(t *testing.T, open Factory) {
	standing := Payment(700, 10, 20)
	displaced := standing
	displaced.ReceivedAt = standing.EventTime.Add(20 * time.Minute)
	for where, standing := range map[string]pix.Transaction{"at its date": standing, "elsewhere": displaced} {
		for name, impostor := range impostors(standing) {
			for _, first := range []bool{false, true} {
				t.Run(where+"/"+name, func(t *testing.T) {
					t.Parallel()
					conflict(t, open(t, time.Now), conflicting{standing, impostor, first})
				})
			}
		}
	}
}

// conflicting is two payments of one EndToEndId.
type conflicting struct {
	standing, impostor pix.Transaction
	first              bool // the impostor was recorded first
}

func conflict(t *testing.T, s engine.Store, c conflicting) {
	t.Helper()
	model := NewModel()
	for n, accounts := range [][2]int{{10, 20}, {20, 10}, {10, 41}, {31, 20}} { // others, before and after
		other := Payment(690+n*7, accounts[0], accounts[1])
		must(t, s.Record(t.Context(), &other))
		model.Record(&other)
	}
	if c.first {
		must(t, s.Record(t.Context(), &c.impostor))
	}
	must(t, s.Record(t.Context(), &c.standing))
	model.Record(&c.standing)
	for _, n := range []int{0, 3, 40} {
		status := Status(&c.standing, n)
		must(t, s.MarkStatus(t.Context(), &c.standing, &status))
		model.MarkStatus(&c.standing, &status)
	}
	if !c.first {
		must(t, s.Record(t.Context(), &c.impostor))
	}
	read(t, s, c.impostor)
	must(t, s.Withdraw(t.Context(), &c.impostor, &c.standing))
	for _, r := range readers(c.standing, c.impostor) {
		equalVectors(t, &r, model.Read(&r), read(t, s, r))
	}
	marked := false
	for _, m := range Marks(t, s, time.Now().Add(time.Hour)) {
		marked = marked || m.ID == c.standing.ID && m.Minute.Equal(engine.MarkOf(&c.standing).Minute)
	}
	if !marked {
		t.Error("the standing payment's mark is gone: a crash would lose its decision")
	}
}

// An impostor's event may come before the first of a stream, or in its very millisecond: the true first is known after.
func withdrawnFirst(t *testing.T, open Factory) {
	for name, back := range map[string]time.Duration{"earlier": time.Hour, "in its millisecond": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, model := open(t, time.Now), NewModel()
			victim, standing := Payment(60, 10, 20), Payment(61, 30, 40)
			standing.DeviceToken = Pair(pix.DeviceToken, 2)
			for _, tx := range []*pix.Transaction{&victim, &standing} {
				must(t, s.Record(t.Context(), tx))
				model.Record(tx)
			}
			impostor := victim
			impostor.ID, impostor.EventTime = standing.ID, victim.EventTime.Add(-back)
			must(t, s.Record(t.Context(), &impostor))
			read(t, s, impostor) // what is learned of it must be forgotten
			must(t, s.Withdraw(t.Context(), &impostor, &standing))
			next := Payment(62, 10, 20)
			must(t, s.Record(t.Context(), &next))
			model.Record(&next)
			for _, r := range readers(victim, standing) {
				equalVectors(t, &r, model.Read(&r), read(t, s, r))
			}
			same(t, "first of the pair", feature.First{At: victim.EventTime.UnixMilli(), ID: victim.ID}, read(t, s, next).Pair.First.Out)
		})
	}
}

// An impostor that was recorded before a rotation of the token key, and comes back in it, is taken out under both tokens.
func withdrawnAcrossRotation(t *testing.T, open Factory) {
	standing := Payment(700, 10, 20)
	for name, impostor := range impostors(standing) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, model := open(t, time.Now), NewModel()
			must(t, s.Record(t.Context(), &standing))
			model.Record(&standing)
			must(t, s.Record(t.Context(), &impostor)) // what should have withdrawn it was away
			again := rotate(impostor)
			must(t, s.Record(t.Context(), &again))
			must(t, s.Withdraw(t.Context(), &again, &standing))
			for _, r := range readers(standing, again, rotate(standing)) {
				equalVectors(t, &r, model.Read(&r), read(t, s, r))
			}
		})
	}
}

// An impostor may be all that an entity has: what comes after it is the first then, though the process had learned of it.
func firstAfterWithdrawn(t *testing.T, open Factory) {
	s, model := open(t, time.Now), NewModel()
	victim, standing := Payment(60, 10, 20), Payment(50, 30, 40)
	standing.DeviceToken = Pair(pix.DeviceToken, 2)
	must(t, s.Record(t.Context(), &standing))
	model.Record(&standing)
	impostor := victim
	impostor.ID, impostor.EventTime = standing.ID, standing.EventTime
	must(t, s.Record(t.Context(), &impostor))
	read(t, s, impostor)
	must(t, s.Withdraw(t.Context(), &impostor, &standing))
	must(t, s.Record(t.Context(), &victim))
	model.Record(&victim)
	for _, r := range readers(victim, standing) {
		equalVectors(t, &r, model.Read(&r), read(t, s, r))
	}
}

// A message that comes back is recorded and withdrawn again. What never came can be withdrawn, too.
func withdrawTwice(t *testing.T, open Factory) {
	s, model := open(t, time.Now), NewModel()
	standing := Payment(700, 10, 20)
	must(t, s.Record(t.Context(), &standing))
	model.Record(&standing)
	for _, impostor := range impostors(standing) {
		must(t, s.Withdraw(t.Context(), &impostor, &standing))
		for range 2 {
			must(t, s.Record(t.Context(), &impostor))
			must(t, s.Withdraw(t.Context(), &impostor, &standing))
			must(t, s.Withdraw(t.Context(), &impostor, &standing))
		}
		for _, r := range readers(standing, impostor) {
			equalVectors(t, &r, model.Read(&r), read(t, s, r))
		}
	}
}

// impostor draws another payment under the EndToEndId of a known one.
func (w Walk) impostor(random *rand.Rand, tx *pix.Transaction) pix.Transaction {
	other := *tx
	switch random.IntN(6) {
	case 0:
		other.Amount = pix.Money(1 + random.IntN(300_00))
	case 1:
		other.Payer.Account = Pair(pix.AccountToken, random.IntN(w.Accounts))
	case 2:
		other.Payee.Account = Pair(pix.AccountToken, random.IntN(w.Accounts+1))
	case 3:
		other.DeviceToken = Pair(pix.DeviceToken, random.IntN(w.Accounts))
	case 4:
		other.ReceivedAt = other.EventTime.Add(time.Duration(random.Int64N(int64(2*time.Hour))) - time.Hour).Truncate(time.Millisecond)
	default:
		other.EventTime = other.EventTime.Add(time.Duration(random.Int64N(int64(20*time.Hour))) - 10*time.Hour).Truncate(time.Millisecond)
	}
	if random.IntN(4) == 0 {
		other = rotate(other)
	}
	return other
}
