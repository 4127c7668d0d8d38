package memory

import "github.com/sentinela-pix/sentinela/shared/feature"

// archive keeps the first-ever facts of entities of which nothing else is left, by 64 bits of entity and family: the one
// thing that grows with everything ever seen. Among 10⁷ entities a new one is taken for a known one with probability
// 5·10⁻¹³.
type archive map[uint64]int64

// archived stands for the EndToEndId of a first event that is older than any payment that could still ask for it.
const archived = "archived"

func families() [3]string { return [3]string{feature.FamilyOut, feature.FamilyIn, feature.FamilyUse} }

func archiveKey(name, family string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, part := range [...]string{name, family} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
	}
	return h
}

func (a archive) put(name string, firsts feature.Firsts) {
	for _, family := range families() {
		if f := firsts.Of(family); !f.IsZero() {
			a[archiveKey(name, family)] = f.At
		}
	}
}

// look returns what is known of an entity.
func (a archive) look(name string) feature.Firsts {
	var firsts feature.Firsts
	if len(a) == 0 || name == "" {
		return firsts
	}
	for _, family := range families() {
		if at, known := a[archiveKey(name, family)]; known {
			*firsts.Of(family) = feature.First{At: at, ID: archived}
		}
	}
	return firsts
}

// take returns what is known of an entity and forgets it: its row keeps it from now on.
func (a archive) take(name string) feature.Firsts {
	firsts := a.look(name)
	for _, family := range families() {
		if !firsts.Of(family).IsZero() {
			delete(a, archiveKey(name, family))
		}
	}
	return firsts
}

// Archived is how many first-ever facts are kept of streams without live events.
func (s *Store) Archived() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.archive)
}
