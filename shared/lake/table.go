package lake

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config is how a table is kept. Its zero value is right.
type Config struct {
	CheckpointEvery int64            // entries between checkpoints; 50
	Now             func() time.Time // time.Now
}

// LongestCommit is how old a data file may be when it is committed. OrphanAge is how old one must be that no commit
// names before Sweep removes it: so much more that no skew between clocks lets the two meet.
const (
	LongestCommit = 6 * time.Hour
	OrphanAge     = 7 * 24 * time.Hour
	// LogAge is for how long entries are kept that a checkpoint has made superfluous: so far back can the table be read
	// as it was.
	LogAge = 30 * 24 * time.Hour
)

// Table is a Delta table that rows are appended to. It holds nothing of the table's state: whatever it says it has just
// read. All methods may be called from any goroutine and any process.
type Table struct {
	objects Objects
	name    string
	schema  Schema
	delta   structType
	cfg     Config
	encode  encoder
}

// Open opens a table in its storage, and creates it if there is none; the name is for readers and for errors. It refuses a
// table that has other columns than ours, short of nullable ones that it lacks, and one that somebody altered beyond what
// this writer speaks. Columns that it lacks are added by the next commit.
func Open(ctx context.Context, objects Objects, name string, schema Schema, cfg Config) (*Table, error) { //nolint:revive // the context and what a table consists of
	if err := check(schema, ""); err != nil {
		return nil, pix.E(pix.Invalid, "open lake table "+name, err)
	}
	delta, err := schema.delta()
	if err != nil {
		return nil, pix.E(pix.Invalid, "open lake table "+name, err)
	}
	if cfg.CheckpointEvery <= 0 {
		cfg.CheckpointEvery = 50
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	t := &Table{objects: objects, name: name, schema: schema, delta: delta, cfg: cfg, encode: encodeCheckpoint}
	s, err := t.load(ctx)
	if err != nil {
		return nil, err
	}
	if s.version == none {
		if s, err = t.create(ctx); err != nil {
			return nil, err
		}
	}
	if _, err := t.judge(s); err != nil {
		return nil, err
	}
	return t, nil
}

// create writes entry 0. Of two that do so at once one wins, and both go on with what is there.
func (t *Table) create(ctx context.Context) (*snapshot, error) {
	schema, err := json.Marshal(t.delta)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", t.name, err)
	}
	now := t.cfg.Now().UnixMilli()
	entry, err := encodeEntry([]action{
		{CommitInfo: t.commitInfo("CREATE TABLE", now)},
		{Protocol: &protocol{MinReaderVersion: 1, MinWriterVersion: 2}},
		{MetaData: &metaData{
			ID: uuid(), Name: &t.name, Format: format{Provider: "parquet", Options: map[string]string{}}, SchemaString: string(schema),
			PartitionColumns: []string{}, Configuration: map[string]string{appendOnly: "true"}, CreatedTime: &now,
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", t.name, err)
	}
	written, err := t.put(ctx, 0, entry)
	if err != nil {
		return nil, err
	}
	s := newSnapshot()
	if err := s.advance(written); err != nil {
		return nil, err
	}
	return s, nil
}

// The properties that matter to this writer. A retention of transactions would make it forget what was exported.
const (
	appendOnly   = "delta.appendOnly"
	txnRetention = "delta.setTransactionRetentionDuration"
)

// judge decides whether the table may be written, and returns the metadata that the next commit must carry, nil if the
// table has it.
func (t *Table) judge(s *snapshot) (*metaData, error) {
	refuse := func(err error) (*metaData, error) {
		return nil, pix.E(pix.Invalid, "write to "+t.name, fmt.Errorf("version %d: %w", s.version, err))
	}
	if s.protocol == nil || s.meta == nil {
		return refuse(fmt.Errorf("the log names no protocol or no schema: it is damaged"))
	}
	if err := s.protocol.supported(); err != nil {
		return refuse(err)
	}
	if len(s.meta.PartitionColumns) > 0 {
		return refuse(fmt.Errorf("the table is partitioned by %v, this writer's are not", s.meta.PartitionColumns))
	}
	if s.meta.Configuration[appendOnly] != "true" {
		return refuse(fmt.Errorf("%s is not true: the table is under maintenance, set it again when that is over", appendOnly))
	}
	if v, ok := s.meta.Configuration[txnRetention]; ok {
		return refuse(fmt.Errorf("%s is set to %q: the log must remember what was exported, unset it", txnRetention, v))
	}
	var table structType
	if err := json.Unmarshal([]byte(s.meta.SchemaString), &table); err != nil {
		return refuse(fmt.Errorf("the log's schema cannot be read: %w", err))
	}
	merged, grown, err := evolve(table, t.delta, "")
	if err != nil {
		return refuse(err)
	}
	if !grown {
		return nil, nil //nolint:nilnil // no metadata to write and no error
	}
	schema, err := json.Marshal(merged)
	if err != nil {
		return refuse(err)
	}
	meta := *s.meta
	meta.SchemaString, meta.Configuration = string(schema), maps.Clone(s.meta.Configuration)
	return &meta, nil
}

// LastTxn returns the version that an application last committed, such as the end of the last exported slice. ok is false
// if it never did.
func (t *Table) LastTxn(ctx context.Context, appID string) (version int64, ok bool, err error) {
	s, err := t.load(ctx)
	if err != nil {
		return 0, false, err
	}
	txn, ok := s.txns[appID]
	return txn.Version, ok, nil
}

// Schema returns the columns of a row, in order.
func (t *Table) Schema() Schema { return t.schema }

func (t *Table) commitInfo(operation string, now int64) *commitInfo {
	return &commitInfo{
		Timestamp: now, Operation: operation, Parameters: map[string]string{}, IsBlindAppend: operation == "WRITE",
		EngineInfo: "sentinela", TxnID: rand.Text(),
	}
}

// uuid returns a random one, as the protocol wants for a table's id.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
