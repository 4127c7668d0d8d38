package identity

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxKnown bounds the tokens that are remembered. Callers use one for up to an hour, so there are few at a time.
const maxKnown = 1024

// known remembers callers by tokens that were verified, until these expire or the issuer's keys are fetched again: what a
// signature costs is paid once a token. Only a caller's own token gets in, so nobody else can fill it.
type known struct {
	mu      sync.Mutex
	callers map[[sha256.Size]byte]acquaintance
}

type acquaintance struct {
	caller  Caller
	until   time.Time
	version int // of the keys
}

func (k *known) get(raw string, now time.Time, version int) (Caller, bool) {
	sum := sha256.Sum256([]byte(raw))
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.callers[sum]
	return a.caller, ok && a.version == version && !now.After(a.until)
}

func (k *known) add(raw string, c Caller, until time.Time, version int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.callers == nil || len(k.callers) >= maxKnown {
		k.callers = map[[sha256.Size]byte]acquaintance{}
	}
	k.callers[sha256.Sum256([]byte(raw))] = acquaintance{c, until, version}
}
