package gcs

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// Start is the pixtest.Starter of the Cloud Storage fake. It sets StorageEndpoint.
func Start(_ context.Context, c *pixtest.Cloud) (pixtest.Stop, error) {
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1", // PublicHost: where object reads go
	})
	if err != nil {
		return nil, fmt.Errorf("new server: %w", err)
	}
	c.StorageEndpoint = server.URL()
	return func(context.Context) error { server.Stop(); return nil }, nil
}
