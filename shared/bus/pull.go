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

// Pull waits a while for messages that nobody holds and returns at most so many, perhaps none. It is for people's tools:
// what serves is pushed to.
func (b *Bus) Pull(ctx context.Context, subscription string, most int) ([]Received, error) {
	return b.pull(ctx, subscription, &pubsubpb.PullRequest{MaxMessages: int32(most)})
}

// PullNow is Pull that does not wait: that it gives nothing says that the subscription was there and answered, which a
// wait that ran out does not.
func (b *Bus) PullNow(ctx context.Context, subscription string, most int) ([]Received, error) {
	return b.pull(ctx, subscription, &pubsubpb.PullRequest{
		MaxMessages: int32(most), ReturnImmediately: true, //nolint:staticcheck // slow for those who pull in a loop, which this is not for
	})
}

func (b *Bus) pull(ctx context.Context, subscription string, request *pubsubpb.PullRequest) ([]Received, error) {
	request.Subscription = b.fullName("subscriptions", subscription)
	answer, err := b.client.SubscriptionAdminClient.Pull(ctx, request)
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
