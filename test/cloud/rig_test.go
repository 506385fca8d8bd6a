//go:build slow

package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/lambdatest"
	"github.com/malikobaid/cityflow/internal/proctest"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
	"github.com/malikobaid/cityflow/spec"
)

const root = "../.."

// programs is a folder with the three programs, built as they are deployed, for
// this machine. They stay in build/, which the rehearsal of deploys shares.
var programs = sync.OnceValues(func() (string, error) {
	bin, err := filepath.Abs(filepath.Join(root, "build", "programs", "bin"))
	if err != nil {
		return "", err
	}
	for name, p := range map[string]proctest.Program{
		"cityflow": {Package: "./cmd/cityflow"}, "lambda-api": proctest.Lambda("lambda-api"), "lambda-reconciler": proctest.Lambda("lambda-reconciler"),
	} {
		if err := p.Build(filepath.Join(bin, name)); err != nil {
			return "", err
		}
	}
	return bin, nil
})

func program(t testing.TB, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// plan is what differs between deployments.
type plan struct {
	lease    time.Duration
	maxTasks int
	// schedule is how often the rule that stands for the minute's calls the
	// reconciler; 0: never by itself.
	schedule time.Duration
	fate     awstest.Fate
	// worker are flags of `cityflow worker --task`.
	worker []string
	// api, reconciler and task are settings beside the usual ones.
	api, reconciler, task []string
	// faults are put between each part and the services that it uses; nil for
	// none.
	faults func(part string) string
}

// deployment is a running CityFlow.
type deployment struct {
	testing.TB
	moto                 *awstest.Server
	bucketName, queueURL string
	bucket               *blob.Bucket // behind no faults, like the queue
	queue                *sqs.Queue
	ecs                  *awstest.ECS
	api, reconciler      *lambdatest.Function
	apiURL               string
	apiLog, tickLog      *proctest.Output
	site                 *site
	client               *http.Client
}

const family = "cityflow-worker"

func newClient(t testing.TB) *http.Client {
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// deploy starts everything but the workers, which the reconciler starts.
func deploy(t testing.TB, p plan) *deployment {
	t.Helper()
	d := &deployment{TB: t, moto: awstest.Moto(t), apiLog: &proctest.Output{}, tickLog: &proctest.Output{}, client: newClient(t)}
	d.bucketName, d.queueURL = d.moto.Bucket(t), d.moto.Queue(t, 100)
	d.open()
	d.site = newSite(t, d)

	// settings of one part, as the stack gives them to it.
	settings := func(part string, more ...string) []string {
		endpoint := ""
		if p.faults != nil {
			endpoint = p.faults(part)
		}
		q := d.queueURL
		if endpoint != "" {
			q = endpoint + strings.TrimPrefix(q, d.moto.URL)
		}
		return append(append(d.moto.Env(endpoint), "CITYFLOW_STORE="+d.moto.BucketURL(d.bucketName, endpoint), "CITYFLOW_QUEUE="+q,
			"CITYFLOW_LEASE="+p.lease.String(), "CITYFLOW_TASK_MAX_SECONDS=300", "CITYFLOW_TASK_SECONDS_PER_DAY=250000"), more...)
	}
	d.ecs = awstest.NewECS(t, family, p.fate, append([]string{program(t, "cityflow"), "worker", "--task"}, p.worker...), settings("worker", p.task...))
	d.ecs.Stopped = func(id string) {
		d.reconciler.InvokeAsync(map[string]any{"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": map[string]any{"taskArn": id, "lastStatus": "STOPPED"}})
	}
	d.reconciler = d.function(lambdatest.Config{Name: "cityflow-reconciler", Bootstrap: program(t, "lambda-reconciler"), Concurrency: 1, Timeout: time.Minute, Stderr: d.tickLog,
		Env: append(settings("reconciler", p.reconciler...), "AWS_ENDPOINT_URL_ECS="+d.ecs.URL, "CITYFLOW_CLUSTER=cityflow", "CITYFLOW_TASK_FAMILY="+family,
			"CITYFLOW_SUBNETS=subnet-a,subnet-b", "CITYFLOW_SECURITY_GROUPS=sg-1", fmt.Sprintf("CITYFLOW_MAX_TASKS=%d", p.maxTasks))})
	invoke := httptest.NewServer(lambdatest.API(d.reconciler))
	t.Cleanup(invoke.Close)
	d.api = d.function(lambdatest.Config{Name: "cityflow-api", Bootstrap: program(t, "lambda-api"), Timeout: 29 * time.Second, Stderr: d.apiLog, Stage: "prod",
		Env: append(settings("api", p.api...), "AWS_ENDPOINT_URL_LAMBDA="+invoke.URL, "CITYFLOW_RECONCILER=cityflow-reconciler",
			"CITYFLOW_SECRET_PARAMETER="+d.moto.Parameter(t, strings.Repeat("s", 40)), "CITYFLOW_FILES_BASE="+d.site.url+"/files", "CITYFLOW_ORIGINS="+d.site.url)})
	gateway := httptest.NewServer(d.api)
	t.Cleanup(gateway.Close)
	d.apiURL = gateway.URL
	if p.schedule > 0 {
		d.every(p.schedule)
	}
	t.Cleanup(func() {
		if t.Failed() {
			d.keepLogs()
		}
	})
	return d
}

func (d *deployment) function(c lambdatest.Config) *lambdatest.Function {
	d.Helper()
	f, err := lambdatest.Start(c)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() {
		if err := f.Close(); err != nil {
			d.Error(err)
		}
	})
	return f
}

// scheduled is the event of the schedule.
var scheduled = []byte(`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)

// every is the schedule. While the function is busy, or when it fails, the next
// call makes up for it.
func (d *deployment) every(pause time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_, _ = d.reconciler.Invoke(ctx, scheduled)
			}
		}
	}()
	d.Cleanup(func() { stop(); <-ended })
}

// keepLogs leaves what all processes wrote where a person finds it.
func (d *deployment) keepLogs() {
	dir, err := os.MkdirTemp("", "cityflow-cloud-logs-")
	if err != nil {
		d.Log(err)
		return
	}
	files := map[string]string{"api": d.apiLog.String(), "reconciler": d.tickLog.String()}
	for id, text := range d.ecs.Logs() {
		files["task-"+strings.TrimLeft(id, "0")] = text
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name+".log"), []byte(text), 0o600); err != nil {
			d.Log(err)
		}
	}
	d.Log("the logs of all processes are in ", dir)
}

func (d *deployment) open() {
	d.Helper()
	su, err := url.Parse(d.moto.BucketURL(d.bucketName, ""))
	if err != nil {
		d.Fatal(err)
	}
	ctx := d.Context()
	if d.bucket, err = aws.OpenBucket(ctx, su); err != nil {
		d.Fatal(err)
	}
	qu, err := url.Parse(d.queueURL)
	if err != nil {
		d.Fatal(err)
	}
	if d.queue, err = sqs.Open(ctx, d.moto.Config(), qu, sqs.Options{Wait: time.Second}); err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = errors.Join(d.queue.Close(), d.bucket.Close()) })
}

// publish copies compiled cities into the store, with the command that
// operators use.
func (d *deployment) publish(packs string) {
	d.Helper()
	d.run("city", "publish", "--packs", packs, "--store", d.moto.BucketURL(d.bucketName, ""))
}

// run runs a command of the program to its end.
func (d *deployment) run(args ...string) string {
	d.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.Fatalf("cityflow %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (d *deployment) try(args ...string) (string, error) {
	c := exec.CommandContext(d.Context(), program(d, "cityflow"), args...)
	c.Dir = d.TempDir()
	c.Env = append(d.moto.Env(""), "HOME="+c.Dir)
	out, err := c.CombinedOutput()
	return string(out), err
}

// ask sends a request to the API; a status other than those wanted is an error.
func (d *deployment) ask(method, path, body string, into any, headers ...string) (int, error) {
	req, err := http.NewRequestWithContext(d.Context(), method, d.apiURL+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := d.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if res.StatusCode/100 != 2 {
		return res.StatusCode, fmt.Errorf("%s %s: %d %.500s", method, path, res.StatusCode, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return res.StatusCode, fmt.Errorf("%s %s: %w in %.200q", method, path, err, b)
	}
	return res.StatusCode, nil
}

func (d *deployment) must(method, path, body string, into any, headers ...string) {
	d.Helper()
	if _, err := d.ask(method, path, body, into, headers...); err != nil {
		d.Fatal(err)
	}
}

// complete waits for a job.
func (d *deployment) complete(id string, patience time.Duration) spec.Status {
	d.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		var st spec.Status
		d.must("GET", "/v1/status/"+id, "", &st)
		switch {
		case st.State == spec.Complete:
			return st
		case st.State == spec.Failed, st.State == spec.Cancelled, time.Now().After(end):
			d.Fatalf("job %s is %s: %s", id, st.State, st.Message)
		}
	}
}
