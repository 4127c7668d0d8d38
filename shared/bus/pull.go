package bus

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// MaxHold is the longest that Pub/Sub lets a reader hold a message without saying so again.
const MaxHold = 600 * time.Second

// maxAckIDs is how many messages one request names, well below the 512 KiB that Pub/Sub takes.
const maxAckIDs = 1000

// ErrNoSubscription is the cause where a subscription does not exist.
var ErrNoSubscription = errors.New("the subscription does not exist")

// Received is a message that its subscription keeps until it is acknowledged. It comes again when its hold has passed.
type Received struct {
	event.Envelope
	ID        string // Pub/Sub's
	AckID     string // of this delivery
	Published time.Time
}

// Pull returns at most so many of the messages that nobody holds, perhaps none although there are some: ask again. It does
// not wait, because a wait that the caller gives up may still be given messages, which are then held for nobody. It is for
// people's tools: what serves is pushed to.
func (b *Bus) Pull(ctx context.Context, subscription string, most int) ([]Received, error) {
	answer, err := b.client.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{
		Subscription: b.fullName("subscriptions", subscription), MaxMessages: int32(most),
		ReturnImmediately: true, //nolint:staticcheck // slow for those who pull in a loop for good, which this is not for
	})
	if err != nil {
		return nil, subscriptionError("pull from "+subscription, err)
	}
	list := make([]Received, 0, len(answer.GetReceivedMessages()))
	for _, m := range answer.GetReceivedMessages() {
		list = append(list, Received{
			Envelope: event.Envelope{Data: m.GetMessage().GetData(), Attributes: m.GetMessage().GetAttributes()},
			ID:       m.GetMessage().GetMessageId(), AckID: m.GetAckId(), Published: m.GetMessage().GetPublishTime().AsTime(),
		})
	}
	return list, nil
}

// Hold keeps deliveries from coming again for so long, at most MaxHold. Zero gives them back at once.
func (b *Bus) Hold(ctx context.Context, subscription string, ackIDs []string, d time.Duration) error {
	return chunks(ackIDs, func(ids []string) error {
		err := b.client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: b.fullName("subscriptions", subscription), AckIds: ids, AckDeadlineSeconds: int32(d / time.Second),
		})
		return subscriptionError("hold messages of "+subscription, err)
	})
}

// Acknowledge ends deliveries for good.
func (b *Bus) Acknowledge(ctx context.Context, subscription string, ackIDs []string) error {
	return chunks(ackIDs, func(ids []string) error {
		err := b.client.SubscriptionAdminClient.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{
			Subscription: b.fullName("subscriptions", subscription), AckIds: ids,
		})
		return subscriptionError("acknowledge to "+subscription, err)
	})
}

// chunks tries every part, so that one failure costs its own part only.
func chunks(ids []string, do func([]string) error) error {
	var errs []error
	for len(ids) > 0 {
		n := min(len(ids), maxAckIDs)
		errs = append(errs, do(ids[:n]))
		ids = ids[n:]
	}
	return errors.Join(errs...)
}

func subscriptionError(op string, err error) error {
	if status.Code(err) == codes.NotFound {
		err = ErrNoSubscription
	}
	return pix.E(kindOf(err), op, err)
}
