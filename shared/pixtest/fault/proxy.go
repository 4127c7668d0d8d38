package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Loss is how a Proxy breaks connections. Neither way closes anything: the client is told nothing.
type Loss int

const (
	// Swallow is a network that loses every packet: what the client sends is never taken.
	Swallow Loss = iota + 1
	// Deaf is a far end that takes every byte and answers nothing.
	Deaf
)

// Proxy stands between a client and a server as the network does and breaks connections without a word. All methods may
// be called at any time from any goroutine.
type Proxy struct {
	target   string
	listener net.Listener
	work     sync.WaitGroup
	stop     context.CancelFunc

	mu       sync.Mutex
	links    map[*link]struct{}
	arriving Loss // what happens to new connections
	opened   int
}

// NewProxy listens on a free port and passes connections on to target. Close it before the server.
func NewProxy(target string) (*Proxy, error) {
	life, stop := context.WithCancel(context.Background())
	listener, err := new(net.ListenConfig).Listen(life, "tcp", "127.0.0.1:0")
	if err != nil {
		stop()
		return nil, fmt.Errorf("fault: listen: %w", err)
	}
	p := &Proxy{target: target, listener: listener, links: map[*link]struct{}{}, stop: stop}
	p.work.Go(func() { p.accept(life) })
	return p, nil
}

// Addr is the endpoint for the client.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Opened returns how many connections were opened since the beginning.
func (p *Proxy) Opened() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened
}

// Break breaks the connections that are open now, for good. New ones work.
func (p *Proxy) Break(l Loss) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for link := range p.links {
		link.lose(l)
	}
}

// Isolate breaks the connections that are open now and those that are opened until Heal.
func (p *Proxy) Isolate(l Loss) {
	p.mu.Lock()
	p.arriving = l
	p.mu.Unlock()
	p.Break(l)
}

// Heal lets new connections work. Broken ones stay broken.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arriving = 0
}

// Reset closes the connections that are open now, as a far end does that has been started again.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for link := range p.links {
		link.close()
	}
}

// Close closes every connection and waits for them.
func (p *Proxy) Close() error {
	p.stop()
	err := p.listener.Close()
	p.Reset()
	p.work.Wait()
	if err != nil {
		return fmt.Errorf("fault: close: %w", err)
	}
	return nil
}

func (p *Proxy) accept(life context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.open(life, client)
	}
}

func (p *Proxy) open(life context.Context, client net.Conn) {
	server, err := new(net.Dialer).DialContext(life, "tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server, lost: make(chan struct{}), ended: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened++
	if life.Err() != nil {
		l.close()
		return
	}
	p.links[l] = struct{}{}
	if p.arriving != 0 {
		l.lose(p.arriving)
	}
	p.work.Go(func() {
		l.run()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	once, closing  sync.Once
	loss           Loss
	lost           chan struct{} // closed when nothing passes any more
	ended          chan struct{} // closed by close
}

func (l *link) lose(kind Loss) {
	l.once.Do(func() {
		l.loss = kind
		close(l.lost)
	})
}

func (l *link) close() {
	l.closing.Do(func() {
		close(l.ended)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

// run passes bytes until either end closes.
func (l *link) run() {
	var both sync.WaitGroup
	both.Go(func() { l.pass(l.client, l.server) })
	both.Go(func() { l.pass(l.server, l.client) })
	both.Wait()
}

// pass copies one direction. When the link is lost, a deaf one goes on reading the client; nothing else is read.
func (l *link) pass(from, to net.Conn) {
	defer l.close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-l.lost:
			if l.loss == Deaf && from == l.client && err == nil {
				continue
			}
			l.linger(err)
			return
		default:
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// linger keeps a lost link open until the proxy closes or, as far as the link notices, its client does.
func (l *link) linger(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return
	}
	<-l.ended
}
