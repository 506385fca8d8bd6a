package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/insight/answer"
	"github.com/malikobaid/cityflow/internal/insight/llm"
	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

const asJSON = "application/json"

func TestQuestionsAboutAJobAreAnsweredByRules(t *testing.T) {
	r := newRig(t, nil)
	_, sub := r.submit(shortForm)
	chat := "/v1/insights/" + sub.JobID + "/chat"
	if res, b := r.do("POST", chat, `{"query":"time?"}`, "Content-Type", asJSON); res.StatusCode != 409 {
		t.Errorf("before it is complete: %d %s", res.StatusCode, b)
	}
	r.work()
	res, b := r.do("POST", chat, `{"query":"What about the mean travel time?"}`, "Content-Type", asJSON)
	var a Answer
	if err := json.Unmarshal(b, &a); err != nil || res.StatusCode != 200 || a.Source != spec.FromRules || !strings.Contains(a.ReplyMD, "Mean travel time (min)") {
		t.Errorf("%d %s", res.StatusCode, b)
	}
	res, b = r.do("POST", "/v1/chat", `{"messages":[{"role":"user","content":"What does no clear change mean?"}]}`, "Content-Type", asJSON)
	var c ChatReply
	if err := json.Unmarshal(b, &c); err != nil || res.StatusCode != 200 || c.Message.Role != "assistant" || !strings.Contains(c.Message.Content, "noise") {
		t.Errorf("%d %s", res.StatusCode, b)
	}
}

func TestBadQuestionsAreRefusedWithEveryProblem(t *testing.T) {
	r := newRig(t, nil)
	_, sub := r.submit(shortForm)
	r.work()
	job := "/v1/insights/" + sub.JobID + "/chat"
	long := strings.Repeat("ä", maxMessage+1)
	for _, c := range []struct {
		path, body, contentType string
		code                    int
		paths                   []string
	}{
		{job, `{"query":"  "}`, asJSON, 422, []string{"query"}},
		{job, `{}`, asJSON, 422, []string{"query"}},
		{job, `{"query":"` + long + `"}`, asJSON, 422, []string{"query"}},
		{job, `{"query":"x"}`, "text/plain", 415, nil},
		{job, `{"query":"x"}`, "", 415, nil},
		{job, `{"query":`, asJSON, 400, nil},
		{job, `{"query":7}`, asJSON, 422, []string{"query"}},
		{job, ``, asJSON, 400, nil},
		{job, `{"query":"x"} {}`, asJSON, 400, nil},
		{job, `{"query":"x","quary":1}`, asJSON, 422, []string{"quary"}},
		{"/v1/insights/" + strings.Repeat("a", 26) + "/chat", `{"query":"x"}`, asJSON, 404, nil},
		{"/v1/insights/..%2f..%2fsecret/chat", `{"query":"x"}`, asJSON, 404, nil},
		{"/v1/chat", `{"messages":[]}`, asJSON, 422, []string{"messages"}},
		{"/v1/chat", `{"messages":[{"role":"system","content":""},{"role":"assistant","content":"` + long + `"}]}`, asJSON, 422,
			[]string{"messages[0].content", "messages[0].role", "messages[1].content", "messages[1].role"}},
		{"/v1/chat", `{"messages":[` + strings.Repeat(`{"role":"user","content":"x"},`, maxMessages) + `{"role":"user","content":"x"}]}`, asJSON, 422, []string{"messages"}},
		{"/v1/chat", `[]`, asJSON, 400, nil},
		{"/v1/chat", `{"messages":"hello"}`, asJSON, 422, []string{"messages"}},
	} {
		headers := []string{"Content-Type", c.contentType}
		res, b := r.do("POST", c.path, c.body, headers...)
		var f Fault
		if err := json.Unmarshal(b, &f); err != nil || res.StatusCode != c.code || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.60s: %d %s", c.path, c.body, res.StatusCode, b)
			continue
		}
		var paths []string
		for _, p := range f.Errors {
			paths = append(paths, p.Path)
		}
		if c.paths != nil && strings.Join(paths, " ") != strings.Join(c.paths, " ") {
			t.Errorf("%s %.60s: problems at %q, want %q", c.path, c.body, paths, c.paths)
		}
	}
}

func TestAModelWritesInsightsOnceAndTheyAreKept(t *testing.T) {
	calls := 0
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Nothing changes clearly <img src=x> between 08:00 and 10:00."}}]}`)
	}))
	defer model.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	r := newRig(t, func(o *Options) {
		o.Answers = &answer.Service{Jobs: o.Jobs, Docs: answer.Documentation, Log: o.Log, Model: llm.New(llm.Options{BaseURL: model.URL, Model: "m", HTTP: client})}
	})
	_, sub := r.submit(shortForm)
	r.work()
	for i, cached := range []bool{false, true} {
		res, b := r.do("POST", "/v1/insights/"+sub.JobID, "")
		var in Insights
		if err := json.Unmarshal(b, &in); err != nil || res.StatusCode != 200 || in.Cached != cached || in.Source != spec.FromModel || !strings.Contains(in.SummaryMD, "Nothing changes clearly") || strings.Contains(in.SummaryMD, "<") {
			t.Errorf("%d: %d %s", i, res.StatusCode, b)
		}
	}
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	for name, want := range map[string]string{"insights.md": "Nothing changes clearly", "insights.meta.json": `"source": "model"`} {
		res, b := r.do("GET", "/files/jobs/"+sub.JobID+"/"+name, "")
		if res.StatusCode != 200 || !strings.Contains(string(b), want) || strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %s", name, res.StatusCode, b)
		}
	}
}

// The line about a request names its route: whoever reads an access log must
// not be able to open jobs.
func TestAccessLogsHoldNoJobId(t *testing.T) {
	var logged bytes.Buffer
	log, err := telemetry.Logger(&logged, "json", slog.LevelDebug)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options) { o.Log = log })
	_, sub := r.submit(shortForm)
	r.work()
	for _, path := range []string{"/v1/status/", "/files/jobs/", "/v1/insights/", "/v1/nothing/"} {
		r.do("GET", path+sub.JobID+"/summary.json?id="+sub.JobID, "", "Referer", "/"+sub.JobID)
		r.do("POST", path+sub.JobID, "")
	}
	lines := 0
	for _, l := range strings.Split(logged.String(), "\n") {
		if strings.Contains(l, `"msg":"request"`) {
			lines++
			if strings.Contains(l, sub.JobID) {
				t.Error(l)
			}
		}
	}
	if lines < 9 {
		t.Errorf("%d lines about requests", lines)
	}
	if _, page := r.do("GET", "/metrics", ""); bytes.Contains(page, []byte(sub.JobID)) {
		t.Error("a metric names the job")
	}
}
