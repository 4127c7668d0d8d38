package push

import (
	"container/list"
	"sync"
)

// rememberedPanics bounds the messages whose panics are counted. The one that panicked longest ago is forgotten first: it
// then starts from nothing, and dies by its age at the latest.
const rememberedPanics = 1000

// panics counts the panics of single messages in this process. Nobody else does: a subscription without a dead-letter
// policy counts no attempts, and a count that a sender states could kill a message at once.
type panics struct {
	mu    sync.Mutex
	byID  map[string]*list.Element
	order *list.List // of *panicked, the latest first
}

type panicked struct {
	id    string
	times int
}

func newPanics() *panics { return &panics{byID: map[string]*list.Element{}, order: list.New()} }

// add counts a panic of a message and returns how many it has had.
func (p *panics) add(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.byID[id]; e != nil {
		p.order.MoveToFront(e)
		if v, ok := e.Value.(*panicked); ok {
			v.times++
			return v.times
		}
	}
	p.byID[id] = p.order.PushFront(&panicked{id: id, times: 1})
	if p.order.Len() > rememberedPanics {
		p.drop(p.order.Back())
	}
	return 1
}

// forget drops the count of a message that is done.
func (p *panics) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.byID[id]; e != nil {
		p.drop(e)
	}
}

func (p *panics) drop(e *list.Element) {
	if v, ok := p.order.Remove(e).(*panicked); ok {
		delete(p.byID, v.id)
	}
}
