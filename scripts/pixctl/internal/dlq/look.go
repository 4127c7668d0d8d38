package dlq

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
)

// listing is what `dlq list` prints.
type listing struct {
	Letters []*letter `json:"letters"` // the oldest first
	More    bool      `json:"more"`    // -limit was reached
}

func list(ctx context.Context, std command.IO, args []string) error {
	flags, c := flagsOf(std, "dlq list", "[-reason R] [-limit N] [-json]"+limits, 0)
	var f filter
	flags.StringVar(&f.reason, "reason", "", "only letters with this reason, for example invalid")
	limit := flags.Int("limit", 100, "letters to list at most")
	asJSON := flags.Bool("json", false, "print one JSON object")
	if _, err := parse(flags, c, args); err != nil {
		return err
	}
	if *limit < 1 {
		return command.Usagef("dlq list: -limit must be above zero")
	}
	found := listing{Letters: []*letter{}}
	err := c.with(ctx, func(_ *bus.Bus, in *inbox) error {
		return in.each(ctx, func(l *letter) (bool, error) {
			switch {
			case !f.takes(l):
				return false, nil
			case len(found.Letters) == *limit:
				found.More = true
				return false, errEnough
			}
			l.message.Data = nil
			found.Letters = append(found.Letters, l)
			return false, nil
		})
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(found.Letters, func(a, b *letter) int { return a.At.Compare(b.At) })
	return found.write(std.Out, *asJSON)
}

func (f *listing) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return encode(w, f)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "id\twhen\treason\tsource\tpayment\tpayload\twhere")
	for _, l := range f.Letters {
		payload := "no"
		if l.HasPayload {
			payload = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.At.Format(time.RFC3339), dash(l.Reason), dash(l.Source),
			dash(l.EndToEndID), payload, dash(l.where()))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("dlq: %w", err)
	}
	if f.More {
		fmt.Fprintf(w, "%d letters; there are more: raise -limit\n", len(f.Letters))
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func encode(w io.Writer, v any) error {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return fmt.Errorf("dlq: %w", err)
	}
	return nil
}

func show(ctx context.Context, std command.IO, args []string) error {
	flags, c := flagsOf(std, "dlq show", "ID [-json]\n\nID is a letter's, or its payment's EndToEndId."+limits, 1)
	asJSON := flags.Bool("json", false, "print one JSON object")
	rest, err := parse(flags, c, args)
	if err != nil {
		return err
	}
	var found *letter
	err = c.with(ctx, func(_ *bus.Bus, in *inbox) error {
		return in.each(ctx, func(l *letter) (bool, error) {
			if !(filter{id: rest[0]}).takes(l) {
				return false, nil
			}
			found = l
			return false, errEnough
		})
	})
	if err != nil {
		return err
	}
	if found == nil {
		return fmt.Errorf("dlq: no letter has this id, or somebody else holds it now")
	}
	payload := tokens(found)
	if *asJSON {
		return encode(std.Out, struct {
			*letter
			Payload json.RawMessage `json:"payload,omitempty"`
			Advice  string          `json:"advice"`
			Remedy  string          `json:"remedy"`
		}{found, payload, advice(found), remedy(found)})
	}
	return tell(std.Out, found, payload)
}

func tell(w io.Writer, l *letter, payload []byte) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"letter", l.ID}, {"when", l.At.Format(time.RFC3339Nano)}, {"reason", l.Reason}, {"detail", l.Detail}, {"source", l.Source},
		{"payment", l.EndToEndID}, {"where", l.where()}, {"records", fmt.Sprint(l.Records)}, {"type", l.Schema},
		{"payload", fmt.Sprintf("%d bytes", l.Bytes)},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], dash(row[1]))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("dlq: %w", err)
	}
	if len(payload) > 0 {
		fmt.Fprintf(w, "%s\n", payload)
	}
	fmt.Fprintf(w, "\n%s\n%s\n", advice(l), remedy(l))
	return nil
}

// tokens writes the payload as JSON where it is certain to hold tokens only, and nothing otherwise: whoever may publish on
// the topic could have put anything there.
func tokens(l *letter) []byte {
	e := l.message.Envelope
	switch l.Schema {
	case event.SchemaTransaction:
		var m pixv1.Transaction
		if !event.FromBridge(e) || proto.Unmarshal(e.Data, &m) != nil {
			return nil
		}
		m.ProtoReflect().SetUnknown(nil)
		out, err := protojson.Marshal(&m)
		if err != nil {
			return nil
		}
		return out
	case event.SchemaDecision:
		d, err := event.ReadDecision(e)
		if err != nil {
			return nil
		}
		out, err := event.DecisionJSON(&d)
		if err != nil {
			return nil
		}
		return out
	default:
		return nil
	}
}
