package identity

import (
	"context"
	"crypto"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// script is an issuer's side in virtual time.
type script struct {
	mu    sync.Mutex // of what a test changes while the loop runs
	keys  map[string]crypto.PublicKey
	err   error
	takes time.Duration
	looks int
	begun time.Time
}

func (s *script) fetch(ctx context.Context) (map[string]crypto.PublicKey, error) {
	s.mu.Lock()
	s.looks++
	s.mu.Unlock()
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.err
}

// set changes what the issuer answers from now on.
func (s *script) set(keys map[string]crypto.PublicKey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.err = keys, err
}

func (s *script) looked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

// looking runs the loop over a script until the test's end.
func looking(t *testing.T, s *script) *keys {
	t.Helper()
	s.begun = time.Now()
	k := newKeys(s.fetch, &Config{KeysFailed: func(error) {}, Now: time.Now})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); k.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return k
}

func one(id string) map[string]crypto.PublicKey { return map[string]crypto.PublicKey{id: id} }

// refused finds a key that must not be found.
func refused(t *testing.T, k *keys, id string) Refusal {
	t.Helper()
	_, _, refusal := k.find(t.Context(), id)
	if refusal == nil {
		t.Fatalf("%s is a key", id)
	}
	return *refusal
}

func TestAFloodOfUnknownKeysCausesFewLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{keys: one("a"), takes: 100 * time.Millisecond}
		k := looking(t, s)
		end := time.Now().Add(time.Minute)
		for time.Now().Before(end) {
			if r := refused(t, k, "unknown"); r.Reason != UnknownKey {
				t.Fatalf("%+v", r)
			}
			time.Sleep(time.Millisecond)
		}
		if n := s.looked(); n > 7 {
			t.Errorf("%d looks in a minute", n)
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{keys: one("a")}
		k := looking(t, s)
		if _, _, refusal := k.find(t.Context(), "a"); refusal != nil {
			t.Fatal(refusal)
		}
		s.set(map[string]crypto.PublicKey{"a": 1, "b": 2}, nil)
		// A moment after a look nobody knows whether the key is new: the token may come again.
		if r := refused(t, k, "b"); !r.Passing {
			t.Errorf("%+v", r)
		}
		time.Sleep(restAfter + time.Second)
		if _, _, refusal := k.find(t.Context(), "b"); refusal != nil {
			t.Errorf("the new key is not found: %v", refusal)
		}
		time.Sleep(restAfter + time.Second)
		if r := refused(t, k, "c"); r.Passing {
			t.Error("a key that was looked for may come again")
		}
		s.set(one("b"), nil)
		time.Sleep(refreshEvery + time.Second)
		if r := refused(t, k, "a"); r.Reason != UnknownKey {
			t.Errorf("a key that was taken back: %+v", r)
		}
	})
}

// TestIssuerAway: what is known goes on serving, what is not is a passing fault, and it heals.
func TestIssuerAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{err: errors.New("away")}
		k := looking(t, s)
		if r := refused(t, k, "a"); r != (Refusal{Reason: KeysUnavailable, Passing: true}) || k.had() == nil {
			t.Errorf("before any look succeeded: %+v", r)
		}
		if age := k.age(); age != time.Since(s.begun) {
			t.Errorf("no keys for %v", age)
		}
		s.set(one("a"), nil)
		time.Sleep(maxRetry)
		if _, _, refusal := k.find(t.Context(), "a"); refusal != nil || k.had() != nil || k.state() != nil {
			t.Fatalf("%v after the issuer came back", refusal)
		}
		if age := k.age(); age > refreshEvery {
			t.Errorf("keys of %v ago from an issuer that is there", age)
		}
		s.set(nil, errors.New("away"))
		time.Sleep(24 * time.Hour)
		if age := k.age(); age < 24*time.Hour || age > 24*time.Hour+refreshEvery {
			t.Errorf("keys of %v ago after a day", age)
		}
		if _, _, refusal := k.find(t.Context(), "a"); refusal != nil || k.had() != nil || k.state() == nil {
			t.Errorf("%v while the issuer is away", refusal)
		}
		if r := refused(t, k, "b"); r != (Refusal{Reason: KeysUnavailable, Passing: true}) {
			t.Errorf("an unknown key while the issuer is away: %+v", r)
		}
		if n := s.looked(); n > 24*60*2+200 {
			t.Errorf("%d looks in a day", n)
		}
	})
}

// TestSilentIssuer: a request waits no longer than it may, and a look ends.
func TestSilentIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := looking(t, &script{takes: time.Hour})
		began := time.Now()
		if r := refused(t, k, "a"); r != (Refusal{Reason: KeysUnavailable, Passing: true}) || time.Since(began) > 3*time.Second {
			t.Errorf("%+v after %s", r, time.Since(began))
		}
		time.Sleep(lookTimeout)
		if err := k.state(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the look has not ended: %v", err)
		}
	})
}

// TestFewTokensAreRemembered until they expire, and as long as the keys stand.
func TestFewTokensAreRemembered(t *testing.T) {
	t.Parallel()
	var k known
	now := time.Now()
	for n := range 3 * maxKnown {
		k.add(string(rune(n)), Caller{Subject: "s"}, now, 1)
	}
	if len(k.callers) > maxKnown {
		t.Errorf("%d are remembered", len(k.callers))
	}
	k.add("x", Caller{Subject: "s"}, now, 1)
	for name, c := range map[string]struct {
		raw     string
		at      time.Time
		version int
		want    bool
	}{
		"at its end": {"x", now, 1, true}, "after it": {"x", now.Add(1), 1, false},
		"with other keys": {"x", now, 2, false}, "another": {"y", now, 1, false},
	} {
		if _, ok := k.get(c.raw, c.at, c.version); ok != c.want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}
