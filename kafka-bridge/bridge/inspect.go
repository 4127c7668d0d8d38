package bridge

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// The fields of a batch's header that an inspection reads. Base offset, length and magic lie where they lie in a message
// of old producers, too.
const (
	lengthAt    = 8
	epochAt     = 12
	magicAt     = 16
	lastDeltaAt = 23
	headerSize  = 61
)

// believedAfter is how often a batch must be read from its broker, after the client failed, before it is given up: what
// was broken on the way is whole the next time.
const believedAfter = 2

// walkLimit is how many batches one inspection passes. All it passes hold nothing for us, as aborted transactions do.
const walkLimit = 1000

var errMalformed = errors.New("its records do not parse")

// unreadable is a batch that the client cannot read, however often it tries.
type unreadable struct {
	first, last int64 // offsets
	epoch       int32 // the leader epoch to commit with
	bytes       int   // as it lies in Kafka
	cause       error // of kind Invalid or TooLarge
}

// inspector reads batches by themselves, on connections of its own: the consumer's are busy with requests that wait for
// records.
type inspector struct {
	client   *kgo.Client
	unpacker *unpacker
	maxBytes int32
}

func (b *Bridge) newInspector() (*inspector, error) {
	client, err := kgo.NewClient(append(b.connection(), b.kafkaOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("open inspector: %w", err)
	}
	return &inspector{client: client, unpacker: b.unpacker, maxBytes: b.cfg.FetchMaxBytes}, nil
}

// place is where a partition is read.
type place struct {
	partitionKey
	topicID [16]byte
	leader  int32
	epoch   int32
}

// inspect looks for a batch that cannot be read where the consumer stands, which is at from, or at the start of the log
// when from has no offset. It returns nil when the consumer can go on.
func (i *inspector) inspect(ctx context.Context, key partitionKey, from kgo.EpochOffset) (*unreadable, error) {
	at, err := i.locate(ctx, key)
	if err != nil {
		return nil, err
	}
	if from.Offset < 0 {
		if from.Offset, err = i.offset(ctx, at, earliest); err != nil {
			return nil, err
		}
	}
	for failed := 0; failed < believedAfter; {
		found, err := i.walk(ctx, at, from)
		if failed++; err != nil || found == nil || failed == believedAfter {
			return found, err
		}
	}
	return nil, nil
}

// walk passes batches that the consumer can read and that hold nothing for it.
func (i *inspector) walk(ctx context.Context, at place, from kgo.EpochOffset) (*unreadable, error) {
	for range walkLimit {
		part, err := i.read(ctx, at, from.Offset)
		if err != nil || len(part.RecordBatches) == 0 {
			return nil, err
		}
		records, next, err := i.parse(at, part, from.Offset)
		switch {
		case pix.KindOf(err).Disposition().DeadLetter:
			return bounds(at, part, from, err), nil
		case err != nil:
			return nil, err
		case records > 0:
			return nil, nil
		}
		from.Offset = next
	}
	return nil, nil
}

// parse reads the first batch as the consumer does.
func (i *inspector) parse(at place, part *kmsg.FetchResponseTopicPartition, from int64) (records int, next int64, err error) {
	alone := *part
	alone.RecordBatches = part.RecordBatches[:batchSize(part.RecordBatches)]
	parsed, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: from, IsolationLevel: kgo.ReadCommitted(), Topic: at.topic, Partition: at.id, Pools: []kgo.Pool{i.unpacker},
	}, &alone, i.unpacker, nil)
	switch kind := pix.KindOf(parsed.Err); {
	case errors.Is(parsed.Err, errNoRoom):
		return 0, from, parsed.Err
	case kind.Disposition().DeadLetter:
		return 0, from, parsed.Err
	case parsed.Err != nil:
		return 0, from, pix.E(pix.Invalid, "read batch", parsed.Err)
	case len(parsed.Records) == 0 && next <= from:
		return 0, from, pix.E(pix.Invalid, "read batch", errMalformed)
	}
	return len(parsed.Records), next, nil
}

// batchSize is the length of the first batch, or of everything when the batch's own length is not to be believed.
func batchSize(batches []byte) int {
	if len(batches) < lengthAt+4 {
		return len(batches)
	}
	n := int64(int32(binary.BigEndian.Uint32(batches[lengthAt:]))) + messageHead
	if n <= magicAt || n > int64(len(batches)) {
		return len(batches)
	}
	return int(n)
}

// bounds says which offsets an unreadable batch takes, from a header that may be broken as well: the range begins at the
// consumer's offset or behind it, ends before the next batch, and takes one offset when nothing better is known.
func bounds(at place, part *kmsg.FetchResponseTopicPartition, from kgo.EpochOffset, cause error) *unreadable {
	data := part.RecordBatches
	size := batchSize(data)
	u := &unreadable{first: from.Offset, last: from.Offset, epoch: from.Epoch, bytes: size, cause: cause}
	end := part.HighWatermark
	if rest := data[size:]; len(rest) >= lengthAt {
		if next := int64(binary.BigEndian.Uint64(rest)); next > from.Offset && next < end {
			end = next
			u.last = next - 1
		}
	}
	if len(data) < headerSize {
		return u
	}
	base := int64(binary.BigEndian.Uint64(data))
	last := base
	if data[magicAt] >= 2 { // a later format is taken to begin as this one
		last += int64(int32(binary.BigEndian.Uint32(data[lastDeltaAt:])))
		if epoch := int32(binary.BigEndian.Uint32(data[epochAt:])); epoch >= from.Epoch && epoch <= at.epoch {
			u.epoch = epoch
		}
	}
	if last >= from.Offset && last >= base && last < end {
		u.first, u.last = max(base, from.Offset), last
	}
	return u
}

// locate asks who leads the partition.
func (i *inspector) locate(ctx context.Context, key partitionKey) (place, error) {
	req := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(key.topic)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, i.client)
	if err != nil {
		return place{}, fmt.Errorf("locate partition: %w", err)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.Partition != key.id || t.Topic == nil || *t.Topic != key.topic {
				continue
			}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return place{}, fmt.Errorf("locate partition: %w", err)
			}
			return place{partitionKey: key, topicID: t.TopicID, leader: p.Leader, epoch: p.LeaderEpoch}, nil
		}
	}
	return place{}, errors.New("locate partition: unknown to the broker")
}

// Places of a log that Kafka names by a number instead of a time.
const (
	earliest = -2 // its first record
	latest   = -1 // behind its last
)

// offset asks where a named place of the log is.
func (i *inspector) offset(ctx context.Context, at place, named int64) (int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	topic, partition := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	partition.Partition, partition.Timestamp = at.id, named
	topic.Topic, topic.Partitions = at.topic, append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, i.client)
	if err != nil {
		return 0, fmt.Errorf("find offset: %w", err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, errors.New("find offset: no answer")
	}
	p := resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return 0, fmt.Errorf("find offset: %w", err)
	}
	return p.Offset, nil
}

// read fetches what lies at an offset: the whole of the first batch, and what follows as far as it fits.
func (i *inspector) read(ctx context.Context, at place, offset int64) (*kmsg.FetchResponseTopicPartition, error) {
	req := kmsg.NewPtrFetchRequest()
	topic, partition := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = at.id, offset, i.maxBytes
	topic.Topic, topic.TopicID, topic.Partitions = at.topic, at.topicID, append(topic.Partitions, partition)
	req.MinBytes, req.MaxBytes, req.IsolationLevel = 1, i.maxBytes, 1
	req.Topics = append(req.Topics, topic)
	resp, err := i.client.Broker(int(at.leader)).RetriableRequest(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	fetched, ok := resp.(*kmsg.FetchResponse)
	if !ok {
		return nil, fmt.Errorf("read batch: answered with %T", resp)
	}
	if err := kerr.ErrorForCode(fetched.ErrorCode); err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	for _, t := range fetched.Topics {
		if n := slices.IndexFunc(t.Partitions, func(p kmsg.FetchResponseTopicPartition) bool { return p.Partition == at.id }); n >= 0 {
			err := kerr.ErrorForCode(t.Partitions[n].ErrorCode)
			if err != nil {
				err = fmt.Errorf("read batch: %w", err)
			}
			return &t.Partitions[n], err
		}
	}
	return nil, errors.New("read batch: no answer")
}
