package job

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"gocloud.dev/blob/memblob"

	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/spec"
)

func TestMain(m *testing.M) {
	// Connections to S3 and SQS wait in the SDK's pool for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

const (
	lease    = 1 * time.Second
	patience = 20 * time.Second
)

type bench struct {
	*testing.T
	ctx   context.Context
	model *jobtest.Model
	svc   *Service
	q     *jetstream.Queue
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	q, err := jetstream.Embed(ctx, t.TempDir(), jetstream.Options{Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = b.Close() })
	m := &jobtest.Model{}
	return &bench{T: t, ctx: ctx, model: m, q: q, svc: &Service{Model: m, Store: &Store{Bucket: b}, Queue: q, Secret: []byte("secret"), FilesBase: "/files", Log: quiet()}}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func (b *bench) worker() *Worker {
	return &Worker{Model: b.model, Store: b.svc.Store, Queue: b.q, Lease: lease, Backoff: time.Millisecond, Engine: "test", Log: quiet()}
}

func (b *bench) submit(req spec.RunRequest) *spec.Submitted {
	b.Helper()
	if req.City == "" {
		req.City = jobtest.Town
	}
	sub, err := b.svc.Submit(b.ctx, &req, "client", "")
	if err != nil {
		b.Fatal(err)
	}
	return sub
}

func (b *bench) status(id string) *spec.Status {
	b.Helper()
	st, err := b.svc.Status(b.ctx, id)
	if err != nil {
		b.Fatal(err)
	}
	return st
}

func (b *bench) once() {
	b.Helper()
	if err := b.worker().Once(b.ctx); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) drained() {
	b.Helper()
	if d, err := b.q.Depth(b.ctx); err != nil || d.Waiting+d.Leased != 0 {
		b.Fatalf("depth %+v %v, want an empty queue", d, err)
	}
}

// until polls the store: what is awaited is a state, not a duration.
func (b *bench) until(what string, ok func() bool) {
	b.Helper()
	for !ok() {
		select {
		case <-b.ctx.Done():
			b.Fatalf("never saw: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestAJobRunsAndTheSameRequestAgainIsAnsweredAtOnce(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{})
	if st := b.status(sub.JobID); st.State != spec.Queued || sub.Cached {
		t.Fatalf("%+v", st)
	}
	b.once()
	b.drained()
	st := b.status(sub.JobID)
	var names []string
	for _, a := range st.Artifacts {
		names = append(names, a.Name)
		f, err := b.svc.Open(b.ctx, sub.JobID, a.Name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		f.Close()
		if err != nil || int64(len(data)) != a.Bytes || f.SHA256 != "" && hash(data) != f.SHA256 {
			t.Errorf("%s: %d bytes, listed %d, %v", a.Name, len(data), a.Bytes, err)
		}
		if strings.Contains(string(data), sub.JobID) {
			t.Errorf("%s holds the job id", a.Name)
		}
	}
	want := []string{"config.json", "insights.md", "kpis.csv", "links.geojson", "run.log", "summary.json"}
	if d := cmp.Diff(want, names); d != "" || st.State != spec.Complete || st.Progress != 1 || st.Attempt != 1 {
		t.Fatalf("%s %+v", d, st)
	}
	again := b.submit(spec.RunRequest{})
	if again.JobID != sub.JobID || !again.Cached || again.Status != spec.Complete {
		t.Fatalf("%+v", again)
	}
	if !again.SubmittedAt.Equal(st.SubmittedAt) {
		t.Errorf("submitted %v and %v", again.SubmittedAt, st.SubmittedAt)
	}
	seed := uint64(2)
	if other := b.submit(spec.RunRequest{Seed: &seed}); other.Cached || other.JobID == sub.JobID {
		t.Fatalf("another seed is another run: %+v", other)
	}
}

func TestAnEqualRunThatCompletedMeanwhileIsCopied(t *testing.T) {
	b := newBench(t)
	first, second := b.submit(spec.RunRequest{}), b.submit(spec.RunRequest{})
	if first.JobID == second.JobID {
		t.Fatal("one job for two submits")
	}
	b.once()
	b.once()
	if n := b.model.Runs.Load(); n != 1 {
		t.Fatalf("%d runs, want 1", n)
	}
	x, y := b.status(first.JobID), b.status(second.JobID)
	for i := range x.Artifacts {
		x.Artifacts[i].URL, y.Artifacts[i].URL = "", ""
	}
	if d := cmp.Diff(x.Artifacts, y.Artifacts); d != "" || y.State != spec.Complete {
		t.Fatal(d, y.State)
	}
}

func TestADamagedEqualRunIsNotCopied(t *testing.T) {
	b := newBench(t)
	first, second := b.submit(spec.RunRequest{}), b.submit(spec.RunRequest{})
	b.once()
	if err := b.svc.Store.put(b.ctx, Key(first.JobID, "kpis.csv"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	b.once()
	if n := b.model.Runs.Load(); n != 2 || b.status(second.JobID).State != spec.Complete {
		t.Fatalf("%d runs, %+v", n, b.status(second.JobID))
	}
}

func TestBadRequestsStartNothing(t *testing.T) {
	b := newBench(t)
	_, err := b.svc.Submit(b.ctx, &spec.RunRequest{City: "nowhere", TramStart: "x"}, "c", "")
	var ps spec.Problems
	if !errors.As(err, &ps) || len(ps) != 2 {
		t.Fatal(err)
	}
	if page, err := b.svc.List(b.ctx, 10, ""); err != nil || len(page.Jobs) != 0 {
		t.Fatal(page, err)
	}
	b.drained()
}

func TestAnIdempotencyKeyMakesOneJobPerClientAndRequest(t *testing.T) {
	b := newBench(t)
	send := func(client, key string, seed uint64) string {
		sub, err := b.svc.Submit(b.ctx, &spec.RunRequest{City: jobtest.Town, Seed: &seed}, client, key)
		if err != nil {
			t.Fatal(err)
		}
		return sub.JobID
	}
	a := send("alice", "k", 1)
	if send("alice", "k", 1) != a {
		t.Error("a repeated submit made another job")
	}
	for i, other := range []string{send("bob", "k", 1), send("alice", "l", 1), send("alice", "k", 2)} {
		if other == a {
			t.Errorf("case %d shares a job", i)
		}
	}
	if idFor([]byte("s"), "ab", "c", "k") == idFor([]byte("s"), "a", "bc", "k") {
		t.Error("client and key run together")
	}
}

func TestEndsThatAreNotRetried(t *testing.T) {
	for _, c := range []struct{ city, reason, log string }{
		{jobtest.Poison, ReasonInternal, "goroutine"},
		{jobtest.Badlands, ReasonBadConfig, "badlands cannot be run"},
	} {
		t.Run(c.city, func(t *testing.T) {
			b := newBench(t)
			sub, next := b.submit(spec.RunRequest{City: c.city}), b.submit(spec.RunRequest{})
			b.once()
			r, err := b.svc.record(b.ctx, sub.JobID)
			if err != nil || r.failed == nil || r.failed.Reason != c.reason {
				t.Fatalf("%+v %v", r, err)
			}
			log, _, err := b.svc.Store.get(b.ctx, Key(sub.JobID, RunLogFile))
			if err != nil || !strings.Contains(string(log), c.log) {
				t.Errorf("run.log lacks %q: %s %v", c.log, log, err)
			}
			b.once()
			if st := b.status(next.JobID); st.State != spec.Complete {
				t.Errorf("the next job: %+v", st)
			}
			b.drained()
			if again := b.submit(spec.RunRequest{City: c.city}); again.JobID == sub.JobID {
				t.Error("submitting after a failure found the failed job")
			}
		})
	}
}

func TestFiveFailedAttemptsEndAJobWithItsLastError(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{City: jobtest.Flaky})
	for i := range maxFailed {
		b.once()
		if st := b.status(sub.JobID); st.Attempt != i+1 || st.State == spec.Failed {
			t.Fatalf("after attempt %d: %+v", i+1, st)
		}
	}
	b.once()
	r, err := b.svc.record(b.ctx, sub.JobID)
	if err != nil || r.failed == nil || r.failed.Reason != ReasonWorkerLost || !strings.Contains(r.failed.Message, "weather") {
		t.Fatalf("%+v %v", r.failed, err)
	}
	if n := b.model.Runs.Load(); n != maxFailed {
		t.Errorf("%d runs", n)
	}
	d, err := b.q.Depth(b.ctx)
	if err != nil || d.Dead != 1 || d.Waiting+d.Leased != 0 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestASignalGivesTheJobBackAndIsNoFailedAttempt(t *testing.T) {
	b := newBench(t)
	b.model.Hold = make(chan struct{})
	sub := b.submit(spec.RunRequest{})
	for range maxFailed + 1 {
		ctx, signal := context.WithCancel(b.ctx)
		ended := make(chan error, 1)
		go func() { ended <- b.worker().Work(ctx) }()
		b.until("running", func() bool { return b.status(sub.JobID).State == spec.Running })
		signal()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if st := b.status(sub.JobID); st.State != spec.Queued || !strings.Contains(st.Message, "tried again") {
			t.Fatalf("%+v", st)
		}
	}
	close(b.model.Hold)
	b.once()
	if st := b.status(sub.JobID); st.State != spec.Complete || st.Attempt != maxFailed+2 {
		t.Fatalf("%+v", st)
	}
}

func TestCancel(t *testing.T) {
	t.Run("a queued job never starts", func(t *testing.T) {
		b := newBench(t)
		sub := b.submit(spec.RunRequest{})
		if st, err := b.svc.Cancel(b.ctx, sub.JobID); err != nil || st.State != spec.Cancelled {
			t.Fatal(st, err)
		}
		b.once()
		b.drained()
		if n := b.model.Runs.Load(); n != 0 {
			t.Fatalf("%d runs", n)
		}
		if again := b.submit(spec.RunRequest{}); again.JobID == sub.JobID || again.Cached {
			t.Fatal("submitting after a cancel must make a new job")
		}
	})
	t.Run("a running job is interrupted", func(t *testing.T) {
		b := newBench(t)
		b.model.Hold = make(chan struct{})
		sub := b.submit(spec.RunRequest{})
		ended := make(chan error, 1)
		go func() { ended <- b.worker().Once(b.ctx) }()
		b.until("running", func() bool { return b.status(sub.JobID).State == spec.Running })
		for range 2 { // twice is fine
			if _, err := b.svc.Cancel(b.ctx, sub.JobID); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		b.drained()
		if st := b.status(sub.JobID); st.State != spec.Cancelled || st.FinishedAt == nil {
			t.Fatalf("%+v", st)
		}
	})
	t.Run("a complete job stays", func(t *testing.T) {
		b := newBench(t)
		sub := b.submit(spec.RunRequest{})
		b.once()
		if st, err := b.svc.Cancel(b.ctx, sub.JobID); !errors.Is(err, ErrEnded) || st.State != spec.Complete {
			t.Fatal(st, err)
		}
	})
}

func TestAStrangeMessageIsBuried(t *testing.T) {
	id := newID()
	for _, body := range []string{`{"v":2,"job_id":"` + id + `","config_key":"jobs/` + id + `/config.json"}`, `no json`,
		`{"v":1,"job_id":"../../x","config_key":"jobs/../../x/config.json"}`, `{"v":1,"job_id":"` + id + `","config_key":"jobs/` + id + `/config.json"}`} {
		b := newBench(t)
		if err := b.q.Send(b.ctx, "m", []byte(body)); err != nil {
			t.Fatal(err)
		}
		b.once()
		if d, err := b.q.Depth(b.ctx); err != nil || d.Dead != 1 || d.Waiting+d.Leased != 0 {
			t.Errorf("%s: %+v %v", body, d, err)
		}
	}
}

func TestTheSweeperSendsWhatASubmitLeftBehind(t *testing.T) {
	b := newBench(t)
	cfg, _, _ := b.model.Check(b.ctx, &spec.RunRequest{City: jobtest.Town})
	store := b.svc.Store
	put := func(id string, files ...string) {
		for _, f := range files {
			if err := store.putJSON(b.ctx, f, cfg); err != nil {
				t.Fatal(err)
			}
		}
	}
	marked, bare, lost := newID(), newID(), newID()
	put(marked, pendingKey(marked), Key(marked, ConfigFile)) // died before Send
	put(bare, pendingKey(bare))                              // died before config
	put(lost, Key(lost, ConfigFile))                         // the queue's files were lost
	sent := b.submit(spec.RunRequest{})                      // in order
	s := &Sweeper{Store: store, Queue: b.q, MarkerAge: time.Hour, Log: quiet()}
	if n, err := s.Sweep(b.ctx); n != 0 || err != nil {
		t.Fatal("young markers were touched", n, err)
	}
	s.MarkerAge = time.Nanosecond
	if n, err := s.Sweep(b.ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := s.Audit(b.ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := s.Audit(b.ctx); n != 0 || err != nil {
		t.Fatal("an audit is not repeated for held messages", n, err)
	}
	for range 3 {
		b.once()
	}
	b.drained()
	for _, id := range []string{marked, lost, sent.JobID} {
		if st := b.status(id); st.State != spec.Complete {
			t.Errorf("%+v", st)
		}
	}
	if left, err := store.list(b.ctx, "pending/"); err != nil || len(left) > 0 {
		t.Fatal("markers left", left, err)
	}
}

func TestListPagesNewestFirst(t *testing.T) {
	b := newBench(t)
	want := map[string]bool{}
	for i := range 5 {
		seed := uint64(i)
		want[b.submit(spec.RunRequest{Seed: &seed}).JobID] = true
	}
	var times []time.Time
	cursor, pages := "", 0
	for {
		page, err := b.svc.List(b.ctx, 2, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Jobs {
			if !want[j.JobID] {
				t.Fatalf("%s listed twice or unknown", j.JobID)
			}
			delete(want, j.JobID)
			times = append(times, j.SubmittedAt)
		}
		pages++
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(want) != 0 || pages != 3 {
		t.Fatalf("%d missing after %d pages", len(want), pages)
	}
	for i := 1; i < len(times); i++ {
		if times[i].After(times[i-1]) {
			t.Fatal("not newest first")
		}
	}
}
