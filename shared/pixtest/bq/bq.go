package bq

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/goccy/bigquery-emulator/server"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// Start is the pixtest.Starter of the BigQuery emulator. It sets BigQueryREST and BigQueryStorage.
func Start(ctx context.Context, c *pixtest.Cloud) (pixtest.Stop, error) {
	// Not server.MemoryStorage: that is one database for the whole process, and its Close leaves a goroutine behind.
	emulator, err := server.New(":memory:")
	if err != nil {
		return nil, fmt.Errorf("new server: %w", err)
	}
	if err := emulator.SetProject(c.ProjectID); err != nil {
		return nil, errors.Join(fmt.Errorf("set project: %w", err), emulator.Close())
	}
	listening := make(chan struct{})
	emulator.SetListenCallback(func(rest, storage string) {
		c.BigQueryREST, c.BigQueryStorage = "http://"+rest, storage
		close(listening)
	})
	served := make(chan error, 1)
	go func() { served <- emulator.Serve(context.WithoutCancel(ctx), "127.0.0.1:0", "127.0.0.1:0") }()
	select {
	case <-listening:
	case err := <-served:
		return nil, errors.Join(fmt.Errorf("serve: %w", err), emulator.Close())
	}
	return func(ctx context.Context) error { return stop(ctx, emulator, served) }, nil
}

// stop ends the emulator. Its graceful stop of gRPC has no deadline of its own and waits for open append streams.
func stop(ctx context.Context, emulator *server.Server, served <-chan error) error {
	stopped := make(chan error, 1)
	go func() { stopped <- emulator.Stop(ctx) }()
	select {
	case err := <-stopped:
		if err != nil {
			return fmt.Errorf("stop: %w", err)
		}
	case <-ctx.Done():
		return fmt.Errorf("stop: a client is still connected: %w", ctx.Err())
	}
	if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
