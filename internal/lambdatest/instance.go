package lambdatest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"time"
)

// instance is one process of a function.
type instance struct {
	id   string
	cmd  *exec.Cmd
	next chan *invocation // at most one is in it
	dead chan struct{}
	// ready says that the process asks for another event; one that reported an
	// error may be about to end instead.
	ready chan struct{}

	mu      sync.Mutex
	used    bool // has had an event
	current *invocation
	reason  error
}

type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	answer   chan outcome // has room for one
}

type outcome struct {
	body []byte
	err  error
}

func (i *instance) why() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reason == nil {
		return "without an error"
	}
	return i.reason.Error()
}

// maxAnswer is Lambda's own limit of one answer.
const maxAnswer = 6<<20 + 100

// take finds a warm process or starts one.
func (f *Function) take() (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errors.New("lambdatest: closed")
	}
	for n := len(f.idle); n > 0; n = len(f.idle) {
		i := f.idle[n-1]
		f.idle = f.idle[:n-1]
		select {
		case <-i.dead: // ended while nobody needed it
			delete(f.all, i.id)
		default:
			return i, nil
		}
	}
	i := &instance{id: rand.Text(), next: make(chan *invocation, 1), dead: make(chan struct{}), ready: make(chan struct{}, 1)}
	i.cmd = exec.Command(f.Bootstrap) // #nosec G204 -- the program under test
	i.cmd.Stdout, i.cmd.Stderr = f.Stderr, f.Stderr
	i.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TZ=:UTC", "LANG=en_US.UTF-8",
		"AWS_LAMBDA_RUNTIME_API=" + f.listener.Addr().String() + "/" + i.id,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name, "AWS_LAMBDA_FUNCTION_VERSION=1", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB), "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=/var/task",
	}, f.Env...)
	if err := i.cmd.Start(); err != nil {
		return nil, &FunctionError{Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	}
	f.starts++
	f.all[i.id] = i
	go func() {
		err := i.cmd.Wait()
		i.mu.Lock()
		if i.reason == nil {
			i.reason = err
		}
		i.mu.Unlock()
		close(i.dead)
	}()
	return i, nil
}

// giveBack keeps a process warm once it asks for more.
func (f *Function) giveBack(i *instance) {
	late := time.NewTimer(f.Timeout)
	defer late.Stop()
	select {
	case <-i.ready:
	case <-i.dead:
		f.drop(i)
		return
	case <-late.C:
		f.drop(i)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, i)
}

// drop ends a process and waits for it.
func (f *Function) drop(i *instance) {
	_ = i.cmd.Process.Kill()
	<-i.dead
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, i.id)
	f.idle = slices.DeleteFunc(f.idle, func(o *instance) bool { return o == i })
}

// runtimeAPI is what the processes talk to. The id of the process is the first
// part of the path, which real functions never see because each has its own
// stand-in.
func (f *Function) runtimeAPI() http.Handler {
	const base = "/{instance}/2018-06-01/runtime/"
	mux := http.NewServeMux()
	handle := func(pattern string, h func(*instance, http.ResponseWriter, *http.Request)) {
		method, path := pattern[:len("POST")], pattern[len("POST "):]
		if pattern[0] == 'G' {
			method, path = "GET", pattern[len("GET "):]
		}
		mux.HandleFunc(method+" "+base+path, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			i := f.all[r.PathValue("instance")]
			f.mu.Unlock()
			if i == nil {
				http.Error(w, `{"errorType":"InvalidInstance"}`, http.StatusForbidden)
				return
			}
			h(i, w, r)
		})
	}
	handle("GET invocation/next", func(i *instance, w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		if i.used {
			i.ready <- struct{}{} // has room: Invoke takes one after each event
		}
		i.mu.Unlock()
		select {
		case call := <-i.next:
			i.mu.Lock()
			i.current, i.used = call, true
			i.mu.Unlock()
			h := w.Header()
			h.Set("Lambda-Runtime-Aws-Request-Id", call.id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(call.deadline.UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-2:000000000000:function:"+f.Name)
			h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
			h.Set("Content-Type", "application/json")
			_, _ = w.Write(call.payload)
		case <-r.Context().Done():
		case <-f.ctx.Done():
		}
	})
	handle("POST invocation/{id}/response", func(i *instance, w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
		out := outcome{body: body}
		switch {
		case err != nil:
			out = outcome{err: &FunctionError{Type: "Runtime.TruncatedResponse", Message: err.Error()}}
		case len(body) > maxAnswer:
			out = outcome{err: &FunctionError{Type: "Function.ResponseSizeTooLarge", Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes)."}}
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			i.finish(w, r.PathValue("id"), out, 0)
			return
		}
		i.finish(w, r.PathValue("id"), out, http.StatusAccepted)
	})
	handle("POST invocation/{id}/error", func(i *instance, w http.ResponseWriter, r *http.Request) {
		i.finish(w, r.PathValue("id"), outcome{err: readError(r)}, http.StatusAccepted)
	})
	handle("POST init/error", func(i *instance, w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.reason = readError(r)
		i.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// finish hands the outcome of the current invocation to whoever waits for it.
func (i *instance) finish(w http.ResponseWriter, id string, out outcome, status int) {
	i.mu.Lock()
	call := i.current
	if call != nil && call.id == id {
		i.current = nil
	}
	i.mu.Unlock()
	if call == nil || call.id != id {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	call.answer <- out
	if status != 0 {
		w.WriteHeader(status)
	}
}

func readError(r *http.Request) *FunctionError {
	e := &FunctionError{}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(e); err != nil {
		e.Message = fmt.Sprintf("unreadable error: %v", err)
	}
	if e.Type == "" {
		e.Type = r.Header.Get("Lambda-Runtime-Function-Error-Type")
	}
	return e
}
