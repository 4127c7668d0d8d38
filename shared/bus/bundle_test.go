package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// bundleOf holds so many messages of a size.
func bundleOf(t *testing.T, messages, size int) *bus.Bundle {
	t.Helper()
	b := bus.NewBundle(topic, 0)
	for range messages {
		if err := b.Add(make([]byte, size), nil); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestBundleIsTheRequestOfItsMessages: what a bundle writes is what the SDK would write of the same messages.
func TestBundleIsTheRequestOfItsMessages(t *testing.T) {
	t.Parallel()
	b := bus.NewBundle(topic, 0)
	want := &pubsubpb.PublishRequest{}
	for i, size := range []int{0, 1, 127, 128, 300, 20_000} {
		m := &pubsubpb.PubsubMessage{Data: bytes.Repeat([]byte{byte(i)}, size), Attributes: map[string]string{}}
		attributes := []bus.Attribute{{Name: event.AttrEncoding, Value: fmt.Sprint(i)}, {Name: "é", Value: strings.Repeat("v", i*100)}, {Name: "e"}}
		for _, a := range attributes {
			m.Attributes[a.Name] = a.Value
		}
		if err := b.Add(m.GetData(), attributes); err != nil {
			t.Fatal(err)
		}
		want.Messages = append(want.Messages, m)
	}
	got := &pubsubpb.PublishRequest{}
	if err := proto.Unmarshal(bus.Wire(b), got); err != nil || !proto.Equal(want, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want.String(), got.String()))
	}
}

// TestBundleArrives: its messages reach Pub/Sub in one request and are counted, and the bundle says so.
func TestBundleArrives(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b, server, g := open(t, bus.Config{Metrics: registry})
	bundle := bus.NewBundle(topic, 100)
	for _, data := range []string{"one", "two"} {
		if err := bundle.Add([]byte(data), []bus.Attribute{{Name: event.AttrEncoding, Value: event.EncodingProto}}); err != nil {
			t.Fatal(err)
		}
	}
	b.PublishBundle(t.Context(), bundle)
	if err := bundle.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range server.Messages() {
		got[string(m.Data)] = m.Attributes[event.AttrEncoding]
	}
	if diff := cmp.Diff(map[string]string{"one": "proto", "two": "proto"}, got); diff != "" || g.calls.Load() != 1 {
		t.Errorf("%d requests (-want +got):\n%s", g.calls.Load(), diff)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		want, counted := map[string]float64{"pix_bus_published_messages_total": 2, "pix_bus_published_bytes_total": 2 * (3 + 8 + 5)}[f.GetName()]
		if value := f.GetMetric()[0].GetCounter().GetValue(); counted && value != want {
			t.Errorf("%s is %v, want %v", f.GetName(), value, want)
		}
	}
}

// TestBundleIsAcknowledgedWhole: an answer that does not name every message is no acknowledgement.
func TestBundleIsAcknowledgedWhole(t *testing.T) {
	t.Parallel()
	b, _, g := open(t, bus.Config{})
	g.forgets.Store(true)
	bundle := bundleOf(t, 2, 10)
	b.PublishBundle(t.Context(), bundle)
	if err := bundle.Wait(t.Context()); pix.KindOf(err) != pix.Unexpected || err == nil {
		t.Errorf("one message of two acknowledged: %v, want kind unexpected", err)
	}
}

// TestBundleRefusesWhatPublishRefuses: one message above a limit would fail all others. It is left out, with the same words.
func TestBundleRefusesWhatPublishRefuses(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range bus.MaxAttributes + 1 {
		many[fmt.Sprint(i)] = ""
	}
	for name, e := range map[string]event.Envelope{
		"empty":               {},
		"data too large":      {Data: make([]byte, bus.MaxMessageBytes)},
		"too many attributes": {Attributes: many},
		"key too long":        {Attributes: map[string]string{strings.Repeat("k", bus.MaxAttributeKeyBytes+1): "v"}},
		"value not UTF-8":     {Attributes: map[string]string{"k": "\xff"}},
		"attributes too much": {Data: make([]byte, bus.MaxMessageBytes-1024), Attributes: map[string]string{"k": strings.Repeat("v", 1024)}},
	} {
		var attributes []bus.Attribute
		for k, v := range e.Attributes {
			attributes = append(attributes, bus.Attribute{Name: k, Value: v})
		}
		bundle := bundleOf(t, 1, 10)
		before := bytes.Clone(bus.Wire(bundle))
		err, want := bundle.Add(e.Data, attributes), bus.Check(topic, e)
		if err == nil || want == nil || err.Error() != want.Error() || pix.KindOf(err) != pix.KindOf(want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if bundle.Len() != 1 || !bytes.Equal(before, bus.Wire(bundle)) {
			t.Errorf("%s: the bundle has %d messages", name, bundle.Len())
		}
	}
}

// TestBundleFits: a request has at most 1,000 messages and about a megabyte, and one message at least.
func TestBundleFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		messages, size, next int
		want                 bool
	}{
		{0, 0, 9_000_000, true}, {999, 10, 10, true}, {1000, 10, 10, false}, {9, 100_000, 10_000, true}, {9, 100_000, 200_000, false},
	} {
		if got := bundleOf(t, c.messages, c.size).Fits(c.next); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestBundleRidesOutAnOutage: it is tried for as long as a message is, and fails with the same kind.
func TestBundleRidesOutAnOutage(t *testing.T) {
	t.Parallel()
	b, server, g := open(t, bus.Config{})
	g.set(codes.Unavailable)
	bundle := bundleOf(t, 3, 10)
	b.PublishBundle(t.Context(), bundle)
	time.AfterFunc(300*time.Millisecond, func() { g.set(codes.OK) })
	if err := bundle.Wait(t.Context()); err != nil || len(server.Messages()) != 3 {
		t.Errorf("%d messages: %v", len(server.Messages()), err)
	}
	short, _, g := open(t, bus.Config{PublishTimeout: 200 * time.Millisecond})
	g.set(codes.Unavailable)
	bundle = bundleOf(t, 1, 10)
	short.PublishBundle(t.Context(), bundle)
	if kind := pix.KindOf(bundle.Wait(t.Context())); kind != pix.Timeout && kind != pix.Unavailable {
		t.Errorf("of kind %v", kind)
	}
	g.set(codes.InvalidArgument)
	bundle = bundleOf(t, 1, 10)
	short.PublishBundle(t.Context(), bundle)
	if err := bundle.Wait(t.Context()); pix.KindOf(err) != pix.Unexpected || strings.Contains(err.Error(), "refused message") {
		t.Errorf("refused: %v", err)
	}
}

// TestBundlesAreBounded: while Pub/Sub is away no more is under way than may be, until the caller's time ends; what is larger
// than the limit goes alone; when Pub/Sub is back everything arrives.
func TestBundlesAreBounded(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	for name, cfg := range map[string]bus.Config{
		"bytes":      {MaxOutstandingBytes: 4 * 2 * (size + 16), PublishTimeout: time.Minute},
		"messages":   {MaxOutstandingMessages: 8, PublishTimeout: time.Minute},
		"larger yet": {MaxOutstandingMessages: 1, PublishTimeout: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, server, g := open(t, cfg)
			g.set(codes.Unavailable)
			want := int64(4)
			if cfg.MaxOutstandingMessages == 1 {
				want = 1
			}
			var accepted atomic.Int64
			bundles := make(chan *bus.Bundle, 16)
			go func() {
				defer close(bundles)
				for range cap(bundles) {
					bundle := bundleOf(t, 2, size)
					b.PublishBundle(t.Context(), bundle)
					accepted.Add(1)
					bundles <- bundle
				}
			}()
			for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); runtime.Gosched() {
				if n := accepted.Load(); n > want {
					t.Fatalf("%d bundles under way, limit %d", n, want)
				}
			}
			ended, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			late := bundleOf(t, 2, size)
			b.PublishBundle(ended, late)
			if err := late.Wait(t.Context()); pix.KindOf(err) != pix.Timeout {
				t.Errorf("beyond the limit: %v", err)
			}
			g.set(codes.OK)
			for bundle := range bundles {
				if err := bundle.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if n := len(server.Messages()); n != 2*cap(bundles) {
				t.Errorf("%d messages arrived, want %d", n, 2*cap(bundles))
			}
		})
	}
}

// TestCloseWaitsForBundles: what is under way is sent, and nothing after that.
func TestCloseWaitsForBundles(t *testing.T) {
	t.Parallel()
	b, server, g := open(t, bus.Config{})
	g.set(codes.Unavailable)
	bundle := bundleOf(t, 2, 10)
	b.PublishBundle(t.Context(), bundle)
	time.AfterFunc(200*time.Millisecond, func() { g.set(codes.OK) })
	if err := b.Close(t.Context()); err != nil || len(server.Messages()) != 2 {
		t.Errorf("%d messages: %v", len(server.Messages()), err)
	}
	late := bundleOf(t, 1, 10)
	b.PublishBundle(t.Context(), late)
	if err := late.Wait(t.Context()); pix.KindOf(err) != pix.Cancelled {
		t.Errorf("after the end: %v", err)
	}
}
