package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
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
	r, err := wire(ctx, s, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	tick := handler(r, r.Log)
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
