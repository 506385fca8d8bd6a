package scenario

import (
	"cmp"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// directionsOf sorts the patterns of a line into directions: timetables of a
// city do not hold any. Patterns that call at the same two stop groups in the
// same order go one way, those that call at them in opposite order go the other
// way, most pairs of groups winning. A pattern that shares no two groups with
// what is there is a direction of its own. The patterns with most trips come
// first, so that short workings and school trips join them.
func directionsOf(tt *city.Timetable, patterns []units.PatternID) [][]units.PatternID {
	trips := func(p units.PatternID) uint32 { return tt.PatternTrips[p+1] - tt.PatternTrips[p] }
	order := slices.Clone(patterns)
	slices.SortFunc(order, func(a, b units.PatternID) int {
		return cmp.Or(cmp.Compare(trips(b), trips(a)), cmp.Compare(len(tt.StopsOf(b)), len(tt.StopsOf(a))), cmp.Compare(a, b))
	})
	type pair [2]uint32
	var seen []map[pair]bool // by direction; for look-up only
	var out [][]units.PatternID
	for _, p := range order {
		stops := tt.StopsOf(p)
		pairs := map[pair]bool{}
		best, score := -1, 0
		for i, a := range stops {
			for _, b := range stops[i+1:] {
				pairs[pair{tt.StopGroup[a], tt.StopGroup[b]}] = true
			}
		}
		for d := range seen {
			net := 0
			for x := range pairs { // a count: the order does no harm
				if seen[d][x] {
					net++
				}
				if seen[d][pair{x[1], x[0]}] {
					net--
				}
			}
			if net > score {
				best, score = d, net
			}
		}
		if best < 0 {
			best = len(seen)
			seen, out = append(seen, map[pair]bool{}), append(out, nil)
		}
		for x := range pairs { // fills a set: the order does no harm
			seen[best][x] = true
		}
		out[best] = append(out[best], p)
	}
	for d := range out {
		slices.Sort(out[d])
	}
	return out
}
