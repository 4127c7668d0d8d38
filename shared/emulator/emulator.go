// Package emulator gives the client options of Google's services where an emulator stands in for them and the SDK does
// not see to it. PUBSUB_EMULATOR_HOST is the SDK's own business. The edges ask this package,
// so that the packages that own an SDK know of no emulator.
package emulator

import (
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// GRPC returns the options for a gRPC service of an emulator at host:port; none when that is empty.
func GRPC(hostPort string) []option.ClientOption {
	if hostPort == "" {
		return nil
	}
	return []option.ClientOption{
		option.WithEndpoint(hostPort), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Bigtable returns the options for a Bigtable emulator where BIGTABLE_EMULATOR_HOST names one. The SDK would dial it by
// itself, but without the options that the store dials with.
func Bigtable(getenv func(string) string) []option.ClientOption {
	address := getenv("BIGTABLE_EMULATOR_HOST")
	if address == "" {
		return nil
	}
	return append(GRPC(address), option.WithGRPCConn(nil))
}

// Storage returns the options for a Cloud Storage emulator where STORAGE_EMULATOR_HOST names one, which the SDK calls
// without being told but not without credentials, once a transport is given to it.
func Storage(getenv func(string) string) []option.ClientOption {
	if getenv("STORAGE_EMULATOR_HOST") == "" {
		return nil
	}
	return []option.ClientOption{option.WithoutAuthentication()}
}

// REST returns the options for a REST service of an emulator at a URL; none when that is empty.
func REST(url string) []option.ClientOption {
	if url == "" {
		return nil
	}
	return []option.ClientOption{option.WithEndpoint(url), option.WithoutAuthentication(), option.WithTelemetryDisabled()}
}
