package pixtest

import (
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/emulator"
)

// PubSubOptions are the client options for Pub/Sub.
func (c *Cloud) PubSubOptions() []option.ClientOption { return emulator.GRPC(c.PubSubEndpoint) }

// BigtableOptions are the client options for Bigtable, data and admin.
func (c *Cloud) BigtableOptions() []option.ClientOption {
	return append(emulator.GRPC(c.BigtableEndpoint), option.WithGRPCConnectionPool(bigtableConnections))
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
