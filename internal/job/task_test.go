package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// slow is a queue in memory with leases, as far as a worker needs one. It has
// no goroutines, so that it can live in virtual time.
type slow struct {
	mu    sync.Mutex
	at    map[string]time.Time // when each message can be had
	body  map[string][]byte
	dead  []queue.DeadLetter
	took  int
	looks int
}

func newSlow() *slow { return &slow{at: map[string]time.Time{}, body: map[string][]byte{}} }

func (q *slow) Send(_ context.Context, id string, body []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at[id], q.body[id] = time.Now(), body
	return nil
}

func (q *slow) Receive(ctx context.Context) (*queue.Lease, error) {
	for {
		q.mu.Lock()
		var ids []string
		for id, at := range q.at {
			if !at.After(time.Now()) {
				ids = append(ids, id)
			}
		}
		if slices.Sort(ids); len(ids) > 0 {
			q.at[ids[0]] = time.Now().Add(time.Minute)
			q.took++
			l := &queue.Lease{ID: ids[0], Body: q.body[ids[0]], Attempt: 1}
			q.mu.Unlock()
			return l, nil
		}
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (q *slow) Extend(_ context.Context, l *queue.Lease) error {
	return q.Release(context.Background(), l, time.Minute)
}
func (q *slow) Done(_ context.Context, l *queue.Lease) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.at, l.ID)
	return nil
}
func (q *slow) Release(_ context.Context, l *queue.Lease, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at[l.ID] = time.Now().Add(d)
	return nil
}
func (q *slow) Bury(ctx context.Context, l *queue.Lease, reason string) error {
	q.mu.Lock()
	q.dead = append(q.dead, queue.DeadLetter{ID: l.ID, Body: l.Body, Reason: reason})
	q.mu.Unlock()
	return q.Done(ctx, l)
}
func (q *slow) Depth(context.Context) (d queue.Depth, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, at := range q.at {
		if at.After(time.Now()) {
			d.Leased++
		} else {
			d.Waiting++
		}
	}
	d.Dead = len(q.dead)
	return d, nil
}
func (q *slow) Dead(_ context.Context, n int) ([]queue.DeadLetter, error) {
	q.looks++
	out := slices.Clone(q.dead[:min(n, len(q.dead))])
	for i := range out {
		out[i].Key = fmt.Sprint(i, " ", out[i].ID)
	}
	return out, nil
}
func (q *slow) Close() error { return nil }

// virtual runs a test in virtual time, with a store, a queue and a worker.
func virtual(t *testing.T, f func(t *testing.T, svc *Service, q *slow, w *Worker)) {
	synctest.Test(t, func(t *testing.T) {
		b := memblob.OpenBucket(nil)
		defer b.Close()
		q, m := newSlow(), &jobtest.Model{}
		store := &Store{Bucket: b}
		f(t, &Service{Model: m, Store: store, Queue: q, Secret: []byte("s"), Log: quiet()}, q,
			&Worker{Model: m, Store: store, Queue: q, Lease: time.Minute, Engine: "test", Ledger: true, Log: quiet()})
	})
}

func send(t *testing.T, svc *Service, seed uint64) string {
	t.Helper()
	sub, err := svc.Submit(t.Context(), &spec.RunRequest{City: jobtest.Town, Seed: &seed}, "c", "")
	if err != nil {
		t.Fatal(err)
	}
	return sub.JobID
}

func stateOf(t *testing.T, svc *Service, id string) *spec.Status {
	t.Helper()
	st, err := svc.Status(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

var minute = Task{Max: 30 * time.Minute, Idle: 20 * time.Second, Paid: time.Minute, Next: time.Second}

func began(t Task) Task { t.Began = time.Now(); return t }

func TestATaskGoesOnWhileItsPaidMinuteLastsAndThenOnlyForWhatIsThere(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		w.Model.(*jobtest.Model).Step = time.Second // a run takes ten
		for i := range 8 {
			send(t, svc, uint64(i))
		}
		start := time.Now()
		if err := w.RunTask(t.Context(), began(minute)); err != nil {
			t.Fatal(err)
		}
		// Eight runs, all there at once, then a second of looking for more.
		if took := time.Since(start); q.took != 8 || took < 80*time.Second || took > 90*time.Second {
			t.Fatalf("%d messages in %v", q.took, took)
		}
		// Nothing to do: gone after the idle wait.
		start = time.Now()
		if err := w.RunTask(t.Context(), began(minute)); err != nil || time.Since(start) != minute.Idle {
			t.Fatal(err, time.Since(start))
		}
		// With Next 0 nothing is taken after the paid minute.
		for i := range 8 {
			send(t, svc, uint64(100+i))
		}
		only := began(minute)
		only.Next = 0
		if err := w.RunTask(t.Context(), only); err != nil || q.took != 8+6 {
			t.Fatalf("%d messages, want six that began within the minute; %v", q.took-8, err)
		}
	})
}

func TestARunThatOutlastsItsTaskFailsWithAClearReason(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		w.Model.(*jobtest.Model).Step = 10 * time.Minute
		id := send(t, svc, 1)
		task := began(minute)
		if err := w.RunTask(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		st := stateOf(t, svc, id)
		if st.State != spec.Failed || !strings.Contains(st.Message, "1800 seconds") {
			t.Fatalf("%+v", st)
		}
		if time.Since(task.Began) > task.Max || len(q.at) != 0 {
			t.Fatalf("ended after %v with %d messages left", time.Since(task.Began), len(q.at))
		}
	})
}

func TestARunCutOffBecauseAnotherWentBeforeIsTriedAgain(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		task := began(Task{Max: 100 * time.Second, Idle: 20 * time.Second, Paid: time.Minute})
		m := w.Model.(*jobtest.Model)
		m.Step = 4 * time.Second
		first := send(t, svc, 1)
		var second string
		done := make(chan error)
		go func() { done <- w.RunTask(t.Context(), task) }()
		time.Sleep(41 * time.Second) // the first is complete
		m.Step = 6 * time.Second     // 60 s, and the task has 39 left
		second = send(t, svc, 2)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if a, b := stateOf(t, svc, first), stateOf(t, svc, second); a.State != spec.Complete || b.State == spec.Failed || q.took != 2 {
			t.Fatalf("%+v\n%+v", a, b)
		}
		if err := w.RunTask(t.Context(), began(task)); err != nil || stateOf(t, svc, second).State != spec.Complete {
			t.Fatal(err, stateOf(t, svc, second))
		}
	})
}

// unheeding is a model that does not notice that its run has ended.
type unheeding struct{ *jobtest.Model }

func (d unheeding) Run(ctx context.Context, cfg *spec.Config, s run.Sink, r func(run.Progress)) (*spec.Config, error) {
	return d.Model.Run(context.WithoutCancel(ctx), cfg, s, r)
}

func TestASignalGivesTheJobBackEvenIfTheModelDoesNotListen(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		m := w.Model.(*jobtest.Model)
		m.Step = time.Minute
		w.Model = unheeding{m}
		id := send(t, svc, 1)
		ctx, signal := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.RunTask(ctx, began(minute)) }()
		time.Sleep(30 * time.Second)
		start := time.Now()
		signal()
		if err := <-done; err != nil || time.Since(start) > 5*time.Second {
			t.Fatal(err, time.Since(start))
		}
		if d, _ := q.Depth(t.Context()); d.Waiting != 1 {
			t.Fatalf("%+v, want the message to be had at once", d)
		}
		if r, err := svc.Store.load(t.Context(), id); err != nil || !r.progress.Released || r.progress.failures() != 0 {
			t.Fatalf("%+v %v", r.progress, err)
		}
		time.Sleep(15 * time.Minute) // let the goroutine end
	})
}

func TestASignalWhileWaitingEndsATaskAtOnce(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		ctx, signal := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.RunTask(ctx, began(minute)) }()
		time.Sleep(time.Second)
		start := time.Now()
		signal()
		if err := <-done; err != nil || time.Since(start) != 0 {
			t.Fatal(err, time.Since(start))
		}
	})
}

func TestTaskSettingsAreCheckedTogether(t *testing.T) {
	err := Task{Max: time.Second, Idle: -1, Paid: -1, Next: -1}.Validate()
	for _, want := range []string{"at most 1s", "idle", "paid", "next"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}

func TestTheGateClosesWhenTheDayIsUsedUpAndOpensAtMidnight(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		limit := 100.0
		svc.Budget = &Budget{Store: svc.Store, Cap: &limit, Log: quiet()}
		cached := send(t, svc, 1)
		if err := w.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		day := Day(time.Now())
		if err := svc.Store.Write(t.Context(), SpendKey(day), Spent{Day: day, Seconds: 100}); err != nil {
			t.Fatal(err)
		}
		seed := uint64(2)
		_, err := svc.Submit(t.Context(), &spec.RunRequest{City: jobtest.Town, Seed: &seed}, "c", "")
		var full *BudgetError
		if !errors.As(err, &full) || !errors.Is(err, ErrBudget) || !full.Reset.After(time.Now()) || time.Until(full.Reset) > 24*time.Hour || full.Reset.Hour() != 0 {
			t.Fatal(err)
		}
		if id := send(t, svc, 1); id != cached {
			t.Fatal("a cached answer is free")
		}
		time.Sleep(time.Until(full.Reset))
		send(t, svc, 2)
		none := 0.0
		svc.Budget.Cap = &none
		if _, err := svc.Submit(t.Context(), &spec.RunRequest{City: jobtest.Town}, "d", "k"); err != nil && !errors.Is(err, ErrBudget) {
			t.Fatal(err)
		}
	})
}

func TestWorkersNoteTheirSeconds(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		m := w.Model.(*jobtest.Model)
		m.Step = time.Second
		time.Sleep(time.Hour) // virtual time begins at midnight
		id := send(t, svc, 1)
		// The first worker is lost without a word after 30 s of heartbeats.
		now := time.Now().UTC()
		if err := svc.Store.putJSON(t.Context(), Key(id, ProgressFile), progress{Attempt: 1, LeaseSec: 60, StartedAt: now.Add(-40 * time.Second), UpdatedAt: now.Add(-10 * time.Second)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		objects, err := svc.Store.ListWorked(t.Context(), Day(now))
		if err != nil || len(objects) != 1 {
			t.Fatal(objects, err)
		}
		var got Worked
		if _, err := svc.Store.ReadStrict(t.Context(), objects[0].Key, &got); err != nil || got.Seconds != 40 {
			t.Fatalf("%+v %v, want 30 + 10 s", got, err)
		}
	})
}

func TestCapsAreReadStrictly(t *testing.T) {
	for in, want := range map[string]float64{"0": 0, "3600": 3600, " 1.5 ": 1.5} {
		if c, err := ParseCap(in); err != nil || c == nil || *c != want {
			t.Errorf("%q: %v %v", in, c, err)
		}
	}
	for _, in := range []string{"", "none"} {
		if c, err := ParseCap(in); err != nil || c != nil {
			t.Errorf("%q: %v %v", in, c, err)
		}
	}
	for _, in := range []string{"-1", "NaN", "Inf", "1h"} {
		if _, err := ParseCap(in); err == nil {
			t.Errorf("%q was taken", in)
		}
	}
}
