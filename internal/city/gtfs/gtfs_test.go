package gtfs

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// feedOf zips tables given as name, content pairs.
func feedOf(t testing.TB, tables ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(tables); i += 2 {
		w, err := z.Create(tables[i])
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(tables[i+1]))
	}
	z.Close()
	return b.Bytes()
}

var tuesday = time.Date(2023, 6, 13, 0, 0, 0, 0, time.UTC)

// Four stops in a row, 0.001 degrees (111 m) apart; E lies outside the box.
const (
	stopsTxt    = "\ufeffstop_id, stop_name,stop_lat,stop_lon,parent_station\nA,Alpha,0,0.001,\nB,Beta,0,0.002,S\nC,Gamma,0,0.004,S\nD,Delta,0,0.005,\nE,Far,0,0.5,\n"
	routesTxt   = "route_id,route_short_name,route_type\nr1,1,3\nr2,2,900\nr3,3,200\n"
	calendarTxt = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n" +
		"wd,1,1,1,1,1,0,0,20230605,20230701\nsu,0,0,0,0,0,0,1,20230605,20230701\nold,1,1,1,1,1,1,1,20220101,20220201\nmon,1,0,0,0,0,0,0,20230605,20230701\n"
	timesHead = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
)

func read(t *testing.T, tables ...string) *Feed {
	t.Helper()
	b := feedOf(t, tables...)
	f, err := Read(bytes.NewReader(b), int64(len(b)), "test", tuesday)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// standard is a whole feed around given trips and times.
func standard(trips, times string, more ...string) []string {
	return append([]string{"stops.txt", stopsTxt, "routes.txt", routesTxt, "calendar.txt", calendarTxt,
		"trips.txt", "route_id,service_id,trip_id\n" + trips, "stop_times.txt", timesHead + times}, more...)
}

var box = [4]float64{0, -0.01, 0.01, 0.01}

// board prints a timetable: line, stops, then the times of each trip.
func board(tt *city.Timetable) string {
	var b strings.Builder
	for p := range tt.NumPatterns() {
		fmt.Fprintf(&b, "%s:", tt.Lines[tt.PatternLine[p]].Name)
		for _, s := range tt.StopsOf(units.PatternID(p)) {
			fmt.Fprintf(&b, " %s", tt.StopID[s])
		}
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			arr, dep := tt.Times(units.PatternID(p), units.VehicleTripID(v))
			fmt.Fprintf(&b, " |")
			for i := range arr {
				if arr[i] == dep[i] {
					fmt.Fprintf(&b, " %s", clock(arr[i]))
				} else {
					fmt.Fprintf(&b, " %s-%s", clock(arr[i]), clock(dep[i]))
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func compile(t *testing.T, feeds ...*Feed) (*city.Timetable, []city.ReportLine) {
	t.Helper()
	tt, extra, report, err := Compile(feeds, Options{BBox: box})
	if err != nil {
		t.Fatal(err)
	}
	if len(extra.Parents) != tt.NumStops() || len(tt.PatternShape) != tt.NumPatterns() {
		t.Fatalf("%d parents for %d stops, %d shapes for %d patterns", len(extra.Parents), tt.NumStops(), len(tt.PatternShape), tt.NumPatterns())
	}
	return &tt, report
}

func counted(report []city.ReportLine, what string) float64 {
	for _, r := range report {
		if r.What == what {
			return r.Count
		}
	}
	return -1
}

func TestCalendarAndExceptions(t *testing.T) {
	times := ""
	for _, id := range []string{"tue", "sun", "past", "extra", "cut"} {
		times += id + ",08:00:00,08:00:00,A,1\n" + id + ",08:05:00,08:05:00,B,2\n"
	}
	f := read(t, standard("r1,wd,tue\nr1,su,sun\nr1,old,past\nr1,add,extra\nr1,off,cut\n", times,
		"calendar_dates.txt", "service_id,date,exception_type\nadd,20230613,1\nadd,20230614,2\noff,20230613,2\n")...)
	var got []string
	for _, tr := range f.Trips {
		got = append(got, tr.ID)
	}
	if want := []string{"extra", "tue"}; !slices.Equal(got, want) {
		t.Errorf("trips of Tuesday: %v, want %v", got, want)
	}
	if !f.Covers("20230613") || f.Covers("20230702") {
		t.Errorf("the calendar covers %s to %s", f.First, f.Last)
	}
}

func TestTimesAreFilledInByDistanceAndPassMidnight(t *testing.T) {
	// A to B is one step, B to C two, C to D one: 8 minutes in all.
	tt, report := compile(t, read(t, standard("r1,wd,x\n",
		"x,23:56:00,23:56:00,A,1\nx,,,C,3\nx,,,B,2\nx,24:04:00,24:04:00,D,9\n")...))
	if d := cmp.Diff("1: A B C D | 23:56:00 23:58:00 24:02:00 24:04:00\n1: C D | 00:02:00 00:04:00\n", board(tt)); d != "" {
		t.Error(d)
	}
	if n := counted(report, "blank stop times filled in"); n != 2 {
		t.Errorf("%g filled in", n)
	}
}

func TestShapeDistanceBeatsStraightLines(t *testing.T) {
	tables := standard("r1,wd,x\n", "")
	tables[len(tables)-1] = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n" +
		"x,08:00:00,08:00:00,A,1,0\nx,,,B,2,30\nx,08:10:00,08:10:00,C,3,40\n"
	tt, _ := compile(t, read(t, tables...))
	if d := cmp.Diff("1: A B C | 08:00:00 08:07:30 08:10:00\n", board(tt)); d != "" {
		t.Error(d)
	}
}

func TestFrequenciesAreExpanded(t *testing.T) {
	tt, report := compile(t, read(t, standard("r2,wd,f\n", "f,06:00:00,06:00:00,A,1\nf,06:02:00,06:02:30,B,2\nf,06:05:00,06:05:00,C,3\n",
		"frequencies.txt", "trip_id,start_time,end_time,headway_secs,exact_times\nf,07:00:00,07:30:00,600,0\nf,08:00:00,07:00:00,600,0\n")...))
	want := "2: A B C | 07:00:00 07:02:00-07:02:30 07:05:00 | 07:10:00 07:12:00-07:12:30 07:15:00 | 07:20:00 07:22:00-07:22:30 07:25:00\n"
	if d := cmp.Diff(want, board(tt)); d != "" {
		t.Error(d)
	}
	if n := counted(report, "rows skipped"); n != 1 {
		t.Errorf("%g rows skipped, want the window that ends before it starts", n)
	}
	if tt.Lines[0].Mode != city.Tram || tt.TripCapacity[0] != 200 {
		t.Errorf("mode %v, capacity %g", tt.Lines[0].Mode, tt.TripCapacity[0])
	}
}

func TestDuplicatesClippingAndOvertaking(t *testing.T) {
	times := ""
	add := func(id string, calls ...string) {
		for i, c := range calls {
			stop, at, _ := strings.Cut(c, " ")
			times += fmt.Sprintf("%s,%s,%s,%s,%d\n", id, at, at, stop, i)
		}
	}
	add("one", "A 08:00:00", "B 08:05:00", "C 08:10:00")
	add("same", "A 08:00:00", "B 08:05:00", "C 08:10:00") // exact duplicate
	add("fast", "A 08:01:00", "B 08:03:00", "C 08:06:00") // overtakes "one"
	add("later", "A 08:20:00", "B 08:25:00", "C 08:30:00")
	add("coach", "E 07:00:00", "A 08:00:00", "E 08:20:00", "B 08:40:00", "E 09:00:00")
	add("away", "E 07:00:00", "A 08:00:00")
	tt, report := compile(t, read(t, standard("r1,wd,one\nr1,wd,same\nr1,wd,fast\nr1,wd,later\nr3,wd,coach\nr3,wd,away\n", times)...))
	want := "1: A B C | 08:00:00 08:05:00 08:10:00 | 08:20:00 08:25:00 08:30:00\n" +
		"1: A B C | 08:01:00 08:03:00 08:06:00\n" +
		"3: A B | 08:00:00 08:40:00\n"
	if d := cmp.Diff(want, board(tt)); d != "" {
		t.Error(d)
	}
	for what, want := range map[string]float64{"trips on the service date": 6, "trips outside the box": 1, "trips in the box": 5,
		"exact duplicate trips removed": 1, "trips kept": 4, "patterns split against overtaking": 1, "stops": 3} {
		if got := counted(report, what); got != want {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
}

func TestBadRowsAreCountedByReason(t *testing.T) {
	f := read(t, standard("r1,wd,good\nrX,wd,noroute\nr1,wd,single\nr1,wd,back\nr1,wd,untimed\nr1,wd,good\n",
		"good,08:00:00,08:00:00,A,1\ngood,08:01:00,08:01:00,B,2\ngood,8h,8h,C,3\ngood,08:02:00,08:02:00,Nowhere,4\ngood,08:03:00,08:03:00,D,x\n"+
			"single,08:00:00,08:00:00,A,1\nback,08:00:00,08:00:00,A,1\nback,07:00:00,07:00:00,B,2\nuntimed,,,A,1\nuntimed,08:00:00,08:00:00,B,2\n")...)
	want := map[string]int{
		"trips.txt: route does not exist": 1, "trips.txt: no id or an id twice": 1, "trips.txt: fewer than two usable stop times": 1,
		"trips.txt: times run backwards": 1, "trips.txt: no time at the first or last stop": 1,
		"stop_times.txt: time cannot be read": 1, "stop_times.txt: stop does not exist": 1, "stop_times.txt: no sequence number": 1,
	}
	got := map[string]int{}
	for _, k := range f.Skipped.Keys() {
		got[k] = f.Skipped.Count(k)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(f.Trips) != 1 || f.Trips[0].ID != "good" || len(f.Trips[0].Calls) != 2 {
		t.Errorf("trips %+v", f.Trips)
	}
}

// What is left after midnight of the trips of Monday runs on Tuesday, on
// Tuesday's clock; a vehicle that stands at a stop over midnight has arrived.
func TestTripsOfTheDayBeforeRunOnPastMidnight(t *testing.T) {
	f := read(t, standard("r1,mon,night\nr1,mon,early\nr1,mon,stands\nr2,mon,f\nr1,wd,day\nr1,su,no\n",
		"night,23:50:00,23:50:00,A,1\nnight,24:10:00,24:11:00,B,2\nnight,24:20:00,24:20:00,C,3\n"+
			"early,23:50:00,23:50:00,A,1\nearly,24:10:00,24:10:00,B,2\n"+ // nobody can board after midnight
			"stands,23:50:00,23:50:00,A,1\nstands,23:55:00,24:05:00,B,2\nstands,25:00:00,25:00:00,C,3\n"+
			"f,00:00:00,00:00:00,A,1\nf,00:05:00,00:05:00,B,2\n"+
			"day,08:00:00,08:00:00,A,1\nday,08:10:00,08:10:00,B,2\nno,24:00:00,24:00:00,A,1\nno,24:10:00,24:10:00,B,2\n",
		"frequencies.txt", "trip_id,start_time,end_time,headway_secs,exact_times\nf,23:40:00,24:20:00,1200,1\n")...)
	if f.Overnight != 3 || f.FrequencyTrips != [2]int{} {
		t.Errorf("%d overnight trips, %v trips of Tuesday from frequencies", f.Overnight, f.FrequencyTrips)
	}
	tt, report := compile(t, f)
	want := "1: A B | 08:00:00 08:10:00\n1: B C | 00:00:00-00:05:00 01:00:00\n1: B C | 00:10:00-00:11:00 00:20:00\n2: A B | 00:00:00 00:05:00\n"
	if d := cmp.Diff(want, board(tt)); d != "" {
		t.Error(d)
	}
	if n, m := counted(report, "trips of the day before in the box"), counted(report, "trips on the service date"); n != 3 || m != 1 {
		t.Errorf("%g trips of the day before, %g of the date", n, m)
	}
}

func TestFeedsThatAgreeShareStops(t *testing.T) {
	times := "x,08:00:00,08:00:00,A,1\nx,08:05:00,08:05:00,B,2\n"
	one, two := read(t, standard("r1,wd,x\n", times)...), read(t, standard("r1,wd,x\n", times)...)
	one.Name, two.Name = "one", "two"
	two.Stops[1].Lon += 0.002 // the second feed puts B 222 m away
	tt, _ := compile(t, one, two)
	if want := []string{"A", "one:B", "two:B"}; !slices.Equal(tt.StopID, want) {
		t.Errorf("stops %v, want %v", tt.StopID, want)
	}
	if len(tt.Lines) != 2 || tt.Lines[0].ID != "one:r1" || tt.Lines[1].ID != "two:r1" {
		t.Errorf("lines %+v", tt.Lines)
	}
}

func TestRouteTypes(t *testing.T) {
	for kind, want := range map[int]city.TransitMode{0: city.Tram, 1: city.Metro, 2: city.Rail, 3: city.Bus, 4: city.Ferry, 11: city.Bus,
		100: city.Rail, 109: city.Rail, 200: city.Coach, 400: city.Metro, 401: city.Metro, 700: city.Bus, 704: city.Bus, 800: city.Bus, 900: city.Tram} {
		if got, ok := transitMode(kind); got != want || !ok {
			t.Errorf("route type %d is %v, %v; want %v", kind, got, ok, want)
		}
	}
	if _, ok := transitMode(1700); ok {
		t.Error("a miscellaneous route type is known")
	}
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]units.Seconds{"8:00:00": 28800, "08:00:59": 28859, "25:01:02": 90062, "": blank} {
		if got, ok := parseTime(s); !ok || got != want {
			t.Errorf("%q is %d, %v; want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{"8:00", "8:60:00", "8:00:61", "-1:00:00", "a", "999:00:00", "8:00:00:00", "::", "99999999999:00:00"} {
		if got, ok := parseTime(s); ok {
			t.Errorf("%q is read as %d", s, got)
		}
	}
}

func TestReadRefusesBrokenFeeds(t *testing.T) {
	ok := standard("r1,wd,x\n", "x,08:00:00,08:00:00,A,1\nx,08:05:00,08:05:00,B,2\n")
	without := func(name string) []byte {
		i := slices.Index(ok, name)
		return feedOf(t, slices.Delete(slices.Clone(ok), i, i+2)...)
	}
	with := func(name, content string) []byte {
		i := slices.Index(ok, name)
		all := slices.Clone(ok)
		all[i+1] = content
		return feedOf(t, all...)
	}
	// A zip bomb: the table says that it grows to 2 GB.
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	for i := 0; i < len(ok); i += 2 {
		w, _ := z.Create(ok[i])
		w.Write([]byte(ok[i+1]))
	}
	z.CreateRaw(&zip.FileHeader{Name: "agency.txt", Method: zip.Deflate, UncompressedSize64: 2 << 30})
	z.Close()
	many := make([]string, 0, 2*maxMembers+2)
	for i := range maxMembers + 1 {
		many = append(many, fmt.Sprint(i, ".txt"), "")
	}
	for _, tc := range []struct {
		name, want string
		feed       []byte
	}{
		{"no zip", "not a zip", []byte("stop_id,stop_name\n")},
		{"truncated", "not a zip", feedOf(t, ok...)[:200]},
		{"no stops", "stops.txt", without("stops.txt")},
		{"no calendar", "calendar", without("calendar.txt")},
		{"no column", "no column route_type", with("routes.txt", "route_id\nr1\n")},
		{"bomb", "more than accepted", bomb.Bytes()},
		{"too many files", "files in the archive", feedOf(t, many...)},
		{"empty", "not a zip", nil},
		{"empty archive", "stops.txt: file is missing", feedOf(t)},
		{"all that is missing", "trips.txt: file is missing\ngtfs: stop_times.txt", feedOf(t, "stops.txt", stopsTxt, "routes.txt", routesTxt)},
		{"all columns that are missing", "no column stop_lat, stop_lon", with("stops.txt", "stop_id\nA\n")},
		{"path out of the archive", "leads out of it", feedOf(t, append(slices.Clone(ok), "../../etc/stops.txt", "x")...)},
		{"path out of the archive, for Windows", "leads out of it", feedOf(t, append(slices.Clone(ok), `..\x.txt`, "x")...)},
		{"absolute path", "leads out of it", feedOf(t, append(slices.Clone(ok), "/x.txt", "x")...)},
		{"one file twice", "stops.txt is in the archive twice", feedOf(t, append(slices.Clone(ok), "stops.txt", "x")...)},
		{"archive in an archive", "google_transit.zip", feedOf(t, "google_transit.zip", string(feedOf(t, ok...)))},
		{"a quote that is never closed", "is a quote not closed?", with("stop_times.txt", timesHead+"x,\""+strings.Repeat("08:00:00,A\n", 1<<17))},
		{"empty lines without end", "a row of more than", with("stop_times.txt", timesHead+strings.Repeat("\n", 3<<20))},
		{"many columns", "columns, at most", with("stop_times.txt", strings.Repeat("a,", maxColumns)+timesHead)},
		{"ratio", "zip bomb", with("stop_times.txt", timesHead+strings.Repeat("x,08:00:00,08:00:00,A,1\n", 1<<20))},
		{"encrypted", "is encrypted", encrypted(t, ok)},
	} {
		_, err := Read(bytes.NewReader(tc.feed), int64(len(tc.feed)), "test", tuesday)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", tc.name, err, tc.want)
		}
	}
}

// encrypted sets the flag of encryption on every file of a feed.
func encrypted(t *testing.T, tables []string) []byte {
	b := feedOf(t, tables...)
	for i := 0; ; i += 4 {
		k := bytes.Index(b[i:], []byte("PK\x01\x02"))
		if k < 0 {
			return b
		}
		i += k
		b[i+8] |= 1
	}
}

// A feed in a folder, with the shadows that Macs add, a byte order mark, CRLF,
// quotes and spaces around cells is a good feed; a stray table of the same name
// deeper down is not looked at.
func TestFeedsAsPublishersPackThem(t *testing.T) {
	f := read(t,
		"feed/", "",
		"feed/stops.txt", "\ufeffstop_id,\"stop_name\", stop_lat ,stop_lon\r\n\"A\",\"Alpha, \"\"East\"\"\",0, 0.001\r\n B ,Beta,0,0.002",
		"__MACOSX/feed/._stops.txt", "\x00\x05",
		"feed/old/stops.txt", "stop_id\nnonsense\n",
		"feed/routes.txt", "ROUTE_ID,route_type\r\nr1,3\r\n\r\n",
		"feed/trips.txt", "route_id,service_id,trip_id\r\nr1,s,x\r\n",
		"feed/stop_times.txt", timesHead+"x, 8:00:00,8:00:00,A,1\r\nx,8:05:00,8:05:00,B,2\r\n",
		"feed/calendar_dates.txt", "service_id,date,exception_type\r\ns,20230613,1\r\n",
		"feed/LICENSE", "free")
	tt, _ := compile(t, f)
	if d := cmp.Diff("r1: A B | 08:00:00 08:05:00\n", board(tt)); d != "" {
		t.Error(d)
	}
	if tt.StopName[0] != `Alpha, "East"` || len(f.Skipped.Keys()) > 0 {
		t.Errorf("stop %q, skipped %v", tt.StopName[0], f.Skipped.Keys())
	}
}

// FuzzArchive reads any bytes as a feed: an error, or a timetable that the city
// would take.
func FuzzArchive(f *testing.F) {
	ok := standard("r1,wd,x\n", "x,08:00:00,08:00:00,A,1\nx,08:05:00,08:05:00,B,2\n")
	f.Add(feedOf(f, ok...))
	f.Add(feedOf(f, append(slices.Clone(ok), "shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,0,0,1\n")...)[:900])
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		feed, err := Read(bytes.NewReader(b), int64(len(b)), "fuzz", tuesday)
		if err != nil {
			return
		}
		tt, _, _, err := Compile([]*Feed{feed}, Options{BBox: box})
		if err == nil {
			keeps(t, &tt)
		}
	})
}

// FuzzFeed edits the tables of a small feed: the result is an error or a
// timetable that keeps the promises Compile makes.
func FuzzFeed(f *testing.F) {
	f.Add(stopsTxt, "r1,wd,x\nr2,wd,f\n", "x,08:00:00,08:00:00,A,1\nx,,,B,2\nx,08:05:00,08:05:00,C,3\nf,1:00:00,1:00:00,A,1\nf,1:09:00,1:09:00,D,2\n", "f,07:00:00,07:30:00,600,0\n")
	f.Add("stop_id,stop_lat,stop_lon\nA,1e300,\"0\n", "r1,wd,x\n", "x,24:00:00,0:00:00,A,-1\n\"", "x,0:00:00,999:00:00,1,0\n")
	f.Fuzz(func(t *testing.T, stops, trips, times, freq string) {
		tables := standard(trips, times, "frequencies.txt", "trip_id,start_time,end_time,headway_secs,exact_times\n"+freq)
		tables[1] = stops
		b := feedOf(t, tables...)
		feed, err := Read(bytes.NewReader(b), int64(len(b)), "fuzz", tuesday)
		if err != nil {
			return
		}
		tt, _, _, err := Compile([]*Feed{feed}, Options{BBox: box})
		if err != nil {
			return
		}
		keeps(t, &tt)
	})
}

// keeps checks what Compile promises about times.
func keeps(t *testing.T, tt *city.Timetable) {
	t.Helper()
	for p := range tt.NumPatterns() {
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			arr, dep := tt.Times(units.PatternID(p), units.VehicleTripID(v))
			for i := range arr {
				if arr[i] < 0 || dep[i] < arr[i] || i > 0 && arr[i] < dep[i-1] {
					t.Fatalf("trip %s runs backwards: %v %v", tt.TripID[v], arr, dep)
				}
			}
			if v > tt.PatternTrips[p] {
				before, _ := tt.Times(units.PatternID(p), units.VehicleTripID(v-1))
				for i := range arr {
					if arr[i] < before[i] {
						t.Fatalf("trip %s overtakes %s", tt.TripID[v], tt.TripID[v-1])
					}
				}
			}
		}
	}
}

// FuzzExtras edits the tables that tell of ways: shapes, transfers, pathways,
// stations and fares.
func FuzzExtras(f *testing.F) {
	f.Add("s,0,0.001,1,0\ns,0.0001,0.003,2,\ns,0,0.006,3,\n", "A,C,2,300\nB,B,3,\nS,D,0,\n", "p,A,E,1,1,30,,\nq,E,B,4,0,,,20\n", "C,0,0.004,0,S\nE,0,0.003,2,S\nS,0,0.004,1,\n", "k,2.5\n", "k,r1,\n")
	f.Add("s,91,0,x,-1\ns,0,1e309,1,\n", "A,B,5,\nA,B,2,-1\n", "p,S,A,1,1,,,\np,A,A,1,1,nan,,\n", "C,,,4,A\n", "k,-1\n", "k,r1,z\n")
	f.Fuzz(func(t *testing.T, shapes, transfers, pathways, stops, fares, rules string) {
		b := feedOf(t, "stops.txt", "stop_id,stop_lat,stop_lon,location_type,parent_station\nA,0,0.001,0,S\nB,0,0.002,0,S\n"+stops,
			"routes.txt", routesTxt, "calendar.txt", calendarTxt, "trips.txt", "route_id,service_id,trip_id,shape_id\nr1,wd,x,s\nr1,wd,y,s\n",
			"stop_times.txt", timesHead+"x,08:00:00,08:00:00,A,1\nx,,,B,2\nx,08:09:00,08:09:00,C,3\ny,09:00:00,09:00:00,C,1\ny,09:09:00,09:09:00,A,2\n",
			"shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n"+shapes,
			"transfers.txt", "from_stop_id,to_stop_id,transfer_type,min_transfer_time\n"+transfers,
			"pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,traversal_time,length,stair_count\n"+pathways,
			"fare_attributes.txt", "fare_id,price\n"+fares, "fare_rules.txt", "fare_id,route_id,origin_id\n"+rules)
		feed, err := Read(bytes.NewReader(b), int64(len(b)), "fuzz", tuesday)
		if err != nil {
			return
		}
		opt := Options{BBox: box}
		opt.FeedFare[city.Bus] = true
		tt, extra, _, err := Compile([]*Feed{feed}, opt)
		if err != nil {
			return
		}
		keeps(t, &tt)
		for p := range units.PatternID(tt.NumPatterns()) {
			lon, _ := tt.Shape(p)
			at := tt.ShapeM[tt.PatternStops[p]:tt.PatternStops[p+1]]
			if lon != nil && len(lon) < 2 || !slices.IsSorted(at) || (lon == nil) != (at[len(at)-1] == 0) {
				t.Fatalf("pattern %d: shape %v, stops at %v", p, lon, at)
			}
		}
		for _, w := range extra.Inner {
			if !(w.S >= 0 && w.S <= maxTransferS) || int(w.From) >= tt.NumStops() || int(w.To) >= tt.NumStops() {
				t.Fatalf("way %+v", w)
			}
		}
	})
}
