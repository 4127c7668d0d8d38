package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// rereadPatience is how long a range may stand still before it is given up.
const rereadPatience = 30 * time.Second

// Range is a stretch of a partition, both ends included.
type Range struct {
	Topic       string
	Partition   int32
	First, Last int64
}

// Reread reads a range again and gives each record to visit, in order, as the bridge would publish it, or with the error
// for which it would be a dead letter. It publishes nothing and commits nothing; with Config.Replay the payments say that
// they are not live. A range of which a part is gone, or is not there yet, is an error.
func (b *Bridge) Reread(ctx context.Context, r Range, visit func(offset int64, payment event.Envelope, refused error) error) error {
	if err := b.covers(ctx, r); err != nil {
		return fmt.Errorf("reread %s/%d: %w", r.Topic, r.Partition, err)
	}
	client, err := kgo.NewClient(append(b.connection(), append([]kgo.Opt{
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.Topic: {r.Partition: kgo.NewOffset().At(r.First)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.WithDecompressor(b.unpacker),
		kgo.WithPools(b.unpacker),
		kgo.KeepControlRecords(),
	}, b.kafkaOptions...)...)...)
	if err != nil {
		return fmt.Errorf("reread: %w", err)
	}
	defer client.Close()
	for next := r.First; next <= r.Last; {
		records, err := pollRange(ctx, client)
		if err != nil {
			return fmt.Errorf("reread %s/%d from offset %d: %w", r.Topic, r.Partition, next, err)
		}
		for _, record := range records {
			if next = record.Offset + 1; record.Offset > r.Last {
				return nil
			}
			if record.Attrs.IsControl() {
				continue
			}
			payment, refused := b.converter.stamped(record, &sheet{})
			if err := visit(record.Offset, payment.envelope(), refused); err != nil {
				return err
			}
		}
	}
	return nil
}

// pollRange returns the next records, and an error where there are none for rereadPatience.
func pollRange(ctx context.Context, client *kgo.Client) ([]*kgo.Record, error) {
	poll, cancel := context.WithTimeout(ctx, rereadPatience)
	defer cancel()
	fetches := client.PollFetches(poll)
	if records := fetches.Records(); len(records) > 0 {
		return records, nil // an error beside records comes again without them
	}
	if err := ctx.Err(); err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was interrupted
	}
	if poll.Err() != nil {
		return nil, errors.New("nothing came for 30 s: a transaction is open, or the broker is away")
	}
	return nil, fetches.Err() //nolint:wrapcheck // the caller says where
}

// covers is an error unless the log holds the whole range.
func (b *Bridge) covers(ctx context.Context, r Range) error {
	inspector, err := b.newInspector()
	if err != nil {
		return err
	}
	defer inspector.client.Close()
	ctx, cancel := context.WithTimeout(ctx, rereadPatience)
	defer cancel()
	at, err := inspector.locate(ctx, partitionKey{topic: r.Topic, id: r.Partition})
	if err != nil {
		return err
	}
	begin, err := inspector.offset(ctx, at, earliest)
	if err != nil {
		return err
	}
	end, err := inspector.offset(ctx, at, latest)
	if err != nil {
		return err
	}
	switch {
	case r.First < begin:
		return fmt.Errorf("offset %d is gone, the log begins at %d: the payment must be sent again by its producer", r.First, begin)
	case r.Last >= end:
		return fmt.Errorf("offset %d is not there, the log ends before %d", r.Last, end)
	case r.First > r.Last:
		return fmt.Errorf("the range ends at %d, before it begins at %d", r.Last, r.First)
	}
	return nil
}
