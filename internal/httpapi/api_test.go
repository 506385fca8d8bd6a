package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/blob/memblob"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/internal/telemetry/prom"
	"github.com/malikobaid/cityflow/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	*testing.T
	url    string
	model  *jobtest.Model
	worker *job.Worker
	queue  *jetstream.Queue
	jobs   *job.Service
	client *http.Client
}

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	q, err := jetstream.Embed(context.Background(), t.TempDir(), jetstream.Options{Lease: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	reader, page, err := prom.New()
	if err != nil {
		t.Fatal(err)
	}
	metrics := telemetry.NewMetrics(reader, page)
	t.Cleanup(func() { _ = metrics.Close(context.Background()) })
	bucket := memblob.OpenBucket(nil)
	m := &jobtest.Model{}
	jobs := &job.Service{Model: m, Store: &job.Store{Bucket: bucket}, Queue: q, Secret: []byte("s"), FilesBase: "/files", Log: log}
	o := Options{Version: "test", Model: m, Jobs: jobs, Log: log, Metrics: metrics, Origins: []string{"https://friend.example"},
		Web: fstest.MapFS{"index.html": {Data: []byte("<nav>hello</nav>")}, "assets/app-1.js": {Data: []byte(strings.Repeat("x()\n", 1000))}, "secret.key": {Data: []byte("no")}}}
	if change != nil {
		change(&o)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = Server(New(o), log)
	// Shorter than some answers take: those must bear it.
	s.Config.ReadHeaderTimeout, s.Config.ReadTimeout, s.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond, time.Second
	s.Start()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		s.Close()
		_ = q.Close()
		_ = bucket.Close()
	})
	return &rig{T: t, url: s.URL, model: m, queue: q, jobs: jobs, client: client,
		worker: &job.Worker{Model: m, Store: jobs.Store, Queue: q, Lease: time.Second, Engine: "test", Log: log}}
}

// do sends a request; headers are names and values by turns.
func (r *rig) do(method, path, body string, headers ...string) (*http.Response, []byte) {
	r.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := r.client.Do(req)
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

func (r *rig) submit(body string) (*http.Response, spec.Submitted) {
	r.Helper()
	res, b := r.do("POST", "/v1/submit", body, "Content-Type", "application/json")
	var s spec.Submitted
	if err := json.Unmarshal(b, &s); err != nil || res.StatusCode != 202 {
		r.Fatalf("%d %s", res.StatusCode, b)
	}
	return res, s
}

func (r *rig) work() {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.worker.Once(ctx); err != nil {
		r.Fatal(err)
	}
}

const shortForm = `{"city":"testville","tram_start":"North","tram_end":"South Square","num_agents":3000,
 "agent_distribution":{"drive":60,"cycle":10,"tram":30},"traffic_level":"peak","sim_date":"2023-06-13","sim_time":"08:00"}`

func TestTheShortFormFromSubmitToInsights(t *testing.T) {
	r := newRig(t, nil)
	res, sub := r.submit(shortForm)
	if loc := res.Header.Get("Location"); loc != "/v1/status/"+sub.JobID || sub.Cached || sub.Status != spec.Queued {
		t.Fatalf("%s %+v", loc, sub)
	}
	if res, b := r.do("POST", "/v1/insights/"+sub.JobID, ""); res.StatusCode != 409 {
		t.Fatalf("insights of a waiting job: %d %s", res.StatusCode, b)
	}
	r.work()
	res, b := r.do("GET", "/v1/status/"+sub.JobID, "")
	var st spec.Status
	if err := json.Unmarshal(b, &st); err != nil || st.State != spec.Complete || len(st.Artifacts) == 0 || st.Config.City != jobtest.Town {
		t.Fatalf("%s %v", b, err)
	}
	if res, b := r.do("GET", "/v1/status/"+sub.JobID, "", "If-None-Match", res.Header.Get("ETag")); res.StatusCode != 304 || len(b) != 0 {
		t.Fatalf("%d %q", res.StatusCode, b)
	}
	for _, a := range st.Artifacts {
		res, b := r.do("GET", a.URL, "")
		if res.StatusCode != 200 || int64(len(b)) != a.Bytes || res.Header.Get("Content-Type") != a.ContentType {
			t.Errorf("%s: %d, %d bytes of %d, %s", a.URL, res.StatusCode, len(b), a.Bytes, res.Header.Get("Content-Type"))
		}
		if want := strings.Contains(res.Header.Get("Cache-Control"), "immutable"); want != (a.Name != "run.log" && !strings.HasPrefix(a.Name, "insights.")) {
			t.Errorf("%s may be kept: %s", a.Name, res.Header.Get("Cache-Control"))
		}
		if tag := res.Header.Get("ETag"); tag != "" {
			if res, _ := r.do("GET", a.URL, "", "If-None-Match", tag); res.StatusCode != 304 {
				t.Errorf("%s again: %d", a.Name, res.StatusCode)
			}
		}
	}
	if res, b := r.do("GET", "/files/jobs/"+sub.JobID+"/kpis.csv", "", "Range", "bytes=3-10"); res.StatusCode != 206 || string(b) != "baseline" {
		t.Errorf("range: %d %q", res.StatusCode, b)
	}
	if res, _ := r.do("GET", "/files/jobs/"+sub.JobID+"/kpis.csv", "", "Range", "bytes=9999-"); res.StatusCode != 416 {
		t.Errorf("range beyond the end: %d", res.StatusCode)
	}
	if _, again := r.submit(shortForm); again.JobID != sub.JobID || !again.Cached || again.Status != spec.Complete {
		t.Errorf("again: %+v", again)
	}
	var in Insights
	if res, b := r.do("POST", "/v1/insights/"+sub.JobID, ""); res.StatusCode != 200 || json.Unmarshal(b, &in) != nil || !strings.Contains(in.SummaryMD, "##") {
		t.Errorf("insights: %d %s", res.StatusCode, b)
	}
	if res, _ := r.do("POST", "/v1/jobs/"+sub.JobID+"/cancel", ""); res.StatusCode != 409 {
		t.Errorf("cancel of a complete job: %d", res.StatusCode)
	}
}

func TestBadRequestsNameEveryFieldAndStartNothing(t *testing.T) {
	r := newRig(t, nil)
	big := `{"city":"` + strings.Repeat("x", 10<<20) + `"}`
	for _, c := range []struct {
		name, body string
		status     int
		paths      []string // of errors, sorted
	}{
		{"unknown city", `{"city":"atlantis"}`, 422, []string{"city"}},
		{"no city", `{}`, 422, []string{"city"}},
		{"unknown stop", `{"city":"testville","tram_start":"Nowhere"}`, 422, []string{"tram_start"}},
		{"same start and end", `{"city":"testville","tram_start":"North","tram_end":"North Square"}`, 422, []string{"tram_end"}},
		{"shares below 100", `{"city":"testville","agent_distribution":{"drive":60,"tram":30}}`, 422, []string{"agent_distribution"}},
		{"shares above 100", `{"city":"testville","agent_distribution":{"drive":90,"tram":30}}`, 422, []string{"agent_distribution"}},
		{"no agents", `{"city":"testville","num_agents":0}`, 422, []string{"num_agents"}},
		{"too many agents", `{"city":"testville","num_agents":200001}`, 422, []string{"num_agents"}},
		{"date outside the timetable", `{"city":"testville","sim_date":"1999-01-01"}`, 422, []string{"sim_date"}},
		{"unknown fields", `{"city":"testville","num_agnets":5,"x":1}`, 422, []string{"num_agnets", "x"}},
		{"wrong types", `{"city":7,"num_agents":"many"}`, 422, []string{"city", "num_agents"}},
		{"everything at once", `{"city":"atlantis","tram_start":"Nowhere","tram_end":"Elsewhere","num_agents":-1,"sim_date":"1999-01-01","agent_distribution":{"drive":1}}`,
			422, []string{"agent_distribution", "city", "num_agents", "sim_date", "tram_end", "tram_start"}},
		{"broken JSON", `{"city":"testville"`, 400, []string{""}},
		{"nothing", ``, 400, []string{""}},
		{"two documents", `{"city":"testville"}{}`, 400, []string{""}},
		{"a list", `["testville"]`, 400, []string{""}},
		{"10 MB", big, 413, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, b := r.do("POST", "/v1/submit", c.body, "Content-Type", "application/json")
			f := asFault(t, res, b, c.status)
			var paths []string
			for _, p := range f.Errors {
				paths = append(paths, p.Path)
				if p.Message == "" || p.Path != "" && len(p.Valid) == 0 && c.name != "wrong types" {
					t.Errorf("%+v does not help", p)
				}
			}
			slices.Sort(paths)
			if !slices.Equal(paths, c.paths) {
				t.Errorf("named %q, want %q", paths, c.paths)
			}
		})
	}
	for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		res, b := r.do("POST", "/v1/submit", shortForm, "Content-Type", ct)
		asFault(t, res, b, 415)
	}
	if d, err := r.queue.Depth(context.Background()); err != nil || d.Waiting+d.Leased+d.Dead != 0 {
		t.Errorf("something was started: %+v %v", d, err)
	}
	if page, err := r.jobs.List(context.Background(), 10, ""); err != nil || len(page.Jobs) != 0 {
		t.Errorf("something was stored: %+v %v", page, err)
	}
}

// asFault checks the shape that every error has.
func asFault(t *testing.T, res *http.Response, b []byte, status int) Fault {
	t.Helper()
	var f Fault
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatalf("%d %.200s: %v", res.StatusCode, b, err)
	}
	if res.StatusCode != status || f.Status != status || res.Header.Get("Content-Type") != "application/problem+json" || f.Title == "" || f.Type == "" || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("want %d, got %d %s %.300s", status, res.StatusCode, res.Header.Get("Content-Type"), b)
	}
	return f
}

func TestABodyThatHidesItsLengthIsCutOff(t *testing.T) {
	r := newRig(t, nil)
	body := io.MultiReader(strings.NewReader(`{"city":"`), io.LimitReader(zeros{}, 1<<20))
	req, err := http.NewRequest("POST", r.url+"/v1/submit", body) // chunked
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	asFault(t, res, b, 413)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte("0"), len(b))), nil }

func TestAddressesThatDoNotExist(t *testing.T) {
	r := newRig(t, nil)
	_, sub := r.submit(`{"city":"testville"}`)
	r.work()
	id := sub.JobID
	other := "a" + id[1:]
	if other == id {
		other = "b" + id[1:]
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nothing", 404}, {"GET", "/v1", 404}, {"GET", "/v1/cities/atlantis", 404}, {"GET", "/v1/cities/atlantis/streets.geojson", 404},
		{"GET", "/v1/submit", 405}, {"DELETE", "/v1/status/" + id, 405}, {"PUT", "/files/jobs/" + id + "/kpis.csv", 405},
		{"GET", "/v1/status/" + other, 404}, {"GET", "/v1/status/short", 404}, {"GET", "/v1/status/..%2f..%2fx", 404},
		{"GET", "/v1/jobs/" + other + "/events", 404}, {"POST", "/v1/jobs/" + other + "/cancel", 404}, {"POST", "/v1/insights/" + other, 404},
		{"GET", "/files/jobs/" + id + "/nothing.json", 404}, {"GET", "/files/jobs/" + id + "/..%2f..%2f..%2fsecret", 404},
		{"GET", "/files/jobs/" + id + "/..%2f" + id + "%2fkpis.csv", 404}, {"GET", "/files/jobs/..%2fruns/x.json", 404},
		{"GET", "/files/runs/x.json", 404}, {"GET", "/files/pending/" + id, 404}, {"GET", "/files/jobs/" + id + "/kpis.csv%00", 404},
		{"GET", "/files/jobs/" + id + "/", 404}, {"GET", "/files/jobs/" + strings.ToUpper(id) + "/kpis.csv", 404},
		{"GET", "/web/nothing.html", 404}, {"GET", "/web/secret.key", 404}, {"GET", "/web/..%2fgo.mod", 404},
		{"GET", "/v1/jobs?limit=0", 422}, {"GET", "/v1/jobs?limit=x", 422},
	} {
		res, b := r.do(c.method, c.path, "")
		t.Run(c.method+" "+c.path, func(t *testing.T) { asFault(t, res, b, c.status) })
	}
}

func TestCitiesAndHealth(t *testing.T) {
	r := newRig(t, nil)
	var cities []spec.CityInfo
	if res, b := r.do("GET", "/v1/cities", ""); res.StatusCode != 200 || json.Unmarshal(b, &cities) != nil || len(cities) != 4 {
		t.Fatalf("%s", b)
	}
	var city spec.CityDetail
	if _, b := r.do("GET", "/v1/cities/testville", ""); json.Unmarshal(b, &city) != nil || len(city.Stops) != 4 || city.Limits.MaxAgents == 0 {
		t.Fatalf("%s", b)
	}
	if res, b := r.do("GET", city.Streets, ""); res.Header.Get("Content-Type") != "application/geo+json" || !json.Valid(b) {
		t.Fatalf("%s", b)
	}
	var h Health
	if _, b := r.do("GET", "/v1/health", ""); json.Unmarshal(b, &h) != nil || h.Status != "ok" || h.Cities != 4 || h.Version != "test" {
		t.Fatalf("%s", b)
	}
	if _, b := r.do("GET", "/metrics", ""); !bytes.Contains(b, []byte(`cityflow_http_requests_total{code="200",route="GET /v1/health"} 1`)) {
		t.Errorf("%s", b)
	}
	_ = r.queue.Close()
	res, b := r.do("GET", "/v1/health", "")
	if f := asFault(t, res, b, 503); len(f.Errors) != 1 || f.Errors[0].Path != "queue" {
		t.Errorf("%+v", f)
	}
}

func TestTheListOfJobsIsForTheOperator(t *testing.T) {
	r := newRig(t, nil)
	r.submit(`{"city":"testville"}`)
	var page job.Page
	if res, b := r.do("GET", "/v1/jobs", ""); res.StatusCode != 200 || json.Unmarshal(b, &page) != nil || len(page.Jobs) != 1 {
		t.Fatalf("%d %s", res.StatusCode, b)
	}
	for _, h := range [][]string{{"Host", "evil.example"}, {"X-Forwarded-For", "1.2.3.4"}} {
		res, b := r.do("GET", "/v1/jobs", "", h...)
		asFault(t, res, b, 403)
	}
	locked := newRig(t, func(o *Options) { o.Tokens = []TokenHash{HashToken("another"), HashToken("open sesame")} })
	for _, token := range []string{"", "Bearer x", "open sesame"} {
		res, b := locked.do("GET", "/v1/jobs", "", "Authorization", token)
		asFault(t, res, b, 401)
	}
	if res, _ := locked.do("GET", "/v1/jobs", "", "Authorization", "Bearer open sesame", "Host", "cityflow.example"); res.StatusCode != 200 {
		t.Error(res.StatusCode)
	}
}

func TestCORSLetsInConfiguredOriginsOnly(t *testing.T) {
	r := newRig(t, nil)
	for origin, ok := range map[string]bool{"https://friend.example": true, "https://evil.example": false, "https://friend.example.evil": false, "null": false} {
		res, _ := r.do("GET", "/v1/cities", "", "Origin", origin)
		if got := res.Header.Get("Access-Control-Allow-Origin"); (got == origin) != ok || !ok && got != "" {
			t.Errorf("%s: %q", origin, got)
		}
		want := 403
		if ok {
			want = 204
		}
		if res, _ := r.do("OPTIONS", "/v1/submit", "", "Origin", origin, "Access-Control-Request-Method", "POST"); res.StatusCode != want {
			t.Errorf("preflight of %s: %d", origin, res.StatusCode)
		}
	}
}

func TestThePage(t *testing.T) {
	r := newRig(t, nil)
	for _, path := range []string{"/", "/web", "/web/"} {
		if res, _ := r.do("GET", path, ""); res.StatusCode != 302 || res.Header.Get("Location") != "/web/index.html" {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.Header.Get("Location"))
		}
	}
	res, b := r.do("GET", "/web/index.html", "")
	if string(b) != "<nav>hello</nav>" || !strings.Contains(res.Header.Get("Content-Security-Policy"), "script-src 'self'") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s %v", b, res.Header)
	}
	if res, _ := r.do("GET", "/web/index.html", "", "If-None-Match", res.Header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("again: %d", res.StatusCode)
	}
	res, b = r.do("GET", "/web/assets/app-1.js", "", "Accept-Encoding", "gzip")
	if res.Header.Get("Content-Encoding") != "gzip" || len(b) > 500 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d bytes, %v", len(b), res.Header)
	}
	var c map[string]any
	if _, b := r.do("GET", "/web/config/site.json", ""); json.Unmarshal(b, &c) != nil || c["filesBaseUrl"] != "/files" || c["apiBaseUrl"] != "" || c["rum"] != nil {
		t.Errorf("%s", b)
	}
	bare := newRig(t, func(o *Options) { o.Web = fstest.MapFS{} })
	if res, b := bare.do("GET", "/web/index.html", ""); res.StatusCode != 404 || !bytes.Contains(b, []byte("make build")) {
		t.Errorf("%d %s", res.StatusCode, b)
	}
}

func TestEventsFollowAJobToItsEnd(t *testing.T) {
	r := newRig(t, nil)
	r.model.Hold = make(chan struct{})
	_, sub := r.submit(`{"city":"testville"}`)
	res, err := r.client.Get(r.url + "/v1/jobs/" + sub.JobID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	done := make(chan struct{})
	go func() { defer close(done); r.work() }()
	release := sync.OnceFunc(func() { time.AfterFunc(time.Second, func() { close(r.model.Hold) }) })
	var seen []string
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var st spec.Status
		if err := json.Unmarshal([]byte(data), &st); err != nil {
			t.Fatal(err)
		}
		if len(seen) == 0 || seen[len(seen)-1] != string(st.State) {
			seen = append(seen, string(st.State))
		}
		if st.State == spec.Running {
			release()
		}
	}
	<-done
	if !slices.Equal(seen, []string{"queued", "running", "complete"}) {
		t.Fatalf("%v", seen)
	}
}

func TestOpenAPIDescribesWhatIsServed(t *testing.T) {
	r := newRig(t, nil)
	_, b := r.do("GET", "/openapi.json", "")
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]map[string]any }
	}
	if err := json.Unmarshal(b, &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatal(err, doc.OpenAPI)
	}
	for _, path := range []string{"/v1/health", "/v1/cities", "/v1/cities/{slug}", "/v1/submit", "/v1/status/{job_id}", "/v1/jobs/{job_id}/events",
		"/v1/jobs/{job_id}/cancel", "/v1/jobs", "/files/jobs/{job_id}/{artifact}", "/tiles/{slug}.pmtiles", "/v1/insights/{job_id}"} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is missing", path)
		}
	}
	if n := len(doc.Components.Schemas["Modification"]["oneOf"].([]any)); n != 7 {
		t.Errorf("%d kinds of modifications", n)
	}
	// Every reference leads somewhere.
	for _, ref := range strings.Split(string(b), `"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(ref, `"`)
		if doc.Components.Schemas[name] == nil {
			t.Errorf("schema %q is missing", name)
		}
	}
	// An object that may not be there yet is written as null.
	for _, field := range [][2]string{{"CityDetail", "baseline"}, {"Baseline", "full_demand"}, {"Status", "config"}} {
		prop, _ := doc.Components.Schemas[field[0]]["properties"].(map[string]any)[field[1]].(map[string]any)
		either, _ := prop["anyOf"].([]any)
		if len(either) != 2 || either[0].(map[string]any)["$ref"] == nil || either[1].(map[string]any)["type"] != "null" {
			t.Errorf("%s.%s: %v", field[0], field[1], prop)
		}
	}
	if !bytes.Equal(bytes.TrimSpace(b), bytes.TrimSpace(OpenAPI("test"))) {
		t.Error("the command prints another document")
	}
}

func TestRequestIDs(t *testing.T) {
	r := newRig(t, nil)
	if res, _ := r.do("GET", "/v1/cities", "", "X-Request-Id", "mine-1"); res.Header.Get("X-Request-Id") != "mine-1" {
		t.Error(res.Header)
	}
	if res, _ := r.do("GET", "/v1/cities", "", "X-Request-Id", "not mine!"); res.Header.Get("X-Request-Id") == "not mine!" {
		t.Error("a strange id was kept")
	}
}

func TestEveryKindOfErrorIsInTheTableOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range kinds {
		if seen[k.name] || k.title == "" || k.status < 400 {
			t.Errorf("%+v", k)
		}
		seen[k.name] = true
	}
	if got := fmt.Sprint(byStatus(http.StatusTeapot).name, byStatus(599).name); got != "malformedinternal" {
		t.Error(got)
	}
}

func TestEventStreamsEndWhenTheServerStops(t *testing.T) {
	closing := make(chan struct{})
	r := newRig(t, func(o *Options) { o.Closing = closing })
	_, sub := r.submit(`{"city":"testville"}`) // and nobody works on it
	res, err := r.client.Get(r.url + "/v1/jobs/" + sub.JobID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	close(closing)
	if b, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(b, []byte(`"status":"queued"`)) {
		t.Fatalf("%s %v", b, err)
	}
}
