package simulate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// Names of the files in the output directory.
const (
	EventsFile   = "events.jsonl"
	LabelsFile   = "labels.jsonl"
	StatusesFile = "statuses.jsonl"
	CasesFile    = "med.jsonl"
	TruthFile    = "truth.jsonl"
)

const writeBuffer = 1 << 20

// Indexes into files.
const (
	eventsFile = iota
	labelsFile
	statusesFile
	casesFile
	truthFile
	fileCount
)

// Truth is one line of truth.jsonl: a fraud, a look-alike or a payment with a sampling weight. Ordinary payments have no
// line.
type Truth struct {
	EndToEndID   string  `json:"end_to_end_id"`
	Fraud        bool    `json:"fraud"`
	Typology     string  `json:"typology,omitempty"`
	LookAlike    string  `json:"look_alike,omitempty"`
	Campaign     int32   `json:"campaign,omitempty"`
	Layer        int     `json:"layer,omitempty"`      // 0 is the victim's payment, then the mules' own
	PayerRole    string  `json:"payer_role,omitempty"` // victim, mule, accomplice, institution
	PayeeRole    string  `json:"payee_role,omitempty"` // mule, collector, cash_out, victim
	PayerAccount string  `json:"payer_account"`        // raw account numbers, as in events.jsonl
	PayeeAccount string  `json:"payee_account"`
	Rejected     bool    `json:"rejected,omitempty"` // never settled
	Weight       float64 `json:"weight"`
}

// Case is one line of med.jsonl: a change of state of an infraction report or a refund request, in the words of the
// DICT API.
type Case struct {
	EndToEndID string    `json:"end_to_end_id"`
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"`             // INFRACTION, REFUND
	State      string    `json:"state"`            // OPEN, ACKNOWLEDGED, CLOSED, CANCELLED
	Result     string    `json:"result,omitempty"` // AGREED, DISAGREED; TOTALLY_ACCEPTED, PARTIALLY_ACCEPTED, REJECTED
	Reason     string    `json:"reason,omitempty"` // of a rejected refund
	Centavos   int64     `json:"centavos"`         // disputed or returned
}

// files are the outputs, written side by side: all of them appear, or none. The zero value takes everything and keeps
// nothing.
type files struct {
	file [fileCount]*file.Output
	w    [fileCount]*bufio.Writer
}

func create(dir string) (*files, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	f := &files{}
	for i, name := range [fileCount]string{EventsFile, LabelsFile, StatusesFile, CasesFile, TruthFile} {
		out, err := file.Create(filepath.Join(dir, name))
		if err != nil {
			f.discard()
			return nil, fmt.Errorf("simulate: %w", err)
		}
		f.file[i], f.w[i] = out, bufio.NewWriterSize(out, writeBuffer)
	}
	return f, nil
}

// commit gives every file its name. All are flushed before the first is renamed: a full disk leaves none behind.
func (f *files) commit() error {
	var errs []error
	for _, w := range f.w {
		if w != nil {
			errs = append(errs, w.Flush())
		}
	}
	for _, out := range f.file {
		if out != nil && errors.Join(errs...) == nil {
			errs = append(errs, out.Commit())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return nil
}

// discard removes what commit has not completed.
func (f *files) discard() {
	for _, out := range f.file {
		if out != nil {
			out.Discard()
		}
	}
}

// put writes one payment, everything that will be said of it, and what became of others meanwhile.
func (f *files) put(w *world.World, e *world.Event) error {
	if f.w[eventsFile] == nil {
		return nil
	}
	line, err := event.EncodeSubmissionJSON(&e.Submission)
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	if err := f.line(eventsFile, line); err != nil {
		return err
	}
	for _, label := range e.Labels() {
		if line, err = event.EncodeLabelJSON(&label); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		if err := f.line(labelsFile, line); err != nil {
			return err
		}
	}
	if err := f.follow(w); err != nil {
		return err
	}
	if !e.Fraud && e.LookAlike == "" && e.Weight == 1 {
		return nil
	}
	return f.object(truthFile, Truth{
		EndToEndID: string(e.Submission.ID), Fraud: e.Fraud, Typology: string(e.Typology), LookAlike: string(e.LookAlike),
		Campaign: e.Campaign, Layer: e.Layer, PayerRole: string(e.PayerRole), PayeeRole: string(e.PayeeRole),
		PayerAccount: w.AccountNumber(e.Payer), PayeeAccount: w.AccountNumber(e.Payee),
		Rejected: e.Rejected, Weight: e.Weight,
	})
}

// follow writes what became of payments since the one before.
func (f *files) follow(w *world.World) error {
	if f.w[eventsFile] == nil {
		return nil
	}
	for _, s := range w.Statuses() {
		line, err := event.StatusJSON(&s)
		if err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		if err := f.line(statusesFile, line); err != nil {
			return err
		}
	}
	for _, c := range w.Cases() {
		err := f.object(casesFile, Case{
			EndToEndID: string(c.ID), At: c.At, Kind: string(c.Kind), State: c.State, Result: c.Result, Reason: c.Reason,
			Centavos: int64(c.Amount),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *files) object(to int, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return f.line(to, line)
}

func (f *files) line(to int, line []byte) error {
	_, err := f.w[to].Write(line)
	if err = errors.Join(err, f.w[to].WriteByte('\n')); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return nil
}
