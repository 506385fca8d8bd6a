package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

// The function over S3 and SQS: a waiting message starts one task, which is
// counted, and the report is in the answer and in the log.
func TestTicksOverTheRealDrivers(t *testing.T) {
	moto := awstest.Moto(t)
	stand := awstest.NewECS(t, "cityflow-worker", awstest.Fate{Grace: 5 * time.Second}, []string{"/bin/sleep", "30"}, nil)
	t.Setenv("AWS_ENDPOINT_URL_ECS", stand.URL)
	m := good()
	m["CITYFLOW_STORE"], m["CITYFLOW_QUEUE"] = moto.BucketURL(moto.Bucket(t), ""), moto.Queue(t, 20)
	s, err := read(env(m))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var log bytes.Buffer
	var told bytes.Buffer
	metrics := telemetry.NewMetrics(telemetry.EMF(&told), nil)
	defer metrics.Close(context.Background())
	r, err := wire(ctx, s, metrics, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	tick := handler(r)
	rep, err := tick(ctx, json.RawMessage(`{}`))
	if err != nil || rep.Need != 0 || rep.Waiting != 0 {
		t.Fatalf("%+v %v", rep, err)
	}
	cfg, err := aws.Config(ctx)
	if err != nil {
		t.Fatal(err)
	}
	q, err := sqs.Open(ctx, cfg, s.queue, sqs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Send(ctx, "a", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	rep, err = tick(ctx, json.RawMessage(`{"source":"aws.events","detail-type":"Scheduled Event"}`))
	if err != nil || rep.Waiting != 1 || rep.Need != 1 || rep.Spot != 1 || rep.ReservedSeconds != 1800+180 {
		t.Fatalf("%+v %v", rep, err)
	}
	rep, err = tick(ctx, json.RawMessage(`{"source":"aws.ecs","detail-type":"ECS Task State Change"}`))
	if err != nil || rep.Need != 0 || rep.Running+rep.Pending != 1 || rep.SpentSeconds != 60 || stand.Counts().Accepted != 1 {
		t.Fatalf("%+v %v", rep, err)
	}
	// Each tick's metrics leave with it.
	seen := map[string]float64{}
	for line := range strings.Lines(told.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"cityflow_task_starts_total", "cityflow_task_seconds_total", "cityflow_queue_messages"} {
			if v, ok := m[name].(float64); ok {
				seen[fmt.Sprint(name, " ", m["capacity"], " ", m["outcome"], " ", m["state"])] += v
			}
		}
	}
	if want := map[string]float64{
		"cityflow_task_starts_total spot started <nil>": 1,
		"cityflow_task_seconds_total <nil> <nil> <nil>": 60,
		"cityflow_queue_messages <nil> <nil> waiting":   2, // one message in two of three ticks
		"cityflow_queue_messages <nil> <nil> leased":    0,
		"cityflow_queue_messages <nil> <nil> dead":      0,
	}; !maps.Equal(seen, want) {
		t.Errorf("%v\nwant %v\n%s", seen, want, &told)
	}
	told.Reset()
	if err := metrics.Flush(ctx); err != nil || told.Len() > 0 {
		t.Errorf("without a tick: %s %v", &told, err)
	}
	var spent job.Spent
	if _, err := r.Store.ReadStrict(ctx, job.SpendKey(job.Day(time.Now())), &spent); err != nil || spent.Seconds != 60 {
		t.Fatalf("%+v %v", spent, err)
	}
	for _, want := range []string{`"cause":"invoke"`, `"cause":"schedule"`, `"cause":"task"`, `"started_spot":1`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not have %s:\n%s", want, log.String())
		}
	}
}

// A queue server and a page are ten megabytes that every cold start would load.
func TestWhatIsLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, p := range strings.Fields(string(out)) {
		if strings.Contains(p, "nats") || strings.HasSuffix(p, "cityflow/web") || strings.HasSuffix(p, "internal/httpapi") || strings.Contains(p, "awstest") {
			t.Errorf("%s is linked", p)
		}
	}
}
