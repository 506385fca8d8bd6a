package build

import (
	"archive/zip"
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
)

// What is derived of the shipped cities from their files alone, held against
// their READMEs: the box within half a kilometre or larger, the country, the
// zone, a date with as many trips as the recommended one, the hours.
func TestDeriveTheShippedCities(t *testing.T) {
	for _, tc := range []struct {
		slug, country, zone, homes string
		window                     [2]string
		trips                      float64 // in the box on the recommended date
	}{
		{"newport", "GB", "Europe/London", "buildings", [2]string{"06:00", "22:00"}, 995},
		{"heidelberg", "DE", "Europe/Berlin", "streets", [2]string{"05:00", "24:00"}, 2610},
		{"porto-alegre", "BR", "America/Sao_Paulo", "streets", [2]string{"12:00", "16:00"}, 2639},
		// Each pattern runs four hours from its first departure, some past ten.
		{"london-camden", "GB", "Europe/London", "buildings", [2]string{"06:00", "11:00"}, 5740},
	} {
		t.Run(tc.slug, func(t *testing.T) {
			ready := load(t, tc.slug)
			fsys := os.DirFS(filepath.Join(citiesDir, tc.slug))
			raw, err := os.ReadFile(filepath.Join(citiesDir, tc.slug, ConfigFile))
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := parseConfig(raw)
			if err != nil {
				t.Fatal(err)
			}
			b := &builder{fsys: fsys, slug: tc.slug, archives: map[string][]byte{},
				inputs: &Inputs{OSM: cfg.Files.OSM, GTFS: cfg.Files.GTFS, Population: cfg.Files.Population, Jobs: cfg.Files.Jobs}}
			for _, step := range []func() error{b.readConfig, b.readMap, b.readCounts, b.readArchives, b.sources, b.readTimetables} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			c := b.cfg
			if c.Country != tc.country || c.TimeZone != tc.zone || c.Places.Homes != tc.homes {
				t.Errorf("%s, %s, homes by %s", c.Country, c.TimeZone, c.Places.Homes)
			}
			if c.ServiceWindow != tc.window {
				t.Errorf("window %v, want %v", c.ServiceWindow, tc.window)
			}
			const side = 0.006 // degrees, about half a kilometre
			box := ready.Info.BBox
			for i := range 4 {
				in := (c.BBox[i] - box[i]) * []float64{1, 1, -1, -1}[i] // positive: cuts off
				if in > side {
					t.Errorf("box %v cuts off more than half a kilometre of %v", c.BBox, box)
				}
			}
			day, _ := time.Parse("2006-01-02", c.ServiceDate)
			if w := day.Weekday(); w < time.Tuesday || w > time.Thursday {
				t.Errorf("%s is a %v", c.ServiceDate, w)
			}
			trips := 0.0
			for _, l := range b.table {
				if l.What == "trips in the box" {
					trips = l.Count
				}
			}
			if trips < 0.97*tc.trips {
				t.Errorf("%g trips on %s, %g on the recommended date", trips, c.ServiceDate, tc.trips)
			}
			if len(c.Default.Stops) < 2 || !strings.HasPrefix(c.Default.Name, "Tram ") {
				t.Errorf("what-if %+v", c.Default)
			}
			if cfg.Files.Population != "" && b.people.counts && math.Abs(c.Population.Value-ready.Info.Population.Value) > 0.02*ready.Info.Population.Value {
				t.Errorf("%g residents, want about %g", c.Population.Value, ready.Info.Population.Value)
			}
		})
	}
}

// A town of four streets around a square, its houses and shop.
const townOSM = `<osm version="0.6">
<node id="1" lat="50" lon="8"/><node id="2" lat="50" lon="8.02"/><node id="3" lat="50.01" lon="8.02"/><node id="4" lat="50.01" lon="8"/>
<node id="5" lat="50.002" lon="8.004"><tag k="place" v="town"/><tag k="name" v="Kleinstadt"/></node>
<node id="6" lat="50.0001" lon="8.0195"><tag k="shop" v="supermarket"/></node>
<node id="7" lat="50.0099" lon="8.0005"><tag k="amenity" v="restaurant"/></node>
<node id="8" lat="50.0001" lon="8.0005"><tag k="amenity" v="school"/></node>
<way id="11"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
<way id="12"><nd ref="2"/><nd ref="3"/><tag k="highway" v="residential"/></way>
<way id="13"><nd ref="3"/><nd ref="4"/><tag k="highway" v="residential"/></way>
<way id="14"><nd ref="4"/><nd ref="1"/><tag k="highway" v="secondary"/></way>
ADDRESS</osm>`

func zipped(t testing.TB, tables ...string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(tables); i += 2 {
		w, err := z.Create(tables[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(tables[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func town(t testing.TB, address string) fstest.MapFS {
	return fstest.MapFS{
		"town.osm": {Data: []byte(strings.Replace(townOSM, "ADDRESS", address, 1))},
		"bus.zip": zipped(t, "agency.txt", "agency_name,agency_timezone,agency_url\nStadtbus \"Nord\",Europe/Vienna,x\n",
			"stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Markt,50,8\nb,Tor: #1,50.01,8.02\n",
			"routes.txt", "route_id,route_short_name,route_type\n1,1,3\n",
			"calendar.txt", "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nw,1,1,1,1,1,0,0,20240401,20240430\n",
			"trips.txt", "route_id,service_id,trip_id\n1,w,x\n",
			"stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nx,08:00:00,08:00:00,a,1\nx,08:10:00,08:10:00,b,2\n",
			"frequencies.txt", "trip_id,start_time,end_time,headway_secs\nx,06:00:00,20:00:00,600\n"),
		"people.csv": {Data: []byte("lon;lat;population\n8,01;50,0;300,5\n8,01;50,01;99,5\n9;9;1000\n;;\n")},
	}
}

// A city derived from its files, and the same city compiled from the derived
// city.yaml beside them, are one: digest and pack.
func TestDerivedConfigGivesTheSameCity(t *testing.T) {
	fsys := town(t, "")
	r, err := Compile(fsys, Options{Slug: "klein-stadt", Inputs: &Inputs{OSM: "town.osm", GTFS: []string{"bus.zip"}, Population: "people.csv"}})
	if err != nil {
		t.Fatal(err)
	}
	i := r.City.Info
	if i.Name != "Kleinstadt" || i.Country != "AT" || i.TimeZone != "Europe/Vienna" || i.ServiceDate != "2024-04-16" || i.Population.Value != 400 || i.Population.Assumed || !i.ModeShareAssumed {
		t.Errorf("%+v", i)
	}
	if i.ServiceFrom != 6*3600 || i.ServiceTo != 20*3600 {
		t.Errorf("window %d to %d", i.ServiceFrom, i.ServiceTo)
	}
	if len(i.DefaultStops) != 0 { // 1.8 km apart
		t.Errorf("what-if %v", i.DefaultStops)
	}
	fsys[ConfigFile] = &fstest.MapFile{Data: r.Config}
	again, err := City(fsys, "klein-stadt", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Config)
	}
	var a, b bytes.Buffer
	if err := city.Encode(&a, r.City); err != nil {
		t.Fatal(err)
	}
	if err := city.Encode(&b, again); err != nil {
		t.Fatal(err)
	}
	if again.Info.Digest != i.Digest || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("the derived city.yaml gives another city (digest %s, %s):\n%s", again.Info.Digest, i.Digest, r.Config)
	}
	kinds := []string{}
	for _, f := range r.Findings {
		kinds = append(kinds, f.Kind)
	}
	for _, want := range []string{"unreadable rows", "fares", "mode shares", "buildings", "licences"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("no finding %q among %q", want, kinds)
		}
	}
}

// Without a timetable the country is that of the addresses, else of the
// nearest principal place; residents are assumed.
func TestDeriveWithoutTimetable(t *testing.T) {
	for address, want := range map[string]string{
		`<node id="9" lat="50" lon="8"><tag k="addr:country" v="de"/></node>`: "DE",
		"": "LU", // Luxembourg is nearer than Berlin or Busingen, and a finding says that it is a guess
	} {
		r, err := Compile(town(t, address), Options{Slug: "t", Inputs: &Inputs{OSM: "town.osm"}})
		if err != nil {
			t.Fatal(err)
		}
		i := r.City.Info
		if i.Country != want || !i.Population.Assumed || i.Population.Value < 500 || i.ModeShare[city.Transit] != 0 {
			t.Errorf("%s: country %s, %+v, shares %v", want, i.Country, i.Population, i.ModeShare)
		}
		guess := slices.ContainsFunc(r.Findings, func(f city.Finding) bool { return f.Kind == "country" && f.Severity == city.Warning })
		if guess != (address == "") {
			t.Errorf("%s: a warning that it is a guess: %v", want, guess)
		}
	}
}

// A hamlet of 0.02 km2, an area that rounds to nothing, is a city too.
func TestDeriveAHamlet(t *testing.T) {
	fsys := fstest.MapFS{"hamlet.osm": {Data: []byte(`<osm><node id="1" lat="50" lon="8"/><node id="2" lat="50.001" lon="8"/><node id="3" lat="50.001" lon="8.001"/>` +
		`<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="highway" v="residential"/></way></osm>`)}}
	r, err := Compile(fsys, Options{Slug: "t", Inputs: &Inputs{OSM: "hamlet.osm"}})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.City.Info.ModeShare; s[city.Car]+s[city.Bike]+s[city.Walk]+s[city.Transit] != 100 {
		t.Errorf("shares %v", s)
	}
}

func TestInputsReportEveryProblemAtOnce(t *testing.T) {
	in := Inputs{BBox: &[4]float64{3, 2, 1, 0}, Date: "13.6.2023", Country: "England", TimeZone: "Mars/Olympus", People: -4}
	err := in.Check()
	for _, want := range []string{"map is missing", "the box", "13.6.2023", "England", "Mars/Olympus", "-4"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	// And of the files.
	fsys := town(t, "")
	fsys["town.osm"] = &fstest.MapFile{Data: []byte("<osm")}
	fsys["bus.zip"] = &fstest.MapFile{Data: []byte("PK")}
	fsys["people.csv"] = &fstest.MapFile{Data: []byte("a,b\n")}
	_, err = Compile(fsys, Options{Slug: "t", Inputs: &Inputs{OSM: "town.osm", GTFS: []string{"bus.zip", "none.zip"}, Population: "people.csv", Elevation: "people.csv"}})
	for _, want := range []string{"town.osm", "bus.zip", "none.zip", "people.csv: header", "people.csv: elevation: the file is too short"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	// Feeds that share no day.
	fsys = town(t, "")
	late := zipped(t, "stops.txt", "stop_id,stop_lat,stop_lon\n", "routes.txt", "route_id,route_type\n", "trips.txt", "route_id,service_id,trip_id\n1,w,x\n",
		"stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n",
		"calendar_dates.txt", "service_id,date,exception_type\nw,20300101,1\n")
	fsys["late.zip"] = late
	if _, err = Compile(fsys, Options{Slug: "t", Inputs: &Inputs{OSM: "town.osm", GTFS: []string{"bus.zip", "late.zip"}}}); err == nil || !strings.Contains(err.Error(), "no day is served by all timetables (bus.zip from 20240401 to 20240430, late.zip from 20300101") {
		t.Error(err)
	}
}

func TestOrdinaryDay(t *testing.T) {
	day := func(d string, n int) gtfs.Day { return gtfs.Day{Date: d, Trips: n} }
	for name, tc := range map[string]struct {
		days []gtfs.Day
		want string
	}{
		"busiest of the ordinary, not the fair":     {[]gtfs.Day{day("20240402", 100), day("20240403", 103), day("20240404", 300), day("20240405", 104), day("20240409", 99)}, "20240403"},
		"of equals the one in the middle":           {[]gtfs.Day{day("20240402", 100), day("20240409", 100), day("20240416", 100)}, "20240409"},
		"Friday where nothing else runs":            {[]gtfs.Day{day("20240405", 10), day("20240406", 90)}, "20240405"},
		"a weekend line":                            {[]gtfs.Day{day("20240406", 90)}, "20240406"},
		"holidays with little service do not count": {[]gtfs.Day{day("20240402", 5), day("20240403", 100), day("20240404", 101)}, "20240404"},
	} {
		if got, _ := ordinary(tc.days); got.Date != tc.want {
			t.Errorf("%s: %s, want %s", name, got.Date, tc.want)
		}
	}
}

// A map without any destination still makes a city, whose people visit one
// another; it says so.
func TestNowhereToGo(t *testing.T) {
	fsys := fstest.MapFS{ConfigFile: {Data: []byte(goodYAML)}, "osm.pbf": {Data: []byte(square("residential"))}}
	r, err := Compile(fsys, Options{Slug: "tiny"})
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, f := range r.Findings {
		if f.Kind == "destinations" {
			said++
		}
	}
	for k, a := range r.City.Places.Attraction {
		sum := float32(0)
		for _, v := range a {
			sum += v
		}
		if math.Abs(float64(sum)-100) > 0.01 {
			t.Errorf("%v: %g", city.Purpose(k), sum)
		}
	}
	if said != city.NumPurposes {
		t.Errorf("%d findings", said)
	}
}
