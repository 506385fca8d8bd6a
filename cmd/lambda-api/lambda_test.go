//go:build slow

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/blob"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/httpapi"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/lambdatest"
	"github.com/malikobaid/cityflow/internal/proctest"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// bootstrap is the program as it is deployed, built once for this machine.
var bootstrap = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lambda-api")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "bootstrap")
	return path, proctest.Lambda("lambda-api").Build(path)
})

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if path, err := bootstrap(); err == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		os.Exit(code)
	}))
}

type rig struct {
	*testing.T
	function *lambdatest.Function
	url      string
	bucket   *blob.Bucket
	queue    queue.Queue
	woken    chan string // what the reconciler was sent
	wake     func(http.ResponseWriter)
	log      *proctest.Output
}

const filesBase = "https://site.example/files"

// newRig is a deployment: a bucket with one small city, a queue, the secret, a
// reconciler that only notes that it was called, and the function.
func newRig(t *testing.T, env ...string) *rig {
	t.Helper()
	moto := awstest.Moto(t)
	path, err := bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, woken: make(chan string, 100), log: &proctest.Output{}}
	store, address := moto.BucketURL(moto.Bucket(t), ""), moto.Queue(t, 20)
	r.open(store, address, moto)
	reconciler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.woken <- req.URL.Path + " " + req.Header.Get("X-Amz-Invocation-Type") + " " + string(b)
		if r.wake != nil {
			r.wake(w)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(reconciler.Close)
	base := append(moto.Env(""), "CITYFLOW_STORE="+store, "CITYFLOW_QUEUE="+address, "AWS_ENDPOINT_URL_LAMBDA="+reconciler.URL,
		"CITYFLOW_SECRET_PARAMETER="+moto.Parameter(t, strings.Repeat("s", 40)), "CITYFLOW_FILES_BASE="+filesBase, "CITYFLOW_RECONCILER=cityflow-reconciler:live")
	r.function, err = lambdatest.Start(lambdatest.Config{Name: "cityflow-api", Bootstrap: path, Env: append(base, env...), Stderr: r.log, Stage: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(r.function)
	r.url = front.URL
	t.Cleanup(func() {
		front.Close()
		if err := r.function.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
	return r
}

func (r *rig) open(store, address string, moto *awstest.Server) {
	r.Helper()
	su, err := url.Parse(store)
	if err != nil {
		r.Fatal(err)
	}
	if r.bucket, err = aws.OpenBucket(r.Context(), su); err != nil {
		r.Fatal(err)
	}
	qu, err := url.Parse(address)
	if err != nil {
		r.Fatal(err)
	}
	if r.queue, err = sqs.Open(r.Context(), moto.Config(), qu, sqs.Options{Wait: time.Second}); err != nil {
		r.Fatal(err)
	}
	if err := catalog.Over(r.bucket).Add(r.Context(), testcity.Grid(testcity.Small())); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		_ = r.queue.Close()
		_ = r.bucket.Close()
	})
}

// do sends a request; headers are names and values by turns.
func (r *rig) do(method, path, body string, headers ...string) (*http.Response, []byte) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if req.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return res, b
}

func (r *rig) get(path string, into any) *http.Response {
	r.Helper()
	res, b := r.do("GET", path, "")
	if res.StatusCode != 200 {
		r.Fatalf("GET %s: %d %s", path, res.StatusCode, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		r.Fatalf("GET %s: %v in %.200s", path, err, b)
	}
	return res
}

func (r *rig) submit(body string, headers ...string) (*http.Response, spec.Submitted) {
	r.Helper()
	res, b := r.do("POST", "/v1/submit", body, headers...)
	var s spec.Submitted
	if err := json.Unmarshal(b, &s); err != nil || res.StatusCode != 202 {
		r.Fatalf("%d %s", res.StatusCode, b)
	}
	return res, s
}

func (r *rig) has(key string) bool {
	r.Helper()
	ok, err := r.bucket.Exists(r.Context(), key)
	if err != nil {
		r.Fatal(err)
	}
	return ok
}

func TestTheRealFunctionFromSubmitToInsights(t *testing.T) {
	r := newRig(t)
	var health struct{ Status, Version string }
	r.get("/v1/health", &health)
	var cities []spec.CityInfo
	r.get("/v1/cities", &cities)
	if health.Status != "ok" || health.Version != "test" || len(cities) != 1 || cities[0].Facts.Population == nil {
		t.Fatalf("%+v %+v", health, cities)
	}
	slug := cities[0].Slug
	var d spec.CityDetail
	r.get("/v1/cities/"+slug, &d)
	if len(d.Stops) < 4 || d.Limits.MaxAgents != 200_000 {
		t.Fatalf("%+v", d)
	}
	res, b := r.do("GET", d.Streets, "")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/geo+json" || !json.Valid(b) {
		t.Fatalf("%d %v %.100s", res.StatusCode, res.Header, b)
	}
	if res, z := r.do("GET", d.Streets, "", "Accept-Encoding", "gzip"); res.Header.Get("Content-Encoding") != "gzip" || len(z) >= len(b) || z[0] != 0x1f {
		t.Fatalf("%v %d bytes of %d", res.Header, len(z), len(b))
	}

	request := `{"city":"` + slug + `","agents":300,"replications":2}`
	res, sub := r.submit(request)
	if sub.Status != spec.Queued || res.Header.Get("Location") != "/prod/v1/status/"+sub.JobID {
		t.Fatalf("%+v %v", sub, res.Header)
	}
	if !r.has("jobs/"+sub.JobID+"/config.json") || r.has("pending/"+sub.JobID) {
		t.Error("config not stored, or marker left")
	}
	if got := <-r.woken; got != `/2015-03-31/functions/cityflow-reconciler:live/invocations Event {"source":"cityflow.submit"}` {
		t.Error(got)
	}
	if res, b := r.do("POST", "/v1/insights/"+sub.JobID, ""); res.StatusCode != 409 {
		t.Fatalf("insights of a waiting job: %d %s", res.StatusCode, b)
	}
	// A worker on the same queue and store finds what it needs there.
	worker := &job.Worker{Model: run.New(catalog.Over(r.bucket), spec.DefaultLimits()), Store: &job.Store{Bucket: r.bucket}, Queue: r.queue, Lease: 120 * time.Second, Engine: "test", Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := worker.Once(ctx); err != nil {
		t.Fatal(err)
	}
	var st spec.Status
	res = r.get("/v1/status/"+sub.JobID, &st)
	if st.State != spec.Complete || len(st.Artifacts) == 0 {
		t.Fatalf("%+v", st)
	}
	for _, a := range st.Artifacts {
		if a.URL != filesBase+"/jobs/"+sub.JobID+"/"+a.Name {
			t.Errorf("%s is at %s", a.Name, a.URL)
		}
	}
	if again, _ := r.do("GET", "/v1/status/"+sub.JobID, "", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != 304 {
		t.Error("the status changed or has no tag:", again.StatusCode)
	}
	var words struct {
		Summary string `json:"summary_md"`
	}
	if res, b := r.do("POST", "/v1/insights/"+sub.JobID, ""); res.StatusCode != 200 || json.Unmarshal(b, &words) != nil || len(words.Summary) < 50 {
		t.Errorf("insights: %d %s", res.StatusCode, b)
	}
	if _, same := r.submit(request); !same.Cached || same.JobID != sub.JobID {
		t.Errorf("the same question again: %+v", same)
	}
	// Files are never carried through the function.
	res, _ = r.do("GET", "/files/jobs/"+sub.JobID+"/summary.json", "")
	if res.StatusCode != 302 || res.Header.Get("Location") != filesBase+"/jobs/"+sub.JobID+"/summary.json" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	for _, name := range []string{"/files/jobs/" + sub.JobID + "/secret", "/files/jobs/%2e%2e/summary.json", "/files/jobs/" + sub.JobID + "/..%2f..%2fx.json"} {
		if res, _ := r.do("GET", name, ""); res.StatusCode == 302 || res.StatusCode < 300 {
			t.Errorf("%s: %d to %s", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
	// A host that cannot stream sends the present state.
	res, b = r.do("GET", "/v1/jobs/"+sub.JobID+"/events", "")
	if res.Header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(string(b), "retry: 3000\nevent: status\ndata: {") || !strings.HasSuffix(string(b), "}\n\n") {
		t.Errorf("%v %s", res.Header, b)
	}
	// Metrics leave with the invocation, as lines that CloudWatch understands.
	for _, want := range []string{`"_aws"`, `"Namespace":"CityFlow"`, `"cityflow_submits_total"`, `"outcome":"cached"`} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("no %s among the lines of the function", want)
		}
	}
	if res, b := r.do("POST", "/v1/chat", `{"messages":[{"role":"user","content":"What is CityFlow?"}]}`); res.StatusCode != 200 || !json.Valid(b) {
		t.Errorf("chat: %d %s", res.StatusCode, b)
	}
	if r.function.Starts() != 1 {
		t.Errorf("%d processes for requests that came one after the other", r.function.Starts())
	}
}

func TestRefusalsOfTheRealFunction(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		kind               string
	}{
		{method: "GET", path: "/v1/nothing", status: 404, kind: "not-found"},
		{method: "GET", path: "/v1/cities/atlantis", status: 404, kind: "not-found"},
		{method: "GET", path: "/v1/status/xyz", status: 404, kind: "not-found"},
		{method: "DELETE", path: "/v1/submit", status: 405, kind: "method"},
		{method: "POST", path: "/v1/submit", body: `{"city":`, status: 400, kind: "malformed"},
		{method: "POST", path: "/v1/submit", body: `{"city":"atlantis","agents":-1}`, status: 422, kind: "invalid"},
		{method: "POST", path: "/v1/submit", body: `{"city":"` + strings.Repeat("x", 300<<10) + `"}`, status: 413, kind: "too-large"},
		{method: "POST", path: "/v1/submit", body: "city=newport", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, kind: "media-type"},
		// The list of jobs is for the machine itself on a laptop; nobody who
		// comes through a gateway is that, whatever he says.
		{method: "GET", path: "/v1/jobs", status: 403, kind: "forbidden"},
		{method: "GET", path: "/v1/jobs", headers: []string{"Host", "localhost", "X-Forwarded-For", "127.0.0.1"}, status: 403, kind: "forbidden"},
	} {
		res, b := r.do(c.method, c.path, c.body, c.headers...)
		var f struct {
			Type   string
			Status int
		}
		if err := json.Unmarshal(b, &f); err != nil || res.StatusCode != c.status || f.Status != c.status || f.Type != "/problems/"+c.kind || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, res.StatusCode, res.Header, b)
		}
	}
	// The same with an event that claims to come from this machine.
	payload := `{"version":"2.0","rawPath":"/v1/jobs","headers":{"host":"localhost"},"requestContext":{"http":{"method":"GET","sourceIp":"127.0.0.1"}}}`
	if b, err := r.function.Invoke(t.Context(), []byte(payload)); err != nil || !strings.Contains(string(b), `"statusCode":403`) {
		t.Errorf("%v %s", err, b)
	}
	if _, err := r.function.Invoke(t.Context(), []byte(`{"source":"aws.events"}`)); err == nil {
		t.Error("an event of a schedule was answered")
	}
	if d, err := r.queue.Depth(t.Context()); err != nil || d != (queue.Depth{}) {
		t.Errorf("something was started: %+v %v", d, err)
	}
}

// A private deployment opens to its tokens and nobody else, with the hashes in
// a parameter.
func TestAPrivateDeployment(t *testing.T) {
	token := httpapi.NewToken()
	hash := httpapi.HashToken(token)
	r := newRig(t, "CITYFLOW_PRIVATE=true", "CITYFLOW_TOKEN_HASHES_PARAMETER="+awstest.Moto(t).Parameter(t, hex.EncodeToString(hash[:])))
	for path, open := range map[string]bool{"/v1/health": true, "/v1/cities": false, "/v1/jobs": false} {
		if res, b := r.do("GET", path, ""); (res.StatusCode == 200) != open || !open && res.StatusCode != 401 {
			t.Errorf("%s without a token: %d %s", path, res.StatusCode, b)
		}
		if res, b := r.do("GET", path, "", "Authorization", "Bearer "+token); res.StatusCode != 200 {
			t.Errorf("%s with the token: %d %s", path, res.StatusCode, b)
		}
	}
	res, _ := r.do("POST", "/v1/session", "", "Authorization", "Bearer "+token)
	cookies := res.Cookies()
	if len(cookies) != 1 || !cookies[0].Secure {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	if res, b := r.do("GET", "/v1/cities", "", "Cookie", "other=1; "+cookies[0].Name+"="+cookies[0].Value); res.StatusCode != 200 {
		t.Errorf("with the cookie: %d %s", res.StatusCode, b)
	}
}

// Origins are let in by the handler or by the gateway, never by both: without
// CITYFLOW_ORIGINS the function says nothing of them.
func TestOriginsAreLetInInOnePlace(t *testing.T) {
	preflight := []string{"Origin", "https://site.example", "Access-Control-Request-Method", "POST"}
	allowed := func(res *http.Response) []string {
		var out []string
		for name := range res.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				out = append(out, name)
			}
		}
		return out
	}
	ours := newRig(t, "CITYFLOW_ORIGINS=https://site.example")
	if res, _ := ours.do("OPTIONS", "/v1/submit", "", preflight...); res.StatusCode != 204 || res.Header.Get("Access-Control-Allow-Origin") != "https://site.example" || !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") {
		t.Error(res.StatusCode, res.Header)
	}
	if res, _ := ours.do("GET", "/v1/nothing", "", "Origin", "https://site.example"); len(res.Header.Values("Access-Control-Allow-Origin")) != 1 {
		t.Error(res.Header)
	}
	if res, _ := ours.do("OPTIONS", "/v1/submit", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST"); res.StatusCode != 403 || len(allowed(res)) > 0 {
		t.Error(res.StatusCode, res.Header)
	}
	gateways := newRig(t)
	if res, _ := gateways.do("GET", "/v1/health", "", "Origin", "https://site.example"); res.StatusCode != 200 || len(allowed(res)) > 0 {
		t.Error(res.StatusCode, res.Header)
	}
}

// Repeating a request with its key is one job, from whichever process; a
// reconciler that cannot be woken loses nothing.
func TestRepeatedSubmitsAndAReconcilerThatFails(t *testing.T) {
	r := newRig(t)
	r.wake = func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }
	var cities []spec.CityInfo
	r.get("/v1/cities", &cities)
	body := `{"city":"` + cities[0].Slug + `","agents":300}`
	_, one := r.submit(body, "Idempotency-Key", "k1")
	_, two := r.submit(body, "Idempotency-Key", "k1")
	_, other := r.submit(body, "Idempotency-Key", "k2")
	if one.JobID != two.JobID || one.JobID == other.JobID {
		t.Errorf("%s %s %s", one.JobID, two.JobID, other.JobID)
	}
	if d, err := r.queue.Depth(t.Context()); err != nil || d.Waiting != 2 {
		t.Errorf("%+v %v", d, err)
	}
	if !strings.Contains(r.log.String(), "reconciler not woken") || strings.Contains(r.log.String(), strings.Repeat("s", 40)) {
		t.Error(r.log.String())
	}
}

// A function that cannot work does not start, and its log names all reasons.
func TestABadEnvironmentEndsTheStart(t *testing.T) {
	path, err := bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	var log proctest.Output
	f, err := lambdatest.Start(lambdatest.Config{Name: "cityflow-api", Bootstrap: path, Env: []string{"CITYFLOW_STORE=ftp://x", "CITYFLOW_MAX_AGENTS=x"}, Stderr: &log})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Error(err)
	}
	for _, name := range []string{"CITYFLOW_STORE", "CITYFLOW_QUEUE", "CITYFLOW_SECRET_PARAMETER", "CITYFLOW_MAX_AGENTS"} {
		if !strings.Contains(log.String(), `"name":"`+name+`"`) {
			t.Errorf("%s is not named in\n%s", name, log.String())
		}
	}
}
