package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// drawnLine is a timetable as text in a town whose stops A to F stand in a row.
func drawnLine(text string) *city.City {
	c := testcity.Grid(testcity.Options{N: 7, LineEvery: -1})
	tt := testcity.ParseTimetable("stop A B C D E F\n" + text)
	for s := range tt.StopID {
		node := testcity.NodeAt(c, s, 3)
		tt.StopNode[s] = node
		tt.StopLon[s], tt.StopLat[s] = c.Net.NodeLon[node], c.Net.NodeLat[node]
	}
	c.Timetable = *tt
	return c
}

// table writes the trips of a city pattern by pattern as they are drawn.
func table(c *city.City) string {
	tt := &c.Timetable
	var b strings.Builder
	for p := range units.PatternID(tt.NumPatterns()) {
		b.WriteString(tt.Lines[tt.PatternLine[p]].ID)
		for _, s := range tt.StopsOf(p) {
			b.WriteString(" " + tt.StopID[s])
		}
		b.WriteString(":")
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			arr, dep := tt.Times(p, units.VehicleTripID(v))
			b.WriteString(" |")
			for i := range arr {
				b.WriteString(" " + testcity.Clock(arr[i]))
				if dep[i] != arr[i] {
					b.WriteString("/" + testcity.Clock(dep[i]))
				}
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestChangedHeadways(t *testing.T) {
	for _, x := range []struct{ name, timetable, change, want, what string }{
		{"thinned within a window, kept outside", `
			line 8 A B
			  7:50 7:56
			  8:00 8:06
			  8:10 8:17
			  8:20 8:26
			  8:30 8:36
			line 8 B A
			  7:55 8:01
			  8:05 8:11
			  8:15 8:21
			  8:25 8:31
			  8:35 8:41`, `"headways":[{"from":"8:00","to":"8:30","every_min":15}]`,
			"8 A B: | 7:50 7:56 | 8:00 8:06 | 8:15 8:22 | 8:30 8:36\n8 B A: | 7:55 8:01 | 8:05 8:11 | 8:20 8:26 | 8:35 8:41\n",
			"every 15 minutes instead of 10 from 08:00 to 08:30"},
		{"thickened: 8:15 keeps its minute, 8:00 is 3 steps back", `
			line 8 A B
			  8:15 8:20
			  8:45 8:51`, `"headways":[{"from":"8:00","to":"9:00","every_min":5}]`,
			"8 A B: | 8:00 8:05 | 8:05 8:10 | 8:10 8:15 | 8:15 8:20 | 8:20 8:25 | 8:25 8:30 | 8:30 8:35 | 8:35 8:41 | 8:40 8:46 | 8:45 8:51 | 8:50 8:56 | 8:55 9:01\n",
			"every 5 minutes instead of 30 from 08:00 to 09:00"},
		{"two ways of a line share two to one, evenly", `
			line 8 A B C
			  8:00 8:03 8:06
			  8:10 8:13 8:16
			  8:30 8:33 8:36
			  8:40 8:43 8:46
			line 8 A B D
			  8:20 8:23 8:29
			  8:50 8:53 8:59`, `"headways":[{"from":"8:00","to":"9:00","every_min":20}]`,
			"8 A B C: | 8:00 8:03 8:06 | 8:40 8:43 8:46\n8 A B D: | 8:20 8:23 8:29\n",
			"every 20 minutes instead of 10 from 08:00 to 09:00"},
		{"nobody overtakes, nobody who stays is held up", `
			line 8 A B C
			  7:59 8:20/8:21 8:40
			  8:00 8:25 8:45
			  8:20 8:26 8:46
			  8:30 8:31 8:47`, `"headways":[{"from":"8:00","to":"8:30","every_min":8}]`,
			// The way of 8:00 takes 45 min, that of 8:20 26: 8:16 and 8:24 follow
			// 8:20, and 8:08 must not be in the way of 8:30, which reaches B at 8:31.
			"8 A B C: | 7:59 8:20/8:21 8:40 | 8:00 8:25 8:45 | 8:08 8:31 8:47 | 8:16 8:31 8:47 | 8:24 8:31 8:47 | 8:30 8:31 8:47\n",
			"every 8 minutes instead of 20 from 08:00 to 08:30"},
		{"as it is, in one direction at that headway", `
			line 8 A B
			  8:03 8:05
			  8:13 8:15
			line 8 B A
			  8:04 8:06
			  8:15 8:17`, `"headways":[{"from":"8:00","to":"8:20","every_min":10}]`,
			"8 A B: | 8:03 8:05 | 8:13 8:15\n8 B A: | 8:04 8:06 | 8:14 8:16\n",
			"every 10 minutes instead of about 10 from 08:00 to 08:20"},
		{"longer hours, in both directions; one way stays one way", `
			line 8 A B
			  7:00 7:05
			  8:00 8:05
			line 8 B A
			  7:10 7:16`, `"headways":[{"from":"7:30","to":"8:30","every_min":20},{"from":"21:00","to":"21:30","every_min":15}]`,
			"8 A B: | 7:00 7:05 | 7:40 7:45 | 8:00 8:05 | 8:20 8:25 | 21:00 21:05 | 21:15 21:20\n8 B A: | 7:10 7:16 | 21:00 21:06 | 21:15 21:21\n",
			"every 20 minutes instead of about 60 from 07:30 to 08:30, every 15 minutes from 21:00 to 21:30, when it does not leave today"},
		{"removed, another line stays", `
			line 8 A B
			  7:00 7:05
			line 9 A B C
			  8:00 8:05 8:10
			line 8 B A
			  7:10 7:16`, `"remove":true`,
			"8 A B:\n9 A B C: | 8:00 8:05 8:10\n8 B A:\n", "no longer runs"},
	} {
		c := drawnLine(x.timetable)
		before := table(c)
		p := apply1(t, c, `{"city":"testcity","modifications":[{"type":"change_line","line":"8",`+x.change+`}]}`)
		if d := cmp.Diff(x.want, table(p.City)); d != "" {
			t.Errorf("%s: %s", x.name, d)
		}
		if l := p.LineChanges[0]; l.What != x.what || l.Title != "Bus 8 "+x.what || l.Name != "Bus 8" || l.ID != "8" {
			t.Errorf("%s: told as %+v", x.name, l)
		}
		if table(c) != before {
			t.Errorf("%s: the base was changed", x.name)
		}
	}
}

// A line of the grid leaves every 10 minutes from 05:00 until 23:00, both ways.
// At 5 it has twice as many departures between 08:00 and 10:00, at 20 half; at
// 10 its city is the base, byte for byte; others keep every trip.
func TestHalvingAndDoublingAHeadway(t *testing.T) {
	c := grid()
	for _, x := range []struct {
		every float64
		want  int
	}{{5, 48}, {20, 12}, {10, 24}} {
		p := apply1(t, c, fmt.Sprintf(`{"city":"testcity","modifications":[{"type":"change_line","line":"L2","headways":[{"from":"08:00","to":"10:00","every_min":%g}]}]}`, x.every))
		tt := &p.City.Timetable
		for l := range tt.Lines {
			within := callsWithin(tt, runs(tt, units.LineID(l)), 8*3600, 10*3600)
			all := callsWithin(tt, runs(tt, units.LineID(l)), 0, units.Never)
			want := 24
			if l == 1 {
				want = x.want
			}
			if len(within) != want || len(all) != 2*109-24+want {
				t.Errorf("every %g min: line %d leaves %d times in the window, %d a day; want %d", x.every, l, len(within), len(all), want)
			}
		}
		if same := fingerprint(t, p.City) == fingerprint(t, c); same != (x.every == 10) {
			t.Errorf("every %g min: the same city: %v", x.every, same)
		}
	}
}

// A removed line and a new one of the same stops, beside one another.
func TestRemoveAndBuildAnew(t *testing.T) {
	c := grid()
	n := c.Timetable.NumTrips()
	p := apply1(t, c, `{"city":"testcity","modifications":[{"type":"new_line","mode":"bus","stops":["r0-4","r20-4"]},{"type":"change_line","line":"L1","remove":true},
		{"type":"change_line","line":"bus 2","headways":[{"from":"05:00","to":"24:00","every_min":10}]}]}`)
	tt := &p.City.Timetable
	if got := len(callsWithin(tt, runs(tt, 0), 0, units.Never)); got != 0 || len(p.Lines) != 1 {
		t.Errorf("the removed line leaves %d times, %d new lines", got, len(p.Lines))
	}
	// 109 departures each way were removed. The new line leaves every 10 minutes
	// from 05:00 until before 24:00, 114 times each way, and line 2 as long.
	if want := n - 2*109 + 2*114 + 2*5; tt.NumTrips() != want || len(runs(tt, p.Lines[0].Line)) != 2 {
		t.Errorf("%d trips, want %d", tt.NumTrips(), want)
	}
}

func TestLinesAreFoundOrNamed(t *testing.T) {
	c := grid()
	lines := c.Timetable.Lines
	lines[0].Name, lines[1].Name, lines[1].Mode = "31", "31", city.Tram
	lines[2].Name, lines[3].Name, lines[3].Agency = "X9", "x9", ""
	lines[4].ID = "31A"
	change := func(line string) string {
		return fmt.Sprintf(`{"type":"change_line","line":%q,"remove":true}`, line)
	}
	for query, want := range map[string]string{"L1": "L1", "bus 31": "L1", " TRAM 31": "L2", "31A": "31A", "Bus 6": "L6", "bus6": ""} {
		cfg, ps := Merge(parse(t, `{"city":"testcity","modifications":[`+change(query)+`]}`), c, spec.DefaultLimits(), "test")
		if want == "" {
			if len(ps) != 1 || !slices.Contains(ps[0].Valid, "Bus 6") {
				t.Errorf("%q: %v", query, ps)
			}
			continue
		}
		if len(ps) > 0 || cfg.Modifications[0].Line != want {
			t.Errorf("%q is not %s: %v", query, want, ps)
		}
	}
	_, ps := Merge(parse(t, `{"city":"testcity","modifications":[`+strings.Join([]string{change("31"), change("x9"), change("nowhere"), change(""),
		`{"type":"change_line","line":"L6"}`,
		`{"type":"change_line","line":"L6","remove":true,"headways":[{"from":"9","to":"10:00","every_min":0}],"speed_kmh":30,"stops":["r0-4","r2-4"]}`}, ",")+`]}`), c, spec.DefaultLimits(), "test")
	var got []string
	for _, p := range ps {
		got = append(got, p.Path+": "+p.Message+" ["+strings.Join(p.Valid, "; ")+"]")
	}
	if d := cmp.Diff([]string{
		`modifications[0].line: 2 lines are called "31": name one by its route id, or by mode and name where that tells them apart [L1 (Bus 31, Test Transit); L2 (Tram 31, Test Transit)]`,
		`modifications[1].line: 2 lines are called "x9": name one by its route id, or by mode and name where that tells them apart [L3 (Bus X9, Test Transit); L4 (Bus x9)]`,
		`modifications[2].line: no line "nowhere" in Test City [a route id or name of a line of Test City, such as Bus 31, Tram 31, Bus X9]`,
		`modifications[3].line: the line is missing [a route id or name of a line of Test City, such as Bus 31, Tram 31, Bus X9]`,
		`modifications[4]: nothing of the line is changed ["remove": true; "headways": [{"from": "07:00", "to": "09:00", "every_min": 10}]]`,
		`modifications[5].stops: change_line does not use stops in this version: it gives a line other headways or removes it [line; headways; remove]`,
		`modifications[5].speed_kmh: change_line does not use speed_kmh in this version: it gives a line other headways or removes it [line; headways; remove]`,
		`modifications[5].headways[0].from: "9" is not a time of day [HH:MM]`,
		`modifications[5].headways[0].every_min: 0 is out of range [1 to 1440]`,
		`modifications[5].remove: a line that is removed has no headways [remove; headways]`,
		`modifications[5].line: Bus 6 is changed twice [one change with all its headways]`,
	}, got); d != "" {
		t.Errorf("problems: %s", d)
	}
}

// Any headways of any drawn line leave a sound timetable, the departures that
// were asked for and no others, and the trips outside as they were.
func TestAnyHeadwaysAreSound(tb *testing.T) {
	rapid.Check(tb, func(t *rapid.T) {
		c := testcity.Grid(testcity.Options{N: 7, LineEvery: -1})
		tt := testcity.ParseTimetable("stop A B C D E F")
		for s := range tt.StopID {
			tt.StopNode[s] = 0
		}
		tt.Lines = []city.Line{{ID: "x", Name: "x"}}
		for range rapid.IntRange(1, 5).Draw(t, "patterns") {
			stops := rapid.Permutation([]units.StopID{0, 1, 2, 3, 4, 5}).Draw(t, "stops")[:rapid.IntRange(2, 6).Draw(t, "calls")]
			var trips []testcity.Trip
			for range rapid.IntRange(1, 8).Draw(t, "trips") {
				at := units.Seconds(rapid.IntRange(0, 4*3600).Draw(t, "at"))
				var trip testcity.Trip
				for range stops {
					trip.Arr = append(trip.Arr, at)
					at += units.Seconds(rapid.IntRange(0, 90).Draw(t, "dwell"))
					trip.Dep = append(trip.Dep, at)
					at += units.Seconds(rapid.IntRange(0, 900).Draw(t, "run"))
				}
				trips = append(trips, trip)
			}
			slices.SortFunc(trips, func(a, b testcity.Trip) int { return int(a.Dep[0] - b.Dep[0]) })
			for v := 1; v < len(trips); v++ {
				for i := range stops {
					trips[v].Arr[i] = max(trips[v].Arr[i], trips[v-1].Arr[i])
					trips[v].Dep[i] = max(trips[v].Dep[i], trips[v-1].Dep[i])
				}
			}
			testcity.AddPattern(tt, 0, stops, trips)
		}
		c.Timetable = *tt
		from, hours := rapid.IntRange(0, 3).Draw(t, "from"), rapid.IntRange(1, 3).Draw(t, "hours")
		every := rapid.SampledFrom([]float64{1, 1.7, 10, 45, 500}).Draw(t, "every")
		p, ps := Apply(c, merge(tb, c, fmt.Sprintf(`{"city":"testcity","modifications":[{"type":"change_line","line":"x","headways":[{"from":"%02d:00","to":"%02d:00","every_min":%g}]}]}`, from, from+hours, every)))
		if len(ps) > 0 {
			t.Fatal(ps)
		}
		if err := p.City.Validate(); err != nil {
			t.Fatal(err)
		}
		got := &p.City.Timetable
		lo, hi := units.Seconds(from*3600), units.Seconds((from+hours)*3600)
		dirs := directionsOf(tt, runs(tt, 0))
		served := len(callsWithin(tt, runs(tt, 0), lo, hi)) > 0
		for _, dir := range dirs {
			calls := callsWithin(got, dir, lo, hi)
			if had := callsWithin(tt, dir, lo, hi); (len(calls) > 0) != (len(had) > 0 || !served) {
				t.Fatalf("%d departures, %d before", len(calls), len(had))
			}
			for i := 1; i < len(calls); i++ {
				if gap := float64(calls[i].dep-calls[i-1].dep) - every*60; gap < -1 || gap > 1 {
					t.Fatalf("a gap of %d s at %g minutes", calls[i].dep-calls[i-1].dep, every)
				}
			}
			if len(calls) > 0 && hi-calls[len(calls)-1].dep > units.Seconds(every*60)+1 {
				t.Fatalf("the last leaves at %s", Clock(calls[len(calls)-1].dep))
			}
		}
		outside := func(t *city.Timetable) (ids []string) {
			for q := range units.PatternID(t.NumPatterns()) {
				for v := t.PatternTrips[q]; v < t.PatternTrips[q+1]; v++ {
					if arr, dep := t.Times(q, units.VehicleTripID(v)); dep[0] < lo || dep[0] >= hi {
						ids = append(ids, fmt.Sprint(t.TripID[v], arr, dep, t.TripCapacity[v]))
					}
				}
			}
			return ids
		}
		if d := cmp.Diff(outside(tt), outside(got)); d != "" {
			t.Fatalf("outside the window: %s", d)
		}
	})
}
