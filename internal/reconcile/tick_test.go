package reconcile

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// still is a cloud in which nothing goes wrong and nothing happens by itself.
func still(t *testing.T, f func(t *testing.T, s *job.Store, c *cloud, r *Reconciler)) {
	synctest.Test(t, func(t *testing.T) {
		b := memblob.OpenBucket(nil)
		defer b.Close()
		time.Sleep(12 * time.Hour)
		c := &cloud{rng: rand.New(calm{}), lease: 2 * time.Minute, poke: make(chan struct{}, 1), visible: map[string]time.Time{}, tasks: map[string]*simTask{}}
		s := &job.Store{Bucket: b}
		f(t, s, c, &Reconciler{Store: s, Queue: c, Launcher: c, MaxTasks: 10, TaskMax: simMax, WalkEvery: 24 * time.Hour, Log: quiet()})
		for _, k := range c.tasks {
			k.once.Do(func() { close(k.stop) })
		}
		c.wg.Wait()
	})
}

// calm draws the highest number always, which is no mishap of the cloud.
type calm struct{}

func (calm) Uint64() uint64 { return ^uint64(0) }

func tick(t *testing.T, r *Reconciler) Report {
	t.Helper()
	rep, err := r.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestOnlyTheHolderOfTheLeaseStartsTasks(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		tick(t, r)
		c.visible["a"] = time.Now()
		other := leaseDoc{Owner: "other", Expires: time.Now().Add(30 * time.Second)}
		if err := s.Write(t.Context(), job.LeaseKey, other); err != nil {
			t.Fatal(err)
		}
		if rep := tick(t, r); !rep.Elsewhere || rep.Need != 1 || c.starts != 0 {
			t.Fatalf("%+v", rep)
		}
		time.Sleep(31 * time.Second) // its process died
		if rep := tick(t, r); rep.Elsewhere || c.starts != 1 {
			t.Fatalf("%+v", rep)
		}
		// Given back, so that the next process need not wait.
		next := &Reconciler{Store: s, Queue: c, Launcher: c, MaxTasks: 10, TaskMax: simMax, WalkEvery: 24 * time.Hour, Log: quiet()}
		c.visible["b"] = time.Now()
		if rep := tick(t, next); rep.Elsewhere || rep.Pending != 1 || c.starts != 2 {
			t.Fatalf("%+v", rep)
		}
		// A damaged lease is none.
		if err := s.Bucket.WriteAll(t.Context(), job.LeaseKey, []byte("{"), nil); err != nil {
			t.Fatal(err)
		}
		c.visible["c"] = time.Now()
		if rep := tick(t, r); rep.Elsewhere || c.starts != 3 {
			t.Fatalf("%+v", rep)
		}
	})
}

// Two that begin at the same moment: at most one goes on, thanks to the pause.
func TestTwoAtOnce(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		c.visible["a"] = time.Now()
		second := &Reconciler{Store: s, Queue: c, Launcher: c, MaxTasks: 10, TaskMax: simMax, WalkEvery: 24 * time.Hour, Log: quiet()}
		done := make(chan Report, 2)
		for _, x := range []*Reconciler{r, second} {
			go func() {
				rep, _ := x.Tick(t.Context())
				done <- rep
			}()
		}
		a, b := <-done, <-done
		if c.starts != 1 || a.Elsewhere == b.Elsewhere {
			t.Fatalf("%d starts\n%+v\n%+v", c.starts, a, b)
		}
	})
}

func TestAnIdleTickWritesNothing(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		limit := 36000.0
		r.Cap, r.SweepIdle = &limit, 5*time.Minute
		tick(t, r)
		tick(t, r)
		counts := func() (n int64) {
			it := s.Bucket.List(nil)
			for {
				o, err := it.Next(t.Context())
				if err != nil {
					return n
				}
				n += o.ModTime.UnixNano()
			}
		}
		before := counts()
		for range 60 {
			time.Sleep(time.Minute)
			tick(t, r)
		}
		if counts() != before {
			t.Error("something was written while nothing happened")
		}
	})
}

func TestADamagedSpendStartsNothing(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		c.visible["a"] = time.Now()
		if err := s.Bucket.WriteAll(t.Context(), job.SpendKey(job.Day(time.Now())), []byte(`{"seconds": 12`), nil); err != nil {
			t.Fatal(err)
		}
		if rep, err := r.Tick(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") || c.starts != 0 {
			t.Fatalf("%+v %v", rep, err)
		}
	})
}

func TestACapThatIsReachedClosesTheDay(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		bound := (simMax + overhead).Seconds()
		limit := 2.5 * bound
		r.Cap = &limit
		for i := range 5 {
			c.visible[string(rune('a'+i))] = time.Now()
		}
		rep := tick(t, r)
		if rep.Need != 5 || rep.Spot != 2 || rep.Withheld != 3 || rep.Closed || rep.ReservedSeconds != 2*bound {
			t.Fatalf("%+v", rep)
		}
		gate := &job.Budget{Store: s, Cap: &limit, Fresh: time.Nanosecond, Log: quiet()}
		if err := gate.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		none := 0.0
		r.Cap = &none // a budget alarm may do that
		if rep := tick(t, r); rep.Spot+rep.OnDemand != 0 || !rep.Closed {
			t.Fatalf("%+v", rep)
		}
		if err := gate.Check(t.Context()); !errors.Is(err, job.ErrBudget) {
			t.Fatal(err)
		}
	})
}

// full is a launcher whose Spot has no room, told in one of two ways.
type full struct {
	*cloud
	calls []launch.Capacity
	tasks []launch.Task
}

func (f *full) Start(ctx context.Context, n int, k launch.Capacity, token string) ([]launch.Task, []launch.Failure, error) {
	f.calls = append(f.calls, k)
	if k == launch.Spot {
		return nil, []launch.Failure{{Reason: "Capacity is unavailable", Capacity: true}, {Reason: "other"}}[:n], nil
	}
	return f.cloud.Start(ctx, n, k, token)
}

func (f *full) Tasks(ctx context.Context) ([]launch.Task, error) {
	ts, err := f.cloud.Tasks(ctx)
	return append(ts, f.tasks...), err
}

func TestOnDemandTakesWhatSpotHasNoRoomFor(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		f := &full{cloud: c}
		r.Launcher = f
		c.visible["a"], c.visible["b"] = time.Now(), time.Now()
		if rep := tick(t, r); rep.OnDemand != 1 || len(rep.Failures) != 2 || len(f.calls) != 2 {
			t.Fatalf("%+v %v", rep, f.calls)
		}
		// Spot accepted a task and then found no room: not tried for a while.
		c.visible["c"] = time.Now()
		now := time.Now()
		f.tasks = []launch.Task{{ID: "x", State: launch.Stopped, Capacity: launch.Spot, Created: now, Ended: now, NoCapacity: true}}
		f.calls = nil
		if tick(t, r); len(f.calls) != 1 || f.calls[0] != launch.OnDemand {
			t.Fatal(f.calls)
		}
	})
}

func TestAfterThreeDudsOneAtATime(t *testing.T) {
	now := time.Now()
	dud := func(id string, age time.Duration) launch.Task {
		return launch.Task{ID: id, State: launch.Stopped, Created: now.Add(-age), Ended: now, Reason: "CannotPullContainerError"}
	}
	ran := dud("ran", 90*time.Second)
	ran.Ran = now.Add(-time.Minute)
	for _, c := range []struct {
		tasks []launch.Task
		want  bool
	}{
		{nil, false},
		{[]launch.Task{dud("a", time.Minute), dud("b", time.Minute)}, false},
		{[]launch.Task{dud("a", time.Minute), dud("b", time.Minute), dud("c", time.Minute), ran}, true},
		{[]launch.Task{dud("a", time.Minute), dud("b", time.Minute), dud("c", 2*time.Minute), ran}, false},
		{[]launch.Task{dud("a", time.Minute), dud("b", time.Minute), dud("c", time.Minute), {State: launch.Running}}, false},
		{[]launch.Task{dud("a", time.Hour), dud("b", time.Hour), dud("c", time.Hour)}, false},
	} {
		if got := onlyDuds(c.tasks, now); got != c.want {
			t.Errorf("%v: %v", c.tasks, got)
		}
	}
}

func TestTheSpendOfOwnMachinesIsWhatWorkersNoted(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		limit := 100.0
		r.Launcher, r.Cap = nil, &limit
		day := job.Day(time.Now())
		note := func(id byte, seconds float64) {
			if err := s.Write(t.Context(), job.WorkedPrefix(day)+strings.Repeat(string(id), 26)+".json", job.Worked{Seconds: seconds}); err != nil {
				t.Fatal(err)
			}
		}
		read := func() (d job.Spent) {
			if _, err := s.ReadStrict(t.Context(), job.SpendKey(day), &d); err != nil {
				t.Fatal(err)
			}
			return d
		}
		note('a', 30)
		note('b', 40)
		tick(t, r)
		if d := read(); d.Seconds != 70 || d.Closed {
			t.Fatalf("%+v", d)
		}
		time.Sleep(time.Second)
		note('b', 75) // a second attempt
		tick(t, r)
		if d := read(); d.Seconds != 105 || !d.Closed {
			t.Fatalf("%+v", d)
		}
	})
}

func TestSettingsAreCheckedTogether(t *testing.T) {
	small := 100.0
	err := (&Reconciler{Launcher: &cloud{}, Keep: -1, TaskMax: time.Second, Cap: &small}).Validate()
	for _, want := range []string{"keep", "at most 0 tasks", "at most 1s", "cannot pay for one task"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}

// One part that fails does not keep the others from being done.
func TestStepsDoNotWaitForEachOther(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		r.Launcher = broken{c}
		rep, err := r.Tick(t.Context())
		if err == nil || !strings.Contains(err.Error(), "tasks: down") {
			t.Fatal(err)
		}
		if r.walkedAt.IsZero() {
			t.Fatalf("no walk: %+v", rep)
		}
	})
}

type broken struct{ *cloud }

func (broken) Tasks(context.Context) ([]launch.Task, error) { return nil, errors.New("down") }
