package gtfs

import (
	"cmp"
	"fmt"
	"math"
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
	// FeedFare are the modes that take the flat prices of the feeds instead,
	// where they have any.
	FeedFare [city.Ferry + 1]bool
	// Assumed marks all lines of a feed (by feed name) as not from a published
	// timetable. Look-ups only.
	Assumed map[string]bool
}

// Extra is what feeds tell about a timetable that needs streets to be used.
// Stops and patterns are those of the timetable.
type Extra struct {
	// Parents is the parent station of each stop ("" for none), for grouping.
	Parents []string
	// Doors are the entrances through which a stop is reached; a stop without
	// any stands on the street.
	Doors [][]Door
	// Inner are ways between platforms of a station, and Rules the rows of
	// transfers.txt, those for stations written out for each of their stops.
	Inner []Inner
	Rules []Rule
}

// Inner is a way inside a station.
type Inner struct {
	From, To units.StopID
	S        float64
}

// Rule is a transfer between two stops.
type Rule struct {
	From, To units.StopID
	Kind     TransferKind
	MinS     units.Seconds
}

// compiled is a timetable while it is written.
type compiled struct {
	tt     city.Timetable
	extra  Extra
	report []city.ReportLine
	feeds  []*Feed
	stops  *joined
	shape  map[string]shaped // by feed, shape and stops; look-ups only
	offWay int
}

type shaped struct {
	number uint32
	at     []float32
}

// trip is one clipped trip on common stop and line numbers.
type trip struct {
	id          string
	feed, route int32
	shape       int32
	dist        []float64 // shape_dist_traveled, NaN where blank
	line        int32
	stops       []int32
	times       []units.Seconds // arr, dep alternating
}

// Compile joins feeds into one timetable, clipped to the box.
//
// A trip is clipped to the part between its first and last stop inside the
// box; stops outside that it passes in between are left out, their time is
// not. A feed's own ids are kept; where two feeds disagree about a stop's
// place or share a line id, both ids get their feed's name in front. A trip
// that is in the feeds twice is kept once.
func Compile(feeds []*Feed, opt Options) (city.Timetable, *Extra, []city.ReportLine, error) {
	c := &compiled{feeds: feeds, shape: map[string]shaped{}}
	c.stops = c.mergeStops()
	lineID := lineIDs(feeds)
	var trips []trip
	today, short, night := 0, 0, 0
	for fi, f := range feeds {
		for ti := range f.Trips {
			t := &f.Trips[ti]
			if t.days.today {
				today++
			}
			clipped := clip(f, t, opt.BBox)
			if len(clipped) < 2 {
				if t.days.today {
					short++
				}
				continue
			}
			tr := trip{id: t.ID, feed: int32(fi), route: t.Route, shape: t.Shape}
			for _, call := range clipped {
				tr.stops = append(tr.stops, c.stops.of[fi][call.Stop])
				tr.times = append(tr.times, call.Arr, call.Dep)
				if t.Shape >= 0 {
					tr.dist = append(tr.dist, call.Dist)
				}
			}
			if !t.days.today {
				night++
			}
			trips = append(trips, tr)
		}
	}
	c.add("trips on the service date", float64(today), "trips", "in the whole feed")
	c.add("trips outside the box", float64(short), "trips", "fewer than two stops inside")
	c.add("trips in the box", float64(len(trips)-night), "trips", "two or more stops inside")
	c.add("trips of the day before in the box", float64(night), "trips", "the part after midnight of those that run on into the date")
	if len(trips) == 0 {
		return city.Timetable{}, nil, c.report, fmt.Errorf("gtfs: no trip has two stops in the box %v on the service date", opt.BBox)
	}
	trips = c.acrossFeeds(trips)

	// Lines in order of id, so that feeds listed in another order agree.
	type lineKey struct{ feed, route int32 }
	var lines []lineKey
	lineOf := map[lineKey]int32{} // look-ups only
	for i := range trips {
		key := lineKey{trips[i].feed, trips[i].route}
		l, ok := lineOf[key]
		if !ok {
			l = int32(len(lines))
			lineOf[key] = l
			lines = append(lines, key)
		}
		trips[i].line = l
	}
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
		fare := opt.Fare[r.Mode]
		if opt.FeedFare[r.Mode] && !math.IsNaN(r.Fare) {
			fare = float32(r.Fare)
		}
		c.tt.Lines = append(c.tt.Lines, city.Line{
			ID: idOf(l), Name: r.Name, Agency: r.Agency, Mode: r.Mode, Fare: fare, Assumed: opt.Assumed[f.Name],
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
	number := c.servedStops(trips)
	c.patterns(trips, number)
	c.stations(number)
	c.insideStations(number)
	for _, f := range feeds {
		c.feedReport(f)
	}
	return c.tt, &c.extra, c.report, nil
}

func (c *compiled) add(what string, n float64, unit, detail string) {
	c.report = append(c.report, city.ReportLine{Part: "timetable", What: what, Count: n, Unit: unit, Detail: detail})
}

func (c *compiled) feedReport(f *Feed) {
	c.add("blank stop times filled in", float64(f.Interpolated[0]+f.Interpolated[1]+f.Interpolated[2]), "times",
		fmt.Sprintf("%s: in proportion to distance: %d as the feed gives it, %d along the shape, %d from stop to stop", f.Name, f.Interpolated[0], f.Interpolated[1], f.Interpolated[2]))
	c.add("trips from frequencies", float64(f.FrequencyTrips[0]+f.FrequencyTrips[1]), "trips",
		fmt.Sprintf("%s: %d at headways only (departures assumed from the start of each window), %d at given times", f.Name, f.FrequencyTrips[0], f.FrequencyTrips[1]))
	c.add("overnight trips of the day before", float64(f.Overnight), "trips", f.Name+": run past midnight, that part is included")
	for _, k := range f.Skipped.Keys() {
		detail := f.Name + ": " + k
		if where := f.Skipped.Examples(k); where != "" {
			detail += " (" + where + ")"
		}
		c.add("rows skipped", float64(f.Skipped.Count(k)), "rows", detail)
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

// servedStops numbers the common stops that trips call at, in order of id, and
// writes their columns. NoStop stands for the others.
func (c *compiled) servedStops(trips []trip) []units.StopID {
	tt, stops := &c.tt, c.stops
	served := make([]bool, len(stops.id))
	for i := range trips {
		for _, s := range trips[i].stops {
			served[s] = true
		}
	}
	var order []int32
	number := make([]units.StopID, len(stops.id))
	for s, ok := range served {
		number[s] = units.NoStop
		if ok {
			order = append(order, int32(s))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(stops.id[a], stops.id[b]) })
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
		c.extra.Parents = append(c.extra.Parents, parent)
	}
	return number
}

// patterns writes the columns. trips are sorted by line, stops and times; each
// run of trips with one stop sequence is dealt into as many patterns as needed
// so that no trip overtakes another of its pattern.
func (c *compiled) patterns(trips []trip, number []units.StopID) {
	tt := &c.tt
	tt.PatternStops, tt.PatternTrips, tt.TimeFirst, tt.ShapeFirst = []uint32{0}, []uint32{0}, []uint32{0}, []uint32{0}
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
			c.shapeOf(chain)
		}
		i = j
	}
	c.add("persons per vehicle", 0, "", "bus 70, tram 200, rail 400, metro 700, coach 50, ferry 200 (assumed: feeds do not tell)")
	c.add("lines", float64(len(tt.Lines)), "lines", "")
	c.add("stops", float64(tt.NumStops()), "stops", "in the box with service")
	c.add("patterns", float64(tt.NumPatterns()), "patterns", "")
	c.add("patterns split against overtaking", float64(split), "patterns", "")
	with := 0
	for _, s := range tt.PatternShape {
		if s != city.NoShape {
			with++
		}
	}
	c.add("patterns with a shape", float64(with), "patterns", "the way of the vehicle between the stops")
	if c.offWay > 0 {
		c.add("patterns whose shape is not theirs", float64(c.offWay), "patterns", fmt.Sprintf("a stop lies more than %d m away from it: not used", offShapeM))
	}
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
