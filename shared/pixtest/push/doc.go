// Package push delivers the messages of a Pub/Sub subscription to an HTTP endpoint as Pub/Sub push and Eventarc do.
//
// Neither pstest nor a laptop has push. The dispatcher takes that part: it pulls, posts the push envelope, acknowledges
// on 102, 200, 201, 202 and 204, and on anything else, or no answer within the acknowledgement deadline, tries again
// after an exponential backoff until the message is older than the subscription's retention, and lost. That is a
// subscription without a dead-letter policy, as ours are (docs/adr/0002-push-subscriptions.md).
//
// It pulls with unary Pull and not with a stream: pstest hands a stream at most about one message per 10 ms tick,
// a few hundred a second, while one Pull takes a thousand. Retries wait in the dispatcher, which keeps extending
// their lease, so that tests can use backoffs of milliseconds; the service's own unit is the second.
//
// What differs from the service: there is no slow start and no slowing down of a whole subscription whose endpoint fails,
// and an OIDC token is sent only where the policy has one.
package push
