package fault

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Injector holds the faults to inject and counts the calls. A method is named by its last part, such as "MutateRows";
// "*" is every method. All methods may be called at any time from any goroutine.
type Injector struct {
	mu      sync.Mutex
	calls   map[string]int
	lose    map[string]int
	refuse  map[string]refusal
	delays  map[string]time.Duration
	changed chan struct{} // closed and replaced when a count changes, for Await
}

// refusal refuses the next n calls with code; n < 0 is until Restore.
type refusal struct {
	code codes.Code
	n    int
}

// New returns an injector that injects nothing.
func New() *Injector {
	return &Injector{
		calls: map[string]int{}, lose: map[string]int{}, refuse: map[string]refusal{},
		delays: map[string]time.Duration{}, changed: make(chan struct{}),
	}
}

// LoseReply lets the server carry out the next n calls of the method, but the client gets Unavailable.
func (i *Injector) LoseReply(method string, n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lose[method] = n
}

// Refuse fails the next n calls of the method with the code, before the server sees them.
func (i *Injector) Refuse(method string, code codes.Code, n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuse[method] = refusal{code, n}
}

// Down makes the method unavailable, on open streams too, until Restore.
func (i *Injector) Down(method string) { i.Refuse(method, codes.Unavailable, -1) }

// Delay makes each call of the method, and each message a client sends on an open stream, slower by d.
func (i *Injector) Delay(method string, d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delays[method] = d
}

// Restore ends every fault of the method. Counts stay.
func (i *Injector) Restore(method string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.lose, method)
	delete(i.refuse, method)
	delete(i.delays, method)
}

// Calls returns how often the client tried the method, refused tries included. A message sent on an open bidirectional
// stream counts as one call; opening that stream does not.
func (i *Injector) Calls(method string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calls[method]
}

// Await blocks until the method was tried at least n times.
func (i *Injector) Await(ctx context.Context, method string, n int) error {
	for {
		i.mu.Lock()
		count, changed := i.calls[method], i.changed
		i.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ended(ctx)
		}
	}
}

// ClientOptions makes a cloud client go through the injector.
func (i *Injector) ClientOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(i.unary)),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(i.stream)),
	}
}

// enter counts a call, waits its delay and returns its refusal.
func (i *Injector) enter(ctx context.Context, method string) error {
	i.mu.Lock()
	i.calls[method]++
	i.calls["*"]++
	close(i.changed)
	i.changed = make(chan struct{})
	delay := max(i.delays[method], i.delays["*"])
	err := i.refusal(method)
	i.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ended(ctx)
		}
	}
	return err
}

// refusal takes one refusal of the method. Called with the lock held.
func (i *Injector) refusal(method string) error {
	for _, key := range []string{method, "*"} {
		r := i.refuse[key]
		if r.n == 0 {
			continue
		}
		if r.n > 0 {
			r.n--
			i.refuse[key] = r
		}
		return status.Errorf(r.code, "fault: refused")
	}
	return nil
}

// loses takes one lost reply of the method.
func (i *Injector) loses(method string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, key := range []string{method, "*"} {
		if i.lose[key] > 0 {
			i.lose[key]--
			return true
		}
	}
	return false
}

func errLost() error { return status.Errorf(codes.Unavailable, "fault: reply lost") }

// ended is the status of a context that has ended.
func ended(ctx context.Context) error {
	return status.Errorf(status.FromContextError(ctx.Err()).Code(), "fault: %v", ctx.Err())
}

//nolint:revive // the arguments are those of grpc.UnaryClientInterceptor
func (i *Injector) unary(ctx context.Context, full string, req, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	method := shortName(full)
	if err := i.enter(ctx, method); err != nil {
		return err
	}
	if err := invoke(ctx, full, req, reply, conn, options...); err != nil {
		return err
	}
	if i.loses(method) {
		return errLost()
	}
	return nil
}

func shortName(full string) string { return full[strings.LastIndexByte(full, '/')+1:] }
