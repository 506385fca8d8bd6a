package job

import (
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

func TestStateFollowsThePrecedenceOfObjects(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	fresh := &progress{LeaseSec: 15, UpdatedAt: now.Add(-20 * time.Second), Attempt: 1}
	stale := &progress{LeaseSec: 15, UpdatedAt: now.Add(-31 * time.Second), Attempt: 1}
	given := &progress{LeaseSec: 15, UpdatedAt: now, Attempt: 1, Released: true}
	man, bad, gone := &spec.Manifest{}, &failed{}, &cancelled{}
	for _, c := range []struct {
		r    record
		want spec.State
	}{
		{record{}, spec.Queued},
		{record{progress: fresh}, spec.Running},
		{record{progress: stale}, spec.Queued},
		{record{progress: given}, spec.Queued},
		{record{progress: fresh, cancel: gone}, spec.Cancelled},
		{record{progress: fresh, cancel: gone, failed: bad}, spec.Failed},
		{record{progress: stale, cancel: gone, failed: bad, manifest: man}, spec.Complete},
		{record{manifest: man}, spec.Complete},
	} {
		if got := c.r.state(now); got != c.want {
			t.Errorf("%+v: %s, want %s", c.r, got, c.want)
		}
		c.r.config = &spec.Config{}
		st := c.r.status(now)
		if st.State != c.want || st.Message == "" && c.want != spec.Running && c.want != spec.Failed {
			t.Errorf("status %+v", st)
		}
		if ended := c.want == spec.Complete || c.want == spec.Failed || c.want == spec.Cancelled; (st.FinishedAt != nil) != ended {
			t.Errorf("%s with finished_at %v", c.want, st.FinishedAt)
		}
	}
}

func TestOnlyTheTableOfKindsHasKeys(t *testing.T) {
	id := newID()
	for key, kind := range map[string]string{
		"jobs/" + id + "/config.json": "config", "jobs/" + id + "/manifest.json": "manifest", "jobs/" + id + "/progress.json": "progress",
		"jobs/" + id + "/summary.json": "artifact", "jobs/" + id + "/scenario-gtfs.zip": "artifact", "jobs/" + id + "/insights.meta.json": "insights", "jobs/" + id + "/insights.md": "insights", "spend/2026-03-04/model-" + id: "model call",
		"jobs/" + id + "/baseline_stats.json": "artifact", "jobs/" + id + "/run.log": "log", "pending/" + id: "pending",
		"jobs/" + id + "/../x.json": "", "jobs/" + id + "/.json": "", "jobs/" + id + "/a/b.json": "", "jobs/" + id + "/a.json.tmp": "",
		"jobs/" + id + "/A.json": "", "jobs/x/config.json": "", "secret": "", "runs/x.json": "", "jobs/" + id + "/config.json\n": "",
	} {
		if k, _ := KindOf(key); k.Name != kind {
			t.Errorf("%q is of kind %q, want %q", key, k.Name, kind)
		}
	}
	for _, s := range []string{"", "a", id + "a", "../" + id[3:], "A" + id[1:]} {
		if ValidID(s) {
			t.Errorf("%q is taken for a job id", s)
		}
	}
	if !ValidID(id) {
		t.Errorf("%q is refused", id)
	}
}

func TestTheRunLogIsBoundedAndNamesNoClock(t *testing.T) {
	l := newRunLog(time.Now())
	l.Info("hello")
	if s := string(l.bytes()); len(s) < 10 || s[:2] != "t=" {
		t.Fatalf("%q", s)
	}
	for range 3 {
		_, _ = l.Write(make([]byte, maxRunLog/2))
	}
	if n := len(l.bytes()); n > maxRunLog+100 {
		t.Fatalf("%d bytes", n)
	}
}

// What a stranger may read is a file of a job, and nothing else that is kept.
func TestOnlyFilesOfJobsArePublic(t *testing.T) {
	public := 0
	for _, k := range Kinds {
		if k.Public {
			public++
		}
		if k.Public != strings.HasPrefix(k.Pattern, "jobs/") {
			t.Errorf("%s (%s): public %v", k.Name, k.Pattern, k.Public)
		}
	}
	if public == 0 || public == len(Kinds) {
		t.Errorf("%d of %d kinds are public", public, len(Kinds))
	}
}
