//go:build slow

package job

import (
	"context"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/job/jobtest"
	"github.com/malikobaid/cityflow/spec"
)

// Calls fail for good, stored or not, one in twenty: jobs take longer, and each
// ends complete with the bytes of an undisturbed run.
func TestJobsBearAStoreAndAQueueThatFail(t *testing.T) {
	c := newCloud(t)
	type file struct{ name, sum string }
	files := func(id string) (out []file) {
		st, err := c.svc.Status(c.ctx, id)
		if err != nil || st.State != spec.Complete {
			t.Fatalf("%+v %v", st, err)
		}
		m, err := getJSON[spec.Manifest](c.ctx, c.svc.Store, Key(id, ManifestFile))
		if err != nil || m == nil {
			t.Fatal(m, err)
		}
		for _, a := range m.Artifacts {
			out = append(out, file{a.Name, a.SHA256})
		}
		return out
	}
	submit := func(seed uint64) string {
		for {
			sub, err := c.svc.Submit(c.ctx, &spec.RunRequest{City: jobtest.Town, Seed: &seed}, "client", "")
			if err == nil {
				return sub.JobID
			}
			if c.ctx.Err() != nil {
				t.Fatal(err)
			}
		}
	}
	undisturbed := submit(1)
	if err := c.worker().Once(c.ctx); err != nil {
		t.Fatal(err)
	}
	want := files(undisturbed)

	c.proxy.Set(awstest.Faults{Seed: 7, NotStored: 0.02, Cut: 0.01, StoredButError: 0.02})
	working, stop := context.WithCancel(c.ctx)
	defer stop()
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- c.worker().Work(working) }()
	}
	sweeper := &Sweeper{Store: c.svc.Store, Queue: c.svc.Queue, MarkerAge: time.Nanosecond, Log: quiet()}
	var ids []string
	for seed := range uint64(6) {
		ids = append(ids, submit(seed+2))
	}
	for _, id := range ids {
		for {
			if st, err := c.svc.Status(c.ctx, id); err == nil && (st.State == spec.Complete || st.State == spec.Failed) {
				break
			}
			if c.ctx.Err() != nil {
				t.Fatalf("%s never ended; %v", id, c.proxy.Struck())
			}
			_, _ = sweeper.Sweep(c.ctx)
			time.Sleep(20 * time.Millisecond)
		}
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	struck := c.proxy.Struck()
	c.proxy.Set(awstest.Faults{})
	if len(struck) == 0 {
		t.Error("nothing went wrong: the test shows nothing")
	}
	t.Log(struck)
	for _, id := range ids {
		got := files(id)
		if len(got) != len(want) {
			t.Fatalf("%v, want the files of %v", got, want)
		}
		for i := range got {
			// The config and the table hold the seed; everything else is equal.
			if got[i].name != want[i].name || got[i].name != ConfigFile && got[i].name != "kpis.csv" && got[i].sum != want[i].sum {
				t.Errorf("%v, want %v", got[i], want[i])
			}
		}
	}
	// Nothing is left behind once the sweeper has been by.
	for {
		if _, err := sweeper.Sweep(c.ctx); err != nil {
			t.Fatal(err)
		}
		if left, err := c.svc.Store.list(c.ctx, pendingKey("")); err != nil {
			t.Fatal(err)
		} else if len(left) == 0 {
			return
		}
	}
}
