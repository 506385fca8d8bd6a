package gtfs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Options control Compile.
type Options struct {
	BBox [4]float64 // west, south, east, north
	// Fare is the price of one boarding by mode, in the city's currency.
	Fare [city.Ferry + 1]float32
	// Assumed marks all lines of a feed (by feed name) as not from a published
	// timetable. Look-ups only.
	Assumed map[string]bool
}

// compiled is a timetable while it is written.
type compiled struct {
	tt      city.Timetable
	parents []string
	report  []city.ReportLine
}

// trip is one clipped trip on common stop and line numbers.
type trip struct {
	id    string
	line  int32
	stops []int32
	times []units.Seconds // arr, dep alternating
}

// Compile joins feeds into one timetable, clipped to the box. parents is the
// parent station of each stop ("" for none), which the stop groups need.
//
// A trip is clipped to the part between its first and last stop inside the
// box; stops outside that it passes in between are left out, their time is
// not. A feed's own ids are kept; where two feeds disagree about a stop's
// place or share a line id, both ids get their feed's name in front.
func Compile(feeds []*Feed, opt Options) (tt city.Timetable, parents []string, report []city.ReportLine, err error) {
	c := &compiled{}
	stops := mergeStops(feeds)
	type lineKey struct{ feed, route int32 }
	lineID := lineIDs(feeds)
	var lines []lineKey
	lineOf := map[lineKey]int32{}
	var trips []trip
	active, short := 0, 0
	for fi, f := range feeds {
		active += len(f.Trips)
		for ti := range f.Trips {
			t := &f.Trips[ti]
			clipped := clip(f, t, opt.BBox)
			if len(clipped) < 2 {
				short++
				continue
			}
			key := lineKey{int32(fi), t.Route}
			l, ok := lineOf[key]
			if !ok {
				l = int32(len(lines))
				lineOf[key] = l
				lines = append(lines, key)
			}
			tr := trip{id: t.ID, line: l}
			for _, call := range clipped {
				tr.stops = append(tr.stops, stops.of[fi][call.Stop])
				tr.times = append(tr.times, call.Arr, call.Dep)
			}
			trips = append(trips, tr)
		}
	}
	c.add("trips on the service date", float64(active), "trips", "in the whole feed")
	c.add("trips outside the box", float64(short), "trips", "fewer than two stops inside")
	c.add("trips in the box", float64(len(trips)), "trips", "two or more stops inside")
	if len(trips) == 0 {
		return city.Timetable{}, nil, c.report, fmt.Errorf("gtfs: no trip has two stops in the box %v on the service date", opt.BBox)
	}

	// Lines in order of id, so that feeds listed in another order agree.
	order := make([]int32, len(lines))
	for i := range order {
		order[i] = int32(i)
	}
	idOf := func(l int32) string { return lineID[lines[l].feed][lines[l].route] }
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(idOf(a), idOf(b)) })
	rank := make([]int32, len(lines))
	for i, l := range order {
		rank[l] = int32(i)
		f := feeds[lines[l].feed]
		r := f.Routes[lines[l].route]
		c.tt.Lines = append(c.tt.Lines, city.Line{
			ID: idOf(l), Name: r.Name, Agency: r.Agency, Mode: r.Mode, Fare: opt.Fare[r.Mode], Assumed: opt.Assumed[f.Name],
		})
	}
	for i := range trips {
		trips[i].line = rank[trips[i].line]
	}
	slices.SortFunc(trips, func(a, b trip) int {
		return cmp.Or(cmp.Compare(a.line, b.line), slices.Compare(a.stops, b.stops), slices.Compare(a.times, b.times), strings.Compare(a.id, b.id))
	})
	before := len(trips)
	trips = slices.CompactFunc(trips, func(a, b trip) bool {
		return a.line == b.line && slices.Equal(a.stops, b.stops) && slices.Equal(a.times, b.times)
	})
	c.add("exact duplicate trips removed", float64(before-len(trips)), "trips", "same route, stops and times")
	c.add("trips kept", float64(len(trips)), "trips", "")
	c.patterns(trips, stops)
	for _, f := range feeds {
		c.feedReport(f)
	}
	return c.tt, c.parents, c.report, nil
}

func (c *compiled) add(what string, n float64, unit, detail string) {
	c.report = append(c.report, city.ReportLine{Part: "timetable", What: what, Count: n, Unit: unit, Detail: detail})
}

func (c *compiled) feedReport(f *Feed) {
	c.add("blank stop times filled in", float64(f.Interpolated), "times", f.Name+": in proportion to distance")
	c.add("trips from frequencies", float64(f.FrequencyTrips), "trips", f.Name)
	c.add("overnight trips of the day before", float64(f.Overnight), "trips", f.Name+": run past midnight, not included")
	for _, k := range f.Skipped.Keys() {
		c.add("rows skipped", float64(f.Skipped[k]), "rows", f.Name+": "+k)
	}
}

// clip is the calls of a trip inside the box.
func clip(f *Feed, t *Trip, box [4]float64) []Call {
	var out []Call
	for _, call := range t.Calls {
		s := &f.Stops[call.Stop]
		if city.InBox(box, s.Lon, s.Lat) {
			out = append(out, call)
		}
	}
	return out
}

// joined is the stops of all feeds under common ids.
type joined struct {
	of      [][]int32 // feed, feed stop -> common stop
	id      []string
	feed    []int32
	feedIdx []int32
	feeds   []*Feed
}

func (j *joined) stop(s int32) *Stop { return &j.feeds[j.feed[s]].Stops[j.feedIdx[s]] }

// sameStopM is how far apart two feeds may put one stop and still agree.
const sameStopM = 50

// mergeStops gives every stop a common number. Feeds that agree about a stop
// share it; where they disagree both get "feed:id".
func mergeStops(feeds []*Feed) *joined {
	j := &joined{feeds: feeds}
	type ref struct{ feed, idx int32 }
	byID := map[string][]ref{}
	for fi, f := range feeds {
		j.of = append(j.of, make([]int32, len(f.Stops)))
		for si := range f.Stops {
			byID[f.Stops[si].ID] = append(byID[f.Stops[si].ID], ref{int32(fi), int32(si)})
		}
	}
	ids := make([]string, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		refs := byID[id]
		a := &feeds[refs[0].feed].Stops[refs[0].idx]
		agree := true
		for _, r := range refs[1:] {
			b := &feeds[r.feed].Stops[r.idx]
			agree = agree && city.DistanceM(a.Lon, a.Lat, b.Lon, b.Lat) <= sameStopM
		}
		for k, r := range refs {
			name := id
			if !agree {
				name = feeds[r.feed].Name + ":" + id
			}
			if k == 0 || !agree {
				j.id = append(j.id, name)
				j.feed, j.feedIdx = append(j.feed, r.feed), append(j.feedIdx, r.idx)
			}
			j.of[r.feed][r.idx] = int32(len(j.id) - 1)
		}
	}
	return j
}

func lineIDs(feeds []*Feed) [][]string {
	count := map[string]int{}
	for _, f := range feeds {
		for _, r := range f.Routes {
			count[r.ID]++
		}
	}
	out := make([][]string, len(feeds))
	for i, f := range feeds {
		for _, r := range f.Routes {
			id := r.ID
			if count[id] > 1 {
				id = f.Name + ":" + id
			}
			out[i] = append(out[i], id)
		}
	}
	return out
}

// patterns writes the columns. trips are sorted by line, stops and times; each
// run of trips with one stop sequence is dealt into as many patterns as needed
// so that no trip overtakes another of its pattern.
func (c *compiled) patterns(trips []trip, stops *joined) {
	tt := &c.tt
	// Common stops that are served, in order of id.
	served := make([]bool, len(stops.id))
	for i := range trips {
		for _, s := range trips[i].stops {
			served[s] = true
		}
	}
	var order []int32
	for s, ok := range served {
		if ok {
			order = append(order, int32(s))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(stops.id[a], stops.id[b]) })
	number := make([]units.StopID, len(stops.id))
	for i, s := range order {
		number[s] = units.StopID(i)
		st := stops.stop(s)
		name := st.Name
		if name == "" {
			name = stops.id[s]
		}
		tt.StopID, tt.StopName = append(tt.StopID, stops.id[s]), append(tt.StopName, name)
		tt.StopLon, tt.StopLat = append(tt.StopLon, st.Lon), append(tt.StopLat, st.Lat)
		parent := ""
		if st.Parent != "" {
			parent = stops.feeds[stops.feed[s]].Name + ":" + st.Parent
		}
		c.parents = append(c.parents, parent)
	}

	tt.PatternStops, tt.PatternTrips, tt.TimeFirst = []uint32{0}, []uint32{0}, []uint32{0}
	split := 0
	for i := 0; i < len(trips); {
		j := i + 1
		for j < len(trips) && trips[j].line == trips[i].line && slices.Equal(trips[j].stops, trips[i].stops) {
			j++
		}
		chains := untangle(trips[i:j])
		split += len(chains) - 1
		for _, chain := range chains {
			tt.PatternLine = append(tt.PatternLine, units.LineID(trips[i].line))
			for _, s := range trips[i].stops {
				tt.Stop = append(tt.Stop, number[s])
			}
			tt.PatternStops = append(tt.PatternStops, uint32(len(tt.Stop)))
			for _, t := range chain {
				tt.TripID = append(tt.TripID, t.id)
				tt.TripCapacity = append(tt.TripCapacity, Capacity(tt.Lines[t.line].Mode))
				for k := 0; k < len(t.times); k += 2 {
					tt.Arr, tt.Dep = append(tt.Arr, t.times[k]), append(tt.Dep, t.times[k+1])
				}
			}
			tt.PatternTrips = append(tt.PatternTrips, uint32(len(tt.TripID)))
			tt.TimeFirst = append(tt.TimeFirst, uint32(len(tt.Arr)))
		}
		i = j
	}
	c.add("persons per vehicle", 0, "", "bus 70, tram 200, rail 400, metro 700, coach 50, ferry 200 (assumed: feeds do not tell)")
	c.add("lines", float64(len(tt.Lines)), "lines", "")
	c.add("stops", float64(tt.NumStops()), "stops", "in the box with service")
	c.add("patterns", float64(tt.NumPatterns()), "patterns", "")
	c.add("patterns split against overtaking", float64(split), "patterns", "")
}

// untangle deals trips (sorted by times) into chains in which every trip is at
// or after its predecessor at every stop. First fit keeps the number small.
func untangle(trips []trip) [][]trip {
	var chains [][]trip
next:
	for _, t := range trips {
		for k := range chains {
			if follows(chains[k][len(chains[k])-1].times, t.times) {
				chains[k] = append(chains[k], t)
				continue next
			}
		}
		chains = append(chains, []trip{t})
	}
	return chains
}

func follows(a, b []units.Seconds) bool {
	for i := range a {
		if b[i] < a[i] {
			return false
		}
	}
	return true
}

// Covers tells whether a feed's calendar says anything about a day ("20060102").
func (f *Feed) Covers(day string) bool { return f.First <= day && day <= f.Last && f.First != "" }
