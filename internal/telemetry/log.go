// Package telemetry is how the service is watched: structured logs that carry
// the ids of request, job and attempt, metrics through OpenTelemetry, and spans
// where somebody collects them. It leans on nothing of CityFlow, and nothing in
// it can fail a request: a metric that is not in the table is a programming
// error and panics, an exporter that does not work is logged and forgotten.
//
// Logs go to stderr, never to stdout, which belongs to answers (and, where
// chosen, to embedded metrics). Secrets and request bodies are never logged; a
// job's id, which is a permission, stands in the service's own log, never in a
// metric, a span or the line about a request. docs/telemetry.md is the list.
package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

type requestIDKey struct{}

var requestID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// WithRequestID carries the id of a request through ctx. The client's id is
// kept when it is harmless in a log line and a header; else a new one is made.
func WithRequestID(ctx context.Context, fromClient string) (context.Context, string) {
	id := fromClient
	if !requestID.MatchString(id) {
		id = strings.ToLower(rand.Text())
	}
	return context.WithValue(ctx, requestIDKey{}, id), id
}

// RequestID is the id that ctx carries, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

type logAttrsKey struct{}

// WithLog adds attributes to every record that is logged with the context, such
// as the job and the attempt a worker is at.
func WithLog(ctx context.Context, attrs ...slog.Attr) context.Context {
	have, _ := ctx.Value(logAttrsKey{}).([]slog.Attr)
	all := append(append(make([]slog.Attr, 0, len(have)+len(attrs)), have...), attrs...)
	return context.WithValue(ctx, logAttrsKey{}, all)
}

// Logger writes to w as "text" or "json"; "auto" is text on a terminal and
// JSON elsewhere. Records logged with a context name what it is about.
func Logger(w io.Writer, format string, level slog.Level) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: level}
	if format == "auto" {
		format = "json"
		if terminal(w) {
			format = "text"
		}
	}
	switch format {
	case "text":
		return slog.New(handler{slog.NewTextHandler(w, o)}), nil
	case "json":
		return slog.New(handler{slog.NewJSONHandler(w, o)}), nil
	}
	return nil, fmt.Errorf("unknown log format %q, want auto, text or json", format)
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// handler adds to each record what its context is about.
type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if attrs, ok := ctx.Value(logAttrsKey{}).([]slog.Attr); ok {
		r.AddAttrs(attrs...)
	}
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	if s := trace.SpanContextFromContext(ctx); s.IsSampled() {
		r.AddAttrs(slog.String("trace_id", s.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(as []slog.Attr) slog.Handler { return handler{h.Handler.WithAttrs(as)} }
func (h handler) WithGroup(name string) slog.Handler    { return handler{h.Handler.WithGroup(name)} }
