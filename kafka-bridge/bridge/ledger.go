package bridge

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordOverhead is what a record costs in memory beside its bytes, as a round upper bound.
const recordOverhead = 512

// partitionKey names a Kafka partition.
type partitionKey struct {
	topic string
	id    int32
}

// partition is one assignment of a Kafka partition to this member. Assigned again after a revocation it is another
// value, so that late acknowledgements of the old assignment find nothing to move. Its fields are guarded by the
// ledger's mutex.
type partition struct {
	key         partitionKey
	revoked     bool
	outstanding int         // records entered and not yet acknowledged or given up
	entered     int64       // records ever entered: the number of the next one
	passed      int64       // leading records that are acknowledged: position never passes a gap
	stamps      []time.Time // of the records entered, from number passed on
	progress
}

// ledger knows what is in flight and how far each assigned partition may be committed.
type ledger struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced whenever something was passed
	partitions map[partitionKey]*partition
	records    int64
	bytes      int64
}

func newLedger() *ledger {
	return &ledger{changed: make(chan struct{}), partitions: map[partitionKey]*partition{}}
}

// enter notes the records of one fetched partition. It returns the assignment and the number of the first record in it.
func (l *ledger) enter(key partitionKey, records []*kgo.Record, highWatermark int64) (*partition, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.assigned(key)
	if p.position == unknown {
		p.position = records[0].Offset
	}
	p.end = highWatermark
	p.outstanding += len(records)
	first := p.entered
	p.entered += int64(len(records))
	l.records += int64(len(records))
	for _, r := range records {
		l.bytes += weight(r)
		p.stamps = append(p.stamps, r.Timestamp)
	}
	return p, first
}

// assigned returns the current assignment of a partition and begins one when there is none; the mutex is held.
func (l *ledger) assigned(key partitionKey) *partition {
	p, ok := l.partitions[key]
	if !ok {
		p = &partition{key: key, progress: progress{position: unknown}}
		l.partitions[key] = p
	}
	return p
}

// assign begins the assignment of partitions that are to be read from these offsets; a negative one means the start of
// the log.
func (l *ledger) assign(offsets map[string]map[int32]kgo.Offset) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for topic, ids := range offsets {
		for id, o := range ids {
			l.assigned(partitionKey{topic, id}).begin(max(0, o.EpochOffset().Offset))
		}
	}
}

// weight is what a record counts against the byte limit.
func weight(r *kgo.Record) int64 { return int64(len(r.Key)+len(r.Value)) + recordOverhead }

// heads says per topic and partition where to commit, as franz-go takes it.
type heads = map[string]map[int32]kgo.EpochOffset

// advance is the progress of one partition: consecutive records that left the ledger, and the head after them.
type advance struct {
	partition *partition
	first     int64 // number of the first of them
	records   int
	bytes     int64
	head      kgo.EpochOffset
}

// advance takes records out of the ledger. A head advances only over consecutive records from the one before: behind a
// record that was given up unacknowledged nothing may be committed, because that would skip it. mark is called under the
// mutex with the heads that advanced, so that a partition cannot be revoked between the check and the mark.
func (l *ledger) advance(advances []advance, mark func(heads)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	advanced := heads{}
	for _, s := range advances {
		s.partition.outstanding -= s.records
		l.records -= int64(s.records)
		l.bytes -= s.bytes
		if s.partition.revoked || s.first != s.partition.passed {
			continue
		}
		s.partition.passed += int64(s.records)
		s.partition.stamps = s.partition.stamps[s.records:]
		s.partition.position = s.head.Offset
		key := s.partition.key
		if advanced[key.topic] == nil {
			advanced[key.topic] = map[int32]kgo.EpochOffset{}
		}
		advanced[key.topic][key.id] = s.head
	}
	if len(advanced) > 0 {
		mark(advanced)
	}
	l.broadcast()
}

// broadcast wakes everyone in await; the mutex is held.
func (l *ledger) broadcast() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// await blocks until ok, called under the mutex, says true, or ctx ends. It returns whether ok did.
func (l *ledger) await(ctx context.Context, ok func() bool) bool {
	for {
		l.mu.Lock()
		done, changed := ok(), l.changed
		l.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// awaitRoom blocks while either limit is reached. It returns false once ctx has ended.
func (l *ledger) awaitRoom(ctx context.Context, maxRecords, maxBytes int64) bool {
	return ctx.Err() == nil && l.await(ctx, func() bool { return l.records < maxRecords && l.bytes < maxBytes })
}

// awaitIdle blocks until nothing of these partitions is in flight.
func (l *ledger) awaitIdle(ctx context.Context, revoked map[string][]int32) bool {
	return l.await(ctx, func() bool {
		for topic, ids := range revoked {
			for _, id := range ids {
				if p, ok := l.partitions[partitionKey{topic, id}]; ok && p.outstanding > 0 {
					return false
				}
			}
		}
		return true
	})
}

// idle tells whether nothing of a partition is in flight.
func (l *ledger) idle(key partitionKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.partitions[key]
	return !ok || p.outstanding == 0
}

// skipTo notes that a partition, of which nothing is in flight, was committed behind what no record stands for.
func (l *ledger) skipTo(key partitionKey, head kgo.EpochOffset) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.partitions[key]; ok {
		p.begin(head.Offset)
	}
}

// forget ends the assignment of these partitions: their late acknowledgements move nothing any more.
func (l *ledger) forget(gone map[string][]int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for topic, ids := range gone {
		for _, id := range ids {
			key := partitionKey{topic, id}
			if p, ok := l.partitions[key]; ok {
				p.revoked = true
				delete(l.partitions, key)
			}
		}
	}
}

// isRevoked tells whether the assignment has ended.
func (l *ledger) isRevoked(p *partition) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return p.revoked
}
