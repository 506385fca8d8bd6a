package run_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/run"
)

// Vehicles with fixed routes are the cars that the run itself moved: as many,
// whole, in order of time, each along links that follow one another and that
// cars may use; and the same every time.
func TestFixedRoutes(t *testing.T) {
	e, c := townEngine(t)
	last := 0.0
	r, err := e.FixedRoutes(context.Background(), c.Info.Slug, func(p run.Progress) { last = max(last, p.Done) })
	if err != nil {
		t.Fatal(err)
	}
	n := &c.Net
	if got := len(r.DepartS) + r.NoStreet; math.Abs(float64(got)-r.Loaded) > 0.5 || got < 500 || r.Platoons < got/5 {
		t.Errorf("%d vehicles of %g in %d platoons", got, r.Loaded, r.Platoons)
	}
	if !slices.IsSorted(r.DepartS) || len(r.PathFirst) != len(r.DepartS)+1 || last != 1 {
		t.Errorf("not in order, or progress ends at %g", last)
	}
	for v := range r.DepartS {
		path := r.Path[r.PathFirst[v]:r.PathFirst[v+1]]
		if len(path) == 0 {
			t.Fatalf("vehicle %d uses no street", v)
		}
		for i, l := range path {
			if n.Modes[l]&city.AllowCar == 0 || i > 0 && (n.To[path[i-1]] != n.From[l] || slices.Contains(n.Bans(path[i-1]), l)) {
				t.Fatalf("vehicle %d: link %d after %v", v, l, path[:i])
			}
		}
	}
	again, err := e.FixedRoutes(context.Background(), c.Info.Slug, func(run.Progress) {})
	if err != nil || !slices.Equal(again.DepartS, r.DepartS) || !slices.Equal(again.Path, r.Path) {
		t.Errorf("again: other vehicles (%v)", err)
	}
	if _, err := e.FixedRoutes(context.Background(), "nowhere", func(run.Progress) {}); err == nil {
		t.Error("an unknown city has a morning")
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := e.FixedRoutes(ctx, c.Info.Slug, func(run.Progress) {}); err == nil {
		t.Error("a cancelled run has a morning")
	}
}
