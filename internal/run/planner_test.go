package run

import (
	"context"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// busy is a small city on a morning with queues, settled for a moment.
func busy(t *testing.T, agents int) *arm {
	t.Helper()
	c := testcity.Grid(testcity.Small())
	ctx := context.Background()
	p := &prepared{city: c, money: choice.MoneyOf(c.Info.Country)}
	if err := p.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	w := p.base
	// A fraction of the capacity makes the queues.
	for l := range w.links.CapacityVS {
		w.links.CapacityVS[l] /= 40
	}
	period := periodOf(&spec.Config{Window: spec.Window{From: "07:00", To: "09:00"}, TrafficLevel: "peak"})
	seed := random.Seed(1, 0)
	s := newSample(p.demand.Sample(agents, seed, period), seed)
	if err := measure(ctx, w, []*sample{s}); err != nil {
		t.Fatal(err)
	}
	planned, err := planAll(ctx, w, []*sample{s}, &State{}, period)
	if err != nil {
		t.Fatal(err)
	}
	a := newArm(w, s, make([]journey, s.trips.NumTrips()), &State{}, planned[0], period, p.money)
	a.iterations = 12
	a.start()
	for i := range 3 {
		a.reconsider(i, false, iteration{Surprise: a.load(nil, freshness)})
	}
	return a
}

// What a planner finds is a path; searches on changing times, the slow twin, find
// few that are much cheaper, in a jam worse than any that runs meet. (With tastes
// even they can miss the best by a little: see routing.Workspace.Path.)
func TestPlannerLoss(t *testing.T) {
	a := busy(t, 1000)
	slow := 0
	for i, s := range a.times.T {
		if s > 1.5*a.world.free[i%len(a.world.free)] {
			slow++
		}
	}
	if slow < 100 {
		t.Fatalf("only %d slow link times: the test shows nothing", slow)
	}
	var all []uint32
	for party := range a.trip {
		all = append(all, uint32(party))
	}
	places := &a.world.city.Places
	found := make([]float64, len(a.trip))
	a.planner.each(a.sample, a.parties, a.times, all, func(party uint32, path []units.LinkID, c routing.Cost, ok bool) {
		trip := a.trip[party]
		at, to := places.CarNode[a.sample.trips.Origin[trip]], places.CarNode[a.sample.trips.Dest[trip]]
		for i, l := range path {
			if net := &a.world.city.Net; net.From[l] != at || net.Modes[l]&city.AllowCar == 0 || i > 0 && slices.Contains(net.Bans(path[i-1]), l) {
				t.Fatalf("party %d: link %d of %v", party, i, path)
			}
			at = a.world.city.Net.To[l]
		}
		if !ok || at != to {
			t.Fatalf("party %d ends at %d (%v), wants to %d", party, at, ok, to)
		}
		found[party] = c.Generalised
	})
	var spent, least, n float64
	a.planner.exact(a.sample, a.parties, a.times, all, func(party uint32, c routing.Cost, ok bool) {
		if !ok || c.Generalised > found[party]*(1+1e-3) {
			t.Fatalf("party %d: the exact search says %g s, the planner %g s", party, c.Generalised, found[party])
		}
		spent += found[party]
		least += min(c.Generalised, found[party])
		n++
	})
	if loss := spent/least - 1; loss > 0.02 || n != float64(len(a.trip)) {
		t.Errorf("paths cost %.3f%% more than the best of %g", 100*loss, n)
	} else {
		t.Logf("paths cost %.4f%% more than the best", 100*loss)
	}
}

// The parties of a trip make up its vehicles, around its departure, each small
// enough; the one that has the person's taste is there.
func TestPartiesMakeUpTheTrip(t *testing.T) {
	o := testcity.Default()
	o.N, o.Population = 12, 6000
	c := testcity.Grid(o)
	p := &prepared{city: c}
	if err := p.prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	period := periodOf(&spec.Config{Window: spec.Window{From: "07:00", To: "09:00"}, TrafficLevel: "peak"})
	for _, agents := range []int{100, 900, 6000} {
		s := newSample(p.demand.Sample(agents, 7, period), 7)
		for _, scale := range []demand.Scale{demand.NoScale(), {0.5, 1.5, 0, 1}} {
			r := newParties(s, scale)
			if !slices.IsSortedFunc(r.order, func(a, b uint32) int {
				if r.departS[a] < r.departS[b] {
					return -1
				} else if r.departS[a] > r.departS[b] {
					return 1
				}
				return int(a) - int(b)
			}) {
				t.Error("not in order of departure")
			}
			for tour := range s.trips.NumTours() {
				purpose := s.trips.TourPurpose[tour]
				want := s.trips.Weight * scale[purpose]
				for trip := s.trips.TourFirst[tour]; trip < s.trips.TourFirst[tour+1]; trip++ {
					persons, mean, own := 0.0, 0.0, false
					n := float64(r.first[trip+1] - r.first[trip])
					for i := r.first[trip]; i < r.first[trip+1]; i++ {
						persons += float64(r.persons[i])
						mean += (r.departS[i] - s.trips.DepartS[trip]) / n
						own = own || int(r.taste[i]) == tasteOf(s.seed, s.trips.TourPerson[tour])
						if r.size[i] > maxPlatoon*(1+1e-6) || r.trip[i] != trip {
							t.Fatalf("party %d of trip %d: %g vehicles, of trip %d", i, trip, r.size[i], r.trip[i])
						}
					}
					if s.trips.TourCar[tour] != (n > 0) || n > 0 && (!own || persons < want*(1-1e-5) || persons > want*(1+1e-5) || mean < -binS/2 || mean > binS/2) {
						t.Fatalf("trip %d: %g parties of %g persons, want %g, %g s off, own taste %v", trip, n, persons, want, mean, own)
					}
				}
			}
		}
	}
}
