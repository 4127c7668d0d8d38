package dlq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

// bridgeConfig is what the bridge's process reads from its environment, as far as converting needs it.
type bridgeConfig struct {
	Bridge bridge.Config
	Keys   keyring.Config
}

// openBridge prepares the bridge's own conversion with the bridge's own variables.
func openBridge(ctx context.Context, getenv func(string) string, b *bus.Bus) (*bridge.Bridge, error) {
	var c bridgeConfig
	lookup := envconfig.LookuperFunc(func(name string) (string, bool) {
		v := getenv(name)
		return v, v != ""
	})
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &c, Lookuper: lookup}); err != nil {
		return nil, fmt.Errorf("-from-kafka: %w", err)
	}
	tokenizer, err := c.Keys.Tokenizer()
	if err != nil {
		return nil, fmt.Errorf("-from-kafka: %w", err)
	}
	c.Bridge.Replay = true
	again, err := bridge.New(c.Bridge, bridge.Deps{
		Bus: b, Tokenizer: tokenizer, Log: slog.New(slog.DiscardHandler), Registry: obs.NewRegistry(),
	})
	if err != nil {
		return nil, fmt.Errorf("-from-kafka: %w", err)
	}
	return again, nil
}

// errPublish marks what ends the run, unlike what one range alone has.
var errPublish = errors.New("publish")

// stretch replays a range that no letter named.
func (r *replayer) stretch(ctx context.Context, place bridge.Range) error {
	done, err := r.reread(ctx, r.options.stretch, place)
	if err == nil && !done {
		err = errLeft
	}
	return err
}

// reread publishes the payments of a range. It is done when every record was one: while one is refused, its letter stays.
func (r *replayer) reread(ctx context.Context, name string, place bridge.Range) (bool, error) {
	refused := 0
	err := r.kafka.Reread(ctx, place, func(offset int64, payment event.Envelope, why error) error {
		if why != nil {
			refused++
			fmt.Fprintf(r.log, "dlq: %s: offset %d would be refused again: %v\n", name, offset, why)
			return nil
		}
		if err := r.publish(ctx, event.TopicTransactions, payment); err != nil {
			return errors.Join(errPublish, err)
		}
		return nil
	})
	switch {
	case ctx.Err() != nil, errors.Is(err, errPublish):
		r.counts.Failed++
		return false, err
	case err != nil:
		r.counts.Failed++
		fmt.Fprintf(r.log, "dlq: %s: %v\n", name, err)
		return false, nil
	case refused > 0:
		r.counts.Refused++
		return false, nil
	}
	return true, nil
}
