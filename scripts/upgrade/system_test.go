package upgrade_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
	"github.com/sentinela-pix/sentinela/shared/store"
)

const instance = "pix"

// system is everything that both versions share, and what of them runs.
type system struct {
	t         *testing.T
	dir       string
	models    string
	variables []string // of every process
	cloud     *pixtest.Cloud
	storage   *storage
	bus       *bus.Bus
	ledger    *ledger

	count     int
	processes []*process
	running   map[string][]*member // by part
}

// member is a process that takes part in the work.
type member struct {
	*process
	deliveries *push.Dispatcher // nil where nothing is pushed
}

// newSystem starts what does not belong to a version, and makes topics and the store's table. The store's schema is that of
// now: Terraform adds a family before anything writes to it, as it adds a column.
func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{t: t, dir: t.TempDir(), storage: startStorage(t), ledger: newLedger(), running: map[string][]*member{}}
	s.models = mkdir(t, filepath.Join(s.dir, "models"))
	var err error
	s.cloud, err = pixtest.Start(t.Context(), pixtest.Options{
		KafkaTopics: map[string]int32{event.KafkaTransactions: 4}, PubSub: true, Bigtable: true, KeepCells: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cloud.Close() })
	config := store.Config{ProjectID: s.cloud.ProjectID, InstanceID: instance}
	if err := store.CreateSchema(t.Context(), config, store.Retention{}, s.cloud.BigtableOptions()...); err != nil {
		t.Fatal(err)
	}
	if s.bus, err = bus.Open(t.Context(), bus.Config{ProjectID: s.cloud.ProjectID}, s.cloud.PubSubOptions()...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.bus.Close(context.WithoutCancel(t.Context())) })
	for _, topic := range event.Topics() {
		s.subscribe(topic)
	}
	s.watch(event.TopicDecisions, s.ledger.decided)
	s.watch(event.TopicDeadLetter, s.ledger.buried)
	s.variables = append(s.cloud.Env(),
		"PROJECT_ID="+s.cloud.ProjectID, "BIGTABLE_INSTANCE="+instance, "BIGQUERY_STORAGE_EMULATOR_HOST="+s.storage.address,
		"TOKEN_KEY="+base64.StdEncoding.EncodeToString(tokenKey()), "VERIFY_CALLERS=off",
		// No answer may depend on how busy the machine is.
		"LOG_LEVEL=WARN", "HANDLE_TIMEOUT=30s", "DECISION_TIMEOUT=20s", "STORE_DEADLINE=15s", "SHADOW_WAIT=1s",
		"MODELS_LOCATION="+s.models, "RELOAD_EVERY=1s",
	)
	return s
}

// tokenKey looks random, as a key must, and is the same in every run.
func tokenKey() []byte {
	key := sha256.Sum256([]byte("the key of a test"))
	return key[:]
}

func (s *system) subscribe(topic event.Topic) {
	s.t.Helper()
	if err := s.bus.EnsureTopic(s.t.Context(), topic.Name); err != nil {
		s.t.Fatal(err)
	}
	for _, sub := range topic.Subscriptions {
		wanted := bus.Subscription{Name: sub.Name, Topic: topic.Name, AckDeadline: sub.AckDeadline, Filter: sub.Filter}
		if err := s.bus.EnsureSubscription(s.t.Context(), wanted); err != nil {
			s.t.Fatal(err)
		}
	}
}

// watch gives the test a copy of everything on a topic.
func (s *system) watch(topic string, seen func(event.Envelope) error) {
	s.t.Helper()
	name := "watch-" + topic
	if err := s.bus.EnsureSubscription(s.t.Context(), bus.Subscription{Name: name, Topic: topic}); err != nil {
		s.t.Fatal(err)
	}
	s.dispatch(name, "http://watcher", push.Policy{Transport: push.Local(received(seen)), Concurrency: 4})
}

func (s *system) dispatch(subscription, url string, policy push.Policy) *push.Dispatcher {
	s.t.Helper()
	policy.MaxBackoff, policy.AckDeadline = 2*time.Second, time.Minute
	d, err := s.cloud.Push(s.t.Context(), subscription, url, policy)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// join starts a part of a version and gives it its share of the work, beside whoever does it already.
func (s *system) join(v *version, part string) *member {
	s.t.Helper()
	m := &member{process: s.start(v, part)}
	for _, topic := range event.Topics() {
		for _, sub := range topic.Subscriptions {
			if sub.Function == part { // a tenth comes again: both versions see the same message, and nothing may come of it
				m.deliveries = s.dispatch(sub.Name, m.url+event.PushPath, push.Policy{
					Concurrency: 8, MaxOutstanding: 64, Faults: push.Faults{Seed: 7, LoseAcks: 0.05, Republish: 0.05, Delay: 0.05},
				})
			}
		}
	}
	s.running[part] = append(s.running[part], m)
	if part == "scorer" {
		s.ledger.ask(m.url)
	}
	return m
}

// leave stops a member while its work goes on.
func (s *system) leave(m *member) {
	s.t.Helper()
	m.terminate(s.t)
	s.away(m)
}

// away moves the work of a member that has ended to the others.
func (s *system) away(m *member) {
	s.t.Helper()
	s.ledger.forget(m.url)
	s.running[m.part] = slices.DeleteFunc(s.running[m.part], func(o *member) bool { return o == m })
	if m.deliveries == nil {
		return
	}
	if err := m.deliveries.Stop(s.t.Context()); err != nil {
		s.t.Error(err)
	}
}

// outstanding is how many deliveries are not yet done.
func (s *system) outstanding() (n int) {
	for _, members := range s.running {
		for _, m := range members {
			if m.deliveries != nil {
				n += m.deliveries.Outstanding()
			}
		}
	}
	return n
}

// offer puts the models that a version ships into the model store and in force, and returns the version's name.
func (s *system) offer(v *version) (name string) {
	s.t.Helper()
	shipped, err := modelstore.Open(s.t.Context(), v.models())
	if err != nil {
		s.t.Fatal(err)
	}
	defer shipped.Close()
	store, err := modelstore.OpenWritable(s.t.Context(), s.models)
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	for _, role := range pix.Internal.Roles() {
		model, err := shipped.Load(s.t.Context(), role)
		if err == nil {
			err = store.Add(s.t.Context(), model)
		}
		if err == nil {
			_, err = store.Promote(s.t.Context(), role, model.Version)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		name = model.Version
	}
	return name
}
