package upgrade_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// storage is BigQuery's Storage Write API before tables of a schema: it refuses a writer of columns that the table lacks, one
// that leaves out a required column, and one that means another type. It keeps the rows. The emulator does that too, and an SQL
// engine besides that takes minutes to compile.
type storage struct {
	storagepb.UnimplementedBigQueryWriteServer
	address string

	mu      sync.Mutex
	tables  map[string]protoreflect.MessageDescriptor
	rows    map[string]map[string][]row // by table and EndToEndId, in the order in which they came
	refused map[string]int              // appends, by table
}

// row is what a row says, by column.
type row map[string]json.RawMessage

func startStorage(t *testing.T) *storage {
	t.Helper()
	s := &storage{rows: map[string]map[string][]row{}, refused: map[string]int{}}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	server := grpc.NewServer(grpc.MaxRecvMsgSize(32 << 20))
	storagepb.RegisterBigQueryWriteServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return s
}

// alter gives the tables the schema of a version, as Terraform does: by its files.
func (s *storage) alter(t *testing.T, v *version) {
	t.Helper()
	tables := map[string]protoreflect.MessageDescriptor{}
	for _, name := range warehouse.Tables() {
		text, err := os.ReadFile(filepath.Join(v.schema(), name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		schema, err := bigquery.SchemaFromJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := adapt.BQSchemaToStorageTableSchema(schema)
		if err != nil {
			t.Fatal(err)
		}
		found, err := adapt.StorageSchemaToProto2Descriptor(stored, name)
		if err != nil {
			t.Fatal(err)
		}
		tables[name] = found.(protoreflect.MessageDescriptor)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, was := range s.tables {
		for i := range was.Fields().Len() {
			column := was.Fields().Get(i)
			if tables[name].Fields().ByName(column.Name()) == nil {
				t.Errorf("%s.%s would be dropped", name, column.Name())
			}
		}
		for i := range tables[name].Fields().Len() {
			column := tables[name].Fields().Get(i)
			if was.Fields().ByName(column.Name()) == nil && column.Cardinality() == protoreflect.Required {
				t.Errorf("%s.%s would be added as required, which BigQuery refuses", name, column.Name())
			}
		}
	}
	s.tables = tables
}

// GetWriteStream answers a client that opens the default stream.
func (s *storage) GetWriteStream(_ context.Context, r *storagepb.GetWriteStreamRequest) (*storagepb.WriteStream, error) {
	return &storagepb.WriteStream{Name: r.GetName(), Type: storagepb.WriteStream_COMMITTED}, nil
}

// AppendRows takes the appends of one connection. Stream and schema come with the first and with whatever changes them.
func (s *storage) AppendRows(stream storagepb.BigQueryWrite_AppendRowsServer) error {
	var table string
	var writer *descriptorpb.DescriptorProto
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		if name := request.GetWriteStream(); name != "" {
			_, table, _ = strings.Cut(name, "/tables/")
			table, _, _ = strings.Cut(table, "/")
		}
		if schema := request.GetProtoRows().GetWriterSchema().GetProtoDescriptor(); schema != nil {
			writer = schema
		}
		answer := &storagepb.AppendRowsResponse{Response: &storagepb.AppendRowsResponse_AppendResult_{
			AppendResult: &storagepb.AppendRowsResponse_AppendResult{Offset: wrapperspb.Int64(0)},
		}}
		if err := s.take(table, writer, request.GetProtoRows().GetRows().GetSerializedRows()); err != nil {
			answer.Response = &storagepb.AppendRowsResponse_Error{Error: &spb.Status{
				Code: int32(codes.InvalidArgument), Message: err.Error(),
			}}
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// take keeps the rows of an append, all or none.
func (s *storage) take(table string, writer *descriptorpb.DescriptorProto, data [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, err := decode(s.tables[table], writer, data)
	if err != nil {
		s.refused[table]++
		return err
	}
	if s.rows[table] == nil {
		s.rows[table] = map[string][]row{}
	}
	for _, r := range rows {
		id := r.text("end_to_end_id")
		s.rows[table][id] = append(s.rows[table][id], r)
	}
	return nil
}

func decode(table protoreflect.MessageDescriptor, writer *descriptorpb.DescriptorProto, data [][]byte) ([]row, error) {
	if table == nil || writer == nil {
		return nil, fmt.Errorf("no such table, or no schema")
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("row.proto"), Syntax: proto.String("proto2"), MessageType: []*descriptorpb.DescriptorProto{writer},
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("writer schema: %w", err)
	}
	kind := file.Messages().Get(0)
	if err := agree(table, kind); err != nil {
		return nil, err
	}
	var rows []row
	for _, one := range data {
		m := dynamicpb.NewMessage(kind)
		if err := proto.Unmarshal(one, m); err != nil {
			return nil, fmt.Errorf("row: %w", err)
		}
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("row: %w", err)
		}
		var r row
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("row: %w", err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// agree holds a writer's schema against a table's.
func agree(table, writer protoreflect.MessageDescriptor) error {
	for i := range writer.Fields().Len() {
		field := writer.Fields().Get(i)
		column := table.Fields().ByName(field.Name())
		switch {
		case column == nil:
			return fmt.Errorf("SCHEMA_MISMATCH_EXTRA_FIELDS: %s has no %s", table.Name(), field.Name())
		case column.Kind() != field.Kind() || column.IsList() != field.IsList():
			return fmt.Errorf("%s.%s is of another type", table.Name(), field.Name())
		case column.Message() != nil:
			if err := agree(column.Message(), field.Message()); err != nil {
				return err
			}
		}
	}
	for i := range table.Fields().Len() {
		column := table.Fields().Get(i)
		if column.Cardinality() == protoreflect.Required && writer.Fields().ByName(column.Name()) == nil {
			return fmt.Errorf("%s.%s is required", table.Name(), column.Name())
		}
	}
	return nil
}

// text is what a column says, empty for NULL.
func (r row) text(column string) string {
	var s string
	_ = json.Unmarshal(r[column], &s)
	return s
}

// count is how many payments have a row in a table.
func (s *storage) count(table string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows[table])
}

// turnedAway is how many appends to a table were refused.
func (s *storage) turnedAway(table string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[table]
}
