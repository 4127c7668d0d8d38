package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// party is as much of a served payment as a status or a label needs to find its rows.
type party struct {
	at                   int64 // event time, milliseconds
	moment               int64 // in the histories, milliseconds
	payer, payee, device pix.TokenPair
}

func newParty(tx *pix.Transaction) party {
	return party{tx.EventTime.UnixMilli(), tx.Moment().UnixMilli(), tx.Payer.Account, tx.Payee.Account, tx.DeviceToken}
}

// transaction puts into tx what the payment's rows are named by.
func (p *party) transaction(id pix.EndToEndID, tx *pix.Transaction) *pix.Transaction {
	tx.ID, tx.EventTime = id, time.UnixMilli(p.moment).UTC()
	tx.Payer.Account, tx.Payee.Account, tx.DeviceToken = p.payer, p.payee, p.device
	return tx
}

// served remembers the payments of as many days as a stream does, by the day of their event time: a status of an older one
// would find no event to mark.
type served map[int64]map[pix.EndToEndID]party

const (
	dayMillis  = int64(24 * 60 * 60 * 1000)
	servedDays = int64(feature.Retention/1e6)/dayMillis + 1
)

// has reports whether a payment was served. Two event times of one EndToEndId lie less than a day apart: it is valid
// within 12 hours of the minute in it.
func (s served) has(id pix.EndToEndID, at int64) bool {
	for day := at/dayMillis - 1; day <= at/dayMillis+1; day++ {
		if _, known := s[day][id]; known {
			return true
		}
	}
	return false
}

// add remembers a payment and reports whether it is the first of its day.
func (s served) add(id pix.EndToEndID, p party) bool {
	day, first := p.at/dayMillis, false
	if s[day] == nil {
		s[day], first = map[pix.EndToEndID]party{}, true
		for old := range s {
			if old < day-servedDays {
				delete(s, old)
			}
		}
	}
	s[day][id] = p
	return first
}

// arrive lets everything take effect whose moment has come.
func (p *Player) arrive(ctx context.Context) error {
	n := 0
	for ; n < len(p.waiting) && p.waiting[n].OccurredAt.UnixMilli() <= p.lastServe; n++ {
		if err := p.apply(ctx, &p.waiting[n]); err != nil {
			return err
		}
	}
	if p.waiting = p.waiting[n:]; len(p.waiting) == 0 {
		p.waiting = nil
	}
	labels := p.cfg.Labels.arrivals
	for ; p.arrived < len(labels) && labels[p.arrived].ArrivedAt.UnixMilli() <= p.lastServe; p.arrived++ {
		if err := p.mark(ctx, &labels[p.arrived]); err != nil {
			return err
		}
	}
	return nil
}

// apply writes a status, or keeps it until its payment is served.
func (p *Player) apply(ctx context.Context, s *pix.Status) error {
	paid, ok := p.served[s.EventTime.UnixMilli()/dayMillis][s.ID]
	if !ok {
		if p.newest-s.EventTime.UnixMilli() > dayMillis {
			p.stats.Unknown++
			return nil
		}
		p.early[s.ID] = append(p.early[s.ID], *s)
		return nil
	}
	p.stats.Statuses++
	if err := p.store.MarkStatus(ctx, paid.transaction(s.ID, &p.scratch), s); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

// mark writes a label, or keeps it until its payment is served.
func (p *Player) mark(ctx context.Context, l *pix.Label) error {
	paid := p.labelled[l.ID]
	if paid == nil {
		p.pending[l.ID] = append(p.pending[l.ID], *l)
		return nil
	}
	p.stats.Marks++
	if err := p.store.MarkFraud(ctx, paid.transaction(l.ID, &p.scratch), l); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

// remember keeps what later statuses and labels need of a served payment, and applies those that came before it.
func (p *Player) remember(ctx context.Context, tx *pix.Transaction) error {
	paid := newParty(tx)
	if p.served.add(tx.ID, paid) {
		p.giveUp()
	}
	if p.cfg.Labels.InForce(tx.ID) != nil {
		p.labelled[tx.ID] = &paid
	}
	for i := range p.early[tx.ID] {
		if err := p.apply(ctx, &p.early[tx.ID][i]); err != nil {
			return err
		}
	}
	delete(p.early, tx.ID)
	for i := range p.pending[tx.ID] {
		if err := p.mark(ctx, &p.pending[tx.ID][i]); err != nil {
			return err
		}
	}
	delete(p.pending, tx.ID)
	return nil
}

// giveUp forgets statuses whose payment did not come within a day.
func (p *Player) giveUp() {
	for id, statuses := range p.early {
		if p.newest-statuses[0].EventTime.UnixMilli() > dayMillis {
			p.stats.Unknown += len(statuses)
			delete(p.early, id)
		}
	}
}
