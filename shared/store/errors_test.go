package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestStoreErrorKindsAndSilence(t *testing.T) {
	t.Parallel()
	const token = "acct.1.AAAAAAAAAAAAAAAAAAAAAA"
	quoting := func(c codes.Code) error { return status.Error(c, "row acct#"+token) }
	for _, c := range []struct {
		err  error
		want pix.Kind
	}{
		{quoting(codes.DeadlineExceeded), pix.Timeout},
		{quoting(codes.Canceled), pix.Cancelled},
		{quoting(codes.Unavailable), pix.Unavailable},
		{quoting(codes.NotFound), pix.Unavailable},
		{quoting(codes.Internal), pix.Unavailable},
		{quoting(codes.InvalidArgument), pix.Unavailable},
		{fmt.Errorf("apply: %w", quoting(codes.Aborted)), pix.Unavailable},
		{fmt.Errorf("apply: %w", context.DeadlineExceeded), pix.Timeout},
		{context.Canceled, pix.Cancelled},
		{errors.New("anything"), pix.Unavailable},
	} {
		err := storeError("op", c.err)
		if got := pix.KindOf(err); got != c.want {
			t.Errorf("%v: kind %v, want %v", c.err, got, c.want)
		}
		if strings.Contains(err.Error(), token) {
			t.Errorf("the error quotes a token: %v", err)
		}
	}
	if storeError("op", nil) != nil {
		t.Error("no error became one")
	}
}

func TestKeysSpreadAndAreReadBack(t *testing.T) {
	t.Parallel()
	shards := map[string]bool{}
	for n := range 400 {
		id := pix.EndToEndID(fmt.Sprintf("E12345678202601151500%011d", n))
		minute := int64(n * n * 1000)
		row := pendingRow(id, minute)
		if m, ok := parsePendingRow(row); !ok || m.ID != id || minuteOf(m.Minute) != minute {
			t.Fatalf("%s of minute %d read back as %+v", id, minute, m)
		}
		shards[row[:len(pendingPrefix)+2]] = true
		if key := decisionRow(id); !strings.HasPrefix(key, string(id[21:])+"#") || len(key) != len(id)+1 {
			t.Fatalf("decision row of %s is %s", id, key)
		}
	}
	for _, row := range []string{"pend#00#0000000001", "pend#00#0000000001#", "pend#00#E12#x", "pend#E1", ""} {
		if m, ok := parsePendingRow(row); ok {
			t.Errorf("%q read as %+v", row, m)
		}
	}
	if len(shards) != pendingShards {
		t.Errorf("marks spread over %d shards, want %d", len(shards), pendingShards)
	}
}
