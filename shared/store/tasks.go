package store

import (
	"maps"
	"sync"
)

// Bounds of the queue of upkeep. What does not fit is asked for again by a later read.
const (
	maxTasks = 10_000
	maxDirty = 20_000 // buckets of one stream
)

// task is what one stream is waiting for.
type task struct {
	newest int64           // newest event time that was seen: sealing goes no further
	dirty  map[int64]int64 // start of a bucket whose tile lacks a late event: newest arrival among them
}

// tasks is the bounded queue of upkeep, by stream.
type tasks struct {
	mu      sync.Mutex
	queue   map[stream]*task
	dropped func()
}

func newTasks(dropped func()) *tasks { return &tasks{queue: map[stream]*task{}, dropped: dropped} }

// add asks for a look at a stream whose events up to newest were seen.
func (t *tasks) add(s stream, newest int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.of(s); k != nil {
		k.newest = max(k.newest, newest)
	}
}

// dirty asks for the tiles over at to be made again, so that they hold what arrived by then.
func (t *tasks) dirty(s stream, at, arrived int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.of(s)
	if k == nil {
		return
	}
	bucket := floorTo(at, rawSpan)
	if _, known := k.dirty[bucket]; !known && len(k.dirty) >= maxDirty {
		t.dropped()
		return
	}
	k.dirty[bucket] = max(k.dirty[bucket], arrived)
}

// of returns the task of a stream, nil when there is no room. Called with the lock held.
func (t *tasks) of(s stream) *task {
	k := t.queue[s]
	if k == nil {
		if len(t.queue) >= maxTasks {
			t.dropped()
			return nil
		}
		k = &task{dirty: map[int64]int64{}}
		t.queue[s] = k
	}
	return k
}

// take empties the queue.
func (t *tasks) take() map[stream]*task {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.queue
	t.queue = map[stream]*task{}
	return taken
}

// back returns what is still to do of a task.
func (t *tasks) back(s stream, rest *task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.of(s)
	if k == nil {
		return
	}
	k.newest = max(k.newest, rest.newest)
	for bucket, arrived := range rest.dirty {
		if len(k.dirty) < maxDirty {
			k.dirty[bucket] = max(k.dirty[bucket], arrived)
		}
	}
}

// ready takes out of a task the buckets whose late events all arrived by cut.
func (k *task) ready(cut int64) map[int64]bool {
	buckets := map[int64]bool{}
	for bucket, arrived := range maps.All(k.dirty) {
		if arrived <= cut {
			buckets[bucket] = true
			delete(k.dirty, bucket)
		}
	}
	return buckets
}
