package job

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// A disk that takes neither the results nor the note that they could not be
// kept: the worker holds the job until the disk takes the note, so that the
// attempt does not count.
func TestADiskThatTakesNoNoteEitherCostsNoAttempt(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	b.svc.Store.Bucket = bucket
	sub := b.submit(spec.RunRequest{})
	var struck atomic.Bool
	b.svc.Store.Sync = func(key string) error {
		if !strings.HasSuffix(key, "kpis.csv") || !struck.CompareAndSwap(false, true) {
			return nil
		}
		// A folder in its place keeps progress.json from being written.
		note := filepath.Join(dir, filepath.FromSlash(Key(sub.JobID, ProgressFile)))
		if err := errors.Join(os.Remove(note), os.Mkdir(note, 0o700)); err != nil {
			t.Error(err)
		}
		time.AfterFunc(2*lease, func() { _ = os.Remove(note) }) // somebody makes space; the lease must have been kept
		return syscall.ENOSPC
	}
	b.once()
	r, err := b.svc.Store.load(b.ctx, sub.JobID)
	if err != nil || !struck.Load() || r.progress == nil || r.progress.failures() != 0 || !strings.Contains(r.progress.LastError, "the store is full") {
		t.Fatalf("%+v %v", r.progress, err)
	}
	b.once()
	if st := b.status(sub.JobID); st.State != spec.Complete || st.Attempt != 2 {
		t.Fatalf("%+v", st)
	}
}

// A store that fails all night hands a message out hundreds of times.
func TestManyDeliveriesWithoutAnAttemptEndNoJob(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{})
	l, err := b.q.Receive(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	l.Attempt = maxDeliveries
	if v := b.worker().handle(b.ctx, l, limit{}); v.outcome != "complete" {
		t.Fatalf("%+v", v)
	}
	if st := b.status(sub.JobID); st.State != spec.Complete {
		t.Fatalf("%+v", st)
	}
}

func TestTheDelaysOfAStoreThatFailsLastLongerThanANight(t *testing.T) {
	w := &Worker{}
	var sum time.Duration
	for n := 1; n <= maxDeliveries; n++ {
		d := w.storeFailed(&queue.Lease{Attempt: n}, ErrStore).delay
		if d > maxStoreBackoff {
			t.Fatal(n, d)
		}
		sum += d
	}
	if sum < 24*time.Hour {
		t.Errorf("a job is given up after %v", sum)
	}
}

// old is a model that cannot run what newer versions made.
type old struct{ run.Model }

func (old) Run(context.Context, *spec.Config, run.Sink, func(run.Progress)) (*spec.Config, error) {
	return nil, run.ErrOtherVersion
}

func TestAWorkerOfTheWrongVersionCostsNoAttempt(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{})
	for range maxFailed + 1 {
		w := b.worker()
		w.Model = old{b.model}
		if err := w.Once(b.ctx); err != nil {
			t.Fatal(err)
		}
	}
	b.once()
	if st := b.status(sub.JobID); st.State != spec.Complete {
		t.Fatalf("%+v", st)
	}
}

// A job that failed twice runs alone, and does not wait for ever.
func TestSuspectsRunAlone(t *testing.T) {
	q := new(Quarantine)
	for range 2 {
		if !q.enter(false, false) {
			t.Fatal("jobs do not run beside each other")
		}
	}
	if q.enter(true, false) || q.enter(false, false) {
		t.Fatal("a suspect, or a job that came after it, runs beside others")
	}
	q.leave()
	if q.enter(true, true) {
		t.Fatal("a suspect runs beside another job")
	}
	q.leave()
	if !q.enter(true, true) || q.enter(false, true) || q.enter(true, false) {
		t.Fatal("want the suspect alone")
	}
	q.leave()
	if !q.enter(true, true) {
		t.Fatal("the next suspect")
	}
	q.leave()
	if !q.enter(false, true) || q.waiting != 0 {
		t.Fatal("all are through", q.waiting)
	}
}

// While a worker waits for its turn it keeps the lease, and gives the job back
// on a signal, without an attempt.
func TestASuspectThatWaitsKeepsItsLease(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{})
	ctx, cancel := context.WithCancel(b.ctx)
	if err := b.svc.Store.putJSON(ctx, Key(sub.JobID, ProgressFile), progress{Attempt: suspectFrom, Failed: suspectFrom - 1}); err != nil {
		t.Fatal(err)
	}
	w := b.worker()
	w.Quarantine = new(Quarantine)
	w.Quarantine.enter(false, false) // a long run
	l, err := b.q.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(3*lease, cancel)
	if v := w.handle(ctx, l, limit{}); v.act != actRelease || v.reason != "stopping" || w.Quarantine.waiting != 0 {
		t.Fatalf("%+v", v)
	}
	w.Quarantine.leave()
	if err := w.Once(b.ctx); err != nil {
		t.Fatal(err)
	}
	if st := b.status(sub.JobID); st.State != spec.Complete || st.Attempt != suspectFrom+1 {
		t.Fatalf("%+v", st)
	}
}

func TestFullAndReadOnlyStoresAreToldApart(t *testing.T) {
	for err, want := range map[error]error{
		&os.PathError{Err: syscall.ENOSPC}: ErrFull, syscall.EDQUOT: ErrFull, errors.New("api error XMinioStorageFull: ..."): ErrFull,
		syscall.EROFS: ErrReadOnly, &os.PathError{Err: syscall.EACCES}: ErrReadOnly, errors.New("x"): nil,
	} {
		if got := Refusal(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
	if Refusal(nil) != nil {
		t.Error("nil")
	}
}
