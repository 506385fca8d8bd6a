package lambdatest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// ErrThrottled says that the function runs as often as it may.
var ErrThrottled = errors.New("lambdatest: all of the reserved concurrency is in use")

// FunctionError is an error that the function reported, or its death.
type FunctionError struct {
	Type    string   `json:"errorType"`
	Message string   `json:"errorMessage"`
	Trace   []any    `json:"stackTrace,omitempty"`
	Log     []string `json:"-"`
}

func (e *FunctionError) Error() string { return "function error " + e.Type + ": " + e.Message }

// Config of a Function.
type Config struct {
	Name string
	// Bootstrap is the program.
	Bootstrap string
	// Env is the function's environment beside what Lambda sets; nothing of
	// this process's environment reaches it but PATH and HOME.
	Env []string
	// Timeout of one invocation; 0: 10 s.
	Timeout time.Duration
	// Concurrency bounds the processes; 0: 4.
	Concurrency int
	// MemoryMB is told to the function; 0: 512. It is not enforced.
	MemoryMB int
	// Stderr receives what the processes write; nil: os.Stderr.
	Stderr io.Writer
	// Stage of the events that ServeHTTP makes; "" is "$default".
	Stage Stage
}

// Function is a deployed function.
type Function struct {
	Config
	listener net.Listener
	server   *http.Server
	ctx      context.Context
	stop     context.CancelFunc
	slots    chan struct{}

	mu     sync.Mutex
	closed bool
	idle   []*instance          // warm ones, the last used last
	all    map[string]*instance // by the id in their paths
	async  sync.WaitGroup
	starts int
}

// Start makes a function; its first process starts with the first event.
func Start(c Config) (*Function, error) {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Concurrency == 0 {
		c.Concurrency = 4
	}
	if c.MemoryMB == 0 {
		c.MemoryMB = 512
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if c.Stage == "" {
		c.Stage = "$default"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &Function{Config: c, listener: l, all: map[string]*instance{}, slots: make(chan struct{}, c.Concurrency)}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.server = &http.Server{Handler: f.runtimeAPI(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = f.server.Serve(l) }()
	return f, nil
}

// Close ends all processes and waits for them.
func (f *Function) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.async.Wait()
	f.mu.Lock()
	var all []*instance
	for _, i := range f.all {
		all = append(all, i)
	}
	f.mu.Unlock()
	for _, i := range all {
		f.drop(i)
	}
	return f.server.Close()
}

// Starts counts the processes begun: cold starts.
func (f *Function) Starts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

// PIDs are the processes that live now.
func (f *Function) PIDs() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []int
	for _, i := range f.all {
		out = append(out, i.cmd.Process.Pid)
	}
	return out
}

// Invoke sends an event, any JSON, and waits for the answer. A FunctionError
// says that the function failed; the process of one that ran into its timeout
// is ended.
func (f *Function) Invoke(ctx context.Context, event any) ([]byte, error) {
	payload, ok := event.([]byte)
	if !ok {
		var err error
		if payload, err = json.Marshal(event); err != nil {
			return nil, err
		}
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return nil, ErrThrottled
	}
	i, err := f.take()
	if err != nil {
		return nil, err
	}
	call := &invocation{id: rand.Text(), payload: payload, deadline: time.Now().Add(f.Timeout), answer: make(chan outcome, 1)}
	timeout := time.NewTimer(f.Timeout)
	defer timeout.Stop()
	i.next <- call // has room for one
	var out outcome
	select {
	case out = <-call.answer:
	case <-i.dead:
		select { // the answer may have come just before the end
		case out = <-call.answer:
		default:
			out.err = &FunctionError{Type: "Runtime.ExitError", Message: "the process ended: " + i.why()}
		}
	case <-timeout.C:
		out.err = &FunctionError{Type: "Sandbox.Timedout", Message: fmt.Sprintf("%s Task timed out after %v", call.id, f.Timeout)}
		f.drop(i)
		return nil, out.err
	case <-ctx.Done():
		f.drop(i)
		return nil, ctx.Err()
	case <-f.ctx.Done():
		f.drop(i)
		return nil, errors.New("lambdatest: closed")
	}
	f.giveBack(i)
	return out.body, out.err
}

// InvokeAsync sends an event and does not wait, as InvocationType Event. Lambda
// tries a failed one twice more; so does this, at once.
func (f *Function) InvokeAsync(event any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.async.Go(func() {
		for range 3 {
			for f.ctx.Err() == nil {
				_, err := f.Invoke(f.ctx, event)
				if err == nil {
					return
				}
				if !errors.Is(err, ErrThrottled) {
					fmt.Fprintf(f.Stderr, "lambdatest: %s: %v\n", f.Name, err)
					break
				}
				select { // throttled events wait in Lambda's own queue
				case <-f.ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	})
}

// ServeHTTP is the gateway in front of the function.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, err := f.Stage.Event(r, rand.Text()[:15]+"=")
	if err != nil {
		http.Error(w, `{"message":"Bad Request"}`, http.StatusBadRequest)
		return
	}
	// A function runs to its end when the client has gone.
	answer, err := f.Invoke(context.WithoutCancel(r.Context()), event)
	switch {
	case errors.Is(err, ErrThrottled):
		w.Header().Set("Content-Type", "application/json")
		http.Error(w, `{"message":"Service Unavailable"}`, http.StatusServiceUnavailable)
	case err != nil:
		fmt.Fprintf(f.Stderr, "lambdatest: %s: %v\n", f.Name, err)
		w.Header().Set("Content-Type", "application/json")
		http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
	default:
		if err := Write(w, r, answer); err != nil {
			fmt.Fprintf(f.Stderr, "lambdatest: %s: %v\n", f.Name, err)
		}
	}
}
