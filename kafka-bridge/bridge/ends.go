package bridge

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How often the ends of the assigned partitions are asked for, and how long an answer may take.
const (
	askEvery   = 2 * time.Second
	askTimeout = 5 * time.Second
)

// The special times of a ListOffsets request.
const (
	atStart = -2
	atEnd   = -1
)

// isolation is a ListOffsets request's: the end is the high watermark for one, the last stable offset for the other.
type isolation = int8

const (
	readUncommitted isolation = 0
	readCommitted   isolation = 1
)

// askEnds asks the brokers where the assigned partitions end until ctx ends. Fetches do not tell: they tell of a partition
// only with a record, and a transaction that stays open sends none.
func (b *Bridge) askEnds(ctx context.Context, client *kgo.Client) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		b.askOnce(ctx, client)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// askOnce asks. A standing-by member, which owns no partition, asks too: a broker answers that it is there.
func (b *Bridge) askOnce(ctx context.Context, client *kgo.Client) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	ids := b.ledger.partitionIDs()
	// In this order: what is appended in between cannot look like an open transaction.
	high, answered := list(ctx, client, ids, listing{atEnd, readUncommitted})
	if answered {
		b.health.heard(time.Now())
	}
	stable, _ := list(ctx, client, ids, listing{atEnd, readCommitted})
	start, _ := list(ctx, client, ids, listing{atStart, readUncommitted})
	now := time.Now()
	for key, end := range high {
		if at, ok := stable[key]; ok {
			b.ledger.observe(key, offsets{start: start[key], high: end, stable: at}, now)
		}
	}
}

// listing is which offset of a partition is asked for.
type listing struct {
	at        int64
	isolation isolation
}

// list returns the offsets that brokers told, and whether any of them answered.
func list(ctx context.Context, client *kgo.Client, ids map[string][]int32, what listing) (map[partitionKey]int64, bool) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, what.isolation
	for topic, partitions := range ids {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for _, id := range partitions {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = id, what.at
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	found, answered := map[partitionKey]int64{}, false
	for _, shard := range client.RequestSharded(ctx, req) {
		resp, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		if !ok || shard.Err != nil {
			continue
		}
		answered = true
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 && p.Offset >= 0 {
					found[partitionKey{t.Topic, p.Partition}] = p.Offset
				}
			}
		}
	}
	return found, answered
}
