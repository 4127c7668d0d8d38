package pixtest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// soon is how long a test waits for what a server does by itself; only a failing test waits it out.
const soon = 30 * time.Second

// await polls until the condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come about within %s", what, soon)
		}
	}
}

// kept is the live heap.
func kept() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestPubSubForgetsWhatIsDone: what a message carried leaves memory once it is acknowledged, and not before.
//
//nolint:paralleltest // the heap is that of all tests that run
func TestPubSubForgetsWhatIsDone(t *testing.T) {
	const messages, size = 3000, 10 << 10
	c, err := pixtest.Start(t.Context(), pixtest.Options{PubSub: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client, err := pubsub.NewClient(t.Context(), c.ProjectID, c.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	subscription := subscribe(t, client, c.ProjectID)
	before := kept()
	publish(t, client, messages, size)
	time.Sleep(3 * time.Second / 2) // past the first time that the server forgets
	take(t, client, subscription, messages, size)
	await(t, "a heap without the messages", func() bool { return kept()-before < messages*size/3 })
}

// publish publishes n messages of so many bytes.
func publish(t *testing.T, client *pubsub.Client, n, size int) {
	t.Helper()
	publisher := client.Publisher("t")
	defer publisher.Stop()
	results := make([]*pubsub.PublishResult, n)
	for i := range results {
		m := &pubsub.Message{Data: bytes.Repeat([]byte{byte(i)}, size), Attributes: map[string]string{"nr": fmt.Sprint(i)}}
		results[i] = publisher.Publish(t.Context(), m)
	}
	for _, r := range results {
		if _, err := r.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func subscribe(t *testing.T, client *pubsub.Client, project string) (name string) {
	t.Helper()
	topic, name := "projects/"+project+"/topics/t", "projects/"+project+"/subscriptions/s"
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	_, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: name, Topic: topic, AckDeadlineSeconds: 600,
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// take pulls and acknowledges n messages, each of which must be whole.
func take(t *testing.T, client *pubsub.Client, subscription string, n, size int) {
	t.Helper()
	for taken := 0; taken < n; {
		response, err := client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 100})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range response.GetReceivedMessages() {
			ids = append(ids, m.GetAckId())
			if len(m.GetMessage().GetData()) != size || m.GetMessage().GetAttributes()["nr"] == "" {
				t.Fatalf("a message came with %d bytes and attributes %v", len(m.GetMessage().GetData()), m.GetMessage().GetAttributes())
			}
		}
		if len(ids) == 0 {
			continue
		}
		taken += len(ids)
		acks := &pubsubpb.AcknowledgeRequest{Subscription: subscription, AckIds: ids}
		if err := client.SubscriptionAdminClient.Acknowledge(t.Context(), acks); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKafkaKeepsWhatIsNew: of a partition only its newest records stay, and no more is gone than must be.
func TestKafkaKeepsWhatIsNew(t *testing.T) {
	t.Parallel()
	const retention, records, size = 1 << 20, 400, 10 << 10
	c, err := pixtest.Start(t.Context(), pixtest.Options{KafkaTopics: map[string]int32{"in": 1}, KafkaRetention: retention})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.KafkaBrokers...), kgo.DefaultProduceTopic("in"), kgo.ProducerBatchMaxBytes(4*size))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	noise := rand.NewChaCha8([32]byte{})
	for range records {
		value := make([]byte, size)
		_, _ = noise.Read(value)
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	const most, least = records - retention/size*3/4, records - retention/size*5/4 // of the first offset that is there
	await(t, "a short log", func() bool { return firstOffset(t, c.KafkaBrokers[0]) >= least })
	if first := firstOffset(t, c.KafkaBrokers[0]); first > most {
		t.Errorf("the log starts at record %d of %d: at most %d may be gone", first, records, most)
	}
}

// firstOffset is where the log begins now.
func firstOffset(t *testing.T, broker string) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fetches := client.PollRecords(t.Context(), 1)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	return fetches.Records()[0].Offset
}
