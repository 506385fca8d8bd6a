package gtfs

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Feed is the service of one feed on one date.
type Feed struct {
	// Name distinguishes feeds where their ids collide.
	Name   string
	Agency map[string]string // agency_id -> name; look-ups only
	Routes []Route           // by id
	Stops  []Stop            // by id
	Trips  []Trip            // that run on the date, by id
	Shapes []Shape           // those that trips follow
	// Transfers and Pathways are the rules for changing; see Transfer.
	Transfers []Transfer
	Pathways  []Pathway
	// First and Last are the days the calendar covers, as DayLayout has them.
	First, Last string
	// Skipped counts rows that could not be used, by "file: reason".
	Skipped *Skipped
	// Interpolated counts blank stop times that were filled in, by what the
	// distances were taken from.
	Interpolated [3]int
	// TripsAnyDay is the number of trips in the feed, whatever their date.
	TripsAnyDay int
	// FrequencyTrips is the number of trips made from frequencies.txt: at
	// headways (exact_times 0) and at times that are given (1).
	FrequencyTrips [2]int
	// Overnight counts the trips of the day before that run past midnight;
	// their part after midnight is in Trips.
	Overnight int
}

// Route is one public line of a feed.
type Route struct {
	ID, Name, Agency string
	Mode             city.TransitMode
	// Fare is the price of a boarding where the feed has one flat price for the
	// route, else NaN.
	Fare float64
}

// Stop is one boarding place or station of a feed, or a place inside a station.
type Stop struct {
	ID, Name, Parent string
	Lon, Lat         float64
	Kind             StopKind
	located          bool
}

// StopKind is location_type.
type StopKind uint8

// The kinds of a place, as the specification numbers them.
const (
	Platform StopKind = iota
	Station
	Entrance
	GenericNode
	BoardingArea
)

// Trip is one timed vehicle run.
type Trip struct {
	ID    string
	Route int32
	Shape int32 // index into Feed.Shapes, -1 for none
	Calls []Call
	days  days
	line  int
}

// Call is one stop of a trip. Arr and Dep are clock times.
type Call struct {
	Stop     int32
	Seq      int32
	Arr, Dep units.Seconds
	Dist     float64 // shape_dist_traveled, NaN where blank
}

// blank marks a time not given until interpolation.
const blank = units.Seconds(math.MinInt32)

// daySeconds is the length of a day: times beyond belong to the next.
const daySeconds = 24 * 3600

// Read reads the service of one date from a GTFS archive.
func Read(r io.ReaderAt, size int64, name string, date time.Time) (*Feed, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	f := &Feed{Name: name, Agency: map[string]string{}, Skipped: a.skipped}
	on, err := f.readServices(a, date)
	if err != nil {
		return nil, err
	}
	if err := f.readAgencies(a); err != nil {
		return nil, err
	}
	routes, err := f.readRoutes(a)
	if err != nil {
		return nil, err
	}
	stops, err := f.readStops(a)
	if err != nil {
		return nil, err
	}
	trips, shapes, err := f.readTrips(a, routes, on)
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return f.readShapes(a, shapes) },
		func() error { return f.readTimes(a, trips, stops) },
		func() error { f.tidy(); return nil },
		func() error { return f.expandFrequencies(a) },
		func() error { f.overnight(); return nil },
		func() error { return f.readTransfers(a, stops) },
		func() error { return f.readPathways(a, stops) },
		func() error { return f.readFares(a, routes) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// NewFeed is a feed of one date from elsewhere than an archive: stops and routes
// as they are, trips that run on the date and follow no shape.
func NewFeed(name string, routes []Route, stops []Stop, trips []Trip) *Feed {
	f := &Feed{Name: name, Routes: routes, Stops: stops, Trips: trips, Skipped: &Skipped{}, TripsAnyDay: len(trips)}
	for i := range f.Stops {
		f.Stops[i].located = true
	}
	for i := range f.Trips {
		f.Trips[i].Shape, f.Trips[i].days = -1, days{today: true}
	}
	return f
}

func (f *Feed) readAgencies(a *archive) error {
	return a.rows("agency.txt", true, []string{"agency_name"}, func(t *table) {
		f.Agency[strings.Clone(t.get("agency_id"))] = valid(t.get("agency_name"))
	})
}

// valid is a name of its own memory. Old feeds hold damaged accents; names must
// still be valid UTF-8.
func valid(s string) string { return strings.ToValidUTF8(strings.Clone(s), "\uFFFD") }

func (f *Feed) readRoutes(a *archive) (map[string]int32, error) {
	index := map[string]int32{}
	err := a.rows("routes.txt", false, required[1].need, func(t *table) {
		id := strings.Clone(t.get("route_id"))
		if _, dup := index[id]; dup || id == "" {
			t.skip("no id or an id twice")
			return
		}
		kind, err := strconv.Atoi(t.get("route_type"))
		mode, ok := transitMode(kind)
		if err != nil || !ok {
			t.skip("unknown route type, taken as bus")
		}
		name := t.get("route_short_name")
		if name == "" {
			name = t.get("route_long_name")
		}
		if name == "" {
			name = id
		}
		agency := t.get("agency_id")
		if n, ok := f.Agency[agency]; ok {
			agency = n
		}
		index[id] = int32(len(f.Routes))
		f.Routes = append(f.Routes, Route{ID: id, Name: valid(name), Agency: valid(agency), Mode: mode, Fare: math.NaN()})
	})
	return index, err
}

func (f *Feed) readStops(a *archive) (map[string]int32, error) {
	index := map[string]int32{}
	err := a.rows("stops.txt", false, required[0].need, func(t *table) {
		id := strings.Clone(t.get("stop_id"))
		if _, dup := index[id]; dup || id == "" {
			t.skip("no id or an id twice")
			return
		}
		kind := Platform
		if s := t.get("location_type"); s != "" {
			k, err := strconv.ParseUint(s, 10, 8)
			if err != nil || StopKind(k) > BoardingArea {
				t.skip("unknown location type, taken as stop")
				k = 0
			}
			kind = StopKind(k)
		}
		lon, lat, ok := position(t.get("stop_lon"), t.get("stop_lat"))
		switch {
		case !ok && kind >= GenericNode && t.get("stop_lat") == "" && t.get("stop_lon") == "": // may be left out
			lon, lat = 0, 0
		case !ok:
			t.skip("no valid position")
			lon, lat = 0, 0
		case lat == 0 && lon == 0: // what spreadsheets make of a blank
			t.skip("no valid position")
			ok = false
		}
		index[id] = int32(len(f.Stops))
		f.Stops = append(f.Stops, Stop{ID: id, Name: valid(t.get("stop_name")), Parent: strings.Clone(t.get("parent_station")), Lon: lon, Lat: lat, Kind: kind, located: ok})
	})
	return index, err
}

// readTrips keeps the trips of the date and of the day before. shapes numbers
// the shapes they follow.
func (f *Feed) readTrips(a *archive, routes map[string]int32, on services) (trips, shapes map[string]int32, err error) {
	trips, shapes = map[string]int32{}, map[string]int32{}
	err = a.rows("trips.txt", false, required[2].need, func(t *table) {
		f.TripsAnyDay++
		runs := on[t.get("service_id")]
		if !runs.today && !runs.before {
			return
		}
		route, ok := routes[t.get("route_id")]
		if !ok {
			t.skip("route does not exist")
			return
		}
		id := strings.Clone(t.get("trip_id"))
		if _, dup := trips[id]; dup || id == "" {
			t.skip("no id or an id twice")
			return
		}
		shape := int32(-1)
		if s := t.get("shape_id"); s != "" {
			n, ok := shapes[s]
			if !ok {
				n = int32(len(shapes))
				shapes[strings.Clone(s)] = n
			}
			shape = n
		}
		trips[id] = int32(len(f.Trips))
		f.Trips = append(f.Trips, Trip{ID: id, Route: route, Shape: shape, days: runs, line: t.line()})
	})
	return trips, shapes, err
}

func (f *Feed) readTimes(a *archive, trips, stops map[string]int32) error {
	var iTrip, iArr, iDep, iStop, iSeq, iDist int
	start := true
	return a.rows("stop_times.txt", false, required[3].need, func(t *table) {
		if start {
			start = false
			iTrip, iArr, iDep = t.index("trip_id"), t.index("arrival_time"), t.index("departure_time")
			iStop, iSeq, iDist = t.index("stop_id"), t.index("stop_sequence"), t.index("shape_dist_traveled")
		}
		trip, ok := trips[t.at(iTrip)]
		if !ok {
			return
		}
		arr, ok1 := parseTime(t.at(iArr))
		dep, ok2 := parseTime(t.at(iDep))
		if !ok1 || !ok2 {
			t.skip("time cannot be read")
			return
		}
		stop, ok := stops[t.at(iStop)]
		switch {
		case !ok:
			t.skip("stop does not exist")
			return
		case !f.Stops[stop].located:
			t.skip("stop has no position")
			return
		case f.Stops[stop].Kind != Platform:
			t.skip("calls at a station, an entrance or another place without a platform")
			return
		}
		seq, err := strconv.ParseInt(t.at(iSeq), 10, 32)
		if err != nil {
			t.skip("no sequence number")
			return
		}
		if arr == blank {
			arr = dep
		}
		if dep == blank {
			dep = arr
		}
		f.Trips[trip].Calls = append(f.Trips[trip].Calls, Call{Stop: stop, Seq: int32(seq), Arr: arr, Dep: dep, Dist: distance(t.at(iDist))})
	})
}

// position reads degrees.
func position(x, y string) (lon, lat float64, ok bool) {
	lat, err1 := strconv.ParseFloat(y, 64)
	lon, err2 := strconv.ParseFloat(x, 64)
	return lon, lat, err1 == nil && err2 == nil && math.Abs(lat) <= 90 && math.Abs(lon) <= 180
}

// distance reads shape_dist_traveled, NaN where there is none.
func distance(s string) float64 {
	if d, err := strconv.ParseFloat(s, 64); err == nil && d >= 0 && !math.IsInf(d, 0) {
		return d
	}
	return math.NaN()
}

// parseTime reads "H:MM:SS", hours beyond 24 included. An empty cell is blank.
func parseTime(s string) (units.Seconds, bool) {
	if s == "" {
		return blank, true
	}
	n, part, parts, digits := 0, 0, 0, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ':' {
			if digits == 0 || digits > 3 || parts > 0 && part > 59 {
				return 0, false
			}
			n = n*60 + part
			part, digits = 0, 0
			parts++
			continue
		}
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		part = part*10 + int(s[i]-'0')
		digits++
	}
	if parts != 3 || n > 7*daySeconds {
		return 0, false
	}
	return units.Seconds(n), true
}

// tidy sorts calls, fills blank times and drops trips that cannot be timed.
func (f *Feed) tidy() {
	fill := newFiller(f)
	out := f.Trips[:0]
	for _, t := range f.Trips {
		skip := func(reason string) { f.Skipped.add("trips.txt", reason, t.line) }
		slices.SortStableFunc(t.Calls, func(a, b Call) int { return int(a.Seq) - int(b.Seq) })
		if len(t.Calls) < 2 {
			skip("fewer than two usable stop times")
			continue
		}
		if !fill.blanks(&t) {
			skip("no time at the first or last stop")
			continue
		}
		if !monotone(t.Calls) {
			skip("times run backwards")
			continue
		}
		out = append(out, t)
	}
	f.Trips = out
	slices.SortStableFunc(f.Trips, func(a, b Trip) int { return strings.Compare(a.ID, b.ID) })
}

func monotone(c []Call) bool {
	for i := range c {
		if c[i].Dep < c[i].Arr || i > 0 && c[i].Arr < c[i-1].Dep {
			return false
		}
	}
	return true
}

// overnight keeps the trips of the date and adds the part after midnight of
// those of the day before, on the clock of the date. Their ids end in "@-1d".
func (f *Feed) overnight() {
	var out []Trip
	for _, t := range f.Trips {
		if t.days.today {
			out = append(out, t)
		}
	}
	for _, t := range f.Trips {
		if !t.days.before {
			continue
		}
		first := slices.IndexFunc(t.Calls, func(c Call) bool { return c.Dep >= daySeconds })
		if first < 0 || len(t.Calls)-first < 2 {
			continue
		}
		late := slices.Clone(t.Calls[first:])
		for i := range late {
			// A vehicle that stands at a stop over midnight has arrived before
			// the date begins.
			late[i].Arr, late[i].Dep = max(late[i].Arr-daySeconds, 0), late[i].Dep-daySeconds
		}
		out = append(out, Trip{ID: t.ID + "@-1d", Route: t.Route, Shape: t.Shape, Calls: late, days: days{before: true}, line: t.line})
		f.Overnight++
	}
	f.Trips = out
}

// Covers tells whether a feed's calendar says anything about a day.
func (f *Feed) Covers(day string) bool { return f.First <= day && day <= f.Last && f.First != "" }
