package bridge

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Convert lets tests turn one record into its message; dead tells whether it is a dead letter.
func Convert(t *pix.Tokenizer, r *kgo.Record) (e event.Envelope, dead bool) {
	c := &converter{tokenizer: t, topic: "payments", deadLetterTopic: "letters", now: time.Now}
	m := c.convert(r, &sheet{})
	if m.letter != nil {
		return m.letter.Envelope, true
	}
	return m.envelope(), false
}

// Converter lets a benchmark turn records into messages on one sheet after the other, as a worker does. It tells which are
// dead letters.
func Converter(t *pix.Tokenizer) func(*kgo.Record) (dead bool) {
	c, on := &converter{tokenizer: t, topic: "payments", deadLetterTopic: "letters", now: time.Now}, sheetFor(maxChunk)
	return func(r *kgo.Record) bool {
		m := c.convert(r, on)
		return m.letter != nil
	}
}

// QuietEvery lets a test look at quiet partitions sooner.
func (b *Bridge) QuietEvery(d time.Duration) { b.poison.quietEvery = d }
