package identity

import (
	"context"
	"crypto"
	"errors"
	"sync"
	"time"
)

const (
	lookTimeout  = 5 * time.Second  // one look for the keys
	refreshEvery = 15 * time.Minute // a key that the issuer took back is refused after this time
	// restAfter is the least time between the end of one look and the next: whoever sends unknown keys causes no more.
	restAfter = 10 * time.Second
	// After a look that failed the pause is from one to the other, doubling.
	minRetry = time.Second
	maxRetry = 30 * time.Second
	// patience is how long a request waits for a look.
	patience = 2 * time.Second
)

var errNoKeysYet = errors.New("the issuer's keys have not been fetched")

// keys are the issuer's public keys by their names. One loop looks for them, so that there is one look at a time.
type keys struct {
	fetch  func(context.Context) (map[string]crypto.PublicKey, error)
	failed func(error)
	now    func() time.Time
	wanted chan struct{}

	mu      sync.Mutex
	byID    map[string]crypto.PublicKey
	changes int
	fetched time.Time     // by the latest look that succeeded, at first when waiting for one began
	err     error         // of the latest look
	resting bool          // no look may begin
	ended   chan struct{} // closed when the look that is under way, or begins next, has ended
}

func newKeys(fetch func(context.Context) (map[string]crypto.PublicKey, error), c *Config) *keys {
	return &keys{
		fetch: fetch, failed: c.KeysFailed, now: c.Now, fetched: c.Now(),
		wanted: make(chan struct{}, 1), err: errNoKeysYet, ended: make(chan struct{}),
	}
}

func (k *keys) run(ctx context.Context) {
	retry := minRetry
	for ctx.Err() == nil {
		rest, next := restAfter, refreshEvery
		if err := k.look(ctx); err != nil {
			if ctx.Err() == nil {
				k.failed(err)
			}
			rest, next = retry, retry
			retry = min(2*retry, maxRetry)
		} else {
			retry = minRetry
		}
		wait(ctx, rest, nil)
		k.wake()
		wait(ctx, next-rest, k.wanted)
	}
}

// wait waits for a time to pass, a hint, or the end, and reports whether it was the hint.
func wait(ctx context.Context, d time.Duration, hint <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-hint:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// look fetches the keys once. What was there before stays when that fails.
func (k *keys) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	found, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err = err; err == nil {
		k.byID, k.fetched = found, k.now()
		k.changes++
	}
	k.resting = true
	close(k.ended)
	k.ended = make(chan struct{})
	select {
	case <-k.wanted: // who asked during the look has its answer
	default:
	}
	return err
}

func (k *keys) wake() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.resting = false
}

// find returns a key and the version of the set that it is in. One that is not known is looked for, unless that was done a
// moment ago.
func (k *keys) find(ctx context.Context, id string) (crypto.PublicKey, int, *Refusal) {
	key, version, ended, refusal := k.peek(id)
	if ended == nil {
		return key, version, refusal
	}
	select {
	case k.wanted <- struct{}{}:
	default:
	}
	looked := wait(ctx, patience, ended)
	key, version, _, refusal = k.peek(id)
	if refusal != nil && refusal.Reason == UnknownKey {
		refusal.Passing = !looked
	}
	return key, version, refusal
}

// peek returns a key that is known, or why there is none, with what to wait for when a look may help.
func (k *keys) peek(id string) (key crypto.PublicKey, version int, ended <-chan struct{}, refusal *Refusal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.byID[id]; ok {
		return key, k.changes, nil, nil
	}
	if !k.resting {
		ended = k.ended
	}
	if k.err != nil {
		return nil, 0, ended, &Refusal{Reason: KeysUnavailable, Passing: true}
	}
	return nil, 0, ended, &Refusal{Reason: UnknownKey, Passing: true}
}

// version changes with every look that succeeded.
func (k *keys) version() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changes
}

func (k *keys) had() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.changes == 0 {
		return errNoKeysYet
	}
	return nil
}

func (k *keys) age() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now().Sub(k.fetched)
}

func (k *keys) state() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}
