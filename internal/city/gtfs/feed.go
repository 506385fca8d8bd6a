package gtfs

import (
	"errors"
	"fmt"
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
	Trips  []Trip            // active on the date, by id
	// First and Last are the days the calendar covers, "20060102".
	First, Last string
	// Skipped counts rows that could not be used, by "file: reason".
	Skipped counter
	// Interpolated counts blank stop times that were filled in.
	Interpolated int
	// TripsAnyDay is the number of trips in the feed, whatever their date.
	TripsAnyDay int
	// FrequencyTrips is the number of trips made from frequencies.txt.
	FrequencyTrips int
	// Overnight counts trips of the day before that run past midnight: they
	// are not in Trips.
	Overnight int
}

// Route is one public line of a feed.
type Route struct {
	ID, Name, Agency string
	Mode             city.TransitMode
}

// Stop is one boarding place or station of a feed.
type Stop struct {
	ID, Name, Parent string
	Lon, Lat         float64
	located          bool
}

// Trip is one timed vehicle run.
type Trip struct {
	ID    string
	Route int32
	Calls []Call
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

// counter counts rows by "file: reason".
type counter map[string]int

func (c counter) add(file, reason string)         { c[file+": "+reason]++ }
func (c counter) addN(file, reason string, n int) { c[file+": "+reason] += n }

// Keys are the counted reasons with a count, sorted.
func (c counter) Keys() []string {
	var k []string
	for s, n := range c {
		if n > 0 {
			k = append(k, s)
		}
	}
	slices.Sort(k)
	return k
}

// Read reads the service of one date from a GTFS archive.
func Read(r io.ReaderAt, size int64, name string, date time.Time) (*Feed, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	f := &Feed{Name: name, Agency: map[string]string{}, Skipped: counter{}}
	on, first, last, err := readServices(a, date, f.Skipped)
	if err != nil {
		return nil, err
	}
	yesterday, _, _, err := readServices(a, date.AddDate(0, 0, -1), counter{})
	if err != nil {
		return nil, err
	}
	f.First, f.Last = first, last
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
	trips, night, err := f.readTrips(a, routes, on, yesterday)
	if err != nil {
		return nil, err
	}
	if err := f.readTimes(a, trips, night, stops); err != nil {
		return nil, err
	}
	f.tidy()
	if err := f.expandFrequencies(a); err != nil {
		return nil, err
	}
	return f, nil
}

// each runs f over the rows of a table; a missing optional file is no error.
func (f *Feed) each(a *archive, name string, optional bool, need []string, row func(t *table)) error {
	t, err := a.open(name, need...)
	if err != nil {
		if optional && errors.Is(err, errNoFile) {
			return nil
		}
		return err
	}
	defer t.close()
	for {
		more, err := t.next()
		if err != nil {
			return err
		}
		if !more {
			f.Skipped.addN(name, "not CSV", t.bad)
			return nil
		}
		row(t)
	}
}

func (f *Feed) readAgencies(a *archive) error {
	return f.each(a, "agency.txt", true, []string{"agency_name"}, func(t *table) {
		f.Agency[strings.Clone(t.get("agency_id"))] = strings.Clone(t.get("agency_name"))
	})
}

func (f *Feed) readRoutes(a *archive) (map[string]int32, error) {
	index := map[string]int32{}
	err := f.each(a, "routes.txt", false, []string{"route_id", "route_type"}, func(t *table) {
		id := strings.Clone(t.get("route_id"))
		if _, dup := index[id]; dup || id == "" {
			f.Skipped.add("routes.txt", "no id or an id twice")
			return
		}
		kind, err := strconv.Atoi(t.get("route_type"))
		mode, ok := transitMode(kind)
		if err != nil || !ok {
			f.Skipped.add("routes.txt", "unknown route type, taken as bus")
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
		f.Routes = append(f.Routes, Route{ID: id, Name: strings.Clone(name), Agency: strings.Clone(agency), Mode: mode})
	})
	return index, err
}

func (f *Feed) readStops(a *archive) (map[string]int32, error) {
	index := map[string]int32{}
	err := f.each(a, "stops.txt", false, []string{"stop_id", "stop_lat", "stop_lon"}, func(t *table) {
		id := strings.Clone(t.get("stop_id"))
		if _, dup := index[id]; dup || id == "" {
			f.Skipped.add("stops.txt", "no id or an id twice")
			return
		}
		lat, err1 := strconv.ParseFloat(t.get("stop_lat"), 64)
		lon, err2 := strconv.ParseFloat(t.get("stop_lon"), 64)
		ok := err1 == nil && err2 == nil && math.Abs(lat) <= 90 && math.Abs(lon) <= 180
		if !ok {
			f.Skipped.add("stops.txt", "no valid position")
			lon, lat = 0, 0
		}
		index[id] = int32(len(f.Stops))
		// Old feeds hold damaged accents; names must still be valid UTF-8.
		name := strings.ToValidUTF8(strings.Clone(t.get("stop_name")), "\uFFFD")
		f.Stops = append(f.Stops, Stop{ID: id, Name: name, Parent: strings.Clone(t.get("parent_station")), Lon: lon, Lat: lat, located: ok})
	})
	return index, err
}

// readTrips keeps the trips of the date; night is the trips of the day before.
func (f *Feed) readTrips(a *archive, routes map[string]int32, on, yesterday services) (trips map[string]int32, night map[string]bool, err error) {
	trips, night = map[string]int32{}, map[string]bool{}
	err = f.each(a, "trips.txt", false, []string{"trip_id", "route_id", "service_id"}, func(t *table) {
		f.TripsAnyDay++
		id := strings.Clone(t.get("trip_id"))
		if yesterday[t.get("service_id")] {
			night[id] = true
		}
		if !on[t.get("service_id")] {
			return
		}
		route, ok := routes[t.get("route_id")]
		if !ok {
			f.Skipped.add("trips.txt", "route does not exist")
			return
		}
		if _, dup := trips[id]; dup || id == "" {
			f.Skipped.add("trips.txt", "no id or an id twice")
			return
		}
		trips[id] = int32(len(f.Trips))
		f.Trips = append(f.Trips, Trip{ID: id, Route: route})
	})
	return trips, night, err
}

func (f *Feed) readTimes(a *archive, trips map[string]int32, night map[string]bool, stops map[string]int32) error {
	var iTrip, iArr, iDep, iStop, iSeq, iDist int
	start := true
	late := map[string]bool{}
	need := []string{"trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"}
	err := f.each(a, "stop_times.txt", false, need, func(t *table) {
		if start {
			start = false
			iTrip, iArr, iDep = t.index("trip_id"), t.index("arrival_time"), t.index("departure_time")
			iStop, iSeq, iDist = t.index("stop_id"), t.index("stop_sequence"), t.index("shape_dist_traveled")
		}
		trip, ok := trips[t.at(iTrip)]
		isNight := night[t.at(iTrip)]
		if !ok && !isNight {
			return
		}
		arr, ok1 := parseTime(t.at(iArr))
		dep, ok2 := parseTime(t.at(iDep))
		if isNight && ok2 && dep != blank && dep >= 24*3600 && !late[t.at(iTrip)] {
			late[strings.Clone(t.at(iTrip))] = true
		}
		if !ok {
			return
		}
		if !ok1 || !ok2 {
			f.Skipped.add("stop_times.txt", "time cannot be read")
			return
		}
		stop, ok := stops[t.at(iStop)]
		if !ok {
			f.Skipped.add("stop_times.txt", "stop does not exist")
			return
		}
		if !f.Stops[stop].located {
			f.Skipped.add("stop_times.txt", "stop has no position")
			return
		}
		seq, err := strconv.ParseInt(t.at(iSeq), 10, 32)
		if err != nil {
			f.Skipped.add("stop_times.txt", "no sequence number")
			return
		}
		dist := math.NaN()
		if d, err := strconv.ParseFloat(t.at(iDist), 64); err == nil && d >= 0 {
			dist = d
		}
		if arr == blank {
			arr = dep
		}
		if dep == blank {
			dep = arr
		}
		f.Trips[trip].Calls = append(f.Trips[trip].Calls, Call{Stop: stop, Seq: int32(seq), Arr: arr, Dep: dep, Dist: dist})
	})
	f.Overnight = len(late)
	return err
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
	if parts != 3 || n > 7*24*3600 {
		return 0, false
	}
	return units.Seconds(n), true
}

// tidy sorts calls, fills blank times and drops trips that cannot be timed.
func (f *Feed) tidy() {
	out := f.Trips[:0]
	for _, t := range f.Trips {
		slices.SortStableFunc(t.Calls, func(a, b Call) int { return int(a.Seq) - int(b.Seq) })
		if len(t.Calls) < 2 {
			f.Skipped.add("trips.txt", "fewer than two usable stop times")
			continue
		}
		n, ok := f.interpolate(t.Calls)
		if !ok {
			f.Skipped.add("trips.txt", "no time at the first or last stop")
			continue
		}
		f.Interpolated += n
		if !monotone(t.Calls) {
			f.Skipped.add("trips.txt", "times run backwards")
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

// interpolate fills blank times between timed calls in proportion to distance:
// shape_dist_traveled where every call of the gap has it, else straight lines
// between the stops.
func (f *Feed) interpolate(c []Call) (filled int, ok bool) {
	if c[0].Dep == blank || c[len(c)-1].Arr == blank {
		return 0, false
	}
	for i := 0; i < len(c)-1; {
		j := i + 1
		for c[j].Arr == blank {
			j++
		}
		if j > i+1 {
			along := f.distances(c[i : j+1])
			span := float64(c[j].Arr - c[i].Dep)
			for k := i + 1; k < j; k++ {
				at := c[i].Dep + units.Seconds(math.Round(span*along[k-i]))
				c[k].Arr, c[k].Dep = at, at
				filled++
			}
		}
		i = j
	}
	return filled, true
}

// distances is the share of the way covered at each call of a gap.
func (f *Feed) distances(c []Call) []float64 {
	d := make([]float64, len(c))
	given := true
	for i := range c {
		if math.IsNaN(c[i].Dist) || i > 0 && c[i].Dist < c[i-1].Dist {
			given = false
		}
	}
	for i := 1; i < len(c); i++ {
		if given {
			d[i] = c[i].Dist - c[0].Dist
			continue
		}
		a, b := &f.Stops[c[i-1].Stop], &f.Stops[c[i].Stop]
		d[i] = d[i-1] + city.DistanceM(a.Lon, a.Lat, b.Lon, b.Lat)
	}
	total := d[len(d)-1]
	for i := range d {
		if total > 0 {
			d[i] /= total
		} else {
			d[i] = float64(i) / float64(len(d)-1)
		}
	}
	return d
}

// maxFrequencyTrips bounds what frequencies.txt may expand to.
const maxFrequencyTrips = 500_000

// expandFrequencies replaces each trip of frequencies.txt by one trip per
// departure: the times of the trip are offsets from its first departure.
func (f *Feed) expandFrequencies(a *archive) error {
	type window struct {
		from, to units.Seconds
		headway  int
	}
	windows := map[string][]window{}
	total := 0
	need := []string{"trip_id", "start_time", "end_time", "headway_secs"}
	err := f.each(a, "frequencies.txt", true, need, func(t *table) {
		from, ok1 := parseTime(t.get("start_time"))
		to, ok2 := parseTime(t.get("end_time"))
		h, err := strconv.Atoi(t.get("headway_secs"))
		if !ok1 || !ok2 || from == blank || to <= from || err != nil || h < 1 {
			f.Skipped.add("frequencies.txt", "window or headway cannot be read")
			return
		}
		id := strings.Clone(t.get("trip_id"))
		windows[id] = append(windows[id], window{from, to, h})
		total += (int(to-from) + h - 1) / h
	})
	if err != nil || len(windows) == 0 {
		return err
	}
	if total > maxFrequencyTrips {
		return fmt.Errorf("gtfs: frequencies.txt: %d departures, at most %d are accepted", total, maxFrequencyTrips)
	}
	var out []Trip
	for _, t := range f.Trips {
		ws, ok := windows[t.ID]
		if !ok {
			out = append(out, t)
			continue
		}
		base := t.Calls[0].Dep
		for _, w := range ws {
			for dep := w.from; dep < w.to; dep += units.Seconds(w.headway) {
				calls := slices.Clone(t.Calls)
				for i := range calls {
					calls[i].Arr += dep - base
					calls[i].Dep += dep - base
				}
				out = append(out, Trip{ID: t.ID + "@" + clock(dep), Route: t.Route, Calls: calls})
				f.FrequencyTrips++
			}
		}
	}
	f.Trips = out
	return nil
}

func clock(s units.Seconds) string {
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
