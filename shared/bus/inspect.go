package bus

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// SubscriptionState is a subscription as it stands, for those who compare it with what event.Topics declares.
type SubscriptionState struct {
	Topic            string // full name; "_deleted-topic_" once the topic is gone
	Filter           string
	AckDeadline      time.Duration
	Retention        time.Duration
	Expiration       time.Duration // it is deleted once nobody has read for so long; 0 is never
	PushEndpoint     string        // empty: it is pulled
	PushAccount      string        // signs in the tokens that are pushed
	PushAudience     string
	DeadLetterPolicy bool // Pub/Sub's own, which forwards what it could not deliver
	Ordered          bool
	Detached         bool
}

// LookTopic returns nil for a topic that exists. The errors of the looks carry gRPC's status.
func (b *Bus) LookTopic(ctx context.Context, topic string) error {
	_, err := b.client.TopicAdminClient.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: b.fullName("topics", topic)})
	if err != nil {
		return fmt.Errorf("look at topic %s: %w", topic, err)
	}
	return nil
}

// LookSubscription returns what stands under a subscription's name.
func (b *Bus) LookSubscription(ctx context.Context, name string) (SubscriptionState, error) {
	s, err := b.client.SubscriptionAdminClient.GetSubscription(ctx,
		&pubsubpb.GetSubscriptionRequest{Subscription: b.fullName("subscriptions", name)})
	if err != nil {
		return SubscriptionState{}, fmt.Errorf("look at subscription %s: %w", name, err)
	}
	return SubscriptionState{
		Topic: s.GetTopic(), Filter: s.GetFilter(),
		AckDeadline:      time.Duration(s.GetAckDeadlineSeconds()) * time.Second,
		Retention:        s.GetMessageRetentionDuration().AsDuration(),
		Expiration:       s.GetExpirationPolicy().GetTtl().AsDuration(),
		PushEndpoint:     s.GetPushConfig().GetPushEndpoint(),
		PushAccount:      s.GetPushConfig().GetOidcToken().GetServiceAccountEmail(),
		PushAudience:     s.GetPushConfig().GetOidcToken().GetAudience(),
		DeadLetterPolicy: s.GetDeadLetterPolicy() != nil,
		Ordered:          s.GetEnableMessageOrdering(), Detached: s.GetDetached(),
	}, nil
}

// TopicRights returns those of the permissions that the caller has on a topic.
func (b *Bus) TopicRights(ctx context.Context, topic string, permissions []string) ([]string, error) {
	answer, err := b.client.TopicAdminClient.TestIamPermissions(ctx,
		&iampb.TestIamPermissionsRequest{Resource: b.fullName("topics", topic), Permissions: permissions})
	if err != nil {
		return nil, fmt.Errorf("test rights on topic %s: %w", topic, err)
	}
	return answer.GetPermissions(), nil
}

// SubscriptionRights returns those of the permissions that the caller has on a subscription.
func (b *Bus) SubscriptionRights(ctx context.Context, name string, permissions []string) ([]string, error) {
	answer, err := b.client.SubscriptionAdminClient.TestIamPermissions(ctx,
		&iampb.TestIamPermissionsRequest{Resource: b.fullName("subscriptions", name), Permissions: permissions})
	if err != nil {
		return nil, fmt.Errorf("test rights on subscription %s: %w", name, err)
	}
	return answer.GetPermissions(), nil
}
