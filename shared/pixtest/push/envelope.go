package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// envelope is the wrapped push body. It has no deliveryAttempt: only a dead-letter policy counts. Pub/Sub writes the id and the time under two names each.
type envelope struct {
	Message      wireMessage `json:"message"`
	Subscription string      `json:"subscription"`
}

type wireMessage struct {
	Attributes  map[string]string `json:"attributes,omitempty"`
	Data        []byte            `json:"data,omitempty"`
	ID          string            `json:"messageId"`
	ID2         string            `json:"message_id"`
	PublishTime string            `json:"publishTime"`
	PublishTim2 string            `json:"publish_time"`
	OrderingKey string            `json:"orderingKey,omitempty"`
}

// target is where and how the messages of one subscription are posted.
type target struct {
	url          string
	subscription string
	topic        string
	cloudEvents  bool
	token        func() (string, error)
}

func (t *target) request(ctx context.Context, m *pubsubpb.PubsubMessage) (*http.Request, error) {
	published := m.GetPublishTime().AsTime().Format(time.RFC3339Nano)
	e := envelope{Subscription: t.subscription, Message: wireMessage{
		Attributes: m.GetAttributes(), Data: m.GetData(), OrderingKey: m.GetOrderingKey(),
		ID: m.GetMessageId(), ID2: m.GetMessageId(), PublishTime: published, PublishTim2: published,
	}}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("push: encode envelope: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("push: new request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "CloudPubSub-Google")
	if t.token != nil {
		token, err := t.token()
		if err != nil {
			return nil, fmt.Errorf("push: token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if t.cloudEvents {
		request.Header.Set("Ce-Id", m.GetMessageId())
		request.Header.Set("Ce-Source", "//pubsub.googleapis.com/"+t.topic)
		request.Header.Set("Ce-Specversion", "1.0")
		request.Header.Set("Ce-Type", "google.cloud.pubsub.topic.v1.messagePublished")
		request.Header.Set("Ce-Time", published)
	}
	return request, nil
}

// acknowledges tells whether Pub/Sub takes the status as an acknowledgement.
func acknowledges(status int) bool {
	switch status {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	default:
		return false
	}
}
