//go:build slow

package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/spec"
)

// newport is the folder of compiled cities that `make build` leaves.
func newport(t *testing.T) string {
	t.Helper()
	packs, err := filepath.Abs(filepath.Join(root, "build"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(packs, "cities", "index.json")); err != nil || !bytes.Contains(b, []byte(`"newport"`)) {
		t.Fatalf("Newport is not compiled, run `make build`: %v", err)
	}
	return packs
}

// A visitor's way through the deployed programs, with a real city: page, list
// of cities, submit, the reconciler woken by the API, a worker started by it,
// status, files from the site, words. Then the acceptance tests, then requests
// made up from the OpenAPI document.
func TestJourney(t *testing.T) {
	d := deploy(t, plan{lease: 15 * time.Second, maxTasks: 2, fate: awstest.Fate{Grace: 10 * time.Second, Boot: 100 * time.Millisecond},
		worker: []string{"--task-idle", "6s", "--task-paid", "10s"}, api: []string{"CITYFLOW_RATE_SUBMIT=none", "CITYFLOW_RATE_READ=none"}})
	d.publish(newport(t))
	d.site.upload(d)

	// Nothing but the API's wake-up calls the reconciler here.
	var sub spec.Submitted
	d.must("POST", "/v1/submit", `{"city":"newport","num_agents":300,"replications":2}`, &sub)
	st := d.complete(sub.JobID, 3*time.Minute)
	d.untilLogged(`"cause":"invoke"`)
	if c := d.ecs.Counts(); c.Accepted != 1 || c.Ran != 1 {
		t.Errorf("one job took %+v", c)
	}
	if len(st.Artifacts) < 5 {
		t.Fatalf("%+v", st)
	}
	for _, a := range st.Artifacts {
		if want := d.site.url + "/files/jobs/" + sub.JobID + "/" + a.Name; a.URL != want {
			t.Errorf("%s is at %s, want %s", a.Name, a.URL, want)
		}
		if b := d.fetch(a.URL, http.StatusOK); int64(len(b)) != a.Bytes && !strings.HasPrefix(a.Name, "insights.") {
			t.Errorf("%s has %d bytes, the status says %d", a.Name, len(b), a.Bytes)
		}
	}
	var sum spec.Summary
	if err := json.Unmarshal(d.fetch(d.site.url+"/files/jobs/"+sub.JobID+"/summary.json", http.StatusOK), &sum); err != nil || len(sum.Verdict) == 0 || sum.Agents != 300 {
		t.Fatalf("%+v %v", sum, err)
	}
	var words struct {
		Summary string `json:"summary_md"`
	}
	if d.must("POST", "/v1/insights/"+sub.JobID, "", &words); len(words.Summary) < 50 {
		t.Errorf("insights: %q", words.Summary)
	}
	// Whoever guesses paths of the store gets nothing.
	for _, key := range []string{"runs/" + st.RunKey + ".json", "cities/index.json", "pending/" + sub.JobID, "spend/" + time.Now().UTC().Format(time.DateOnly) + ".json", "reconcile/lease.json", "jobs/"} {
		d.fetch(d.site.url+"/files/"+key, http.StatusForbidden)
	}

	// The task waits a while for another job, ends, and its end is an event.
	d.untilLogged(`"cause":"task"`)
	if b, err := d.reconciler.Invoke(t.Context(), scheduled); err != nil || !strings.Contains(string(b), `"running":0`) {
		t.Errorf("the scheduled tick: %s %v", b, err)
	}
	d.untilLogged(`"cause":"schedule"`)
	if depth, err := d.queue.Depth(t.Context()); err != nil || depth != (queue.Depth{}) {
		t.Errorf("the queue is not empty: %+v %v", depth, err)
	}
	for _, want := range []string{`"cityflow_queue_messages"`, `"cityflow_task_starts_total"`, `"cityflow_task_seconds_total"`} {
		if !strings.Contains(d.tickLog.String(), want) {
			t.Errorf("the reconciler tells no %s", want)
		}
	}

	d.plainLogs()
	t.Run("smoke", func(t *testing.T) {
		out, err := d.try("smoke", "--aws", "--visits", "configured", "--web", d.site.url, "--api", d.apiURL+"/v1")
		t.Logf("\n%s", out)
		if err != nil || strings.Count(out, "ok     ") != 5 {
			t.Error(err)
		}
	})
	d.ecs.Exhaust() // what is made up must not run: it may ask for hours
	t.Run("made-up requests", func(t *testing.T) { madeUp(t, d, sub.JobID, st) })
}

// untilLogged waits for a word of the reconciler.
func (d *deployment) untilLogged(what string) {
	d.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(d.tickLog.String(), what); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			d.Fatalf("the reconciler never logged %s:\n%s", what, d.tickLog)
		}
	}
}

// plainLogs wants a record of JSON in each line that a process wrote: libraries
// that talk past the log cost money and hide what matters.
func (d *deployment) plainLogs() {
	d.Helper()
	texts := []string{d.apiLog.String(), d.tickLog.String()}
	for _, text := range d.ecs.Logs() {
		texts = append(texts, text)
	}
	for _, text := range texts {
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				d.Errorf("no record: %s", line)
			}
		}
	}
}

func (d *deployment) fetch(url string, want int) []byte {
	d.Helper()
	res, err := d.client.Get(url)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		d.Fatalf("%s: %d, want %d (%v)", url, res.StatusCode, want, err)
	}
	return b
}

const (
	// madeUpChecks are what an answer must hold to; scripts/fuzz-api.py has the
	// same for the program on one machine.
	madeUpChecks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance"
	madeUpFor    = "30"
	madeUpSeed   = "20231"
)

// madeUp lets schemathesis ask what the OpenAPI document allows, and much that
// it does not. No worker can be started then.
func madeUp(t *testing.T, d *deployment, id string, st spec.Status) {
	python, _ := awstest.Python()
	fuzzer := filepath.Join(filepath.Dir(python), "schemathesis")
	if _, err := os.Stat(fuzzer); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		fmt.Fprintf(os.Stderr, "SKIPPED %s: no schemathesis: run `make tools`\n", t.Name())
		t.Skip("no schemathesis")
	}
	var doc map[string]any
	d.must("GET", "/openapi.json", "", &doc)
	fill(doc, map[string][]any{"job_id": {id}, "slug": {"newport"}, "artifact": {"manifest.json", st.Artifacts[0].Name}})
	dir := t.TempDir()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, python, fuzzer, "run", "openapi.json", "--url", d.apiURL, "--checks", madeUpChecks, "--phases", "examples,coverage,fuzzing",
		"--max-examples", "20", "--max-time", madeUpFor, "--seed", madeUpSeed, "--request-timeout", "30", "--no-color", "--warnings", "off")
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Test cases:")) {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-12000):])
	}
	t.Logf("%s", regexp.MustCompile(`Test cases:\s+.*`).Find(out))
	var health struct{ Status string }
	if d.must("GET", "/v1/health", "", &health); health.Status != "ok" {
		t.Errorf("%+v", health)
	}
}

// fill gives some parameters of a document nothing but the values at hand, so
// that requests get past "not found".
func fill(doc any, values map[string][]any) {
	switch v := doc.(type) {
	case map[string]any:
		if name, ok := v["name"].(string); ok && values[name] != nil {
			if schema, ok := v["schema"].(map[string]any); ok {
				schema["enum"] = values[name]
			}
		}
		for _, child := range v {
			fill(child, values)
		}
	case []any:
		for _, child := range v {
			fill(child, values)
		}
	}
}
