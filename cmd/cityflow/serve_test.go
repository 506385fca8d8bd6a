package main

import (
	"gocloud.dev/blob"

	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/internal/proctest"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// With this variable set the test binary is cityflow itself: real processes to
// start, signal and kill. Its value is realEngine or, for the small model of
// jobtest, how long a step of a run takes.
const (
	asCityflow = "CITYFLOW_TEST_STEP"
	realEngine = "real"
)

func TestMain(m *testing.M) {
	step, ok := os.LookupEnv(asCityflow)
	if !ok {
		code := m.Run()
		removeWorkshop()
		client.CloseIdleConnections()
		if err := goleak.Find(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}
	if step != realEngine {
		d, err := time.ParseDuration(step)
		if err != nil {
			panic(err)
		}
		openModel = func(_ context.Context, _ *blob.Bucket, limits spec.Limits) (run.Model, error) {
			return &jobtest.Model{Step: d, Limits: limits}, nil
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(mainExit(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const patience = 30 * time.Second

// process is a running cityflow.
type process struct {
	*testing.T
	proctest.Output // its log
	cmd             *exec.Cmd
	url             string
	ended           chan error
}

// start runs "serve" with the small model on a data folder. A failpoint may be "".
func start(t *testing.T, data, failpoint string, step time.Duration, args ...string) *process {
	t.Helper()
	return launch(t, "", step.String(), data, failpoint, args...)
}

// launch runs "serve" in a working folder, as realEngine or as the small model.
func launch(t *testing.T, dir, as, data, failpoint string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{T: t, ended: make(chan error, 1)}
	p.cmd = exec.Command(self, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data, "--lease", "600ms", "--log-level", "debug", "--log-format", "text"}, args...)...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), asCityflow+"="+as, job.FailpointEnv+"="+failpoint)
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	_, url, ok := strings.Cut(strings.TrimSpace(line), "at ")
	if err != nil || !ok {
		t.Fatalf("no address in %q: %v\n%s", line, err, p.String())
	}
	p.url = url
	return p
}

// wait returns how the process ended.
func (p *process) wait() error {
	p.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(patience):
		p.Fatalf("the process does not end\n%s", p.String())
		return nil
	}
}

func (p *process) stop() {
	p.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	if err := p.wait(); err != nil {
		p.Fatalf("%v\n%s", err, p.String())
	}
}

var client = &http.Client{Timeout: 10 * time.Second}

func (p *process) submit(body string) string {
	p.Helper()
	res, err := client.Post(p.url+"/v1/submit", "application/json", strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	var s spec.Submitted
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil || s.JobID == "" {
		p.Fatalf("%d %v", res.StatusCode, err)
	}
	return s.JobID
}

// until polls the status until it is as wanted.
func (p *process) until(id string, want spec.State) spec.Status {
	p.Helper()
	deadline := time.Now().Add(patience)
	for {
		var st spec.Status
		res, err := client.Get(p.url + "/v1/status/" + id)
		if err == nil {
			err = json.NewDecoder(res.Body).Decode(&st)
			res.Body.Close()
		}
		if err != nil {
			p.Fatalf("%v\n%s", err, p.String())
		}
		if st.State == want {
			return st
		}
		if time.Now().After(deadline) || st.State == spec.Failed || st.State == spec.Complete {
			p.Fatalf("job is %s (%s), want %s\n%s", st.State, st.Message, want, p.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// untilLogged waits for one of some lines in the log.
func (p *process) untilLogged(lines ...string) {
	p.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, line := range lines {
			if strings.Contains(p.String(), line) {
				return
			}
		}
	}
	p.Fatalf("never logged %q\n%s", lines, p.String())
}

// artifacts are the bytes of all files that equal runs share.
func artifacts(t *testing.T, data, id string) map[string]string {
	t.Helper()
	out := map[string]string{}
	dir := filepath.Join(data, "store", "jobs", id)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch e.Name() {
		case "progress.json", "run.log", "insights.md":
			continue
		case "manifest.json":
			var m spec.Manifest
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			m.Timing = spec.Timing{}
			for i := range m.Artifacts {
				if m.Artifacts[i].SHA256 == "" {
					m.Artifacts[i].Bytes = 0
				}
			}
			if b, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		out[e.Name()] = string(b)
	}
	return out
}

const request = `{"city":"testville","tram_start":"North","tram_end":"East"}`

// A process that is killed at the worst moments loses nothing: after a restart
// the job completes with the bytes of a run that nobody disturbed.
func TestKilledAtTheWorstMomentsAJobStillCompletes(t *testing.T) {
	calm := t.TempDir()
	p := start(t, calm, "", 0)
	id := p.submit(request)
	p.until(id, spec.Complete)
	p.stop()
	want := artifacts(t, calm, id)
	if len(want) < 5 {
		t.Fatalf("only %d files", len(want))
	}
	for _, point := range []string{"submit.stored_config", "worker.took_job", "worker.wrote_artifacts", "worker.before_done"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			p := start(t, data, point, 0)
			// The process may die before it answers: the store knows the id.
			if res, err := client.Post(p.url+"/v1/submit", "application/json", strings.NewReader(request)); err == nil {
				res.Body.Close()
			}
			if err := p.wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("ended with %v, want killed", err)
			}
			if log := p.String(); !strings.Contains(log, "failpoint reached") || !strings.Contains(log, "failpoint="+point) {
				t.Fatalf("the point was not reached:\n%s", log)
			}
			dirs, err := os.ReadDir(filepath.Join(data, "store", "jobs"))
			if err != nil || len(dirs) != 1 {
				t.Fatal(dirs, err)
			}
			id := dirs[0].Name()
			p = start(t, data, "", 0)
			st := p.until(id, spec.Complete)
			if wantAttempt := map[string]int{"worker.took_job": 2, "worker.wrote_artifacts": 2}[point]; wantAttempt != 0 && st.Attempt != wantAttempt {
				t.Errorf("attempt %d, want %d", st.Attempt, wantAttempt)
			}
			// The run can be found once the worker is done with the message.
			p.untilLogged("job complete", "job already complete")
			if again := p.submit(request); again != id {
				t.Errorf("the same request again is job %s, want %s", again, id)
			}
			p.stop()
			if d := cmp.Diff(want, artifacts(t, data, id)); d != "" {
				t.Error(d)
			}
			if left, err := filepath.Glob(filepath.Join(data, "store", "pending", "*")); err != nil || len(left) > 0 {
				t.Errorf("markers left: %v %v", left, err)
			}
		})
	}
}

func TestASignalGivesTheJobBackAndARestartFinishesIt(t *testing.T) {
	data := t.TempDir()
	p := start(t, data, "", time.Minute)
	id := p.submit(request)
	p.until(id, spec.Running)
	p.stop()
	if log := p.String(); !strings.Contains(log, "job released") {
		t.Fatalf("not released:\n%s", log)
	}
	p = start(t, data, "", 0)
	if st := p.until(id, spec.Complete); st.Attempt != 2 {
		t.Errorf("attempt %d", st.Attempt)
	}
	p.stop()
}

func TestALongJobKeepsItsLeaseAndCanBeCancelled(t *testing.T) {
	// Runs of 2 s, several leases, and a second worker to take what lapses.
	p := start(t, t.TempDir(), "", 200*time.Millisecond, "--workers", "2")
	long := p.submit(request)
	p.until(long, spec.Complete)
	if n := strings.Count(p.String(), `msg="job started" job=`+long); n != 1 {
		t.Errorf("started %d times: the lease was not kept", n)
	}
	gone := p.submit(`{"city":"testville","seed":7}`)
	p.until(gone, spec.Running)
	res, err := client.Post(p.url+"/v1/jobs/"+gone+"/cancel", "", nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	res.Body.Close()
	p.until(gone, spec.Cancelled)
	for _, seed := range []string{"8", "9"} { // both workers are free again
		p.until(p.submit(`{"city":"testville","seed":`+seed+`}`), spec.Running)
	}
	p.stop()
}

func TestTwoServersCannotShareADataFolder(t *testing.T) {
	data := t.TempDir()
	p := start(t, data, "", 0)
	var errs bytes.Buffer
	openModel = func(context.Context, *blob.Bucket, spec.Limits) (run.Model, error) { return &jobtest.Model{}, nil }
	if code := mainExit(context.Background(), []string{"serve", "--addr", "127.0.0.1:0", "--data", data}, io.Discard, &errs); code != 1 || !strings.Contains(errs.String(), "in use by another") {
		t.Fatalf("%d %s", code, errs.String())
	}
	info, err := os.Stat(filepath.Join(data, "secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret: %v %v", info, err)
	}
	p.stop()
}

func TestSmokePassesAndFailsForTheRightReasons(t *testing.T) {
	web := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(web, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("index.html", `<nav><a href="plan.html">Plan</a></nav><script type="module" src="./assets/app.js"></script>`)
	write("plan.html", `<a href="index.html#top">Home</a><a href="https://elsewhere.example/">out</a>`)
	write("results.html", `<p>Results</p>`)
	write("assets/app.js", `1`)
	p := start(t, t.TempDir(), "", 0, "--web", web)
	smoke := func(args ...string) (int, []smokeResult) {
		t.Helper()
		var out bytes.Buffer
		code := mainExit(context.Background(), append([]string{"--format", "json", "smoke", "--web", p.url, "--api", p.url + "/v1", "--timeout", "60s"}, args...), &out, io.Discard)
		var rs []smokeResult
		if err := json.Unmarshal(out.Bytes(), &rs); err != nil || len(rs) != 5 {
			t.Fatalf("%v %s", err, out.String())
		}
		return code, rs
	}
	if code, rs := smoke(); code != 0 {
		t.Errorf("%d %+v", code, rs)
	}
	if code, rs := smoke("--aws"); code != 1 || rs[4].OK {
		t.Errorf("without measuring on AWS: %d %+v", code, rs[4])
	}
	for _, c := range []struct{ name, text, says string }{
		{"plan.html", `<a href="missing.html">gone</a>`, "missing.html"},
		{"plan.html", `<script src="https://cdn.example/x.js"></script>`, "another host"},
		{"index.html", `<a href="plan.html">Plan</a><script src="assets/app.js"></script>`, "nav"},
	} {
		write(c.name, c.text)
		if code, rs := smoke(); code != 1 || rs[0].OK || !strings.Contains(rs[0].Detail, c.says) {
			t.Errorf("%s: %d %+v", c.text, code, rs[0])
		}
		write("plan.html", `<p>Plan</p>`)
	}
	p.stop()

	// A private one shows the page to everybody, and the rest to holders of a
	// token.
	write("index.html", `<nav><a href="plan.html">Plan</a></nav><script src="assets/app.js"></script>`)
	p = start(t, t.TempDir(), "", 0, "--web", web, "--private", "--token", "the token of the test")
	if code, rs := smoke(); code != 1 || !rs[0].OK || rs[1].OK || !strings.Contains(rs[1].Detail, "401") {
		t.Errorf("without a token: %d %+v", code, rs)
	}
	if code, rs := smoke("--token", "the token of the test"); code != 0 {
		t.Errorf("with its token: %d %+v", code, rs)
	}
	p.stop()
}

func TestBadInputExitsWithTwo(t *testing.T) {
	openModel = func(context.Context, *blob.Bucket, spec.Limits) (run.Model, error) { return &jobtest.Model{}, nil }
	data := t.TempDir()
	for _, args := range [][]string{
		{}, {"fly"}, {"serve", "--workers", "-1"}, {"serve", "--nothing"}, {"serve", "--addr", "127.0.0.1:0", "--data", data, "--queue", "carrier-pigeon://x"},
		{"serve", "--addr", "127.0.0.1:0", "--data", data, "--store", "ftp://x"}, {"worker"}, {"worker", "--queue", "file:///tmp/x"},
		{"smoke"}, {"smoke", "--web", "x", "--api", "y"}, {"--log-format", "xml", "openapi"},
	} {
		var errs bytes.Buffer
		if code := mainExit(context.Background(), args, io.Discard, &errs); code != 2 || errs.Len() == 0 {
			t.Errorf("%v: %d %s", args, code, errs.String())
		}
	}
	var out bytes.Buffer
	if code := mainExit(context.Background(), []string{"openapi"}, &out, io.Discard); code != 0 || !json.Valid(out.Bytes()) {
		t.Error("openapi:", code)
	}
}
