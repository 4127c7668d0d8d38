package replay_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sentinela-pix/sentinela/shared/replay"
)

// TestALogThatCannotBeReadIsNoShorterLog: what was read before is given, and then the error, not the end.
func TestALogThatCannotBeReadIsNoShorterLog(t *testing.T) {
	t.Parallel()
	torn := errors.New("torn")
	in := replay.NewLines(io.MultiReader(strings.NewReader("{}\n\n{}\nhalf"), iotest.ErrReader(torn)))
	for _, want := range []int{1, 3} {
		if line, number, err := in.Next(); string(line) != "{}" || number != want || err != nil {
			t.Fatalf("line %d: %q, %v", number, line, err)
		}
	}
	if line, _, err := in.Next(); !errors.Is(err, torn) {
		t.Errorf("line %q, %v", line, err)
	}
}
