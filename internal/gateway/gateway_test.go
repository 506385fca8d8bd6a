package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/malikobaid/cityflow/internal/lambdatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func refuse(w http.ResponseWriter, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(map[string]int{Malformed: 400, Crashed: 500, Late: 503, TooLarge: 406}[kind])
	fmt.Fprintf(w, `{"type":"/problems/%s","detail":%q}`, kind, detail)
}

func adapter(h http.Handler, stage string) *Adapter {
	return New(h, Options{Stage: stage, Refuse: refuse, Hint: "See https://files.example.", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// behaviours is a handler with one path for everything that a handler may do.
func behaviours() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		names := []string{}
		for name, values := range r.Header {
			if !strings.HasPrefix(name, "X-Forwarded-") && name != "X-Request-Id" {
				names = append(names, name+": "+strings.Join(values, ","))
			}
		}
		slices.Sort(names)
		fmt.Fprintf(w, "%s %q %q %q host %s length %d body %q %v\n%s\n", r.Method, r.URL.Path, r.URL.EscapedPath(), r.URL.Query(), r.Host, r.ContentLength, body, err, strings.Join(names, "\n"))
	})
	mux.HandleFunc("GET /only-get", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plain words") })
	mux.HandleFunc("/binary", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte{0, 1, 2, 0xff, 0xfe})
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, `{"a":1}`)
		_ = z.Close()
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Add("Vary", "Origin")
		w.Header().Add("Vary", "Accept-Encoding")
	})
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		if _, err := w.Write([]byte("x")); err == nil {
			panic("a body was taken")
		}
	})
	mux.HandleFunc("/notmodified", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(http.StatusNotModified)
	})
	mux.HandleFunc("/late-header", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "1")
		w.WriteHeader(http.StatusOK)
		fmt.Fprint(w, "<html>sniffed")
	})
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/length", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "11")
		fmt.Fprint(w, "hello world")
	})
	mux.HandleFunc("/unicode", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Grüße \u2028 \ufffd <&>\x00") })
	mux.HandleFunc("/flush", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "one ")
		_ = http.NewResponseController(w).Flush()
		fmt.Fprint(w, "two")
	})
	mux.HandleFunc("/range", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(bytes.Repeat([]byte{0xff, 1}, 100)))
	})
	return mux
}

type call struct {
	method, path, body string
	header             []string
	encodedOnly        bool // the decoded form of the path is another path
}

var calls = []call{
	{method: "GET", path: "/echo/a"},
	{method: "GET", path: "/echo/a?x=1&x=2&y=&z=%26%20+%C3%BC"},
	{method: "GET", path: "/echo/a?;bad=%zz"},
	{method: "GET", path: "/echo/St%20John%27s/%C3%BC"},
	{method: "GET", path: "/echo/a%2Fb%25", encodedOnly: true},
	{method: "GET", path: "/echo/50%25/"},
	{method: "GET", path: "/echo/a%3Fb%23c"},
	{method: "GET", path: "/echo//x/../y"},
	{method: "POST", path: "/echo/a", body: `{"city":"newport"}`, header: []string{"Content-Type", "application/json"}},
	{method: "POST", path: "/echo/a", body: "\xff\x00\xfe"},
	{method: "PUT", path: "/echo/a", body: "Grüße"},
	{method: "DELETE", path: "/echo/a"},
	{method: "GET", path: "/echo/a", header: []string{"Cookie", "a=1; b=2", "Accept-Encoding", "gzip", "X-Many", "1", "X-Many", "2"}},
	{method: "OPTIONS", path: "/echo/a", header: []string{"Origin", "https://x.example", "Access-Control-Request-Method", "POST"}},
	{method: "HEAD", path: "/only-get"},
	{method: "HEAD", path: "/length"},
	{method: "HEAD", path: "/range"},
	{method: "POST", path: "/only-get", body: "x"},
	{method: "GET", path: "/nothing"},
	{method: "GET", path: "/binary"}, {method: "GET", path: "/gzip", header: []string{"Accept-Encoding", "gzip"}},
	{method: "GET", path: "/cookies"}, {method: "GET", path: "/none"}, {method: "GET", path: "/notmodified"},
	{method: "GET", path: "/late-header"}, {method: "GET", path: "/silent"}, {method: "GET", path: "/length"},
	{method: "GET", path: "/unicode"}, {method: "GET", path: "/flush"},
	{method: "GET", path: "/range", header: []string{"Range", "bytes=3-9"}},
	{method: "GET", path: "/range", header: []string{"Range", "bytes=900-"}},
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (c call) send(t *testing.T, base string) answer {
	t.Helper()
	req, err := http.NewRequest(c.method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "api.cityflow.example"
	req.Header.Set("User-Agent", "test")
	for i := 0; i+1 < len(c.header); i += 2 {
		req.Header.Add(c.header[i], c.header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	h := res.Header.Clone()
	if c.method != "HEAD" && res.ContentLength >= 0 && res.ContentLength != int64(len(b)) {
		t.Errorf("%s %s: length %d of %d bytes", c.method, c.path, res.ContentLength, len(b))
	}
	for _, name := range []string{"Date", "Connection"} { // of the connection
		h.Del(name)
	}
	if c.method != "HEAD" || h.Get("Content-Length") == "0" {
		h.Del("Content-Length") // checked above; its form is the connection's
	}
	for name, values := range h { // of one header, several lines are one list
		if name != "Set-Cookie" {
			h[name] = []string{strings.Join(values, ", ")}
		}
	}
	return answer{res.StatusCode, h, string(b)}
}

// The same request through a server and through the gateway has the same
// answer, whether the path arrives decoded or as it was, and whatever prefix
// the stage puts before it.
func TestAServerAndAFunctionAnswerAlike(t *testing.T) {
	server := httptest.NewServer(behaviours())
	defer server.Close()
	for _, v := range []struct {
		stage   lambdatest.Stage // as the gateway names it
		option  string           // as we are told
		encoded bool
	}{{stage: "$default"}, {stage: "$default", encoded: true}, {stage: "prod"}, {stage: "prod", option: "prod"}} {
		a := adapter(behaviours(), v.option)
		function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e, err := v.stage.Event(r, "id=")
			if err != nil {
				t.Error(err)
				return
			}
			if v.encoded {
				e.RawPath = r.URL.EscapedPath()
			}
			payload, err := json.Marshal(e)
			if err != nil {
				t.Error(err)
				return
			}
			b, err := a.Invoke(r.Context(), payload)
			if err != nil {
				t.Error(err)
				return
			}
			if err := lambdatest.Write(w, r, b); err != nil {
				t.Error(err)
			}
		}))
		for _, c := range calls {
			if c.encodedOnly && !v.encoded {
				continue
			}
			want, got := c.send(t, server.URL), c.send(t, function.URL)
			if l := want.Header.Get("Location"); v.stage == "prod" && l != "" {
				want.Header.Set("Location", "/prod"+l)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%+v %s %s: server -, function +\n%s", v, c.method, c.path, d)
			}
		}
		function.Close()
	}
}

func event(method, path string) *events.APIGatewayV2HTTPRequest {
	e := &events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, Headers: map[string]string{}}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = method, "203.0.113.9"
	return e
}

func invoke(t *testing.T, a *Adapter, ctx context.Context, e *events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, []byte) {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	b, err := a.Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(b, &res); err != nil {
		t.Fatalf("%v: %.300s", err, b)
	}
	return res, b
}

// The address of a client is what the gateway saw; nothing that a stranger
// sends gives the rights of loopback.
func TestTheClientsAddressIsTheGateways(t *testing.T) {
	for source, want := range map[string]string{
		"203.0.113.9": "203.0.113.9:0", "2001:db8::1": "[2001:db8::1]:0", "::ffff:203.0.113.9": "203.0.113.9:0",
		"127.0.0.1": nowhere, "127.8.9.1": nowhere, "::1": nowhere, "::ffff:127.0.0.1": nowhere, "": nowhere, "localhost": nowhere,
		"127.0.0.1:80": nowhere, "::1%lo": nowhere, "fe80::1%eth0": "[fe80::1]:0",
	} {
		e := event("GET", "/")
		e.RequestContext.HTTP.SourceIP = source
		e.Headers["x-forwarded-for"], e.Headers["forwarded"], e.Headers["x-real-ip"] = "127.0.0.1", "for=127.0.0.1", "127.0.0.1"
		got := ""
		invoke(t, adapter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }), ""), t.Context(), e)
		if got != want {
			t.Errorf("source %q became %q, want %q", source, got, want)
		}
	}
}

func TestTheGatewaysRequestIDIsUsedUnlessTheClientHasOne(t *testing.T) {
	for _, c := range []struct{ gateway, client, want string }{{"abc=", "", "abc"}, {"abc=", "mine", "mine"}, {"", "", ""}, {"a\nb", "", ""}} {
		e := event("GET", "/")
		e.RequestContext.RequestID = c.gateway
		if c.client != "" {
			e.Headers["x-request-id"] = c.client
		}
		got := "?"
		invoke(t, adapter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("X-Request-Id") }), ""), t.Context(), e)
		if got != c.want {
			t.Errorf("%+v gave %q", c, got)
		}
	}
}

func TestStages(t *testing.T) {
	for _, c := range []struct{ option, stage, path, want string }{
		{"", "prod", "/prod/v1/health", "/v1/health"}, {"", "prod", "/v1/health", "/v1/health"}, {"", "prod", "/prod", "/"},
		{"", "prod", "/production/x", "/production/x"}, {"", "$default", "/prod/x", "/prod/x"}, {"prod", "$default", "/prod/x", "/x"},
		{"prod", "test", "/test/x", "/test/x"}, {"", "", "/x", "/x"},
	} {
		e := event("GET", c.path)
		e.RequestContext.Stage = c.stage
		got := ""
		invoke(t, adapter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path }), c.option), t.Context(), e)
		if got != c.want {
			t.Errorf("%+v gave %q", c, got)
		}
	}
}

func TestRequestsThatAreNoneOfHTTP(t *testing.T) {
	never := adapter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") }), "")
	for name, change := range map[string]func(*events.APIGatewayV2HTTPRequest){
		"method": func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = "GET /x" },
		"path":   func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "x" },
		"line":   func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/a\r\nb" },
		"query":  func(e *events.APIGatewayV2HTTPRequest) { e.RawQueryString = "a\nb" },
		"zero":   func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/a%00" },
		"header": func(e *events.APIGatewayV2HTTPRequest) { e.Headers["a b"] = "x" },
		"value":  func(e *events.APIGatewayV2HTTPRequest) { e.Headers["a"] = "x\r\ny" },
		"cookie": func(e *events.APIGatewayV2HTTPRequest) { e.Cookies = []string{"a\nb"} },
		"host":   func(e *events.APIGatewayV2HTTPRequest) { e.Headers["host"] = "a/b c" },
		"base64": func(e *events.APIGatewayV2HTTPRequest) { e.Body, e.IsBase64Encoded = "%", true },
	} {
		e := event("GET", "/")
		change(e)
		if res, b := invoke(t, never, t.Context(), e); res.StatusCode != 400 || !strings.Contains(res.Body, "/problems/malformed") {
			t.Errorf("%s: %s", name, b)
		}
	}
	for _, payload := range []string{"", "{}", "[]", `{"version":"1.0"}`, `{"version":"2.0","headers":3}`, `{"Records":[]}`} {
		if b, err := never.Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s was answered with %s", payload, b)
		}
	}
}

// An answer that does not fit is refused with its reason, however it is
// encoded, and keeps the headers that every answer has.
func TestAnswersThatDoNotFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 5<<20)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for name, c := range map[string]struct {
		body []byte
		fits bool
	}{
		"text that fits": {bytes.Repeat([]byte("a"), 6_000_000), true}, "text": {bytes.Repeat([]byte("a"), 6<<20), false},
		"quotes": {bytes.Repeat([]byte(`"`), 4<<20), false}, "noise": {noise, false}, "noise that fits": {noise[:4<<20], true},
		"far too much": {bytes.Repeat([]byte("a"), 30<<20), false},
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Access-Control-Allow-Origin", "https://x.example")
			w.Header().Set("Content-Type", "application/geo+json")
			w.Header().Set("ETag", `"x"`)
			for rest := c.body; len(rest) > 0; rest = rest[min(len(rest), 1<<20):] {
				if _, err := w.Write(rest[:min(len(rest), 1<<20)]); err != nil {
					return
				}
			}
		})
		res, b := invoke(t, adapter(h, ""), t.Context(), event("GET", "/"))
		if len(b) > MaxResponse {
			t.Errorf("%s: %d bytes", name, len(b))
		}
		if c.fits {
			got := []byte(res.Body)
			if res.IsBase64Encoded {
				got, _ = base64.StdEncoding.DecodeString(res.Body)
			}
			if res.StatusCode != 200 || !bytes.Equal(got, c.body) {
				t.Errorf("%s: %d with %d bytes", name, res.StatusCode, len(got))
			}
			continue
		}
		if res.StatusCode != 406 || !strings.Contains(res.Body, "https://files.example") || res.Headers["Access-Control-Allow-Origin"] == "" ||
			res.Headers["X-Content-Type-Options"] == "" || res.Headers["Content-Type"] != "application/problem+json" || res.Headers["Etag"] != "" {
			t.Errorf("%s: %.300s", name, b)
		}
	}
}

// A handler learns of the end before it comes; one that does not care is
// answered for, and may go on without harm.
func TestTheDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*margin)
	defer cancel()
	polite := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if res, _ := invoke(t, adapter(polite, ""), ctx, event("GET", "/")); res.StatusCode != 503 || res.Body != "" || ctx.Err() != nil {
		t.Error(res, ctx.Err())
	}
	ctx, cancel = context.WithTimeout(t.Context(), 3*margin)
	defer cancel()
	let, done := make(chan struct{}), make(chan error, 1)
	rude := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		<-let
		w.Header().Set("X-After", "1")
		_, err := fmt.Fprint(w, "another half")
		done <- err
	})
	res, _ := invoke(t, adapter(rude, ""), ctx, event("GET", "/"))
	if res.StatusCode != 503 || !strings.Contains(res.Body, "/problems/late") || ctx.Err() != nil {
		t.Error(res, ctx.Err())
	}
	close(let)
	if err := <-done; err == nil {
		t.Error("the late half was taken")
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	for _, v := range []any{"boom", http.ErrAbortHandler} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half an answer")
			panic(v)
		})
		if res, _ := invoke(t, adapter(h, ""), t.Context(), event("GET", "/")); res.StatusCode != 500 || strings.Contains(res.Body, "half") || strings.Contains(res.Body, "boom") {
			t.Error(res)
		}
	}
}

// FuzzInvoke: no event makes the adapter panic, none gets loopback's rights, and
// every answer is one that the gateway can pass on.
func FuzzInvoke(f *testing.F) {
	for _, c := range calls {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		e, err := lambdatest.Stage("prod").Event(r, "id=")
		if err != nil {
			f.Fatal(err)
		}
		b, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"version":"2.0","rawPath":"/%zz?#","requestContext":{"stage":"%","http":{"method":"GET","sourceIp":"::ffff:127.0.0.1"}}}`))
	next := behaviours()
	a := adapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.RemoteAddr, "127.") && strings.HasPrefix(r.RemoteAddr, "127.") || r.RemoteAddr == "[::1]:0" || r.URL.Path[0] != '/' {
			f.Errorf("from %s to %q", r.RemoteAddr, r.URL.Path)
		}
		next.ServeHTTP(w, r)
	}), "")
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := a.Invoke(t.Context(), payload)
		if err != nil {
			return
		}
		var res events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(b, &res); err != nil || res.StatusCode < 200 || res.StatusCode > 599 || res.StatusCode == 500 {
			t.Errorf("%v: %s", err, b)
		}
		if res.IsBase64Encoded {
			if _, err := base64.StdEncoding.DecodeString(res.Body); err != nil {
				t.Error(err)
			}
		}
	})
}
