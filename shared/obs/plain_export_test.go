package obs

import (
	"io"
	"log/slog"
)

// SlogHandler is Logger's handler without the short way.
func SlogHandler(w io.Writer, level slog.Leveler, service Service) slog.Handler {
	return named(newTraceHandler(w, level, service), service).Handler()
}
