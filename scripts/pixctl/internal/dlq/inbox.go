package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/bus"
)

// letters is the part of the bus that reads.
type letters interface {
	Pull(ctx context.Context, subscription string, most int) ([]bus.Received, error)
	Hold(ctx context.Context, subscription string, ackIDs []string, d time.Duration) error
	Acknowledge(ctx context.Context, subscription string, ackIDs []string) error
}

// errEnough ends reading without a failure.
var errEnough = errors.New("enough")

const (
	pullTimeout     = 10 * time.Second
	pause           = 200 * time.Millisecond // between pulls that gave nothing
	perPull         = 100                    // letters
	giveBackTimeout = 10 * time.Second       // also after an interruption
)

// inbox reads a subscription.
type inbox struct {
	from         letters
	subscription string
	wait         time.Duration // reading ends when nothing came for so long
}

// each gives every letter to visit once. A letter for which visit says done is acknowledged at once; the others are held
// until the end and then given back, also when reading failed or was interrupted. errEnough from visit ends reading.
func (in *inbox) each(ctx context.Context, visit func(*letter) (done bool, err error)) (err error) {
	var held []string
	defer func() {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
		defer cancel()
		if failed := in.from.Hold(back, in.subscription, held, 0); failed != nil {
			err = errors.Join(err, fmt.Errorf("give letters back, they come again within %v: %w", bus.MaxHold, failed))
		}
	}()
	seen := map[string]bool{}
	for quiet := time.Now(); time.Since(quiet) < in.wait; {
		batch, err := in.pull(ctx)
		if err != nil {
			return fmt.Errorf("read letters: %w", err)
		}
		for _, m := range batch {
			held = append(held, m.AckID)
		}
		if err := in.from.Hold(ctx, in.subscription, held[len(held)-len(batch):], bus.MaxHold); err != nil {
			return fmt.Errorf("hold letters: %w", err)
		}
		for _, m := range batch {
			if seen[m.ID] { // a second delivery; when all are, reading ends as if nothing came
				continue
			}
			seen[m.ID] = true
			if err := in.one(ctx, m, visit); errors.Is(err, errEnough) {
				return nil
			} else if err != nil {
				return err
			}
			quiet = time.Now()
		}
	}
	return nil
}

// one has a letter visited, and acknowledges it when it is done.
func (in *inbox) one(ctx context.Context, m bus.Received, visit func(*letter) (bool, error)) error {
	done, err := visit(read(m))
	if done {
		err = errors.Join(err, in.from.Acknowledge(ctx, in.subscription, []string{m.AckID}))
	}
	return err
}

// pull asks once, and pauses where there was nothing. A subscription that does not answer is an error: it must not look like
// one without letters.
func (in *inbox) pull(ctx context.Context) ([]bus.Received, error) {
	pulling, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	batch, err := in.from.Pull(pulling, in.subscription, perPull)
	if err == nil && len(batch) == 0 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return batch, err //nolint:wrapcheck // the caller says what was read
}
