package pixtest

import (
	"bytes"
	"context"
	"hash/maphash"
	"slices"
	"sync"

	"cloud.google.com/go/bigtable/apiv2/bigtablepb"
	"google.golang.org/grpc"
)

// rowLocks keeps bttest's readers and writers of a row apart. Its ReadRows walks a row's columns without a lock while a
// write to the same row sorts them, so a reader can miss a cell that was there: Bigtable reads a row atomically. A row
// belongs to one of the locks by its key; one lock for all rows would make every payment wait for every other.
type rowLocks struct {
	seed  maphash.Seed
	locks [256]sync.RWMutex
}

// enter takes the locks of what a request touches and returns how to leave them. They are taken in their order, so no two
// requests wait for each other.
func (l *rowLocks) enter(request any) (leave func()) {
	keys, read := touched(request)
	stripes := make([]int, 0, len(keys))
	if keys == nil {
		for i := range l.locks {
			stripes = append(stripes, i)
		}
	}
	for _, key := range keys {
		stripes = append(stripes, int(maphash.Bytes(l.seed, lockKey(key))%uint64(len(l.locks))))
	}
	slices.Sort(stripes)
	stripes = slices.Compact(stripes)
	for _, i := range stripes {
		if read {
			l.locks[i].RLock()
		} else {
			l.locks[i].Lock()
		}
	}
	return func() {
		for _, i := range stripes {
			if read {
				l.locks[i].RUnlock()
			} else {
				l.locks[i].Unlock()
			}
		}
	}
}

// touched returns the keys of the rows that a request reads or writes, nil for any row.
func touched(request any) (keys [][]byte, read bool) {
	switch r := request.(type) {
	case *bigtablepb.ReadRowsRequest:
		return readKeys(r.GetRows()), true
	case *bigtablepb.MutateRowRequest:
		return [][]byte{r.GetRowKey()}, false
	case *bigtablepb.CheckAndMutateRowRequest:
		return [][]byte{r.GetRowKey()}, false
	case *bigtablepb.ReadModifyWriteRowRequest:
		return [][]byte{r.GetRowKey()}, false
	case *bigtablepb.MutateRowsRequest:
		for _, e := range r.GetEntries() {
			keys = append(keys, e.GetRowKey())
		}
		return keys, false
	default:
		return nil, false
	}
}

// readKeys returns the keys that a read takes the locks of, nil for any row. A range within the bucket rows of one stream
// has one lock: a read that held them all while a busy account's rows go out would make every other payment wait.
func readKeys(set *bigtablepb.RowSet) [][]byte {
	keys := slices.Clone(set.GetRowKeys())
	for _, r := range set.GetRowRanges() {
		start := lockKey(append(r.GetStartKeyClosed(), r.GetStartKeyOpen()...))
		end := lockKey(append(r.GetEndKeyClosed(), r.GetEndKeyOpen()...))
		if len(start) == 0 || !bytes.Equal(start, end) {
			return nil
		}
		keys = append(keys, start)
	}
	if len(keys) == 0 {
		return nil
	}
	return keys
}

// bucketDigits is the length of the number at the end of a hot stream's bucket rows, behind '#' and a letter.
const bucketDigits = 10

// lockKey is what a row's lock is chosen by: the key, or of a bucket row what it shares with the others of its stream.
func lockKey(key []byte) []byte {
	n := len(key) - bucketDigits - 2
	if n < 0 || key[n] != '#' || bytes.ContainsFunc(key[n+2:], func(r rune) bool { return r < '0' || r > '9' }) {
		return key
	}
	return key[:n]
}

// OneWriter makes bttest serve requests under their rows' locks.
func OneWriter() []grpc.ServerOption {
	rows := newRowLocks()
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(rows.unary), grpc.ChainStreamInterceptor(rows.stream)}
}

func newRowLocks() *rowLocks { return &rowLocks{seed: maphash.MakeSeed()} }

// unary is a server's interceptor.
func (l *rowLocks) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	defer l.enter(req)()
	return next(ctx, req)
}

// stream is a server's interceptor.
func (l *rowLocks) stream(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	s := &lockedStream{ServerStream: stream, rows: l, leave: func() {}}
	defer func() { s.leave() }()
	return next(server, s)
}

// lockedStream takes the locks once its one request has come.
type lockedStream struct {
	grpc.ServerStream
	rows  *rowLocks
	leave func()
}

// RecvMsg receives the request.
func (s *lockedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // gRPC compares io.EOF
	}
	s.leave()
	s.leave = s.rows.enter(m)
	return nil
}

// keepCells strips the garbage-collection rules from tables as they are created.
func keepCells() grpc.ServerOption {
	return grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		withoutRules(req)
		return next(ctx, req)
	})
}
