package event

import (
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
)

// ExportTick asks for an export to the lake.
type ExportTick struct {
	Tables []string // none means all
}

// EncodeExportTick writes a tick as proto.
func EncodeExportTick(t *ExportTick) (Envelope, error) {
	out, err := seal(SchemaExportTick, "", &pixv1.ExportTick{Tables: t.Tables})
	return out, wrap("encode export tick", err)
}

// DecodeExportTick reads a tick in either encoding: the scheduler's is {}. Error kinds are those of DecodeTransaction.
func DecodeExportTick(e Envelope) (ExportTick, error) {
	var m pixv1.ExportTick
	if err := open("decode export tick", e, SchemaExportTick, &m); err != nil {
		return ExportTick{}, err
	}
	return ExportTick{Tables: m.GetTables()}, nil
}
