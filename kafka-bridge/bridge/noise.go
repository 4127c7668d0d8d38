package bridge

import (
	"context"
	"fmt"
	"strconv"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// noise tells whether a message is a letter of which nothing but its place and reason is kept. A producer gone wrong
// writes millions of these, so that a run of them in one poll and partition, for one reason, becomes one letter with
// its range of offsets and its length. Letters that carry a payload stay one for each record.
func (m *message) noise() bool { return m.letter != nil && len(m.letter.Envelope.Data) == 0 }

// sendNoise publishes the letters that sendChunk held back.
func (b *Bridge) sendNoise(ctx context.Context, batch *batch) {
	for i := range batch.spans {
		items := batch.spans[i].items
		for len(items) > 0 {
			n := run(items)
			if n == 0 {
				items = items[1:]
				continue
			}
			head := &items[0]
			for j := range items[1:n] {
				follower := &items[1+j]
				follower.head, follower.message = head, message{result: follower.message.result}
			}
			if n > 1 {
				last := items[n-1].record
				head.message.letter.Origin[event.AttrDeadLetterLastOffset] = strconv.FormatInt(last.Offset, 10)
				head.message.letter.Origin[event.AttrDeadLetterRecords] = strconv.Itoa(n)
				head.message.letter.Detail = fmt.Sprintf("%d records; the first: %s", n, head.message.letter.Detail)
			}
			head.traced(ctx)
			head.sending = b.publish(ctx, &head.message)
			items = items[n:]
		}
	}
}

// run is how many leading items are noise for the same reason.
func run(items []item) (n int) {
	for n < len(items) && items[n].message.noise() && items[n].message.result == items[0].message.result {
		n++
	}
	return n
}
