package bridge

import "time"

// unknown is the position of a partition until the group's offset, the log's start or a record tells it.
const unknown = -1

// progress is how far an assigned partition is, in its log and against its end. The ledger's mutex guards it.
type progress struct {
	position int64 // everything before it is acknowledged, or was gone or committed before it was ours
	end      int64 // high watermark

	stable       int64     // last stable offset: the first of the oldest transaction that is still open, or the end
	pendingSince time.Time // since when it stands there although the log goes on; zero when it does not

	stoodAt    int64     // position at the look before
	stoodSince time.Time // since when it stands there, behind the end and with nothing in flight; zero when it does not
}

// begin moves the position to where reading begins, never back.
func (p *progress) begin(offset int64) { p.position = max(p.position, offset) }

// lag counts what is not acknowledged up to the real end of the log: also what an open transaction holds back.
func (p *progress) lag() int64 { return max(0, p.end-p.position) }

// offsets are the ends of one partition's log. The last stable offset was read after the high watermark, so that it is
// below it only when a transaction is open.
type offsets struct {
	start, high, stable int64
}

// observe notes the ends of an assigned partition's log, which do not depend on records arriving.
func (l *ledger) observe(key partitionKey, o offsets, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.partitions[key]
	if !ok || p.position == unknown {
		return
	}
	p.begin(o.start)
	p.end = o.high
	switch {
	case o.stable >= o.high:
		p.pendingSince = time.Time{}
	case p.pendingSince.IsZero() || o.stable != p.stable:
		p.pendingSince = now
	}
	p.stable = o.stable
	switch {
	case p.outstanding > 0 || p.lag() == 0:
		p.stoodSince = time.Time{}
	case p.stoodSince.IsZero() || p.position != p.stoodAt:
		p.stoodSince = now
	}
	p.stoodAt = p.position
}

// state is what metrics and readiness tell of one assigned partition.
type state struct {
	partitionKey
	lag     int64
	oldest  time.Duration // age of the oldest record that is not acknowledged, zero when there is none
	pending time.Duration // for how long one transaction has been holding back what lies behind it
}

// states returns how far every assigned partition is whose position is known.
func (l *ledger) states(now time.Time) []state {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]state, 0, len(l.partitions))
	for key, p := range l.partitions {
		if p.position == unknown {
			continue
		}
		list = append(list, state{partitionKey: key, lag: p.lag(), oldest: p.oldest(now), pending: elapsed(p.pendingSince, now)})
	}
	return list
}

// oldest is the age of the first record in flight by its own time; where none is in flight although the log goes on,
// as before a transaction that stays open, it is for how long that has been so.
func (p *partition) oldest(now time.Time) time.Duration {
	if len(p.stamps) > 0 {
		return max(0, now.Sub(p.stamps[0]))
	}
	if p.lag() == 0 {
		return 0
	}
	return elapsed(p.stoodSince, now)
}

// elapsed is the time from then to now, zero when then is.
func elapsed(then, now time.Time) time.Duration {
	if then.IsZero() {
		return 0
	}
	return now.Sub(then)
}

// inFlight returns what is polled and not yet acknowledged.
func (l *ledger) inFlight() (records, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records, l.bytes
}

// partitionIDs returns the assigned partitions by topic.
func (l *ledger) partitionIDs() map[string][]int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := map[string][]int32{}
	for key := range l.partitions {
		ids[key.topic] = append(ids[key.topic], key.id)
	}
	return ids
}
