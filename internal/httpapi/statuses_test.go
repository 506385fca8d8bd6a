package httpapi

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

func TestAStatusIsReadOnceForAllWhoWatch(t *testing.T) {
	r := newRig(t, nil)
	_, sub := r.submit(`{"city":"testville"}`)
	now := time.Unix(1e9, 0)
	s := newStatuses(r.jobs, time.Second)
	s.now = func() time.Time { return now }
	ctx := context.Background()
	see := func(want spec.State) {
		t.Helper()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				st, tag, err := s.get(ctx, sub.JobID)
				if err != nil || st.State != want || tag != etag(st) {
					t.Errorf("%v %v, want %s", st, err, want)
				}
			})
		}
		all.Wait()
	}
	see(spec.Queued)
	r.work()
	see(spec.Queued) // a moment old
	now = now.Add(time.Second)
	see(spec.Complete)
	if len(s.by) != 1 {
		t.Errorf("%d are kept", len(s.by))
	}
	for i := range 100 { // jobs that are not there leave nothing
		if _, _, err := s.get(ctx, fmt.Sprintf("%026d", i)); err == nil {
			t.Error("a job that is not there")
		}
	}
	if _, _, err := s.get(ctx, "aaaaaaaaaaaaaaaaaaaaaaaaaa"); err == nil || len(s.by) != 1 {
		t.Errorf("%v, %d are kept", err, len(s.by))
	}
}

func TestWhoCancelsSeesItAtOnce(t *testing.T) {
	r := newRig(t, func(o *Options) { o.StatusAge = time.Hour })
	_, sub := r.submit(`{"city":"testville"}`)
	r.do("GET", "/v1/status/"+sub.JobID, "")
	if res, _ := r.do("POST", "/v1/jobs/"+sub.JobID+"/cancel", ""); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	res, b := r.do("GET", "/v1/status/"+sub.JobID, "")
	if want := `"status":"cancelled"`; res.StatusCode != 200 || !strings.Contains(string(b), want) {
		t.Errorf("%s", b)
	}
}
