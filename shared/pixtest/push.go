package pixtest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// Push delivers a subscription, which may be given by the last part of its name, to a URL as Pub/Sub push does, until the
// dispatcher or the Cloud stops.
func (c *Cloud) Push(ctx context.Context, subscription, url string, policy push.Policy) (*push.Dispatcher, error) {
	if c.pubsubConn == nil {
		return nil, errors.New("pixtest: push: Pub/Sub was not started")
	}
	dispatcher, err := push.Start(ctx, push.Config{
		Conn: c.pubsubConn, Subscription: c.resource("subscriptions", subscription), URL: url, Policy: policy,
	})
	if err != nil {
		return nil, fmt.Errorf("pixtest: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stops = append(c.stops, dispatcher.Stop)
	return dispatcher, nil
}

func (c *Cloud) resource(kind, name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "projects/" + c.ProjectID + "/" + kind + "/" + name
}
