package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch/ecs"
	"github.com/malikobaid/cityflow/internal/reconcile"
	"github.com/malikobaid/cityflow/spec"
)

// cloud is a server without workers, and the address of its queue and store.
type cloud struct {
	*process
	queue, store string
}

func newCloud(t *testing.T, args ...string) *cloud {
	t.Helper()
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	data := t.TempDir()
	c := &cloud{queue: srv.ClientURL(), store: "file://" + filepath.ToSlash(filepath.Join(data, "store"))}
	c.process = start(t, data, "", 0, append([]string{"--queue", c.queue, "--store", c.store, "--workers", "0"}, args...)...)
	return c
}

// taskArgs and taskEnv are a task's command and environment, as its definition
// would give them.
func taskArgs(t *testing.T, more ...string) []string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{self, "worker", "--task"}, more...)
}

func (c *cloud) taskEnv(step time.Duration) []string {
	return []string{asCityflow + "=" + step.String(), "CITYFLOW_STORE=" + c.store, "CITYFLOW_QUEUE=" + c.queue, "CITYFLOW_LEASE=600ms"}
}

// task is one running task in an empty folder of its own.
type task struct {
	*exec.Cmd
	log   *bytes.Buffer
	ended chan error
}

func (c *cloud) task(step time.Duration, more ...string) *task {
	c.Helper()
	args := taskArgs(c.T, more...)
	k := &task{Cmd: exec.Command(args[0], args[1:]...), log: &bytes.Buffer{}, ended: make(chan error, 1)}
	k.Dir = c.TempDir()
	k.Env, k.Stdout, k.Stderr = c.taskEnv(step), k.log, k.log
	if err := k.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = k.Process.Kill() })
	go func() { k.ended <- k.Wait() }()
	return k
}

func (c *cloud) wait(k *task) {
	c.Helper()
	select {
	case err := <-k.ended:
		if err != nil {
			c.Fatalf("%v\n%s", err, k.log)
		}
	case <-time.After(patience):
		c.Fatalf("the task does not end\n%s", k.log)
	}
	if left, err := os.ReadDir(k.Dir); err != nil || len(left) > 0 {
		c.Fatalf("the task wrote to its machine: %v %v", left, err)
	}
}

func TestATaskDoesItsJobsAndEnds(t *testing.T) {
	c := newCloud(t)
	a, b := c.submit(request), c.submit(fmt.Sprintf(`{"city":"testville","seed":%d}`, 77))
	c.wait(c.task(0, "--task-idle", "1s", "--task-paid", "2s"))
	for _, id := range []string{a, b} {
		c.until(id, spec.Complete)
	}
}

func TestATaskThatIsTakenAwayGivesItsJobBack(t *testing.T) {
	c := newCloud(t)
	waiting := c.task(0)
	id := c.submit(request)
	c.until(id, spec.Complete) // so it is up, and waits for more
	if err := waiting.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.wait(waiting)

	id = c.submit(`{"city":"testville","seed":3}`)
	busy := c.task(time.Minute)
	c.until(id, spec.Running)
	if err := busy.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.wait(busy)
	c.wait(c.task(0, "--task-idle", "1s", "--task-paid", "0s"))
	if st := c.until(id, spec.Complete); st.Attempt != 2 {
		t.Fatalf("%+v", st)
	}
}

func TestATaskEndsInTimeWhateverItsJobDoes(t *testing.T) {
	c := newCloud(t)
	id := c.submit(request)
	c.wait(c.task(time.Minute, "--task-max-seconds", "2"))
	if st := c.until(id, spec.Failed); !strings.Contains(st.Message, "did not finish within 2 seconds") {
		t.Fatalf("%+v", st)
	}
}

func TestTaskSettingsAreChecked(t *testing.T) {
	args := taskArgs(t, "--queue", "nats://127.0.0.1:1", "--task-max-seconds", "1", "--task-idle=-1s")
	k := exec.Command(args[0], args[1:]...)
	k.Env = []string{asCityflow + "=0s"}
	out, err := k.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Fatalf("%v %s", err, out)
	}
	for _, want := range []string{"at most 1s", "idle", "store"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s does not name %q", out, want)
		}
	}
}

// The whole of it with real processes: a start may find no room or never run,
// a worker may be killed or taken away at any moment. Every job completes.
func TestReconcilerAndTasks(t *testing.T) {
	c := newCloud(t)
	stand := awstest.NewECS(t, "cityflow-worker", awstest.Fate{
		Seed: 4, Full: 0.2, Lost: 0.2, Killed: 0.2, Termed: 0.1, After: 100 * time.Millisecond, Within: 2 * time.Second, Grace: 10 * time.Second, Boot: 100 * time.Millisecond,
	}, taskArgs(t, "--task-idle", "1s", "--task-paid", "2s", "--task-next", "200ms"), c.taskEnv(20*time.Millisecond))
	launcher, err := ecs.New(sdk.New(sdk.Options{Region: awstest.Region, BaseEndpoint: &stand.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "testing", SecretAccessKey: "testing"}, nil
		})}), ecs.Options{Cluster: "cityflow", Family: "cityflow-worker", Subnets: []string{"a", "b"}, SecurityGroups: []string{"sg"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	w, err := (&storage{Store: c.store, Queue: c.queue, Lease: 600 * time.Millisecond}).wire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	limit := 24 * 3600.0
	r := &reconcile.Reconciler{Store: w.store, Queue: w.queue, Launcher: launcher, MaxTasks: 4, TaskMax: time.Minute, Cap: &limit,
		WalkEvery: time.Hour, Settle: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	const n = 12
	var ids []string
	for i := range n {
		ids = append(ids, c.submit(fmt.Sprintf(`{"city":"testville","seed":%d}`, i)))
	}
	var last reconcile.Report
	jobs := &job.Service{Store: w.store, Log: r.Log}
	for open := ids; len(open) > 0; {
		if last, err = r.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		if last.Running+last.Pending > 4 {
			t.Fatalf("%+v", last)
		}
		var still []string
		for _, id := range open {
			st, err := jobs.Status(ctx, id)
			if err != nil || st.State == spec.Failed {
				t.Fatalf("%+v %v", st, err)
			}
			if st.State != spec.Complete {
				still = append(still, id)
			}
		}
		if open = still; ctx.Err() != nil {
			t.Fatalf("%d jobs left\n%+v\n%+v", len(open), last, stand.Counts())
		}
		time.Sleep(200 * time.Millisecond)
	}
	// Messages of workers that died just before telling the queue come back
	// once more, and find everything done.
	for last.Waiting+last.Leased > 0 {
		if last, err = r.Tick(ctx); err != nil {
			t.Fatalf("%+v %v", last, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if last.Dead != 0 || last.SpentSeconds < 60 {
		t.Fatalf("%+v", last)
	}
	t.Logf("%d jobs, %+v, %.0f s spent", n, stand.Counts(), last.SpentSeconds)
}

func TestADayWithoutSecondsRefusesRunsAndSaysUntilWhen(t *testing.T) {
	p := start(t, t.TempDir(), "", 0, "--task-seconds-per-day", "0")
	resp, err := http.Post(p.url+"/v1/submit", "application/json", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 24*3600 || !strings.Contains(string(body), "computing time of today") {
		t.Fatalf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	p.stop()
}
