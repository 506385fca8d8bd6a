package testcity

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Trip is one timed vehicle run along a pattern.
type Trip struct {
	Capacity float32 // persons; zero means that of a bus
	Arr, Dep []units.Seconds
}

func emptyTimetable() city.Timetable {
	return city.Timetable{
		PatternStops: []uint32{0}, PatternTrips: []uint32{0}, TimeFirst: []uint32{0}, TransferFirst: []uint32{0},
	}
}

// AddPattern appends a pattern and its trips, which must be in order of time.
// Existing ids keep their meaning. It panics on a trip that runs backwards in
// time or overtakes the one before.
func AddPattern(t *city.Timetable, line units.LineID, stops []units.StopID, trips []Trip) units.PatternID {
	p := units.PatternID(t.NumPatterns())
	if len(stops) < 2 {
		panic(fmt.Sprintf("testcity: pattern %d has %d stops", p, len(stops)))
	}
	for v, trip := range trips {
		if len(trip.Arr) != len(stops) || len(trip.Dep) != len(stops) {
			panic(fmt.Sprintf("testcity: %d arrivals, %d departures at %d stops", len(trip.Arr), len(trip.Dep), len(stops)))
		}
		for i := range stops {
			if trip.Dep[i] < trip.Arr[i] || i > 0 && trip.Arr[i] < trip.Dep[i-1] {
				panic(fmt.Sprintf("testcity: trip %d of pattern %d runs backwards: arrivals %v, departures %v", v, p, trip.Arr, trip.Dep))
			}
			if v > 0 && (trip.Arr[i] < trips[v-1].Arr[i] || trip.Dep[i] < trips[v-1].Dep[i]) {
				panic(fmt.Sprintf("testcity: trip %d of pattern %d overtakes: %v after %v", v, p, trip.Arr, trips[v-1].Arr))
			}
		}
		if trip.Capacity == 0 {
			trip.Capacity = VehicleCapacity(city.Bus)
		}
		t.TripID = append(t.TripID, fmt.Sprintf("%s.%d.%d", t.Lines[line].ID, p, v))
		t.TripCapacity = append(t.TripCapacity, trip.Capacity)
		t.Arr = append(t.Arr, trip.Arr...)
		t.Dep = append(t.Dep, trip.Dep...)
	}
	t.PatternLine = append(t.PatternLine, line)
	t.Stop = append(t.Stop, stops...)
	t.PatternStops = append(t.PatternStops, uint32(len(t.Stop)))
	t.PatternTrips = append(t.PatternTrips, uint32(len(t.TripID)))
	t.TimeFirst = append(t.TimeFirst, uint32(len(t.Arr)))
	return p
}

// ParseTimetable reads a timetable drawn as text, for tests:
//
//	stop A B C D        # stops in order of id
//	walk B D 65         # a footpath in metres, both ways
//	line 8  A B C       # a line and its stops; the same name again is
//	  8:00 8:05 8:10    #   another pattern of that line; a row per trip,
//	  9:00 9:05/9:06 9:10  # arrival/departure where they differ
//
// Times are H:MM or H:MM:SS and may exceed 24 h. Everything after # is a
// comment. It panics on text it cannot read: the text is part of the test.
// Stops have no position and stand on no street.
func ParseTimetable(text string) *city.Timetable {
	t := emptyTimetable()
	r := reader{t: &t, stops: map[string]units.StopID{}, lines: map[string]units.LineID{}}
	for i, row := range strings.Split(text, "\n") {
		row, _, _ = strings.Cut(row, "#")
		if words := strings.Fields(row); len(words) > 0 {
			r.at = fmt.Sprintf("line %d %q", i+1, row)
			r.read(words)
		}
	}
	r.endPattern()
	t.TransferFirst = t.TransferFirst[:1]
	for s := range t.StopID {
		for _, w := range r.walks {
			if w.from == units.StopID(s) {
				t.TransferTo, t.TransferM = append(t.TransferTo, w.to), append(t.TransferM, w.metres)
			}
		}
		t.TransferFirst = append(t.TransferFirst, uint32(len(t.TransferTo)))
	}
	return &t
}

type walk struct {
	from, to units.StopID
	metres   float32
}

type reader struct {
	t       *city.Timetable
	stops   map[string]units.StopID
	lines   map[string]units.LineID
	walks   []walk
	at      string // where in the text, for messages
	line    units.LineID
	pattern []units.StopID
	trips   []Trip
}

func (r *reader) read(words []string) {
	t := r.t
	switch words[0] {
	case "stop":
		for _, name := range words[1:] {
			r.stops[name] = units.StopID(t.NumStops())
			t.StopID, t.StopName = append(t.StopID, name), append(t.StopName, name)
			t.StopLon, t.StopLat = append(t.StopLon, centreLon), append(t.StopLat, centreLat)
			t.StopNode, t.StopWalkM = append(t.StopNode, units.NoNode), append(t.StopWalkM, 0)
			t.StopGroup = append(t.StopGroup, uint32(len(t.StopGroup)))
		}
	case "walk":
		m, err := strconv.ParseFloat(words[3], 32)
		if err != nil {
			panic("testcity: " + r.at + ": " + err.Error())
		}
		a, b := r.stop(words[1]), r.stop(words[2])
		r.walks = append(r.walks, walk{a, b, float32(m)}, walk{b, a, float32(m)})
	case "line":
		r.endPattern()
		id, ok := r.lines[words[1]]
		if !ok {
			id = units.LineID(len(t.Lines))
			r.lines[words[1]] = id
			t.Lines = append(t.Lines, city.Line{ID: words[1], Name: words[1], Fare: 2})
		}
		r.line = id
		for _, name := range words[2:] {
			r.pattern = append(r.pattern, r.stop(name))
		}
	default:
		var trip Trip
		for _, w := range words {
			arr, dep, two := strings.Cut(w, "/")
			if !two {
				dep = arr
			}
			trip.Arr, trip.Dep = append(trip.Arr, r.clock(arr)), append(trip.Dep, r.clock(dep))
		}
		r.trips = append(r.trips, trip)
	}
}

func (r *reader) endPattern() {
	if r.pattern != nil {
		AddPattern(r.t, r.line, r.pattern, r.trips)
	}
	r.pattern, r.trips = nil, nil
}

func (r *reader) stop(name string) units.StopID {
	s, ok := r.stops[name]
	if !ok {
		panic("testcity: " + r.at + ": unknown stop " + name)
	}
	return s
}

func (r *reader) clock(text string) units.Seconds {
	s, err := ParseClock(text)
	if err != nil {
		panic("testcity: " + r.at + ": " + err.Error())
	}
	return s
}

// ParseClock reads H:MM or H:MM:SS.
func ParseClock(text string) (units.Seconds, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, fmt.Errorf("%q is not a time of day", text)
	}
	total, unit := 0, 3600
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 || i > 0 && v > 59 {
			return 0, fmt.Errorf("%q is not a time of day", text)
		}
		total, unit = total+v*unit, unit/60
	}
	return units.Seconds(total), nil
}

// Clock prints a clock time as H:MM, or H:MM:SS when there are seconds.
func Clock(s units.Seconds) string {
	if s%60 == 0 {
		return fmt.Sprintf("%d:%02d", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
