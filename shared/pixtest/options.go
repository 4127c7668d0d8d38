package pixtest

import (
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/pixtest/loopback"
)

// PubSubOptions are the client options for Pub/Sub. They come after others that intercept calls.
func (c *Cloud) PubSubOptions() []option.ClientOption { return reach(c.PubSubEndpoint, c.pubsub) }

// reach leads a client to a server, past its connection where that is possible.
func reach(endpoint string, l *loopback.Loopback) []option.ClientOption {
	options := emulator.GRPC(endpoint)
	if l != nil {
		options = append(options, l.Options()...)
	}
	return options
}

// BigtableOptions are the client options for Bigtable, data and admin. They come after others that intercept calls.
func (c *Cloud) BigtableOptions() []option.ClientOption {
	return append(reach(c.BigtableEndpoint, c.bigtable), option.WithGRPCConnectionPool(bigtableConnections))
}

// bigtableConnections is enough for a server in the same process; the client's default pool costs half as much CPU again.
const bigtableConnections = 2

// BigQueryOptions are the client options for BigQuery's REST API.
func (c *Cloud) BigQueryOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(c.BigQueryREST), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
	}
}

// BigQueryStorageOptions are the client options for the BigQuery Storage API (managedwriter).
func (c *Cloud) BigQueryStorageOptions() []option.ClientOption {
	return emulator.GRPC(c.BigQueryStorage)
}

// StorageOptions are the client options for Cloud Storage.
func (c *Cloud) StorageOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(c.StorageEndpoint + "/storage/v1/"), option.WithoutAuthentication(),
		option.WithTelemetryDisabled(),
	}
}
