package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// labelJSON writes a label as people publish it. protojson varies its spaces from build to build; the same seed shall
// give the same bytes, so they are taken out.
func labelJSON(l *pix.Label) ([]byte, error) {
	e, err := event.EncodeLabel(l)
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	var m pixv1.Label
	if err := proto.Unmarshal(e.Data, &m); err != nil {
		return nil, fmt.Errorf("simulate: label: %w", err)
	}
	spaced, err := protojson.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("simulate: label: %w", err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, spaced); err != nil {
		return nil, fmt.Errorf("simulate: label: %w", err)
	}
	return b.Bytes(), nil
}
