// Package telemetry is how the service is watched: structured logs that carry
// the request id, and counters for Prometheus. It leans on nothing of
// CityFlow, and nothing in it can fail a request: a metric that nobody
// registered is a programming error and panics in tests, not in production
// paths that only count.
//
// Logs go to stderr, never to stdout, which belongs to answers. Secrets and
// request bodies are never logged.
package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
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

// Logger writes to w as "text" or "json". Records logged with a context name
// its request.
func Logger(w io.Writer, format string, level slog.Level) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.New(handler{slog.NewTextHandler(w, o)}), nil
	case "json":
		return slog.New(handler{slog.NewJSONHandler(w, o)}), nil
	}
	return nil, fmt.Errorf("unknown log format %q, want text or json", format)
}

// handler adds the request id of the context to each record.
type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(as []slog.Attr) slog.Handler { return handler{h.Handler.WithAttrs(as)} }
func (h handler) WithGroup(name string) slog.Handler    { return handler{h.Handler.WithGroup(name)} }
