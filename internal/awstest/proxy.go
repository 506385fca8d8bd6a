package awstest

import (
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Faults says which share of calls goes wrong, and how. Shares are of 1 and add
// up; what is left goes through. Which calls they are follows from Seed, the
// operation, the object and how often that pair was called before, and from
// nothing else: not from the order in which other calls arrive.
type Faults struct {
	Seed uint64
	// NotStored calls are answered with 503 and never reach the server.
	NotStored float64
	// Cut calls end with a broken connection and never reach the server.
	Cut float64
	// StoredButError calls reach the server, and its answer is replaced by 500.
	StoredButError float64
	// Delayed calls reach the server Delay later.
	Delayed float64
	Delay   time.Duration
	// Single makes only the first try of a call go wrong, so that the client's
	// own retry hides the fault. Otherwise every try of the call fails, and
	// whoever called sees the error.
	Single bool
	// Match limits the faults to some operations; nil means all.
	Match func(op string) bool
}

// Proxy stands between a program and a cloud service, counts the calls and
// spoils some of them. Programs use its address as their endpoint.
type Proxy struct {
	URL string

	mu     sync.Mutex
	faults Faults
	counts map[string]int
	struck map[string]int
	// nth counts the calls of an operation on an object; fates remembers what
	// was decided for a call, for the tries that follow.
	nth   map[string]int
	fates map[string]fate
}

// NewProxy is a proxy before a server such as Server.URL, on a free port of
// loopback, until the test ends.
func NewProxy(t testing.TB, target string, f Faults) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{counts: map[string]int{}, struck: map[string]int{}, nth: map[string]int{}, fates: map[string]fate{}}
	p.Set(f)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host },
		Transport: transport,
		// Clients that go away and servers that end are what these tests are
		// about: no noise.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, forward) }))
	p.URL = srv.URL
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// Set changes the faults from now on; the zero Faults let everything through.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	clear(p.nth)
	clear(p.fates)
}

// Counts is how often each operation was tried, such as "s3 GetObject" or
// "sqs SendMessage", since the start or the last Reset.
func (p *Proxy) Counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// Struck is how many calls went wrong, by kind of fault and operation, such as
// "not stored: s3 PutObject".
func (p *Proxy) Struck() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.struck)
}

// Reset begins counting anew.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.counts)
	clear(p.struck)
}

type fate int

const (
	through fate = iota
	notStored
	cut
	storedButError
	delayed
)

func (f fate) String() string {
	return [...]string{"through", "not stored", "cut", "stored but error", "delayed"}[f]
}

// operation names a call to a service and the object it is about.
func operation(r *http.Request) (op, object string) {
	if _, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		service, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if strings.HasPrefix(service, "AmazonSQS") {
			return "sqs " + name, ""
		}
		return strings.ToLower(strings.TrimPrefix(service, "Amazon")) + " " + name, ""
	}
	// The S3 SDK names the operation in x-id where the method does not.
	q := r.URL.Query()
	switch {
	case q.Has("list-type"):
		return "s3 ListObjectsV2", q.Get("prefix")
	case q.Has("uploads"):
		return "s3 CreateMultipartUpload", r.URL.Path
	case q.Has("uploadId") && r.Method == http.MethodPost:
		return "s3 CompleteMultipartUpload", r.URL.Path
	case q.Has("uploadId") && r.Method == http.MethodPut:
		return "s3 UploadPart", r.URL.Path + "#" + q.Get("partNumber")
	case strings.Count(strings.Trim(r.URL.Path, "/"), "/") == 0 && r.Method == http.MethodHead:
		return "s3 HeadBucket", r.URL.Path
	}
	name := map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[r.Method]
	if name == "" {
		name = r.Method
	}
	return "s3 " + name, r.URL.Path
}

// decide is what becomes of one try.
func (p *Proxy) decide(r *http.Request) (fate, time.Duration) {
	op, object := operation(r)
	call := r.Header.Get("Amz-Sdk-Invocation-Id")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[op]++
	f := p.faults
	if f.Match != nil && !f.Match(op) {
		return through, 0
	}
	if known, ok := p.fates[call]; ok && call != "" {
		switch {
		case f.Single, known == delayed:
			return through, 0
		case known == storedButError:
			return notStored, 0 // it is stored; the tries that follow only fail
		}
		return known, 0
	}
	key := op + " " + object
	p.nth[key]++
	got := f.draw(key, p.nth[key])
	p.fates[call] = got
	if got != through {
		p.struck[got.String()+": "+op]++
	}
	return got, f.Delay
}

// draw decides the nth call of a key.
func (f Faults) draw(key string, nth int) fate {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", f.Seed, key, nth)
	// FNV's high bits mix poorly for short changes at the end: fold it once more.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	u := float64(x) / math.MaxUint64
	for _, s := range []struct {
		share float64
		fate  fate
	}{{f.NotStored, notStored}, {f.Cut, cut}, {f.StoredButError, storedButError}, {f.Delayed, delayed}} {
		if u < s.share {
			return s.fate
		}
		u -= s.share
	}
	return through
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	what, delay := p.decide(r)
	switch what {
	case notStored:
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(w, "", http.StatusServiceUnavailable)
		return
	case cut:
		panic(http.ErrAbortHandler)
	case storedButError:
		next.ServeHTTP(&deafWriter{header: http.Header{}}, r)
		http.Error(w, "", http.StatusInternalServerError)
		return
	case delayed:
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	next.ServeHTTP(w, r)
}

// deafWriter takes an answer that nobody gets.
type deafWriter struct{ header http.Header }

func (d *deafWriter) Header() http.Header         { return d.header }
func (d *deafWriter) Write(b []byte) (int, error) { return len(b), nil }
func (d *deafWriter) WriteHeader(int)             {}
