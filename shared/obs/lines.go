package obs

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// LinesEvery is how long a line may wait for others.
	LinesEvery = 100 * time.Millisecond
	linesBytes = 32 << 10 // of lines that wait: some sixty payments, and half of what a pipe takes at once
)

// Lines gathers log lines and writes many at once: a call of the system for each payment would be half of what its line costs. A
// line waits LinesEvery at most, and a Logger has it written at once from a warning on. Where there is no more room lines are
// written on the way, in their order, and whoever logs waits for the writer as without Lines; while others write, there is
// room for as much again.
//
// What waits is lost when the process is killed or ends by a panic, and by nothing else: Close it last of all. It is safe for
// concurrent use.
type Lines struct {
	to io.Writer

	writing sync.Mutex // while lines are written; taken before mu

	mu     sync.Mutex
	held   []byte
	spare  []byte // of the two buffers the one that is not filled
	timer  *time.Timer
	closed bool
}

// NewLines returns Lines in front of a writer.
func NewLines(to io.Writer) *Lines {
	l := &Lines{to: to, held: make([]byte, 0, linesBytes), spare: make([]byte, 0, linesBytes)}
	l.timer = time.AfterFunc(LinesEvery, func() { _ = l.Flush() }) // nobody is there to hear of it
	return l
}

// Write takes one line, or several. It is an error of the writer's when one was met on the way.
func (l *Lines) Write(line []byte) (int, error) {
	if l.hold(line) {
		return len(line), nil
	}
	if err := l.write(line); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Flush writes what waits.
func (l *Lines) Flush() error { return l.write(nil) }

// Close writes what waits. Lines that come afterwards are written as they come.
func (l *Lines) Close() error {
	l.mu.Lock()
	l.closed = true
	l.timer.Stop()
	l.mu.Unlock()
	return l.Flush()
}

func (l *Lines) hold(line []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.held)+len(line) > linesBytes {
		return false
	}
	if len(l.held) == 0 {
		l.timer.Reset(LinesEvery)
	}
	l.held = append(l.held, line...)
	return true
}

// write writes what waits, and then a line that found no room.
func (l *Lines) write(line []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	out := l.held
	l.held = l.spare[:0]
	l.mu.Unlock()
	l.spare = out // it is filled again after this call alone: see writing
	var err error
	if len(out) > 0 {
		_, err = l.to.Write(out)
	}
	if len(line) > 0 {
		_, last := l.to.Write(line)
		err = errors.Join(err, last)
	}
	return err
}
