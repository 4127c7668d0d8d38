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
	fast   bool            // the stream is fast: its task does not wait for the tick
}

// tasks is the bounded queue of upkeep, by stream.
type tasks struct {
	mu      sync.Mutex
	queue   map[stream]*task
	dropped func()
	wake    chan struct{} // holds a signal while a fast stream's task waits
}

func newTasks(dropped func()) *tasks {
	return &tasks{queue: map[stream]*task{}, dropped: dropped, wake: make(chan struct{}, 1)}
}

// add asks for a look at a stream whose events up to newest were seen.
func (t *tasks) add(s stream, newest int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.of(s); k != nil {
		k.newest = max(k.newest, newest)
	}
}

// addFast asks for a look at a fast stream, soon.
func (t *tasks) addFast(s stream, newest int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.of(s); k != nil {
		k.newest = max(k.newest, newest)
		t.hurry(k)
	}
}

// hurry has a task done soon. Called with the lock held.
func (t *tasks) hurry(k *task) {
	k.fast = true
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// takeFast takes the tasks of fast streams out of the queue.
func (t *tasks) takeFast() map[stream]*task {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := map[stream]*task{}
	for s, k := range t.queue {
		if k.fast {
			taken[s] = k
			delete(t.queue, s)
		}
	}
	return taken
}

// dirty asks for the tiles over at to be made again, so that they hold what arrived by then.
func (t *tasks) dirty(s stream, at, arrived int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.of(s)
	if k == nil {
		return
	}
	bucket := floorTo(at, fineRawSpan)
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
	if rest.fast {
		t.hurry(k)
	}
	for bucket, arrived := range rest.dirty {
		if len(k.dirty) < maxDirty {
			k.dirty[bucket] = max(k.dirty[bucket], arrived)
		}
	}
}

// readyBuckets is how many buckets are made again at once: as many rows as sealing reads anyway.
const readyBuckets = 5 * sealRows

// ready takes out of a task buckets of a stream whose late events all arrived by cut.
func (k *task) ready(cut int64, h hotState) map[int64]bool {
	newest := map[int64]int64{}
	for at, arrived := range k.dirty {
		newest[h.bucket(at)] = max(newest[h.bucket(at)], arrived)
	}
	buckets := map[int64]bool{}
	for bucket, arrived := range newest {
		if arrived <= cut && len(buckets) < readyBuckets {
			buckets[bucket] = true
		}
	}
	maps.DeleteFunc(k.dirty, func(at, _ int64) bool { return buckets[h.bucket(at)] })
	return buckets
}
