package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

func TestInsightsCanBeWrittenAgainOnceTheJobIsComplete(t *testing.T) {
	b := newBench(t)
	sub := b.submit(spec.RunRequest{})
	if err := b.svc.KeepInsights(b.ctx, sub.JobID, "early", spec.InsightsMeta{}); !errors.Is(err, ErrNotComplete) {
		t.Fatal(err)
	}
	if _, err := b.svc.Summary(b.ctx, sub.JobID); !errors.Is(err, ErrNotComplete) {
		t.Fatal(err)
	}
	b.once()
	if md, meta, err := b.svc.Insights(b.ctx, sub.JobID); err != nil || md == "" || meta != nil {
		t.Fatal(md, meta, err)
	}
	if sum, err := b.svc.Summary(b.ctx, sub.JobID); err != nil || sum.City != "testville" {
		t.Fatal(sum, err)
	}
	if err := b.svc.KeepInsights(b.ctx, sub.JobID, "better", spec.InsightsMeta{Schema: 1, Source: spec.FromModel, Model: "m"}); err != nil {
		t.Fatal(err)
	}
	if md, meta, err := b.svc.Insights(b.ctx, sub.JobID); err != nil || md != "better" || meta.Model != "m" {
		t.Fatal(md, meta, err)
	}
	// A reader is not told to keep what may change.
	f, err := b.svc.Open(b.ctx, sub.JobID, InsightsFile)
	if err != nil || f.Cache != revalid {
		t.Fatal(f, err)
	}
	f.Close()
	for _, bad := range []string{"", "../x", "aaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		if _, err := b.svc.Summary(b.ctx, bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// However many processes call at once, no more than the day's calls happen.
func TestTheCallsOfADayAreNeverExceeded(t *testing.T) {
	b := newBench(t)
	spent, now := errors.New("spent"), time.Date(2026, 3, 4, 23, 59, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		m := &ModelCalls{Store: b.svc.Store, PerDay: 10, Spent: spent, Now: clock} // a process each
		all.Go(func() {
			for range 10 {
				switch err := m.Take(b.ctx); {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, spent):
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := taken.Load(); n > 10 || n < 7 { // those that meet at the end may all stand back
		t.Errorf("%d calls were taken", n)
	}
	marks, err := b.svc.Store.list(b.ctx, "spend/")
	if err != nil || len(marks) > 14 {
		t.Errorf("%d marks, %v", len(marks), err)
	}
	now = now.Add(time.Hour)
	m := &ModelCalls{Store: b.svc.Store, PerDay: 10, Spent: spent, Now: clock}
	if err := m.Take(b.ctx); err != nil {
		t.Fatal(err)
	}
	if marks, err := b.svc.Store.list(b.ctx, "spend/"); err != nil || len(marks) != 1 {
		t.Errorf("%d marks after the day changed, %v", len(marks), err)
	}
	if err := (&ModelCalls{Store: b.svc.Store, Spent: spent}).Take(b.ctx); !errors.Is(err, spent) {
		t.Errorf("no calls a day: %v", err)
	}
	gone, cancel := context.WithCancel(b.ctx)
	cancel()
	if err := m.Take(gone); err == nil || errors.Is(err, spent) {
		t.Errorf("a store that does not answer: %v", fmt.Sprint(err))
	}
}
