package job

import (
	"context"
	"io"
	"net/url"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
	"github.com/malikobaid/cityflow/spec"
)

// cloud is a service whose store is S3 and whose queue is SQS, both reached
// through a proxy that counts what would be paid for.
type cloud struct {
	*testing.T
	ctx   context.Context
	model *jobtest.Model
	svc   *Service
	proxy *awstest.Proxy
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	s := awstest.Moto(t)
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	t.Cleanup(cancel)
	p := awstest.NewProxy(t, s.URL, awstest.Faults{})
	parse := func(raw string) *url.URL {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	b, err := aws.OpenBucket(ctx, parse(s.BucketURL(s.Bucket(t), p.URL)))
	if err != nil {
		t.Fatal(err)
	}
	q, err := sqs.Open(ctx, s.Config(), parse(strings.Replace(s.Queue(t, 100), s.URL, p.URL, 1)), sqs.Options{Lease: 2 * lease, Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	p.Reset()
	m := &jobtest.Model{}
	return &cloud{T: t, ctx: ctx, model: m, proxy: p,
		svc: &Service{Model: m, Store: &Store{Bucket: b}, Queue: q, Secret: []byte("secret"), FilesBase: "/files", Log: quiet()}}
}

func (c *cloud) worker() *Worker {
	return &Worker{Model: c.model, Store: c.svc.Store, Queue: c.svc.Queue, Lease: 2 * lease, Backoff: time.Millisecond, Engine: "test", Log: quiet()}
}

// calls does something and gives the requests that it took.
func (c *cloud) calls(do func()) map[string]int {
	c.proxy.Reset()
	do()
	return c.proxy.Counts()
}

func total(calls map[string]int) (n int, text string) {
	var lines []string
	for op, times := range calls {
		n += times
		lines = append(lines, op+" x"+string(rune('0'+times%10)))
	}
	sort.Strings(lines)
	return n, strings.Join(lines, ", ")
}

// The whole life of a job on S3 and SQS, and what each step costs in requests.
// The bounds are what the code does now: a step that asks for more must say why.
func TestTheLifeOfAJobOnS3AndSQS(t *testing.T) {
	c := newCloud(t)
	within := func(what string, most int, do func()) {
		t.Helper()
		n, text := total(c.calls(do))
		t.Logf("%s: %d requests: %s", what, n, text)
		if n > most {
			t.Errorf("%s took %d requests, at most %d: %s", what, n, most, text)
		}
	}
	var id string
	submit := func() {
		sub, err := c.svc.Submit(c.ctx, &spec.RunRequest{City: jobtest.Town}, "client", "")
		if err != nil {
			t.Fatal(err)
		}
		id = sub.JobID
	}
	see := func(want spec.State) func() {
		return func() {
			st, err := c.svc.Status(c.ctx, id)
			if err != nil || st.State != want {
				t.Fatalf("%+v %v, want %s", st, err, want)
			}
		}
	}
	within("submit", 6, submit)
	within("status while queued", 5, see(spec.Queued))
	within("a run by the worker", 18, func() {
		// A long lease: on a slow machine its minder must not add requests.
		w := c.worker()
		w.Lease = 10 * time.Minute
		if err := w.Once(c.ctx); err != nil {
			t.Fatal(err)
		}
	})
	within("status when complete", 3, see(spec.Complete))
	within("the same question again", 4, submit)
	within("a file", 2, func() {
		f, err := c.svc.Open(c.ctx, id, "summary.json")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if b, err := io.ReadAll(f); err != nil || int64(len(b)) != f.Bytes || hash(b) != f.SHA256 {
			t.Fatal(b, err)
		}
	})
	if d, err := c.svc.Queue.Depth(c.ctx); err != nil || d.Waiting+d.Leased+d.Dead != 0 {
		t.Fatalf("%+v %v", d, err)
	}
}

// Poison ends as a dead letter or a failed job with its reason, and a signal
// gives a job back at once, as on a laptop.
func TestJobsThatEndBadlyOnS3AndSQS(t *testing.T) {
	c := newCloud(t)
	submit := func(city string) string {
		sub, err := c.svc.Submit(c.ctx, &spec.RunRequest{City: city}, "client", "")
		if err != nil {
			t.Fatal(err)
		}
		return sub.JobID
	}
	poison := submit(jobtest.Poison)
	if err := c.svc.Queue.Send(c.ctx, "unknown", []byte(`{"v":99}`)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.worker().Once(c.ctx); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := c.svc.Status(c.ctx, poison); err != nil || st.State != spec.Failed || !strings.Contains(st.Message, "vehicles") {
		t.Fatalf("%+v %v", st, err)
	}
	letters, err := c.svc.Queue.(*sqs.Queue).Dead(c.ctx, 10)
	if err != nil || len(letters) != 1 || letters[0].ID != "unknown" || letters[0].Reason == "" {
		t.Fatalf("%+v %v", letters, err)
	}

	c.model.Hold = make(chan struct{})
	stopped := submit(jobtest.Town)
	signal, kill := context.WithCancel(c.ctx)
	running := make(chan error, 1)
	go func() { running <- c.worker().Once(signal) }()
	for c.model.Runs.Load() < 2 {
		if c.ctx.Err() != nil {
			t.Fatal("the run never began")
		}
		time.Sleep(5 * time.Millisecond)
	}
	kill()
	if err := <-running; err != nil {
		t.Fatal(err)
	}
	if d, err := c.svc.Queue.Depth(c.ctx); err != nil || d.Waiting != 1 || d.Leased != 0 {
		t.Fatalf("%+v %v: not given back at once", d, err)
	}
	close(c.model.Hold)
	if err := c.worker().Once(c.ctx); err != nil {
		t.Fatal(err)
	}
	if st, err := c.svc.Status(c.ctx, stopped); err != nil || st.State != spec.Complete || st.Attempt != 2 {
		t.Fatalf("%+v %v", st, err)
	}
}

// Whoever reads past the API, as a CDN does, learns from the objects themselves
// how long they hold: results for ever, everything that may still change not at
// all. The config is final when the worker has written it.
func TestObjectsSayHowLongTheyHold(t *testing.T) {
	c := newCloud(t)
	sub, err := c.svc.Submit(c.ctx, &spec.RunRequest{City: jobtest.Town}, "client", "")
	if err != nil {
		t.Fatal(err)
	}
	says := func(name, want string) {
		t.Helper()
		a, err := c.svc.Store.Bucket.Attributes(c.ctx, Key(sub.JobID, name))
		if err != nil || a.CacheControl != want {
			t.Errorf("%s may be kept %q, want %q (%v)", name, a.CacheControl, want, err)
		}
	}
	says(ConfigFile, revalid)
	if err := c.worker().Once(c.ctx); err != nil {
		t.Fatal(err)
	}
	says(ConfigFile, immutable)
	says("summary.json", immutable)
	says(ManifestFile, revalid)
	says(ProgressFile, revalid)
	says(RunLogFile, revalid)
}
