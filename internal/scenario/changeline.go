package scenario

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// LineChange is one line of the timetable that runs differently.
type LineChange struct {
	ID   string // of the line
	Name string // "Bus 31"
	// What changes, "every 20 minutes instead of 10 from 08:00 to 10:00".
	What string
	// Title is the change in a few words, or how the request calls it.
	Title string
}

// mergeLineChange checks a change of a line: it finds the line and writes its
// id. used holds the lines that earlier changes name, by id.
func mergeLineChange(ps *spec.Problems, path string, m spec.Modification, c *city.City, used map[string]bool) spec.Modification {
	checkHeadways(ps, path+".headways", m.Headways)
	switch {
	case m.Remove && len(m.Headways) > 0:
		ps.Add(path+".remove", "a line that is removed has no headways", "remove", "headways")
	case !m.Remove && len(m.Headways) == 0:
		ps.Add(path, "nothing of the line is changed", `"remove": true`, `"headways": [{"from": "07:00", "to": "09:00", "every_min": 10}]`)
	}
	if l, ok := resolveLine(ps, path+".line", m.Line, c); ok {
		line := &c.Timetable.Lines[l]
		if m.Line = line.ID; used[m.Line] {
			ps.Add(path+".line", fmt.Sprintf("%s is changed twice", line.Label()), "one change with all its headways")
		}
		used[m.Line] = true
		if m.Name == "" {
			m.Name = line.Label()
		}
	}
	m.Headways = clocksOf(m.Headways)
	return m
}

// maxMatches is how many lines of one name a problem lists.
const maxMatches = 20

// resolveLine finds the line a person named.
func resolveLine(ps *spec.Problems, path, query string, c *city.City) (units.LineID, bool) {
	tt := &c.Timetable
	found, near := c.LookupLine(query)
	switch {
	case strings.TrimSpace(query) == "":
		ps.Add(path, "the line is missing", usualLines(c))
		return 0, false
	case len(found) == 0:
		if len(near) == 0 {
			near = []string{usualLines(c)}
		}
		ps.Add(path, fmt.Sprintf("no line %q in %s", query, c.Info.Name), near...)
		return 0, false
	case len(found) > 1:
		var all []string
		for _, l := range found {
			x := &tt.Lines[l]
			what := x.Label()
			if x.Agency != "" {
				what += ", " + x.Agency
			}
			all = append(all, fmt.Sprintf("%s (%s)", x.ID, what))
		}
		slices.Sort(all)
		if n := len(all) - maxMatches; n > 0 {
			all = append(all[:maxMatches], fmt.Sprintf("%d more", n))
		}
		ps.Add(path, fmt.Sprintf("%d lines are called %q: name one by its route id, or by mode and name where that tells them apart", len(found), query), all...)
		return 0, false
	}
	if len(runs(tt, found[0])) == 0 {
		ps.Add(path, fmt.Sprintf("%s does not run on %s", tt.Lines[found[0]].Label(), c.Info.ServiceDate), usualLines(c))
		return 0, false
	}
	return found[0], true
}

// usualLines are examples: the lines with most vehicles.
func usualLines(c *city.City) string {
	tt := &c.Timetable
	trips := make([]uint32, len(tt.Lines))
	for p, l := range tt.PatternLine {
		trips[l] += tt.PatternTrips[p+1] - tt.PatternTrips[p]
	}
	var order []int
	for l := range tt.Lines {
		if trips[l] > 0 {
			order = append(order, l)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(trips[b], trips[a]) })
	what := "a route id or name of a line of " + c.Info.Name
	var names []string
	for _, l := range order[:min(len(order), 3)] {
		names = append(names, tt.Lines[l].Label())
	}
	if len(names) > 0 {
		what += ", such as " + strings.Join(names, ", ")
	}
	return what
}

// runs are the patterns of a line that have trips.
func runs(tt *city.Timetable, line units.LineID) []units.PatternID {
	var out []units.PatternID
	for p, l := range tt.PatternLine {
		if l == line && tt.PatternTrips[p] < tt.PatternTrips[p+1] {
			out = append(out, units.PatternID(p))
		}
	}
	return out
}

// changeLine takes the trips of a line out of the timetable, or replaces those
// that leave their first stop within the given windows.
func (p *Plan) changeLine(ps *spec.Problems, path string, m *spec.Modification) {
	base := &p.base.Timetable
	l := slices.IndexFunc(base.Lines, func(x city.Line) bool { return x.ID == m.Line })
	if l < 0 {
		ps.Add(path+".line", fmt.Sprintf("no line %q in %s", m.Line, p.base.Info.Name), usualLines(p.base))
		return
	}
	line := units.LineID(l)
	label := base.Lines[l].Label()
	change := LineChange{ID: m.Line, Name: label, What: "no longer runs"}
	patterns := runs(base, line)
	rows := map[units.PatternID][]row{} // for look-up only
	for _, q := range patterns {
		rows[q] = nil
	}
	if !m.Remove {
		dirs := directionsOf(base, patterns)
		change.What = headwaysInWords(base, dirs, m.Headways)
		rows = reschedule(base, dirs, m.Headways)
		p.Notes = append(p.Notes, fmt.Sprintf("%s runs %s: each new departure is assumed to take as long as the nearest one of today that calls at the same stops. Whether there are vehicles and drivers for it is not asked.", label, change.What))
	} else {
		p.Notes = append(p.Notes, label+" no longer runs; no other line takes its place.")
	}
	change.Title = label + " " + change.What
	if m.Name != "" && m.Name != label {
		change.Title = m.Name
	}
	p.LineChanges = append(p.LineChanges, change)
	p.City.Timetable = *withRows(base, &p.City.Timetable, rows, m.ID)
}

// row is one vehicle of a changed pattern: a trip of today, shifted.
type row struct {
	trip  units.VehicleTripID
	dep   units.Seconds // from the first stop
	fixed bool          // not touched by the change
}

// firstDep is when a trip leaves its first stop.
func firstDep(tt *city.Timetable, p units.PatternID, v units.VehicleTripID) units.Seconds {
	_, dep := tt.Times(p, v)
	return dep[0]
}

// call is one departure of a direction.
type call struct {
	p   units.PatternID
	v   units.VehicleTripID
	dep units.Seconds
}

// callsWithin are the departures of a direction in [from, to), by time.
func callsWithin(tt *city.Timetable, dir []units.PatternID, from, to units.Seconds) []call {
	var out []call
	for _, p := range dir {
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			if dep := firstDep(tt, p, units.VehicleTripID(v)); dep >= from && dep < to {
				out = append(out, call{p, units.VehicleTripID(v), dep})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b call) int { return cmp.Compare(a.dep, b.dep) })
	return out
}

// reschedule is the service of a line at other headways: what leaves outside
// all windows stays, the rest leaves at the headway. A direction keeps its
// minute: the first departure of today within a window, carried back to the
// window's start in steps of the new headway, is one of the new ones too.
// Windows in which nothing leaves are filled from their start on in every
// direction; where one direction has vehicles, another without any stays
// without.
func reschedule(tt *city.Timetable, dirs [][]units.PatternID, hs []spec.Headway) map[units.PatternID][]row {
	rows := map[units.PatternID][]row{}
	for _, dir := range dirs {
		for _, p := range dir {
			rows[p] = nil
		}
	}
	type span struct{ from, to units.Seconds }
	var windows []span
	for _, h := range hs {
		from, _ := ParseClock(h.From)
		to, _ := ParseClock(h.To)
		windows = append(windows, span{from, to})
	}
	for _, dir := range dirs {
		for _, x := range callsWithin(tt, dir, math.MinInt32, units.Never) {
			if !slices.ContainsFunc(windows, func(w span) bool { return x.dep >= w.from && x.dep < w.to }) {
				rows[x.p] = append(rows[x.p], row{x.v, x.dep, true})
			}
		}
	}
	for i, h := range hs {
		from, to := windows[i].from, windows[i].to
		present := make([][]call, len(dirs))
		served := false
		for d, dir := range dirs {
			present[d] = callsWithin(tt, dir, from, to)
			served = served || len(present[d]) > 0
		}
		for d, dir := range dirs {
			like, offset := present[d], 0.0
			if !served {
				like = callsWithin(tt, dir, math.MinInt32, units.Never)
			}
			if len(like) == 0 {
				continue
			}
			if served {
				offset = math.Mod(float64(like[0].dep-from), h.EveryMin*60)
			}
			var times []units.Seconds
			for k := 0; ; k++ {
				t := from + units.Seconds(math.Round(offset+float64(k)*h.EveryMin*60))
				if t >= to {
					break
				}
				times = append(times, t)
			}
			if served && slices.EqualFunc(like, times, func(x call, t units.Seconds) bool { return x.dep == t }) {
				for _, x := range like { // it runs at that headway already
					rows[x.p] = append(rows[x.p], row{x.v, x.dep, true})
				}
				continue
			}
			for k, p := range share(like, len(times)) {
				rows[p] = append(rows[p], row{trip: nearestTrip(tt, p, times[k]), dep: times[k]})
			}
		}
	}
	for _, dir := range dirs {
		for _, p := range dir {
			slices.SortStableFunc(rows[p], func(a, b row) int { return cmp.Compare(a.dep, b.dep) })
		}
	}
	return rows
}

// share gives n departures to patterns in proportion to those they have in
// like (largest remainders; of equal ones, who leaves first), each pattern
// spread evenly among them.
func share(like []call, n int) []units.PatternID {
	var order []units.PatternID // by first departure
	count := map[units.PatternID]int{}
	for _, x := range like {
		if count[x.p]++; count[x.p] == 1 {
			order = append(order, x.p)
		}
	}
	quota, left := make([]int, len(order)), n
	rest := make([]int, len(order)) // remainders, in parts of len(like)
	byRest := make([]int, len(order))
	for i, p := range order {
		quota[i], rest[i], byRest[i] = n*count[p]/len(like), n*count[p]%len(like), i
		left -= quota[i]
	}
	slices.SortStableFunc(byRest, func(a, b int) int { return cmp.Compare(rest[b], rest[a]) })
	for _, i := range byRest[:left] {
		quota[i]++
	}
	type place struct {
		at float64
		p  units.PatternID
	}
	var places []place
	for i, p := range order {
		for j := range quota[i] {
			places = append(places, place{(float64(j) + 0.5) / float64(quota[i]), p})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	out := make([]units.PatternID, n)
	for k := range places {
		out[k] = places[k].p
	}
	return out
}

// nearestTrip is the trip of a pattern whose departure is nearest to t, the
// earlier of equals.
func nearestTrip(tt *city.Timetable, p units.PatternID, t units.Seconds) units.VehicleTripID {
	best, away := units.NoTrip, units.Never
	for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
		d := firstDep(tt, p, units.VehicleTripID(v)) - t
		if d = max(d, -d); d < away {
			best, away = units.VehicleTripID(v), d
		}
	}
	return best
}

// withRows is a timetable whose changed patterns run the given rows; base holds
// the trips that rows speak of. Patterns keep their ids, also without trips.
// Nobody overtakes within a pattern: a new vehicle that would catch up with the
// one before stays behind it, and it never holds up a vehicle that stays.
func withRows(base, tt *city.Timetable, rows map[units.PatternID][]row, id string) *city.Timetable {
	c := *tt
	c.TripID, c.TripCapacity, c.Arr, c.Dep = nil, nil, nil, nil
	c.PatternTrips, c.TimeFirst = []uint32{0}, []uint32{0}
	for p := range units.PatternID(tt.NumPatterns()) {
		list, changed := rows[p]
		if !changed {
			lo, hi := tt.PatternTrips[p], tt.PatternTrips[p+1]
			c.TripID = append(c.TripID, tt.TripID[lo:hi]...)
			c.TripCapacity = append(c.TripCapacity, tt.TripCapacity[lo:hi]...)
			c.Arr = append(c.Arr, tt.Arr[tt.TimeFirst[p]:tt.TimeFirst[p+1]]...)
			c.Dep = append(c.Dep, tt.Dep[tt.TimeFirst[p]:tt.TimeFirst[p+1]]...)
		}
		n := int(tt.PatternStops[p+1] - tt.PatternStops[p])
		for k, r := range list {
			shift := r.dep - firstDep(base, p, r.trip)
			name := base.TripID[r.trip]
			if shift != 0 {
				name = fmt.Sprintf("%s:%d:%s", id, p, Clock(r.dep))
			}
			c.TripID = append(c.TripID, name)
			c.TripCapacity = append(c.TripCapacity, base.TripCapacity[r.trip])
			arr, dep := base.Times(p, r.trip)
			var nextArr, nextDep []units.Seconds
			if !r.fixed {
				if j := slices.IndexFunc(list[k:], func(x row) bool { return x.fixed }); j >= 0 {
					nextArr, nextDep = base.Times(p, list[k+j].trip)
				}
			}
			for i := range n {
				a, d := max(0, arr[i]+shift), dep[i]+shift
				if !r.fixed && k > 0 {
					before := len(c.Arr) - n // the same stop of the vehicle before
					a, d = max(a, c.Arr[before]), max(d, c.Dep[before])
				}
				if nextArr != nil {
					a, d = min(a, nextArr[i]), min(d, nextDep[i])
				}
				c.Arr, c.Dep = append(c.Arr, a), append(c.Dep, d)
			}
		}
		c.PatternTrips = append(c.PatternTrips, uint32(len(c.TripID)))
		c.TimeFirst = append(c.TimeFirst, uint32(len(c.Arr)))
	}
	return &c
}

// maxWindowsTold is how many windows a title has room for.
const maxWindowsTold = 3

// headwaysInWords is "every 20 minutes instead of 10 from 08:00 to 10:00".
func headwaysInWords(tt *city.Timetable, dirs [][]units.PatternID, hs []spec.Headway) string {
	var parts []string
	for i, h := range hs {
		if i == maxWindowsTold {
			parts = append(parts, fmt.Sprintf("and otherwise at %d more times", len(hs)-i))
			break
		}
		from, _ := ParseClock(h.From)
		to, _ := ParseClock(h.To)
		now, when := "", fmt.Sprintf(" from %s to %s", Clock(from), Clock(to))
		switch every, regular := presentHeadway(tt, dirs, from, to); {
		case every == 0:
			when += ", when it does not leave today"
		case regular && every == h.EveryMin:
			now = " as now"
		case regular:
			now = fmt.Sprintf(" instead of %g", math.Round(every*10)/10)
		default:
			now = fmt.Sprintf(" instead of about %g", every)
		}
		minutes := "minutes"
		if h.EveryMin == 1 {
			minutes = "minute"
		}
		parts = append(parts, fmt.Sprintf("every %g %s%s%s", h.EveryMin, minutes, now, when))
	}
	return strings.Join(parts, ", ")
}

// presentHeadway is how often a line leaves in each direction that it serves in
// [from, to), in minutes: exactly where all gaps are equal from end to end, else
// the mean in whole minutes. 0 where nothing leaves.
func presentHeadway(tt *city.Timetable, dirs [][]units.PatternID, from, to units.Seconds) (minutes float64, regular bool) {
	departures, served := 0, 0
	gap := units.Seconds(0)
	regular = true
	for _, dir := range dirs {
		calls := callsWithin(tt, dir, from, to)
		if len(calls) == 0 {
			continue
		}
		departures, served = departures+len(calls), served+1
		for i := 1; i < len(calls); i++ {
			d := calls[i].dep - calls[i-1].dep
			if gap == 0 {
				gap = d
			}
			regular = regular && d == gap
		}
		// It neither begins late nor ends early.
		regular = regular && gap > 0 && calls[0].dep-from < gap && to-calls[len(calls)-1].dep <= gap
	}
	if served == 0 {
		return 0, false
	}
	if regular {
		return float64(gap) / 60, true
	}
	return max(1, math.Round(float64(to-from)/60*float64(served)/float64(departures))), false
}
