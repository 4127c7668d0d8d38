// Command pubsub is a Pub/Sub on loopback for a test that is not written in Go: it makes the topics that the bridge
// publishes to, prints its address, and ends when its standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sentinela-pix/sentinela/shared/event"
)

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	server := pstest.NewServerWithAddress("127.0.0.1:0")
	defer func() { _ = server.Close() }()
	for _, t := range event.Topics() {
		if _, err := server.GServer.CreateTopic(ctx, &pubsubpb.Topic{Name: "projects/test/topics/" + t.Name}); err != nil {
			return fmt.Errorf("create topic: %w", err)
		}
	}
	if _, err := fmt.Fprintln(out, server.Addr); err != nil {
		return fmt.Errorf("print the address: %w", err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("wait for the end of standard input: %w", err)
	}
	return nil
}
