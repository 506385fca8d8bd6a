// Package gateway serves an http.Handler to events of an API Gateway HTTP API
// (payload format 2.0; function URLs send the same), so that a function answers
// exactly as a server would. It leans on net/http alone.
//
// What it holds to: the client's address is the one that the gateway saw, never
// a header that a stranger can send, and never this machine's own: a request
// through a gateway has no rights of loopback. A handler is given a deadline
// before the function's own, so that there is an answer even then. An answer
// that does not fit one invocation becomes a problem document. Events that are
// none of this format end the invocation with an error.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// MaxResponse is what a function may answer at once, encoded: 6 MB.
const MaxResponse = 6 << 20

// margin is how long before the function's end the adapter gives up waiting;
// the handler's context ends another margin earlier.
const margin = 250 * time.Millisecond

// Kinds of refusals of the adapter itself.
const (
	Malformed = "malformed"        // the request cannot be one of HTTP
	Crashed   = "internal"         // the handler panicked
	Late      = "late"             // the handler did not answer in time
	TooLarge  = "answer-too-large" // more than MaxResponse
)

// Options of an Adapter.
type Options struct {
	// Stage is a path prefix to take away, without slashes ("prod"). When it
	// is empty, the stage that the event names is taken away where the path
	// has it: the gateway's own address has, a custom domain has not.
	Stage string
	// Refuse writes an error document of a kind above.
	Refuse func(w http.ResponseWriter, kind, detail string)
	// Hint is added to the detail of an answer that is too large: where to
	// find it instead. May be empty.
	Hint string
	Log  *slog.Logger
}

// Adapter implements lambda.Handler over an http.Handler.
type Adapter struct {
	handler http.Handler
	Options
}

// New makes an adapter. It is safe for concurrent use if the handler is.
func New(h http.Handler, o Options) *Adapter { return &Adapter{h, o} }

// Invoke answers one event.
func (a *Adapter) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("gateway: the event is not JSON of payload format 2.0: %w", err)
	}
	if e.Version != "2.0" || e.RequestContext.HTTP.Method == "" {
		return nil, fmt.Errorf("gateway: the event has version %q and method %q, want one of an HTTP API with payload format 2.0", e.Version, e.RequestContext.HTTP.Method)
	}
	return a.serve(ctx, &e)
}

func (a *Adapter) serve(ctx context.Context, e *events.APIGatewayV2HTTPRequest) ([]byte, error) {
	giveUp := ctx
	if end, ok := ctx.Deadline(); ok {
		var cancel, cancelInner context.CancelFunc
		giveUp, cancel = context.WithDeadline(ctx, end.Add(-margin))
		defer cancel()
		ctx, cancelInner = context.WithDeadline(giveUp, end.Add(-2*margin))
		defer cancelInner()
	}
	r, prefix, err := a.request(ctx, e)
	if err != nil {
		w := newRecorder(e.RequestContext.HTTP.Method == http.MethodHead)
		a.Refuse(w, Malformed, "The request cannot be read: "+err.Error()+".")
		return w.result("", MaxResponse)
	}
	w := newRecorder(r.Method == http.MethodHead)
	done := make(chan error, 1)
	go func() { done <- a.run(w, r) }()
	select {
	case err = <-done:
		w.close(true)
	case <-giveUp.Done():
		err = errLate
		w.close(false)
	}
	if err != nil {
		kind, detail := Crashed, "The server's log has the details."
		if errors.Is(err, errLate) {
			kind, detail = Late, "The answer took too long. Nothing was lost; try again."
		}
		a.Log.ErrorContext(ctx, "no answer from the handler", "error", err, "request", r.Header.Get("X-Request-Id"))
		w = newRecorder(r.Method == http.MethodHead)
		a.Refuse(w, kind, detail)
	}
	b, err := w.result(prefix, MaxResponse)
	if errors.Is(err, errTooLarge) {
		again := newRecorder(r.Method == http.MethodHead)
		again.keep(w.sent) // the headers for every answer: security, origins, request id
		a.Refuse(again, TooLarge, fmt.Sprintf("The answer has more than the %d bytes that this host can send at once. %s", MaxResponse, a.Hint))
		b, err = again.result(prefix, MaxResponse)
	}
	return b, err
}

var (
	errLate     = errors.New("gateway: the handler did not answer in time")
	errTooLarge = errors.New("gateway: the answer is too large")
)

// run lets the handler answer. A panic is an error whatever was written before
// it: half an answer must not look like a whole one.
func (a *Adapter) run(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("gateway: panic in the handler: %v\n%s", v, debug.Stack())
		}
	}()
	a.handler.ServeHTTP(w, r)
	return nil
}
