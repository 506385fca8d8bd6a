package build

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// The derived what-if: a tram from the busiest stop to the busiest one that no
// vehicle goes to directly, with stops between (all figures assumed).
const (
	lineMinM  = 2000
	lineMaxM  = 5000
	lineStopM = 500 // least distance between two stops of it
	lineNearM = 300 // stops this close serve the same door
	lineSideM = 150 // how far a stop may lie beside the straight line
)

// deriveLine makes a what-if to start from.
func (b *builder) deriveLine() {
	t := &b.city.Timetable
	pr := city.ProjectionOf(b.cfg.BBox)
	dep := make([]float64, t.NumStops())
	for p := range t.NumPatterns() {
		trips := float64(t.PatternTrips[p+1] - t.PatternTrips[p])
		for _, s := range t.StopsOf(units.PatternID(p)) {
			dep[s] += trips
		}
	}
	x, y := make([]float64, len(dep)), make([]float64, len(dep))
	for s := range dep {
		x[s], y[s] = pr.XY(t.StopLon[s], t.StopLat[s])
	}
	busiest := func(ok func(s int) bool) int {
		best := -1
		for s := range dep {
			if dep[s] > 0 && ok(s) && (best < 0 || dep[s] > dep[best]) {
				best = s
			}
		}
		return best
	}
	from := busiest(func(int) bool { return true })
	if from < 0 {
		return
	}
	far := func(s, from int) float64 { return math.Hypot(x[s]-x[from], y[s]-y[from]) }
	// Where a vehicle already goes without a change, a tram would bring little.
	var direct []int
	for p := range t.NumPatterns() {
		stops := t.StopsOf(units.PatternID(p))
		if slices.ContainsFunc(stops, func(s units.StopID) bool { return far(int(s), from) <= lineNearM }) {
			for _, s := range stops {
				direct = append(direct, int(s))
			}
		}
	}
	slices.Sort(direct)
	direct = slices.Compact(direct)
	within := func(s int) bool { m := far(s, from); return m >= lineMinM && m <= lineMaxM }
	to := busiest(func(s int) bool {
		return within(s) && !slices.ContainsFunc(direct, func(o int) bool { return far(s, o) <= lineNearM })
	})
	if to < 0 {
		to = busiest(within)
	}
	if to < 0 {
		b.guess("default", "none", "no two stops are two to five kilometres apart", true)
		return
	}
	length := math.Hypot(x[to]-x[from], y[to]-y[from])
	ux, uy := (x[to]-x[from])/length, (y[to]-y[from])/length
	along := func(s int) float64 { return (x[s]-x[from])*ux + (y[s]-y[from])*uy }
	line := []int{from}
	var near []int
	for s := range dep {
		if side := math.Abs((y[s]-y[from])*ux - (x[s]-x[from])*uy); dep[s] > 0 && side <= lineSideM {
			near = append(near, s)
		}
	}
	// The busiest first, as long as they keep their distance.
	slices.SortStableFunc(near, func(a, c int) int { return cmp.Compare(dep[c], dep[a]) })
	line = append(line, to)
	for _, s := range near {
		if a := along(s); a >= lineStopM && a <= length-lineStopM && !slices.ContainsFunc(line, func(o int) bool { return math.Abs(along(o)-a) < lineStopM }) {
			line = append(line, s)
		}
	}
	slices.SortStableFunc(line, func(a, c int) int { return cmp.Compare(along(a), along(c)) })
	d := &b.cfg.Default
	d.Name = "Tram " + t.StopName[from] + " - " + t.StopName[to]
	for _, s := range line {
		d.Stops = append(d.Stops, t.StopID[s])
	}
	b.guess("default", fmt.Sprintf("%s, %d stops", d.Name, len(d.Stops)), "the busiest stop, the busiest one two to five kilometres away that no vehicle goes to directly, and busy ones between", true)
}
