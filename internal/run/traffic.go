package run

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/random"
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
	spent  []float64 // vehicle-seconds by link and bin of entry
	count  []float64 // vehicles
	until  []float64 // latest exit of those who entered in the bin
	last   []float64 // by platoon: when it entered the link it is on
	volume []float64 // vehicles entering in the window, by link; nil: not now
}

func newRecorder(period demand.Period, links, bins int) *recorder {
	return &recorder{period: period, bins: bins, spent: make([]float64, links*bins), count: make([]float64, links*bins), until: make([]float64, links*bins)}
}

func (r *recorder) begin(dep *loading.Departures, volume []float64) {
	clear(r.spent)
	clear(r.count)
	clear(r.until)
	r.dep, r.volume = dep, volume
	r.last = append(r.last[:0], dep.DepartS...)
}

// Exit implements loading.Observer.
func (r *recorder) Exit(p uint32, l units.LinkID, enter, exit float64) {
	b := min(max(int((enter-float64(r.period.Load))/binS), 0), r.bins-1)
	size := float64(r.dep.Size[p])
	i := int(l)*r.bins + b
	r.spent[i] += (exit - enter) * size
	r.count[i] += size
	r.until[i] = max(r.until[i], exit)
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

// times writes the recorded link times. A quarter hour in which nobody entered
// costs what is left of the queue that entered before; else the link is empty.
func (r *recorder) times(free []float32, into *routing.Times, fresh float32) {
	for l, f := range free {
		queue := 0.0
		for b := range r.bins {
			i := l*r.bins + b
			t := f
			if r.count[i] > 0 {
				t = max(f, float32(r.spent[i]/r.count[i]))
				queue = max(queue, r.until[i])
			} else {
				t = max(f, float32(queue-into.StartS-(float64(b)+0.5)*binS))
			}
			cell := &into.T[b*len(free)+l]
			*cell = max(f, *cell+fresh*(t-*cell))
		}
	}
}

// fleet turns car trips into platoons. Buffers are reused between iterations.
type fleet struct {
	dep     loading.Departures
	trip    []uint32  // by platoon
	persons []float32 // by platoon
	plan    []planned
}

type planned struct {
	at   float64
	trip uint32
	k    uint32
	n    uint32
}

// fill loads the trips whose tour goes by car. A sampled trip of v vehicles is
// n = ceil(v/5) equal platoons on its path; capacity and storage are never
// scaled. The platoons stand for people who would leave at different times, so
// they are spread evenly, with a phase of their own, around its departure: over
// half a quarter hour per platoon, at most three. The wider the fewer trips
// there are to average over: with a fixed quarter hour a small sample jams
// streets that a large one does not (docs/decisions/model.md).
func (f *fleet) fill(s *sample, scale demand.Scale, mode []city.Mode, path [][]units.LinkID) {
	t := s.trips
	f.plan = f.plan[:0]
	for tour := range t.NumTours() {
		if mode[tour] != city.Car {
			continue
		}
		vehicles := t.Weight * scale[t.TourPurpose[tour]] / demand.Occupancy[t.TourPurpose[tour]]
		if vehicles == 0 {
			continue
		}
		n := uint32(math.Ceil(vehicles/maxPlatoon - 1e-9))
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			if n == 1 {
				f.plan = append(f.plan, planned{t.DepartS[trip], trip, 0, 1})
				continue
			}
			spread := binS * min(maxSlots, float64(n)/2)
			slot := t.DepartS[trip] - spread/2
			phase := random.New(s.seed, random.Departure).At(uint64(t.TourPerson[tour])).At(uint64(t.TourNumber[tour])).At(uint64(trip-t.TourFirst[tour]) + 2).Uniform()
			for k := range n {
				f.plan = append(f.plan, planned{slot + (float64(k)+phase)/float64(n)*spread, trip, k, n})
			}
		}
	}
	slices.SortFunc(f.plan, func(a, b planned) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.trip, b.trip), cmp.Compare(a.k, b.k))
	})
	d := &f.dep
	d.DepartS, d.Size, d.PathFirst, d.Path = d.DepartS[:0], d.Size[:0], append(d.PathFirst[:0], 0), d.Path[:0]
	f.trip, f.persons = f.trip[:0], f.persons[:0]
	for _, p := range f.plan {
		purpose := t.TourPurpose[t.TripTour[p.trip]]
		persons := t.Weight * scale[purpose] / float64(p.n)
		d.DepartS = append(d.DepartS, p.at)
		d.Size = append(d.Size, float32(persons/demand.Occupancy[purpose]))
		d.Path = append(d.Path, path[p.trip]...)
		d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
		f.trip = append(f.trip, p.trip)
		f.persons = append(f.persons, float32(persons))
	}
}
