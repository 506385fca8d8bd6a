package reconcile

import (
	"context"
	"errors"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch"
)

// A start finds no room, and the store fails just when that is to be written
// down: what is there says that a task may be on its way. The next tick knows
// better and starts one, instead of waiting until such a task would be listed.
func TestARefusedStartIsNotWaitedForWhenTheStoreFails(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		key := job.SpendKey(job.Day(time.Now()))
		full := func(n int) ([]launch.Task, []launch.Failure, error) {
			return nil, []launch.Failure{{Reason: "Capacity is unavailable", Capacity: true}}, nil
		}
		var before []byte
		spoiled := func(n int) ([]launch.Task, []launch.Failure, error) {
			before, _ = s.Bucket.ReadAll(context.Background(), key)
			return full(n)
		}
		r.Launcher = &scripted{c, []func(n int) ([]launch.Task, []launch.Failure, error){spoiled, full, func(n int) ([]launch.Task, []launch.Failure, error) {
			return c.Start(context.Background(), n, launch.Spot, "t")
		}}}
		c.visible["a"] = time.Now()
		tick(t, r)
		// As if none of the writes after the first call had come through.
		if err := s.Bucket.WriteAll(t.Context(), key, before, &blob.WriterOptions{ContentType: "application/json"}); err != nil {
			t.Fatal(err)
		}
		if rep := tick(t, r); rep.Pending != 0 || rep.Spot != 1 {
			t.Fatalf("%+v", rep)
		}
		// Somebody else cannot know: he waits.
		if err := s.Bucket.WriteAll(t.Context(), key, before, nil); err != nil {
			t.Fatal(err)
		}
		other := &Reconciler{Store: s, Queue: c, Launcher: &scripted{c, nil}, MaxTasks: 10, TaskMax: simMax, WalkEvery: 24 * time.Hour, Log: quiet()}
		if rep, err := other.Tick(t.Context()); err != nil || rep.Spot != 0 {
			t.Fatalf("%+v %v", rep, err)
		}
	})
}

// The store takes the intent to start a task, and answers with an error: the
// task is not started, and the next tick need not wait for it.
func TestAStartThatWasNotCalledIsNotWaitedFor(t *testing.T) {
	still(t, func(t *testing.T, s *job.Store, c *cloud, r *Reconciler) {
		key, failed := job.SpendKey(job.Day(time.Now())), false
		s.Sync = func(k string) error {
			if k != key || failed {
				return nil
			}
			failed = true
			return errors.New("stored, but an error")
		}
		c.visible["a"] = time.Now()
		if rep, err := r.Tick(t.Context()); err == nil || rep.Spot != 0 || c.starts != 0 {
			t.Fatalf("%+v %v", rep, err)
		}
		if rep := tick(t, r); rep.Pending != 0 || rep.Spot != 1 {
			t.Fatalf("%+v", rep)
		}
	})
}
