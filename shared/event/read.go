package event

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// reader converts generated messages to the domain and notes what cannot be converted.
type reader struct{ problems pix.Problems }

// finish joins the problems of reading with those of validating.
func (r *reader) finish(op string, invalid error) error {
	return (&findings{problems: r.problems.List}).finish(op, nil, invalid)
}

// time converts a timestamp that is absent as the zero time.
func (r *reader) time(field string, ts *timestamppb.Timestamp) time.Time {
	if ts == nil {
		return time.Time{}
	}
	if !ts.IsValid() {
		r.problems.Add(field, "not a time")
		return time.Time{}
	}
	return ts.AsTime()
}

func (r *reader) duration(field string, d *durationpb.Duration) time.Duration {
	if d != nil && !d.IsValid() {
		r.problems.Add(field, "not a duration")
		return 0
	}
	return d.AsDuration()
}

// timestamp writes the zero time as absent.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
