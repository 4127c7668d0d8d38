package dlq

import "github.com/sentinela-pix/sentinela/shared/pix"

// reasonPanic is the one reason that is no kind.
const reasonPanic = "panic"

// advice says what to do about a reason.
func advice(l *letter) string {
	switch l.Reason {
	case pix.Invalid.String():
		return "The message breaks the contract; the detail names each field. A replay would be refused again. Tell its producer, " +
			"who sends it again, corrected, under the same EndToEndId."
	case pix.UnknownSchema.String():
		return "The message is of a type or version that this release does not know. Deploy a release that knows it, then replay; " +
			"if it was published to the wrong topic, tell its producer."
	case pix.TooLarge.String():
		return "The message is above a bound. Its producer must send less; a batch of Kafka that is too large to unpack can be read " +
			"with more memory (MEMORY_LIMIT) and replay -from-kafka."
	case pix.Conflict.String():
		return "Another payment already has this EndToEndId, and its decision stands. A replay would be refused again. Ask the " +
			"producer which of the two is right; the other needs an EndToEndId of its own."
	case pix.TooOld.String():
		return "The payment came too long after its event time. It was not decided: whoever waits for it was refused. A replay decides " +
			"it by its own date, where the subscription's identity may replay; nobody may act on that as on a live payment."
	case pix.Unavailable.String(), pix.Timeout.String(), pix.Overloaded.String(), pix.Cancelled.String():
		return "It was tried until it was too old to try again, because a dependency was away. See that it is back, then replay."
	case pix.Unexpected.String(), reasonPanic:
		return "A defect: look for this time in the log of " + source(l) + ". Replay after the release that mends it; before, it dies again."
	default:
		return "This release does not know the reason: the letter may be of a newer one."
	}
}

func source(l *letter) string {
	if l.Source == "" {
		return "the component that gave up"
	}
	return l.Source
}

// remedy says which command can bring the message back.
func remedy(l *letter) string {
	_, inKafka := l.place()
	switch {
	case l.HasPayload:
		return "It has its payload, in tokens: pixctl dlq replay -id " + l.ID
	case inKafka:
		return "It has no payload, and lies in Kafka at " + l.where() + ": pixctl dlq replay -from-kafka -id " + l.ID
	default:
		return "It has no payload, and nothing here has it: its producer must send it again."
	}
}
