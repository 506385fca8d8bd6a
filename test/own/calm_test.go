//go:build slow

package own

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

// Seeds of the jobs of one chaos: good ones count from 1, the poison follows.
const (
	allJobs    = 60
	goodJobs   = allJobs - (lastPoison - firstPoison + 1)
	firstGood  = 1
	afterGoods = firstGood + goodJobs
)

var calm struct {
	sync.Mutex
	files map[int]map[string]string // by seed
}

// undisturbed are the files of runs that nobody disturbed, by seed.
func undisturbed(t *testing.T) map[int]map[string]string {
	t.Helper()
	calm.Lock()
	defer calm.Unlock()
	if calm.files != nil {
		return calm.files
	}
	dir := withTown(t, t.TempDir())
	began := time.Now()
	p, err := serve(t, program(t, "plain"), dir, "--addr", "127.0.0.1:0", "--data", "data")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[int]string{}
	for seed := firstGood; seed < afterGoods; seed++ {
		if ids[seed], err = submit(p.url, request(seed), ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		until(t, p, id, spec.Complete)
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	b := folder(t, filepath.Join(dir, "data", "store"))
	defer b.Close()
	out := map[int]map[string]string{}
	for seed, id := range ids {
		out[seed] = files(t, b, id)
		if len(out[seed]) < 9 || out[seed]["manifest.json"] == "" {
			t.Fatalf("the undisturbed run left %d files", len(out[seed]))
		}
	}
	t.Logf("undisturbed: %d runs in %.1f s", goodJobs, time.Since(began).Seconds())
	calm.files = out
	return out
}

// until polls a job until it is in a state.
func until(t *testing.T, p *process, id string, want spec.State) *spec.Status {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(20 * time.Millisecond) {
		st, err := statusOf(p.url, id)
		if err != nil {
			t.Fatalf("%v\n%s", err, p.String())
		}
		if st.State == want {
			return st
		}
		if time.Now().After(deadline) || st.State == spec.Failed || st.State == spec.Complete {
			t.Fatalf("job %s is %s (%s), want %s\n%s", id, st.State, st.Message, want, p.String())
		}
	}
}
