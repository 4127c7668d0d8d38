package evaluate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
)

// fact is one line of truth.jsonl, as far as it matters here.
type fact struct {
	EndToEndID string `json:"end_to_end_id"`
	Fraud      bool   `json:"fraud"`
	Typology   string `json:"typology"`
	LookAlike  string `json:"look_alike"`
	PayeeRole  string `json:"payee_role"`
}

// truth is what the simulator knows, by EndToEndId; ordinary payments have no entry.
type truth struct {
	facts map[string]fact
	roles bool // the file names the roles of payees
}

// muleRole says whether a payee's account serves the fraud. A victim's does not, and neither does the honest one through
// which money leaves Pix.
func muleRole(role string) bool { return role == "mule" || role == "collector" }

func readTruth(ctx context.Context, name string) (*truth, error) {
	f, err := file.Text(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("truth: %w", err)
	}
	defer func() { _ = f.Close() }()
	t := &truth{facts: map[string]fact{}}
	lines := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for {
		var line fact
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("truth: %w", err)
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("truth: %w", err)
		}
		if line.EndToEndID == "" {
			return nil, errors.New("truth: a line names no payment")
		}
		if line.Fraud || line.LookAlike != "" {
			t.facts[line.EndToEndID] = line
			t.roles = t.roles || line.PayeeRole != ""
		}
	}
}

// judge puts into a row what is known of the payment.
func (t *truth) judge(s *sample, r *row, id string) {
	line, ok := t.facts[id]
	if !ok {
		return
	}
	r.fraud = line.Fraud
	r.mule = line.Fraud && (!t.roles || muleRole(line.PayeeRole))
	switch {
	case line.Fraud:
		r.typology = s.typologies.id(line.Typology)
	case line.LookAlike != "":
		r.lookAlike = s.lookAlikes.id(line.LookAlike)
	}
}
