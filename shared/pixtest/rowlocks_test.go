package pixtest

import (
	"fmt"
	"hash/maphash"
	"testing"

	"cloud.google.com/go/bigtable/apiv2/bigtablepb"
)

// A read of a busy account's bucket rows holds the locks of its own rows only, so that however long its answer is no other
// account's payment waits; and it does hold off writes to those rows.
func TestARangeOfOneStreamHoldsItsOwnLocks(t *testing.T) {
	t.Parallel()
	closed := func(start, end string) *bigtablepb.RowRange {
		return &bigtablepb.RowRange{
			StartKey: &bigtablepb.RowRange_StartKeyClosed{StartKeyClosed: []byte(start)},
			EndKey:   &bigtablepb.RowRange_EndKeyClosed{EndKeyClosed: []byte(end)},
		}
	}
	read := func(ranges ...*bigtablepb.RowRange) *bigtablepb.ReadRowsRequest {
		return &bigtablepb.ReadRowsRequest{Rows: &bigtablepb.RowSet{RowRanges: ranges}}
	}
	row := func(n int) string { return fmt.Sprintf("acct#busy#in#r%010d", n) }
	for name, c := range map[string]struct {
		request *bigtablepb.ReadRowsRequest
		most    int
	}{
		"buckets":    {read(closed(row(3), row(70)), closed("acct#busy", "acct#busy")), 2},
		"a prefix":   {read(closed("hot#", "hot$")), 256},
		"two levels": {read(closed(row(3), "acct#busy#in#s0000000009")), 1},
		"everything": {&bigtablepb.ReadRowsRequest{}, 256},
	} {
		l := &rowLocks{seed: maphash.MakeSeed()}
		leave := l.enter(c.request)
		held := 0
		for i := range l.locks {
			if !l.locks[i].TryLock() {
				held++
				continue
			}
			l.locks[i].Unlock()
		}
		if held > c.most || held == 0 || c.most == 256 && held < 256 {
			t.Errorf("%s: %d of 256 locks are held, want %d", name, held, c.most)
		}
		for n := 3; n <= 70; n++ {
			if i := maphash.Bytes(l.seed, lockKey([]byte(row(n)))) % 256; l.locks[i].TryLock() {
				t.Errorf("%s: row %d may be written meanwhile", name, n)
				l.locks[i].Unlock()
			}
		}
		leave()
	}
}
