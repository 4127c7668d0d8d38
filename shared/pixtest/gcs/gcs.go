package gcs

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// Start is the pixtest.Starter of an empty Cloud Storage fake. It sets StorageEndpoint.
func Start(_ context.Context, c *pixtest.Cloud) (pixtest.Stop, error) { return start(c, nil) }

// Seeded is the pixtest.Starter of a Cloud Storage fake whose bucket holds every file of a file system.
func Seeded(bucket string, files fs.FS) pixtest.Starter {
	return func(_ context.Context, c *pixtest.Cloud) (pixtest.Stop, error) {
		var objects []fakestorage.Object
		err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(files, name)
			if err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
			objects = append(objects, fakestorage.Object{
				ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name}, Content: content,
			})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read seed: %w", err)
		}
		return start(c, objects)
	}
}

func start(c *pixtest.Cloud, objects []fakestorage.Object) (pixtest.Stop, error) {
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1", // PublicHost: where object reads go
		InitialObjects: objects,
	})
	if err != nil {
		return nil, fmt.Errorf("new server: %w", err)
	}
	c.StorageEndpoint = server.URL()
	return func(context.Context) error { server.Stop(); return nil }, nil
}
