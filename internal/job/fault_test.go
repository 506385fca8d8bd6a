package job

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// A disk that is full, or gone, at any one write: the job is given back, tried
// again and completes.
func TestAStoreThatFailsOnceDelaysAJob(t *testing.T) {
	for _, at := range []string{ConfigFile, "kpis.csv", ManifestFile} {
		t.Run(at, func(t *testing.T) {
			b := newBench(t)
			sub := b.submit(spec.RunRequest{})
			var failedOnce atomic.Bool
			b.svc.Store.Sync = func(key string) error {
				if strings.HasSuffix(key, at) && failedOnce.CompareAndSwap(false, true) {
					return errors.New("no space left on device")
				}
				return nil
			}
			b.once()
			if !failedOnce.Load() {
				t.Fatal("nothing failed")
			}
			b.once()
			b.drained()
			if st := b.status(sub.JobID); st.State != spec.Complete {
				t.Fatalf("%+v", st)
			}
		})
	}
}

// A disk that stays full for longer than the failed attempts of a job would
// last: nothing is lost, and the job completes once there is space.
func TestAStoreThatFailsForLongCostsNoAttempts(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{})
	full := true
	b.svc.Store.Sync = func(key string) error {
		if full && strings.HasSuffix(key, "kpis.csv") {
			return errors.New("no space left on device")
		}
		return nil
	}
	for range 2 * maxFailed {
		b.once()
	}
	if st := b.status(sub.JobID); st.State != spec.Queued {
		t.Fatalf("%+v", st)
	}
	full = false
	b.once()
	b.drained()
	if st := b.status(sub.JobID); st.State != spec.Complete {
		t.Fatalf("%+v", st)
	}
}

func TestASubmitThatCannotBeStoredStartsNothing(t *testing.T) {
	b := newBench(t)
	b.svc.Store.Sync = func(string) error { return errors.New("no space left on device") }
	if _, err := b.svc.Submit(b.ctx, &spec.RunRequest{City: jobtest.Town}, "c", ""); !errors.Is(err, ErrStore) {
		t.Fatal(err)
	}
	b.drained()
}

// deaf is a queue that breaks in one way.
type deaf struct {
	queue.Queue
	extend, send error
}

func (d deaf) Extend(ctx context.Context, l *queue.Lease) error {
	if d.extend != nil {
		return d.extend
	}
	return d.Queue.Extend(ctx, l)
}

func (d deaf) Send(ctx context.Context, id string, body []byte) error {
	if d.send != nil {
		return d.send
	}
	return d.Queue.Send(ctx, id, body)
}

func TestAMessageThatCannotBeSentIsSentByTheSweeper(t *testing.T) {
	b := newBench(t)
	b.svc.Queue = deaf{Queue: b.q, send: errors.New("the queue is down")}
	sub := b.submit(spec.RunRequest{})
	b.drained()
	if n, _, err := (&Sweeper{Store: b.svc.Store, Queue: b.q, MarkerAge: time.Nanosecond, Log: quiet()}).Sweep(b.ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	b.once()
	if st := b.status(sub.JobID); st.State != spec.Complete {
		t.Fatalf("%+v", st)
	}
}

// A worker whose lease lapsed (a laptop that slept) stops and leaves the job
// to the next, which is no failed attempt.
func TestALostLeaseEndsTheRunAndIsNotTheJobsFault(t *testing.T) {
	b := newBench(t)
	b.model.Hold = make(chan struct{})
	sub := b.submit(spec.RunRequest{})
	w := b.worker()
	w.Queue = deaf{Queue: b.q, extend: queue.ErrLeaseLost}
	var outcome string
	w.Ended = func(o string, _ float64) { outcome = o }
	if err := w.Once(b.ctx); err != nil || outcome != "abandoned" {
		t.Fatal(outcome, err)
	}
	close(b.model.Hold)
	b.once() // after the real lease lapsed
	r, err := b.svc.record(b.ctx, sub.JobID)
	if err != nil || r.manifest == nil || r.progress.Attempt != 2 || r.progress.Failed != 0 {
		t.Fatalf("%+v %v", r.progress, err)
	}
}

func TestTimeLeftIsSaidOnlyOnceItCanBeTrusted(t *testing.T) {
	w := &Worker{Log: quiet()}
	a := w.begin(&queue.Lease{}, &record{})
	// What is kept from earlier runs makes the first stages a matter of seconds:
	// their speed would promise an end that never comes.
	a.p.StartedAt = time.Now().Add(-3 * time.Second)
	a.report(run.Progress{Stage: "calibrate", Done: 0.05})
	a.report(run.Progress{Stage: "transit", Done: 0.4})
	a.report(run.Progress{Stage: "simulate", Done: 0.4})
	if a.p.ETASec != nil {
		t.Fatalf("an ETA from the speed of the set-up: %v s", *a.p.ETASec)
	}
	a.p.pacedSince = time.Now().Add(-time.Minute)
	a.report(run.Progress{Stage: "simulate", Done: 0.41})
	if a.p.ETASec != nil {
		t.Fatalf("an ETA after a hundredth: %v s", *a.p.ETASec)
	}
	a.report(run.Progress{Stage: "simulate", Done: 0.5})
	if a.p.ETASec == nil || *a.p.ETASec < 299 || *a.p.ETASec > 400 {
		t.Fatalf("a tenth in a minute, five to go: %v", a.p.ETASec)
	}
	a.report(run.Progress{Stage: "compare", Done: 0.4})
	if a.p.Done != 0.5 {
		t.Fatal("progress went back")
	}
}

func TestAVanishedWorkerIsAFailedAttemptAndAReleaseIsNot(t *testing.T) {
	w := &Worker{Log: quiet(), Lease: lease}
	r := &record{progress: &progress{Attempt: 3, Failed: 1}}
	if a := w.begin(&queue.Lease{}, r); a.p.Attempt != 4 || a.p.Failed != 2 {
		t.Errorf("after a vanished worker: %+v", a.p.progress)
	}
	r.progress.Released = true
	if a := w.begin(&queue.Lease{}, r); a.p.Attempt != 4 || a.p.Failed != 1 {
		t.Errorf("after a release: %+v", a.p.progress)
	}
}

// In a folder, writes go through temporary files: reading a job and listing
// the store must bear files that come and go.
func TestListingAFolderThatIsBeingWritten(t *testing.T) {
	bucket, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	s, id := &Store{Bucket: bucket}, newID()
	if err := s.putJSON(t.Context(), Key(id, ConfigFile), spec.Config{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for ctx.Err() == nil {
			if err := s.putJSON(ctx, Key(id, ProgressFile), progress{}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for range 300 {
		if all, err := s.list(t.Context(), "jobs/"); err != nil || len(all) == 0 {
			t.Error(all, err)
			break
		}
		if r, err := s.load(t.Context(), id); err != nil || r.config == nil {
			t.Error(r, err)
			break
		}
	}
	stop()
	writing.Wait()
}
