package pixtest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// The client libraries keep one OpenCensus worker for the life of the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// TestEveryClient starts everything twice, one Cloud after the other, and does one round trip with each real client.
func TestEveryClient(t *testing.T) {
	t.Parallel()
	for range 2 {
		c, err := pixtest.Start(t.Context(), pixtest.Options{
			KafkaTopics: map[string]int32{"in": 3}, PubSub: true, Bigtable: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		kafkaRoundTrip(t, c)
		pushRoundTrip(t, c)
		bigtableRoundTrip(t, c)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		t.Log("start-up:", c.Startup())
	}
}

func kafkaRoundTrip(t *testing.T, c *pixtest.Cloud) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.KafkaBrokers...), kgo.ConsumeTopics("in"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	record := &kgo.Record{Topic: "in", Key: []byte("k"), Value: []byte("v")}
	if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	got := client.PollFetches(t.Context())
	if err := got.Err(); err != nil || got.NumRecords() != 1 {
		t.Errorf("fetched %d records: %v", got.NumRecords(), err)
	}
}

func pushRoundTrip(t *testing.T, c *pixtest.Cloud) {
	t.Helper()
	ctx := t.Context()
	client, err := pubsub.NewClient(ctx, c.ProjectID, c.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic := "projects/" + c.ProjectID + "/topics/t"
	if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	_, err = client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: "projects/" + c.ProjectID + "/subscriptions/s", Topic: topic, AckDeadlineSeconds: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	posted := make(chan struct{}, 1)
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posted <- struct{}{} }))
	defer endpoint.Close()
	dispatcher, err := c.Push(ctx, "s", endpoint.URL, push.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { // before the endpoint: its port may be another server's a moment later
		if err := dispatcher.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	publisher := client.Publisher("t")
	defer publisher.Stop()
	if _, err := publisher.Publish(ctx, &pubsub.Message{Data: []byte("x")}).Get(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-posted:
	case <-time.After(10 * time.Second):
		t.Error("the message was not pushed")
	}
}

func bigtableRoundTrip(t *testing.T, c *pixtest.Cloud) {
	t.Helper()
	ctx := t.Context()
	admin, err := bigtable.NewAdminClient(ctx, c.ProjectID, "i", c.BigtableOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := errors.Join(admin.CreateTable(ctx, "t"), admin.CreateColumnFamily(ctx, "t", "f")); err != nil {
		t.Fatal(err)
	}
	// With direct access the client would ask Google's metadata server, where one answers, why it has none.
	client, err := bigtable.NewClientWithConfig(ctx, c.ProjectID, "i", bigtable.ClientConfig{
		MetricsProvider: bigtable.NoopMetricsProvider{}, DisableDirectAccess: true, DisableSession: true,
	}, c.BigtableOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	table := client.Open("t")
	mutation := bigtable.NewMutation()
	mutation.Set("f", "q", 1000, []byte("v"))
	if err := table.Apply(ctx, "r", mutation); err != nil {
		t.Fatal(err)
	}
	row, err := table.ReadRow(ctx, "r")
	if err != nil || len(row["f"]) != 1 {
		t.Errorf("read %v: %v", row, err)
	}
}

// TestStartFailureLeavesNothing checks that what had started is stopped when a part fails.
func TestStartFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := func(context.Context, *pixtest.Cloud) (pixtest.Stop, error) { return nil, errors.New("boom") }
	_, err := pixtest.Start(t.Context(), pixtest.Options{PubSub: true, Bigtable: true, BigQuery: broken})
	if err == nil || !strings.Contains(err.Error(), "bigquery: boom") {
		t.Errorf("got %v", err)
	}
}

func TestEnvNamesWhatRuns(t *testing.T) {
	t.Parallel()
	c, err := pixtest.Start(t.Context(), pixtest.Options{ProjectID: "p", PubSub: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := strings.Join(c.Env(), " ")
	if want := "PROJECT=p PUBSUB_EMULATOR_HOST=" + c.PubSubEndpoint; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
