package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

const (
	// eventPoll is how often the store is asked. The worker writes progress
	// about twice a second.
	eventPoll = 500 * time.Millisecond
	// eventQuiet is the longest silence: proxies cut quiet connections.
	eventQuiet = 15 * time.Second
	// eventLife bounds one stream; browsers reconnect by themselves.
	eventLife = 30 * time.Minute
)

// eventRetry is when a client comes back to a host that cannot stream.
const eventRetry = 3 * time.Second

// oneEvent is a stream of the present state. Browsers connect again by
// themselves after the retry time, so a page that follows a job notices no
// difference but the pace.
func oneEvent(w http.ResponseWriter, st *spec.Status) {
	b, err := json.Marshal(st)
	if err != nil {
		panic(fmt.Sprintf("httpapi: a status does not encode: %v", err))
	}
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintf(w, "retry: %d\nevent: status\ndata: %s\n\n", eventRetry.Milliseconds(), b)
}

// events streams the status, once for each change, and ends with the job.
func (a *api) events(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	st, tag, err := a.statuses.get(ctx, r.PathValue("job_id"))
	if err != nil {
		faultOf(a.fault(ctx, err)).write(w)
		return
	}
	if a.NoStreams {
		oneEvent(w, st)
		return
	}
	leave, ok := a.watch(clientOf(ctx).key)
	if !ok {
		tooMany.fault("Too many people are watching at once; ask for the status instead.").with("Retry-After", "10").write(w)
		return
	}
	defer leave()
	rc := http.NewResponseController(w)
	send := func(format string, args ...any) bool {
		// The server's own deadline is for short answers.
		_ = rc.SetWriteDeadline(time.Now().Add(eventQuiet))
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && rc.Flush() == nil
	}
	h := w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must pass events on at once
	tick := time.NewTicker(eventPoll)
	defer tick.Stop()
	begun, spoke, last := time.Now(), time.Now(), ""
	for {
		switch {
		case tag != last:
			b, err := json.Marshal(st)
			if err != nil || !send("event: status\ndata: %s\n\n", b) {
				return
			}
			last, spoke = tag, time.Now()
		case time.Since(spoke) >= eventQuiet/2:
			if !send(": still here\n\n") {
				return
			}
			spoke = time.Now()
		}
		if st.State != spec.Queued && st.State != spec.Running || time.Since(begun) > eventLife {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-a.Closing:
			return
		case <-tick.C:
		}
		if st, tag, err = a.statuses.get(ctx, st.JobID); err != nil {
			return // the client reconnects and gets the error with its status
		}
	}
}

// watch takes a place among the open streams; false when there is none.
func (a *api) watch(client string) (leave func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.watching[client] >= maxClientStreams {
		return nil, false
	}
	select {
	case a.streams <- struct{}{}:
	default:
		return nil, false
	}
	a.watching[client]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		<-a.streams
		if a.watching[client]--; a.watching[client] == 0 {
			delete(a.watching, client)
		}
	}, true
}
