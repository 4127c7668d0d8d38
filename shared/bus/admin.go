package bus

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Subscription is what EnsureSubscription creates.
type Subscription struct {
	Name        string        // short or full name
	Topic       string        // short or full name
	AckDeadline time.Duration // zero takes the service's default of 10 s
	Filter      string        // over attributes; empty takes every message
}

// EnsureTopic creates a topic unless it exists. It is for emulators, the demo and tests: in a project Terraform does it.
func (b *Bus) EnsureTopic(ctx context.Context, topic string) error {
	_, err := b.client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: b.fullName("topics", topic)})
	return ensured("create topic "+topic, err)
}

// EnsureSubscription creates a pull subscription unless it exists. It is for emulators, the demo and tests.
func (b *Bus) EnsureSubscription(ctx context.Context, s Subscription) error {
	_, err := b.client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name:               b.fullName("subscriptions", s.Name),
		Topic:              b.fullName("topics", s.Topic),
		AckDeadlineSeconds: int32(s.AckDeadline / time.Second),
		Filter:             s.Filter,
	})
	return ensured("create subscription "+s.Name, err)
}

// ensured forgives that the thing was there already.
func ensured(op string, err error) error {
	if err == nil || status.Code(err) == codes.AlreadyExists {
		return nil
	}
	return pix.E(kindOf(err), op, err)
}

func (b *Bus) fullName(collection, name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return fmt.Sprintf("projects/%s/%s/%s", b.client.Project(), collection, name)
}
