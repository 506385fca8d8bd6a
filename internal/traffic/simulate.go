package traffic

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// Options of a run; zero values mean what UXsim does.
type Options struct {
	Platoon     int     // vehicles that move as one; 0 means 5
	UntilS      float64 // end of the run; 0 means when nobody is under way any more
	Threads     int     // 0 means 1; results do not depend on it
	IntervalS   float64 // between updates of the routes; 0 means 600
	RouteWeight *float64
	Seed        uint64
	TurnRings   bool // loading.Links.TurnRings; one thread only
	Observer    loading.Observer
	// Progress hears the clock, the share done and the platoons on the road.
	Progress func(nowS, done float64, underWay int)
}

// Outcome is what became of the vehicles.
type Outcome struct {
	Trips, Completed int
	// TotalTravelS is over completed trips, arrival minus desired departure;
	// TotalDelayS is what is above the free-flow time of the quickest path.
	TotalTravelS, TotalDelayS float64
	// OnRoad and Waiting are the vehicles unfinished at the end: on a link, and
	// before their first one; NotYet would depart after the end.
	OnRoad, Waiting, NotYet int
	EndS                    float64 // clock at the end
	Updates, Regions        int
	loading.Totals
}

// maxHorizonS ends a run without an end, this long after the last departure: a
// day in which nobody needs to be on the road any more.
const maxHorizonS = 86400

// maxBytes bounds the memory of a run; ErrTooLarge says that it may need more.
const maxBytes = 8 << 30

var ErrTooLarge = errors.New("traffic: too large")

// patienceS is how long a vehicle that is first at a junction waits for the link
// it drew before it draws again: UXsim's time step at its default platoon of 5
// (platoon x reaction time), whatever the platoon here. It was chosen among 1 to
// 120 s against UXsim's totals (docs/decisions/loading.md), so it is assumed. It
// matters: with 30 s instead Chicago's total is 7 to 14% higher and the grid of
// bench/traffic.py locks up.
const patienceS = 5

// stepS bounds how long a run goes on after it is told to stop, in clock seconds.
const stepS = 300

// arrivals is the TripObserver: sums by last link, so that they are added up in
// the same order whatever the regions.
type arrivals struct {
	count []int
	sum   []float64 // vehicles x clock seconds
}

func (a *arrivals) Entered(uint32, float64) {}

func (a *arrivals) Arrived(_ uint32, l units.LinkID, size float32, now float64) {
	if l == units.NoLink {
		return // counted by row: it takes no time
	}
	a.count[l] += int(size)
	a.sum[l] += float64(size) * now
}

// Run loads a scenario.
func Run(ctx context.Context, s *Scenario, o Options) (*Outcome, error) {
	if o.Platoon == 0 {
		o.Platoon = 5
	}
	if o.IntervalS == 0 {
		o.IntervalS = 600
	}
	weight := 0.5
	if o.RouteWeight != nil {
		weight = *o.RouteWeight
	}
	if o.Platoon < 1 || !(o.IntervalS > 0) || !(weight >= 0 && weight <= 1) || !(o.UntilS >= 0) || o.Threads < 0 || o.Threads > 64 {
		return nil, fmt.Errorf("traffic: platoon %d, interval %g s, route weight %g, until %g s, %d threads", o.Platoon, o.IntervalS, weight, o.UntilS, o.Threads)
	}
	threads := max(o.Threads, 1)
	if o.TurnRings {
		threads = 1
	}
	g := newGraph(s)
	p := cut(s, o.Platoon)
	pref := newPreference(s, g, o.Seed, weight, threads)
	net := s.Net
	net.TurnRings = o.TurnRings
	net.PatienceS = patienceS
	net.RegionOf = regions(s, g, s.work, threads)
	ld := loading.New(net)
	sources := make([]loading.Source, ld.Regions())
	streams := make([]stream, len(sources))
	for i := range streams {
		streams[i] = stream{p: p, pref: pref}
		sources[i] = &streams[i]
	}
	last := 0.0
	for i, r := range s.Rows {
		region := uint8(0)
		if net.RegionOf != nil {
			region = net.RegionOf[r.Orig]
		}
		streams[region].add(i)
		last = max(last, r.ToS)
	}
	end := o.UntilS
	if end == 0 {
		end = last + maxHorizonS
	}
	out := &Outcome{Trips: s.Vehicles, Regions: len(sources)}
	arrived := &arrivals{count: make([]int, len(s.Links)), sum: make([]float64, len(s.Links))}
	smallest := min(o.Platoon, p.vehicles(p.num()-1))
	if need := pref.bytes() + ld.RingBytes(float64(smallest), float64(p.largest())) + p.waitBytes(); need > maxBytes {
		return nil, fmt.Errorf("%w: streets, demand and preferences may take %.1f GiB in platoons of %d, at most %d: larger platoons take less", ErrTooLarge, need/(1<<30), o.Platoon, maxBytes>>30)
	}
	ld.Begin(sources, pref, arrived, o.Observer, float64(smallest), float64(p.largest()))
	pref.update(ld, net.LengthM)
	now := 0.0
	for update := 1; ; {
		next := min(now+stepS, o.IntervalS*float64(update), end)
		if next == end {
			// The end belongs to the run.
			ld.Advance(math.Nextafter(end, math.Inf(1)))
		} else {
			ld.Advance(next)
		}
		now = next
		if o.Progress != nil {
			o.Progress(now, arrived.share(s.Vehicles), ld.UnderWay())
		}
		if err := ctx.Err(); err != nil {
			ld.Close()
			return nil, err
		}
		if now == end || ld.Idle() {
			break
		}
		if now == o.IntervalS*float64(update) {
			pref.update(ld, net.LengthM)
			update++
		}
	}
	out.Totals = *ld.Close()
	out.Updates = int(pref.updates)
	out.EndS = now
	s.count(out, p, streams, arrived, ld)
	return out, nil
}

// share is how many of all vehicles have arrived.
func (a *arrivals) share(all int) float64 {
	n := 0
	for _, c := range a.count {
		n += c
	}
	return float64(n) / float64(all)
}

// count adds up who arrived, and what that took: in order of platoon and of
// link, so that the sums do not depend on the regions.
func (s *Scenario) count(out *Outcome, p *platoons, streams []stream, arrived *arrivals, ld *loading.Loader) {
	var missing []uint32
	ld.Standing(func(id, _ uint32, on bool) {
		missing = append(missing, id)
		if on {
			out.OnRoad += p.vehicles(id)
		} else {
			out.Waiting += p.vehicles(id)
		}
	})
	for i := range streams {
		streams[i].left(func(id uint32) {
			missing = append(missing, id)
			out.NotYet += p.vehicles(id)
		})
	}
	slices.Sort(missing)
	departs, free, still := 0.0, 0.0, 0
	for i := range s.Rows {
		r := &s.Rows[i]
		for id := p.first[i]; id < p.first[i+1]; id++ {
			if len(missing) > 0 && missing[0] == id {
				missing = missing[1:]
				continue
			}
			n := p.vehicles(id)
			out.Completed += n
			if r.Orig == r.Dest {
				still += n // arrive as they depart
				continue
			}
			departs += float64(n) * p.departS(i, id-p.first[i])
			free += float64(n) * r.freeS
		}
	}
	counted, sum := still, 0.0
	for l, n := range arrived.count {
		counted += n
		sum += arrived.sum[l]
	}
	if lost := out.Trips - out.Completed - out.OnRoad - out.Waiting - out.NotYet; counted != out.Completed || lost != 0 || len(missing) > 0 {
		panic(fmt.Sprintf("traffic: of %d vehicles %d arrived, %d should have, %d are lost and %d platoons stand that never were", out.Trips, counted, out.Completed, lost, len(missing)))
	}
	out.TotalTravelS = sum - departs
	out.TotalDelayS = out.TotalTravelS - free
}
