package gcs

import (
	"context"
	"fmt"
	"io/fs"
	"net/http/httptest"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// Start is the pixtest.Starter of an empty Cloud Storage fake. It sets StorageEndpoint.
func Start(_ context.Context, c *pixtest.Cloud) (pixtest.Stop, error) {
	return start(c, nil, &Faults{})
}

// Seeded is the pixtest.Starter of a Cloud Storage fake whose bucket holds every file of a file system.
func Seeded(bucket string, files fs.FS) pixtest.Starter { return Faulty(bucket, files, &Faults{}) }

// Faulty is Seeded with faults that a test turns on and off.
func Faulty(bucket string, files fs.FS, faults *Faults) pixtest.Starter {
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
		return start(c, objects, faults)
	}
}

func start(c *pixtest.Cloud, objects []fakestorage.Object, faults *Faults) (pixtest.Stop, error) {
	front := httptest.NewUnstartedServer(nil)
	url := "http://" + front.Listener.Addr().String()
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, Scheme: "http", ExternalURL: url, PublicHost: "127.0.0.1", // PublicHost: where object reads go
		InitialObjects: objects,
	})
	if err != nil {
		front.Close()
		return nil, fmt.Errorf("new server: %w", err)
	}
	front.Config.Handler = faults.front(fake.HTTPHandler())
	front.Start()
	c.StorageEndpoint = url
	return func(context.Context) error {
		faults.SetSilent(false)
		front.Close()
		fake.Stop()
		return nil
	}, nil
}
