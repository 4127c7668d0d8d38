// Package otlp is a receiver of OTLP over gRPC that keeps what it gets, made from the protocol's own definition: what a
// test sees of a service is what went over the wire to a collector.
package otlp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"

	metricservice "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traceservice "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Span is one span with the resource that sent it.
type Span struct {
	*trace.Span
	Resource map[string]string
}

// Service is the name of the service that sent it.
func (s Span) Service() string { return s.Resource["service.name"] }

// Attribute is a text attribute of the span, empty without it.
func (s Span) Attribute(name string) string { return texts(s.GetAttributes())[name] }

// Receiver receives until it is closed.
type Receiver struct {
	traceservice.UnimplementedTraceServiceServer

	server *grpc.Server
	served chan error
	url    string

	mu     sync.Mutex
	spans  []Span
	pushes []*metrics.ResourceMetrics
}

// metricServer keeps the two services apart: both call their method Export.
type metricServer struct {
	metricservice.UnimplementedMetricsServiceServer
	*Receiver
}

// Start listens on a free port of this machine.
func Start(ctx context.Context) (*Receiver, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start receiver: %w", err)
	}
	r := &Receiver{server: grpc.NewServer(), served: make(chan error, 1), url: "http://" + listener.Addr().String()}
	traceservice.RegisterTraceServiceServer(r.server, r)
	metricservice.RegisterMetricsServiceServer(r.server, metricServer{Receiver: r})
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// URL is what OTEL_EXPORTER_OTLP_ENDPOINT takes.
func (r *Receiver) URL() string { return r.url }

// Close ends the server.
func (r *Receiver) Close() error {
	r.server.Stop()
	if err := <-r.served; err != nil {
		return fmt.Errorf("close receiver: %w", err)
	}
	return nil
}

// Export implements the trace service.
func (r *Receiver) Export(_ context.Context, sent *traceservice.ExportTraceServiceRequest) (*traceservice.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, from := range sent.GetResourceSpans() {
		resource := texts(from.GetResource().GetAttributes())
		for _, scope := range from.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				r.spans = append(r.spans, Span{span, resource})
			}
		}
	}
	return &traceservice.ExportTraceServiceResponse{}, nil
}

// Export implements the metrics service.
func (m metricServer) Export(_ context.Context, sent *metricservice.ExportMetricsServiceRequest) (*metricservice.ExportMetricsServiceResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pushes = append(m.pushes, sent.GetResourceMetrics()...)
	return &metricservice.ExportMetricsServiceResponse{}, nil
}

// Spans returns what came so far, in the order in which it came.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// Pushes returns the metrics that came so far, a push each.
func (r *Receiver) Pushes() []*metrics.ResourceMetrics {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pushes)
}

// texts are attributes as texts.
func texts(attributes []*common.KeyValue) map[string]string {
	out := make(map[string]string, len(attributes))
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		default:
			out[a.GetKey()] = a.GetValue().String()
		}
	}
	return out
}
