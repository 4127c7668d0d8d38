// Command pubsub is a Pub/Sub on loopback for a test that is not written in Go: it makes every topic in the project test,
// prints its address, and ends when its standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	cloud, err := pixtest.Start(ctx, pixtest.Options{ProjectID: "test", PubSub: true})
	if err != nil {
		return err
	}
	defer func() { _ = cloud.Close() }()
	pubsub, err := bus.Open(ctx, bus.Config{ProjectID: cloud.ProjectID}, cloud.PubSubOptions()...)
	if err != nil {
		return err
	}
	defer func() { _ = pubsub.Close(ctx) }()
	for _, t := range event.Topics() {
		if err := pubsub.EnsureTopic(ctx, t.Name); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(out, cloud.PubSubEndpoint); err != nil {
		return fmt.Errorf("print the address: %w", err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("wait for the end of standard input: %w", err)
	}
	return nil
}
