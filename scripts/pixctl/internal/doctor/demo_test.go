package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/api/option"

	shipped "github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
)

// TestDemoHasNothingWrong: of the demo's endpoints everything that an emulator knows is right, and the rest is unknown with
// its reason. BigQuery is left out, whose emulator takes minutes to compile.
func TestDemoHasNothingWrong(t *testing.T) {
	t.Parallel()
	s, err := stack.Start(t.Context(), stack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	env := map[string]string{}
	for _, line := range s.Env() {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	m := healthy(env)
	m.project, m.instance, m.lake = env["PROJECT"], env["BIGTABLE_INSTANCE"], bucketOf(env["LAKE"])
	m.reach = map[string][]option.ClientOption{} // nobody asks for credentials
	m.places = map[string]string{storageSite: env["STORAGE_EMULATOR_HOST"]}
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); look(t, m, "kafka")["kafka group"].Verdict != verdictOK; {
		if time.Now().After(deadline) {
			t.Fatal("the bridge did not join its group within a minute")
		}
	}
	found := look(t, m, "topics,store,buckets,clocks,kafka")
	for _, f := range found {
		if f.Verdict != verdictOK && f.Verdict != verdictUnknown {
			t.Errorf("%+v", f)
		}
	}
	for _, check := range []string{"subscription alert", "family dec", "payer model in force", "clock and server", "kafka topic", "kafka group"} {
		if found[check].Verdict != verdictOK {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
}

// files are those of the shipped models, for a test to change.
func files(t *testing.T) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(shipped.Shipped(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(shipped.Shipped(), name)
		all[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestModelsInForce: a model that would be refused, one that is not there and one that nobody signed are each told.
func TestModelsInForce(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys.pem")
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change  func(fstest.MapFS)
		keys    string
		verdict string
		mend    string
	}{
		"whole": {verdict: verdictOK},
		"corrupted": {verdict: verdictWrong, mend: "pixctl model rollback -store gs://" + project + "-models payer", change: func(all fstest.MapFS) {
			for name, f := range all {
				if strings.HasPrefix(name, "payer/") && strings.HasSuffix(name, "/model.txt") {
					f.Data[len(f.Data)/2] ^= 1
				}
			}
		}},
		"none": {verdict: verdictMissing, mend: "pixctl model add -store gs://" + project + "-models payer", change: func(all fstest.MapFS) {
			for name := range all {
				if strings.HasPrefix(name, "payer/") {
					delete(all, name)
				}
			}
		}},
		"not signed": {verdict: verdictWrong, mend: "pixctl model rollback", keys: keys},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := files(t)
			if c.change != nil {
				c.change(all)
			}
			storage, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Seeded(project+"-models", all)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = storage.Close() })
			m := healthy(map[string]string{"STORAGE_EMULATOR_HOST": storage.StorageEndpoint, "MODEL_SIGNING_KEYS": c.keys})
			m.project, m.reach, m.places = project, map[string][]option.ClientOption{}, map[string]string{storageSite: storage.StorageEndpoint}
			if err := m.check(); err != nil {
				t.Fatal(err)
			}
			f := look(t, m, "buckets")["payer model in force"]
			if f.Verdict != c.verdict || !strings.Contains(f.Mend, c.mend) {
				t.Errorf("%+v, want %s, mended by %q", f, c.verdict, c.mend)
			}
		})
	}
}

// TestKafka: a topic, whose clock dates its records, and somebody who reads it.
func TestKafka(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string // message.timestamp.type; empty makes no topic
		reader bool
		want   map[string]string
	}{
		"whole":    {"LogAppendTime", true, map[string]string{"kafka topic": verdictOK, "kafka time": verdictOK, "kafka group": verdictOK}},
		"producer": {"CreateTime", true, map[string]string{"kafka topic": verdictOK, "kafka time": verdictWrong, "kafka group": verdictOK}},
		"nobody":   {"LogAppendTime", false, map[string]string{"kafka topic": verdictOK, "kafka group": verdictMissing}},
		"none":     {"", false, map[string]string{"kafka topic": verdictMissing, "kafka group": verdictMissing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			if c.config != "" {
				create(t, cluster.ListenAddrs(), c.config)
			}
			if c.reader {
				read(t, cluster.ListenAddrs())
			}
			found := look(t, healthy(map[string]string{"KAFKA_BROKERS": strings.Join(cluster.ListenAddrs(), ",")}), "kafka")
			for check, verdict := range c.want {
				if f := found[check]; f.Verdict != verdict || verdict != verdictOK && !strings.HasPrefix(f.Mend, "k") {
					t.Errorf("%s: %+v, want %s", check, f, verdict)
				}
			}
		})
	}
	gone := healthy(map[string]string{"KAFKA_BROKERS": "127.0.0.1:1"})
	gone.timeout = grace
	if f := look(t, gone, "kafka")["kafka topic"]; f.Verdict != verdictWrong || !strings.Contains(f.Detail, "does not answer") {
		t.Errorf("no broker: %+v", f)
	}
}

func create(t *testing.T, brokers []string, config string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = event.KafkaTransactions, 2, 1
	setting := kmsg.NewCreateTopicsRequestTopicConfig()
	setting.Name, setting.Value = stamp, &config
	topic.Configs = append(topic.Configs, setting)
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(t.Context(), client)
	if err != nil || answer.Topics[0].ErrorCode != 0 {
		t.Fatalf("%v, %+v", err, answer)
	}
}

// read joins the bridge's group until the test ends.
func read(t *testing.T, brokers []string) {
	t.Helper()
	joined := make(chan struct{}, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup("kafka-bridge"), kgo.ConsumeTopics(event.KafkaTransactions),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			select {
			case joined <- struct{}{}:
			default:
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	select {
	case <-joined:
	case <-t.Context().Done():
		t.Fatal("nobody joined")
	}
}
