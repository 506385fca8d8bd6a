package run

import (
	"math"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

const (
	// binS is the length of a link-time bin and of a departure slot.
	binS = 900
	// loadBeforeS is how long the streets fill before the window, and horizonS
	// how long after it trips are followed.
	loadBeforeS = 3600
	horizonS    = 3 * 3600
	// maxPlatoon is the largest number of vehicles that move as one.
	maxPlatoon = 5
	// maxSlots bounds the quarter hours over which the platoons of one sampled
	// trip are spread.
	maxSlots = 3
)

// newTimes makes link times for a period, all at the given free-flow times.
func newTimes(period demand.Period, free []float32) *routing.Times {
	bins := int((period.To + horizonS - period.Load + binS - 1) / binS)
	t := &routing.Times{StartS: float64(period.Load), BinS: binS, Bins: bins, T: make([]float32, len(free)*bins)}
	for b := range bins {
		copy(t.T[b*len(free):], free)
	}
	return t
}

// recorder folds link exits into link times by quarter hour and, when asked,
// into volumes inside the window.
type recorder struct {
	period demand.Period
	bins   int
	dep    *loading.Departures
	cells  []cell    // by link, then quarter hour of entry
	last   []float64 // by platoon: when it entered the link it is on
	volume []float64 // vehicles entering in the window, by link; nil: not now
}

// cell is what one link did with those who entered in one quarter hour.
type cell struct {
	spent float64 // vehicle-seconds
	count float64 // vehicles
	until float64 // latest exit
}

func newRecorder(period demand.Period, links, bins int) *recorder {
	return &recorder{period: period, bins: bins, cells: make([]cell, links*bins)}
}

func (r *recorder) begin(dep *loading.Departures, volume []float64) {
	clear(r.cells)
	r.dep, r.volume = dep, volume
	r.last = append(r.last[:0], dep.DepartS...)
}

// Exit implements loading.Observer.
func (r *recorder) Exit(p uint32, l units.LinkID, enter, exit float64) {
	b := min(max(int((enter-float64(r.period.Load))/binS), 0), r.bins-1)
	size := float64(r.dep.Size[p])
	c := &r.cells[int(l)*r.bins+b]
	c.spent += (exit - enter) * size
	c.count += size
	c.until = max(c.until, exit)
	r.last[p] = exit
	if r.volume != nil && enter >= float64(r.period.From) && enter < float64(r.period.To) {
		r.volume[l] += size
	}
}

// standing records the platoons that never left a link, as if they left at the
// horizon: a blocked link must look slow, not empty, to those who plan next.
func (r *recorder) standing(res *loading.Result, horizon float64) {
	for i, p := range res.Unfinished {
		if l := res.StandsOn[i]; l != units.NoLink {
			enter := r.last[p]
			if !math.IsInf(res.EnteredS[p], 1) {
				enter = max(enter, res.EnteredS[p])
			}
			volume := r.volume
			r.volume = nil
			r.Exit(p, l, enter, horizon)
			r.volume = volume
		}
	}
}

// hourly is how many vehicles an hour enter the links of a spot in its time, on
// the day last loaded.
func (r *recorder) hourly(s *city.Spot) float64 {
	sum := 0.0
	for b := range r.bins {
		start := float64(r.period.Load) + binS*float64(b)
		part := min(float64(s.To), start+binS) - max(float64(s.From), start)
		for _, l := range s.Links {
			sum += max(0, part) / binS * r.cells[int(l)*r.bins+b].count
		}
	}
	return sum * 3600 / float64(s.To-s.From)
}

// times folds the recorded link times into what is expected, with a weight. A
// quarter hour in which nobody entered costs what is left of the queue that
// entered before; else the link is empty. It returns by how much those on the
// road found other times than expected, as a share of their time.
func (r *recorder) times(free []float32, into *routing.Times, fresh float32) (surprise float64) {
	var off, all float64
	for l, f := range free {
		queue := 0.0
		for b := range r.bins {
			c := &r.cells[l*r.bins+b]
			t := f
			if c.count > 0 {
				t = max(f, float32(c.spent/c.count))
				queue = max(queue, c.until)
			} else {
				t = max(f, float32(queue-into.StartS-(float64(b)+0.5)*binS))
			}
			expected := &into.T[b*len(free)+l]
			off += c.count * math.Abs(float64(t-*expected))
			all += c.count * float64(t)
			*expected = max(f, *expected+fresh*(t-*expected))
		}
	}
	if all == 0 {
		return 0
	}
	return off / all
}

// fleet is the parties that go by car, as platoons in order of departure.
// Buffers are reused between iterations.
type fleet struct {
	dep   loading.Departures
	party []uint32 // by platoon
}

// fill loads the parties of the tours that go by car.
func (f *fleet) fill(t *demand.Trips, r *routes, mode []city.Mode) {
	d := &f.dep
	d.DepartS, d.Size, d.PathFirst, d.Path = d.DepartS[:0], d.Size[:0], append(d.PathFirst[:0], 0), d.Path[:0]
	f.party = f.party[:0]
	for _, party := range r.order {
		if mode[t.TripTour[r.trip[party]]] != city.Car || r.size[party] == 0 {
			continue
		}
		d.DepartS = append(d.DepartS, r.departS[party])
		d.Size = append(d.Size, r.size[party])
		d.Path = append(d.Path, r.path[party]...)
		d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
		f.party = append(f.party, party)
	}
}
