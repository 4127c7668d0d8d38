package bq

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/goccy/bigquery-emulator/server"
	_ "github.com/ncruces/go-sqlite3/vfs/memdb" // the only in-memory database that all connections of a pool share
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// instance is one running emulator with its front.
type instance struct {
	emulator *server.Server
	served   chan error // from the emulator's Serve
	engine   *engine    // the front's, for what the emulator's Read API cannot
	rows     *inserter  // the front's, for what its Write API does slowly
	conn     *grpc.ClientConn
	front    *grpc.Server
	fronted  chan error // from the front's Serve
}

// Start is the pixtest.Starter of the BigQuery emulator. It sets BigQueryREST and BigQueryStorage.
func Start(ctx context.Context, c *pixtest.Cloud) (pixtest.Stop, error) {
	i, err := start(ctx, c)
	if err != nil {
		return nil, err
	}
	return i.stop, nil
}

func start(ctx context.Context, c *pixtest.Cloud) (*instance, error) {
	// Of the emulator's own in-memory storage each pooled connection sees another database. Transactions take their
	// lock at once: two that read first and write later would refuse each other. Sorts have 32 MB before they spill. The
	// driver's own time-out, a minute, is none where a pragma is given.
	name := "file:/" + rand.Text() + ".db?vfs=memdb&_txlock=immediate&_pragma=busy_timeout(60000)&_pragma=cache_size(-32768)"
	emulator, err := server.New(server.Storage(name))
	if err != nil {
		return nil, fmt.Errorf("new server: %w", err)
	}
	if err := emulator.SetProject(c.ProjectID); err != nil {
		return nil, errors.Join(fmt.Errorf("set project: %w", err), emulator.Close())
	}
	emulator.Handler = queryErrors(emulator.Handler)
	rows, err := openInserter(name)
	if err != nil {
		return nil, errors.Join(err, emulator.Close())
	}
	engine, err := openEngine(name)
	if err != nil {
		return nil, errors.Join(err, rows.close(), emulator.Close())
	}
	i := &instance{
		emulator: emulator, engine: engine, rows: rows, served: make(chan error, 1), fronted: make(chan error, 1),
	}
	rest, storage, err := i.serve(context.WithoutCancel(ctx))
	if err != nil {
		return nil, errors.Join(err, engine.db.Close(), rows.close(), emulator.Close())
	}
	c.BigQueryREST = "http://" + rest
	if c.BigQueryStorage, err = i.serveFront(ctx, storage); err != nil {
		return nil, errors.Join(err, i.stop(ctx))
	}
	return i, nil
}

// serve starts the emulator and returns the addresses it listens on.
func (i *instance) serve(ctx context.Context) (rest, storage string, err error) {
	listening := make(chan struct{})
	i.emulator.SetListenCallback(func(restAddress, storageAddress string) {
		rest, storage = restAddress, storageAddress
		close(listening)
	})
	go func() { i.served <- i.emulator.Serve(ctx, "127.0.0.1:0", "127.0.0.1:0") }()
	select {
	case <-listening:
		return rest, storage, nil
	case err := <-i.served:
		return "", "", fmt.Errorf("serve: %w", err)
	}
}

// serveFront starts the front before the emulator's Storage service and returns its address.
func (i *instance) serveFront(ctx context.Context, storage string) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	conn, err := grpc.NewClient(storage, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", errors.Join(fmt.Errorf("connect: %w", err), listener.Close())
	}
	i.conn, i.front = conn, grpc.NewServer(grpc.MaxRecvMsgSize(maxRequestBytes))
	f := &front{write: storagepb.NewBigQueryWriteClient(conn), read: storagepb.NewBigQueryReadClient(conn), engine: i.engine, rows: i.rows}
	storagepb.RegisterBigQueryWriteServer(i.front, f)
	storagepb.RegisterBigQueryReadServer(i.front, f)
	go func() { i.fronted <- i.front.Serve(listener) }()
	return listener.Addr().String(), nil
}

// stop ends the front first, which cuts the open append streams: the emulator's graceful stop would wait for them
// without a deadline.
func (i *instance) stop(ctx context.Context) error {
	var failures []error
	if i.front != nil {
		i.front.Stop()
		failures = append(failures, <-i.fronted, i.conn.Close())
	}
	failures = append(failures, i.engine.db.Close(), i.rows.close())
	stopped := make(chan error, 1)
	go func() { stopped <- i.emulator.Stop(ctx) }()
	select {
	case err := <-stopped:
		failures = append(failures, err)
	case <-ctx.Done():
		return fmt.Errorf("stop: %w", ctx.Err())
	}
	if err := <-i.served; !errors.Is(err, http.ErrServerClosed) {
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
