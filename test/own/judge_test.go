//go:build slow

package own

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/spec"
)

// judge holds the end of a chaos against what was promised: every good job is
// complete with the bytes of an undisturbed run, every poison job failed with
// its reason and is kept as a dead letter, and nothing lies around.
func judge(t *testing.T, q interface {
	queue.Queue
	queue.DeadLetters
}, b *blob.Bucket, jobs []*promised, ended map[string]*spec.Status, want map[int]map[string]string, buried int) {
	t.Helper()
	dead := map[string]string{}
	letters, err := q.Dead(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		dead[l.ID] = l.Reason
	}
	var attempts []int
	total := 0
	for _, j := range jobs {
		st := ended[j.id]
		if j.poison() {
			if st.State != spec.Failed || !strings.Contains(st.Message, "given up after 5 attempts") {
				t.Errorf("poison %d: %s %s", j.seed, st.State, st.Message)
			}
			if dead[j.id] == "" {
				t.Errorf("poison %d: no dead letter with a reason", j.seed)
			}
			delete(dead, j.id)
			continue
		}
		if st.State != spec.Complete {
			t.Errorf("seed %d: %s %s", j.seed, st.State, st.Message)
			continue
		}
		attempts, total = append(attempts, st.Attempt), total+st.Attempt
		if d := cmp.Diff(want[j.seed], files(t, b, j.id)); d != "" {
			t.Errorf("seed %d differs from an undisturbed run:\n%s", j.seed, d)
		}
	}
	for id, reason := range dead {
		t.Errorf("dead letter of good job %s: %s", id, reason)
	}
	if left := markers(t, b); len(left) > 0 {
		t.Errorf("markers left: %v", left)
	}
	// Everything promised is one job: a submit that was cut off left none.
	known := map[string]bool{}
	for _, j := range jobs {
		known[j.id] = true
	}
	for _, key := range listed(t, b, "jobs/") {
		if id := strings.Split(key, "/")[1]; !known[id] {
			t.Errorf("job %s belongs to nobody", id)
			known[id] = true
		}
	}
	var depth queue.Depth
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if depth, err = q.Depth(t.Context()); err == nil && depth.Waiting+depth.Leased == 0 {
			break
		}
	}
	if err != nil || depth.Waiting+depth.Leased != 0 || depth.Dead != buried {
		t.Errorf("the queue holds %+v %v", depth, err)
	}
	if len(attempts) > 0 {
		t.Logf("attempts of %d good jobs: %s, %.2f on average", len(attempts), counts(attempts), float64(total)/float64(len(attempts)))
	}
}

// markers lists the markers of submits. The beginning of one whose writer was
// killed is none: nobody reads it, and it is removed after an hour.
func markers(t *testing.T, b *blob.Bucket) []string {
	return slices.DeleteFunc(listed(t, b, "pending/"), func(key string) bool { return strings.HasSuffix(key, ".tmp") })
}
