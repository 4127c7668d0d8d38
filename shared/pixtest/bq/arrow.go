package bq

import (
	"bytes"
	"encoding/binary"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
)

// BigQuery sends the messages of an Arrow stream one by one, the schema with the session and each batch of rows alone. The
// emulator sends a whole stream each time, schema and end included, which clients refuse.

// arrowPrefix is a message's continuation mark and the length of its metadata, four bytes each.
const arrowPrefix = 8

// arrowEnd is the end of an Arrow stream.
const arrowEnd = "\xff\xff\xff\xff\x00\x00\x00\x00"

// splitArrow parts a stream into its schema and the rest without the end. A schema has no body behind its metadata.
func splitArrow(stream []byte) (schema, rest []byte) {
	if len(stream) < arrowPrefix {
		return stream, nil
	}
	length := uint64(binary.LittleEndian.Uint32(stream[arrowPrefix/2:])) + arrowPrefix
	if length > uint64(len(stream)) {
		return stream, nil
	}
	return stream[:length], bytes.TrimSuffix(stream[length:], []byte(arrowEnd))
}

// onlySchema leaves of a session's Arrow stream its schema.
func onlySchema(s *storagepb.ArrowSchema) {
	if s != nil {
		s.SerializedSchema, _ = splitArrow(s.GetSerializedSchema())
	}
}

// onlyRows leaves of an answer's Arrow stream its batch of rows.
func onlyRows(r *storagepb.ReadRowsResponse) {
	onlySchema(r.GetArrowSchema())
	if b := r.GetArrowRecordBatch(); b != nil {
		_, b.SerializedRecordBatch = splitArrow(b.GetSerializedRecordBatch())
	}
}
