package pixtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/shared/pixtest/loopback"
)

// maxBatchBytes bounds what one pull of a push dispatcher may return.
const maxBatchBytes = 1 << 30

func startPubSub(inProcess bool) Starter {
	return func(_ context.Context, c *Cloud) (Stop, error) {
		server := pstest.NewServerWithAddress("127.0.0.1:0")
		if inProcess {
			c.pubsub = loopback.New(nil, nil)
			pubsubpb.RegisterPublisherServer(c.pubsub, &server.GServer)
			pubsubpb.RegisterSubscriberServer(c.pubsub, &server.GServer)
		}
		conn, err := grpc.NewClient(server.Addr, append(direct(c.pubsub), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxBatchBytes)))...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect: %w", err), server.Close())
		}
		c.PubSubEndpoint, c.pubsubConn = server.Addr, conn
		stop := every(forgetEvery, forget(server))
		return func(context.Context) error {
			stop()
			err := errors.Join(conn.Close(), server.Close())
			server.Wait()
			return err
		}, nil
	}
}

// direct are the options of a connection whose calls l takes, none where l is nil.
func direct(l *loopback.Loopback) []grpc.DialOption {
	if l == nil {
		return nil
	}
	return l.DialOptions()
}

// forget lets go of what published messages carried, each time of those since the last. The test server remembers every
// message for tests that ask what was published; a subscription has its own until it is acknowledged. What stays of a
// message is some 300 bytes.
func forget(server *pstest.Server) func() {
	next := 0
	return func() {
		for m := server.Message(messageID(next)); m != nil; m = server.Message(messageID(next)) {
			m.Data, m.Attributes, m.OrderingKey, m.Topic = nil, nil, "", ""
			next++
		}
	}
}

// messageID is the test server's id of its n-th message.
func messageID(n int) string { return "m" + strconv.Itoa(n) }
