package warehouse

import (
	"context"
	"fmt"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// EmulatorOptions are the options of Open for the storage service of a BigQuery emulator at host:port, the value of
// BIGQUERY_STORAGE_EMULATOR_HOST.
func EmulatorOptions(hostPort string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(hostPort), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(nameStream)),
	}
}

// nameStream repeats the stream's name in every request. The client names it in the first request of a connection only,
// as the protocol has it, and bigquery-emulator 0.8.1 then writes to whichever table's stream it finds first.
func nameStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	return &namedStream{ClientStream: stream}, nil
}

type namedStream struct {
	grpc.ClientStream
	name string
}

// SendMsg adds the name of the connection's first request to the later ones.
func (s *namedStream) SendMsg(m any) error {
	if request, ok := m.(*storagepb.AppendRowsRequest); ok {
		if request.WriteStream == "" {
			request.WriteStream = s.name
		}
		s.name = request.WriteStream
	}
	return s.ClientStream.SendMsg(m) //nolint:wrapcheck // gRPC compares its errors by identity
}
