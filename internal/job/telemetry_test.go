package job

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

// A message of today is read by a worker of yesterday, and the reverse; fields
// of tomorrow do not matter.
func TestMessagesBearVersionSkew(t *testing.T) {
	id := newID()
	ctx, _ := telemetry.WithRequestID(t.Context(), "r-1")
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	body := messageFrom(telemetry.JoinTrace(ctx, parent), id)
	var yesterday struct {
		V         int    `json:"v"`
		JobID     string `json:"job_id"`
		ConfigKey string `json:"config_key"`
	}
	if err := json.Unmarshal(body, &yesterday); err != nil || yesterday.V != 1 || yesterday.JobID != id || yesterday.ConfigKey != Key(id, ConfigFile) {
		t.Errorf("%+v %v", yesterday, err)
	}
	if m, err := decodeMessage(body); err != nil || m.Request != "r-1" || m.Traceparent != parent {
		t.Errorf("%+v %v", m, err)
	}
	old, err := json.Marshal(yesterday)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := decodeMessage(old); err != nil || m.JobID != id || m.Request != "" {
		t.Errorf("%+v %v", m, err)
	}
	if string(encodeMessage(id)) != string(old) {
		t.Errorf("a message without request is %s", encodeMessage(id))
	}
	tomorrow := strings.Replace(string(body), "{", `{"priority":{"of":[1,2]},`, 1)
	if m, err := decodeMessage([]byte(tomorrow)); err != nil || m.JobID != id {
		t.Errorf("%+v %v", m, err)
	}
}

// The request that asked, the job and the attempt stand in every line of the
// worker, and none of them in an artifact.
func TestIdsGoThroughTheQueueIntoTheLogAndNoFurther(t *testing.T) {
	b := newBench(t)
	ctx, _ := telemetry.WithRequestID(b.ctx, "req-77")
	req := spec.RunRequest{City: "testville"}
	sub, err := b.svc.Submit(ctx, &req, "client", "")
	if err != nil {
		t.Fatal(err)
	}
	var logged, emf bytes.Buffer
	w := b.worker()
	if w.Log, err = telemetry.Logger(&logged, "json", slog.LevelDebug); err != nil {
		t.Fatal(err)
	}
	w.Metrics = telemetry.NewMetrics(telemetry.EMF(&emf), nil)
	if err := w.Once(b.ctx); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	if len(lines) < 5 {
		t.Errorf("only %d lines", len(lines))
	}
	for _, l := range lines {
		var r struct {
			Job, Request string
			Attempt      int
		}
		if err := json.Unmarshal([]byte(l), &r); err != nil || r.Job != sub.JobID || r.Request != "req-77" || r.Attempt != 1 {
			t.Errorf("%s %v", l, err)
		}
	}
	for _, a := range b.status(sub.JobID).Artifacts {
		data, _, err := b.svc.Store.get(b.ctx, Key(sub.JobID, a.Name))
		if err != nil || bytes.Contains(data, []byte(sub.JobID)) || bytes.Contains(data, []byte("req-77")) {
			t.Errorf("%s names its job or request (%v)", a.Name, err)
		}
	}
	if err := w.Metrics.Close(b.ctx); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"cityflow_jobs_total":1`, `"outcome":"complete"`, `"stage":"wait"`, `"stage":"total"`, `"stage":"simulate"`} {
		if !strings.Contains(emf.String(), want) {
			t.Errorf("%s is missing in\n%s", want, emf.String())
		}
	}
	if strings.Contains(emf.String(), sub.JobID) {
		t.Error("a metric names the job")
	}
}

func TestAnInventedRequestIdStaysOutOfTheLog(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{})
	l, err := b.q.Receive(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	l.Body = []byte(strings.Replace(string(l.Body), "{", `{"request":"a\nb","traceparent":"nonsense",`, 1))
	ctx, v := b.worker().attempt(b.ctx, l, limit{})
	if v.outcome != "complete" || strings.Contains(telemetry.RequestID(ctx), "\n") {
		t.Errorf("%+v %q", v, telemetry.RequestID(ctx))
	}
	if st := b.status(sub.JobID); st.State != spec.Complete {
		t.Errorf("%+v", st)
	}
}
