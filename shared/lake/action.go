package lake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The actions of the log, as its JSON entries and its Parquet checkpoints have them.

type protocol struct {
	MinReaderVersion int32    `json:"minReaderVersion" parquet:"minReaderVersion"`
	MinWriterVersion int32    `json:"minWriterVersion" parquet:"minWriterVersion"`
	ReaderFeatures   []string `json:"readerFeatures,omitempty" parquet:"readerFeatures,optional,list"`
	WriterFeatures   []string `json:"writerFeatures,omitempty" parquet:"writerFeatures,optional,list"`
}

type metaData struct {
	ID               string            `json:"id" parquet:"id"`
	Name             *string           `json:"name,omitempty" parquet:"name,optional"`
	Description      *string           `json:"description,omitempty" parquet:"description,optional"`
	Format           format            `json:"format" parquet:"format"`
	SchemaString     string            `json:"schemaString" parquet:"schemaString"`
	PartitionColumns []string          `json:"partitionColumns" parquet:"partitionColumns,list"`
	Configuration    map[string]string `json:"configuration" parquet:"configuration"`
	CreatedTime      *int64            `json:"createdTime,omitempty" parquet:"createdTime,optional"`
}

type format struct {
	Provider string            `json:"provider" parquet:"provider"`
	Options  map[string]string `json:"options" parquet:"options"`
}

type transaction struct {
	AppID       string `json:"appId" parquet:"appId"`
	Version     int64  `json:"version" parquet:"version"`
	LastUpdated *int64 `json:"lastUpdated,omitempty" parquet:"lastUpdated,optional"`
}

type addFile struct {
	Path             string            `json:"path" parquet:"path"`
	PartitionValues  map[string]string `json:"partitionValues" parquet:"partitionValues"`
	Size             int64             `json:"size" parquet:"size"`
	ModificationTime int64             `json:"modificationTime" parquet:"modificationTime"`
	DataChange       bool              `json:"dataChange" parquet:"dataChange"`
	Stats            *string           `json:"stats,omitempty" parquet:"stats,optional"`
	Tags             map[string]string `json:"tags,omitempty" parquet:"tags,optional"`
}

type removeFile struct {
	Path              string `json:"path" parquet:"path"`
	DeletionTimestamp *int64 `json:"deletionTimestamp,omitempty" parquet:"deletionTimestamp,optional"`
	DataChange        bool   `json:"dataChange" parquet:"dataChange"`
	Size              *int64 `json:"size,omitempty" parquet:"size,optional"`
}

type commitInfo struct {
	Timestamp     int64             `json:"timestamp"`
	Operation     string            `json:"operation"`
	Parameters    map[string]string `json:"operationParameters"`
	IsBlindAppend bool              `json:"isBlindAppend"`
	EngineInfo    string            `json:"engineInfo"`
	TxnID         string            `json:"txnId"` // tells our entry from everybody else's
}

// action is one line of an entry, or one row of a checkpoint. Exactly one field is set; none in a line of a kind that
// readers ignore.
type action struct {
	Txn      *transaction `json:"txn,omitempty" parquet:"txn,optional"`
	Add      *addFile     `json:"add,omitempty" parquet:"add,optional"`
	Remove   *removeFile  `json:"remove,omitempty" parquet:"remove,optional"`
	MetaData *metaData    `json:"metaData,omitempty" parquet:"metaData,optional"`
	Protocol *protocol    `json:"protocol,omitempty" parquet:"protocol,optional"`

	CommitInfo *commitInfo `json:"commitInfo,omitempty" parquet:"-"`
}

// encodeEntry returns a log entry: an action per line.
func encodeEntry(actions []action) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, a := range actions {
		if err := encoder.Encode(a); err != nil {
			return nil, fmt.Errorf("encode action: %w", err)
		}
	}
	return b.Bytes(), nil
}

// decodeEntry reads a log entry, whoever wrote it. What it says of the commit's provenance is left out: every engine has
// its own.
func decodeEntry(data []byte) ([]action, error) {
	var actions []action
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var a struct {
			action
			CommitInfo json.RawMessage `json:"commitInfo"`
		}
		if err := json.Unmarshal(line, &a); err != nil {
			return nil, fmt.Errorf("line %d is no action: %w", number, err)
		}
		if err := a.valid(); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		actions = append(actions, a.action)
	}
	return actions, nil
}

func (a action) valid() error {
	switch {
	case a.Add != nil && a.Add.Path == "":
		return fmt.Errorf("add without a path")
	case a.Remove != nil && a.Remove.Path == "":
		return fmt.Errorf("remove without a path")
	case a.Txn != nil && a.Txn.AppID == "":
		return fmt.Errorf("txn without an application")
	case a.MetaData != nil && a.MetaData.SchemaString == "":
		return fmt.Errorf("metaData without a schema")
	}
	return nil
}

// supported refuses what this writer does not speak.
func (p *protocol) supported() error {
	if p.MinReaderVersion == 1 && p.MinWriterVersion >= 1 && p.MinWriterVersion <= 2 {
		return nil
	}
	features := strings.Join(append(append([]string{}, p.ReaderFeatures...), p.WriterFeatures...), ", ")
	return fmt.Errorf("the table asks for reader version %d and writer version %d (features: %s), this writer speaks 1 and 2: "+
		"somebody raised the protocol, nothing was written", p.MinReaderVersion, p.MinWriterVersion, features)
}
