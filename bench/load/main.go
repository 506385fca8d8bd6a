// Command load is many people at once: clients that submit a what-if and poll
// its status, against a server on loopback, for a bounded time. It prints what
// it measured as JSON. It knows the service by its HTTP contract alone and
// refuses to be pointed anywhere but at this machine.
//
//	go run ./bench/load --url http://127.0.0.1:8080 --clients 200 --seconds 60
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

type options struct {
	url            string
	clients        int
	seconds, every time.Duration
	fresh          time.Duration
	pid            int
}

// longest bounds a measurement, whatever was asked for.
const longest = 10 * time.Minute

func main() {
	var o options
	flag.StringVar(&o.url, "url", "", "the server, on loopback")
	flag.IntVar(&o.clients, "clients", 200, "clients at once")
	flag.DurationVar(&o.seconds, "for", time.Minute, "how long")
	flag.DurationVar(&o.every, "poll", 200*time.Millisecond, "pause of a client between two requests")
	flag.DurationVar(&o.fresh, "new", 10*time.Second, "pause between two runs that are not cached; 0: none")
	flag.IntVar(&o.pid, "pid", 0, "process of the server, to watch its memory")
	flag.Parse()
	result, err := measure(o)
	if err == nil {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", " ")
		err = enc.Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// Result is what one measurement found.
type Result struct {
	Clients  int     `json:"clients"`
	Seconds  float64 `json:"seconds"`
	Requests int     `json:"requests"`
	// PerSecond is requests answered.
	PerSecond float64 `json:"requests_per_second"`
	// Codes counts answers by status; Throttled are those 429 that say when to
	// come back, Errors everything that is neither expected nor that.
	Codes     map[string]int     `json:"codes"`
	Throttled int                `json:"throttled_with_retry_after"`
	Errors    int                `json:"errors"`
	Error     string             `json:"first_error,omitempty"`
	NewRuns   int                `json:"new_runs_completed"`
	Millis    map[string]Latency `json:"milliseconds"`
	// CPU is what the server used; it says what a request costs even where
	// others want the same cores.
	CPU float64          `json:"server_cpu_seconds,omitempty"`
	RSS map[string]int64 `json:"rss_bytes,omitempty"`
}

// Latency is the time until an answer was read, in milliseconds.
type Latency struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// load is one measurement under way.
type load struct {
	options
	http *http.Client
	mu   sync.Mutex
	took map[string][]float64 // by kind of call, under mu
	res  Result               // under mu
}

func measure(o options) (*Result, error) {
	u, err := url.Parse(o.url)
	if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" && u.Hostname() != "localhost" {
		return nil, fmt.Errorf("--url %q, want a server on this machine, such as http://127.0.0.1:8080", o.url)
	}
	if o.clients < 1 || o.clients > 10_000 || o.seconds <= 0 || o.seconds > longest || o.every < time.Millisecond {
		return nil, fmt.Errorf("want 1 to 10000 clients, up to %v, pauses of a millisecond or more", longest)
	}
	l := &load{options: o, took: map[string][]float64{}, res: Result{Clients: o.clients, Codes: map[string]int{}, Millis: map[string]Latency{}, RSS: map[string]int64{}},
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: o.clients + 1}}}
	defer l.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), o.seconds)
	defer cancel()
	begun, used := time.Now(), cpu(o.pid)
	var all sync.WaitGroup
	for i := range o.clients {
		all.Go(func() { l.visitor(ctx, i) })
	}
	all.Go(func() { l.researcher(ctx) })
	all.Go(func() { l.watch(ctx) })
	all.Wait()
	r := &l.res
	r.Seconds, r.CPU = round(time.Since(begun).Seconds()), round(cpu(o.pid)-used)
	for kind, ms := range l.took {
		slices.Sort(ms)
		r.Requests += len(ms)
		at := func(q float64) float64 { return round(ms[int(q*float64(len(ms)-1))]) }
		r.Millis[kind] = Latency{len(ms), at(.5), at(.95), at(.99), at(1)}
	}
	r.PerSecond = round(float64(r.Requests) / r.Seconds)
	return r, nil
}

func round(x float64) float64 { return math.Round(x*100) / 100 }

// body is a small what-if; equal seeds are equal runs.
func body(seed int) []byte {
	return fmt.Appendf(nil, `{"city":"newport","num_agents":300,"replications":2,"seed":%d}`, seed)
}

// visitor asks the question that was answered before, then polls and asks
// again, as an open page does.
func (l *load) visitor(ctx context.Context, i int) {
	// Not all in the same moment.
	if !pause(ctx, l.every*time.Duration(i)/time.Duration(l.clients)) {
		return
	}
	job, tag := "", ""
	for n := 0; ; n++ {
		if job == "" || n%20 == 19 {
			var s spec.Submitted
			if l.call(ctx, "submit", http.MethodPost, "/v1/submit", "", body(1), &s) == http.StatusAccepted {
				job, tag = s.JobID, ""
			}
		} else {
			// Every other client keeps what it has, as browsers do.
			was := tag
			if i%2 == 0 {
				was = ""
			}
			l.call(ctx, "status", http.MethodGet, "/v1/status/"+job, was, nil, &tag)
		}
		if !pause(ctx, l.every) {
			return
		}
	}
}

// researcher asks something new now and then, so that a worker is at work on
// the same machine, and follows it to its end.
func (l *load) researcher(ctx context.Context) {
	for seed := 2; l.fresh > 0 && pause(ctx, l.fresh); seed++ {
		var s spec.Submitted
		if l.call(ctx, "submit new", http.MethodPost, "/v1/submit", "", body(seed), &s) != http.StatusAccepted {
			continue
		}
		for {
			var st spec.Status
			l.call(ctx, "status of a running job", http.MethodGet, "/v1/status/"+s.JobID, "", nil, &st)
			if st.State == spec.Complete {
				l.mu.Lock()
				l.res.NewRuns++
				l.mu.Unlock()
				break
			}
			if !pause(ctx, l.every) {
				return
			}
		}
	}
}

// call sends one request, notes how long it took, and decodes the answer; into
// a *string goes the ETag.
func (l *load) call(ctx context.Context, kind, method, path, tag string, body []byte, into any) int {
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, bytes.NewReader(body))
	if err != nil {
		l.note(kind, 0, 0, err)
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	begun := time.Now()
	res, err := l.http.Do(req)
	var b []byte
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
		_ = res.Body.Close()
	}
	took := time.Since(begun)
	if ctx.Err() != nil {
		return 0 // the measurement is over
	}
	if err != nil {
		l.note(kind, took, 0, err)
		return 0
	}
	switch code := res.StatusCode; {
	case code == http.StatusTooManyRequests && positive(res.Header.Get("Retry-After")), code == http.StatusNotModified:
	case code/100 != 2:
		err = fmt.Errorf("%s: %d %.200s", kind, code, b)
	default:
		if s, ok := into.(*string); ok {
			*s = res.Header.Get("ETag")
			into = &spec.Status{}
		}
		err = json.Unmarshal(b, into)
	}
	l.note(kind, took, res.StatusCode, err)
	return res.StatusCode
}

func positive(s string) bool { n, err := strconv.Atoi(s); return err == nil && n > 0 }

func (l *load) note(kind string, took time.Duration, code int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took[kind] = append(l.took[kind], float64(took.Microseconds())/1000)
	l.res.Codes[strconv.Itoa(code)]++
	if code == http.StatusTooManyRequests && err == nil {
		l.res.Throttled++
	}
	if err != nil {
		if l.res.Errors++; l.res.Error == "" {
			l.res.Error = err.Error()
		}
	}
}

// watch notes the memory of the server at a tenth, the middle and the end.
func (l *load) watch(ctx context.Context) {
	if l.pid == 0 {
		return
	}
	for _, at := range []struct {
		name string
		wait time.Duration
	}{{"start", l.seconds / 10}, {"middle", l.seconds * 4 / 10}, {"end", l.seconds*5/10 - 200*time.Millisecond}} {
		if !pause(ctx, at.wait) {
			return
		}
		l.mu.Lock()
		l.res.RSS[at.name] = rss(l.pid)
		l.mu.Unlock()
	}
}

// rss is the resident memory of a process in bytes, 0 where /proc is unknown.
func rss(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// cpu is the processor time of a process in seconds, 0 where /proc is unknown.
func cpu(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// Behind the name, which may hold anything, in parentheses; fields 14 and
	// 15 are ticks, of which Linux shows a hundred to the second.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.Atoi(string(fields[11]))
	system, err2 := strconv.Atoi(string(fields[12]))
	if err1 != nil || err2 != nil {
		return 0
	}
	return float64(user+system) / 100
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
