package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
)

const goodYAML = `
name: Tiny
country: GB
timezone: Europe/London
bbox: [0, 0, 0.01, 0.01]
service_date: "2023-06-13"
service_window: ["05:00", "24:00"]
population: {value: 100, source: assumed, assumed: true}
mode_share: {car: 60, bike: 5, walk: 25, transit: 10, source: assumption, assumed: true}
attribution: nobody
files: {osm: osm.pbf}
places: {homes: streets}
`

func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	if _, err := parseConfig([]byte(goodYAML)); err != nil {
		t.Fatalf("a good file is refused: %v", err)
	}
	bad := strings.NewReplacer("Tiny", `""`, "GB", "England", "Europe/London", "Mars/Olympus", "[0, 0, 0.01, 0.01]", "[0, 0, -1, 1]",
		"2023-06-13", "13.6.2023", "24:00", "04:00", "value: 100", "value: 0", "car: 60", "car: 70", "nobody", `""`, "osm.pbf", `""`,
		"homes: streets", "homes: tents").Replace(goodYAML) + "fares: {rocket: 3}\n"
	_, err := parseConfig([]byte(bad))
	if err == nil {
		t.Fatal("no error")
	}
	for _, path := range []string{"name", "country", "timezone", "bbox", "service_date", "service_window", "population", "mode_share", "attribution", "files.osm", "places.homes", "fares.rocket"} {
		if !strings.Contains(err.Error(), "city.yaml: "+path+":") {
			t.Errorf("%s is not reported in:\n%v", path, err)
		}
	}
	if _, err := parseConfig([]byte(goodYAML + "colour: red\n")); err == nil {
		t.Error("an unknown key is accepted")
	}
}

// What changes beside the line of the city's what-if is kept as JSON: the same
// bytes every time.
func TestTheDefaultWhatIfMayChangeMore(t *testing.T) {
	also := "default:\n  name: Tram\n  stops: [a, b]\n  also:\n    - {type: change_capacity, lanes: -1, links: [{way: 12345678901, from: 1, to: 2}]}\n    - {type: demand_scale, factor: 0.95}\n"
	c, err := parseConfig([]byte(goodYAML + also))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.defaultAlso()
	if want := `[{"lanes":-1,"links":[{"from":1,"to":2,"way":12345678901}],"type":"change_capacity"},{"factor":0.95,"type":"demand_scale"}]`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []struct{ old, new, says string }{
		{"[a, b]", "[a]", "default.also: there is no line"},
		{"0.95", ".nan", "default.also: json: unsupported value"},
		{"{type: demand_scale, factor: 0.95}", "fewer cars", "city.yaml:"},
	} {
		if _, err := parseConfig([]byte(goodYAML + strings.Replace(also, bad.old, bad.new, 1))); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s: %v", bad.new, err)
		}
	}
}

func TestObservedFiguresAreCheckedTogether(t *testing.T) {
	good := goodYAML + `
observed:
  - {what: residents, value: "128,060", source: census}
  - {kind: mode_share, what: trips, year: 2018, values: {walk: 35, transit: 11, car: 22, bike: 33}, value: rounded, source: SrV}
  - {kind: trip_rate, what: trips, year: 2023, values: {all: 3.7}, source: SrV}
`
	c, err := parseConfig([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	want := []city.Observation{
		{What: "residents", Value: "128,060", Source: "census"},
		{What: "trips", Value: "rounded", Source: "SrV", Kind: "mode_share", Year: 2018, Figures: []city.Figure{{Mode: "car", Value: 22}, {Mode: "bike", Value: 33}, {Mode: "walk", Value: 35}, {Mode: "transit", Value: 11}}},
		{What: "trips", Source: "SrV", Kind: "trip_rate", Year: 2023, Figures: []city.Figure{{Mode: "all", Value: 3.7}}},
	}
	if d := cmp.Diff(want, observed(c.Observed)); d != "" {
		t.Error(d)
	}
	_, err = parseConfig([]byte(goodYAML + `
observed:
  - {what: "", value: "", source: ""}
  - {what: w, value: v, source: s, year: 2013}
  - {kind: guess, what: w, source: s}
  - {kind: mode_share, what: w, source: s, year: 13, values: {car: 90, bike: 20, boat: 1, walk: -1}}
  - {kind: trip_rate, what: w, source: s, year: 2013, values: {car: 2, all: 21}}
  - {kind: travel_time, what: w, source: s, year: 2013}
  - {kind: count, what: w, source: s, year: 2013, values: {car: 1}}
  - {what: w, value: v, source: s, counts: [{way: 1, from: "08:00", to: "09:00", vehicles_per_hour: 1}]}
  - {kind: trip_rate, what: w, source: s, year: 2013, values: {all: 2}, counts: [{way: 1, from: "08:00", to: "09:00", vehicles_per_hour: 1}]}
  - kind: count
    what: w
    source: s
    year: 2013
    counts:
      - {way: -1, heading: up, at: [200, 1], from: "8", to: noon, vehicles_per_hour: -3}
      - {way: 7, at: [1], from: "09:00", to: "09:00"}
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, path := range []string{"[0].what", "[0].value", "[0].source", "[1].kind", "[2].kind", "[3].year", "[3].values", "[3].values.boat", "[3].values.walk", "[4].values.car", "[4].values.all", "[5].values",
		"[6].values", "[6].counts", "[7].kind", "[8].counts", "[9].counts[0].way", "[9].counts[0].heading", "[9].counts[0].at", "[9].counts[0].from", "[9].counts[0].to", "[9].counts[0].vehicles_per_hour",
		"[9].counts[1].at", "[9].counts[1].to", "[9].counts[1].vehicles_per_hour"} {
		if !strings.Contains(err.Error(), "city.yaml: observed"+path+":") {
			t.Errorf("observed%s is not reported in:\n%v", path, err)
		}
	}
	if _, err := parseConfig([]byte(goodYAML + "observed: [{what: w, value: v, source: s, colour: red}]\n")); err == nil {
		t.Error("an unknown key is accepted")
	}
}

func TestCityRefusesBadFolders(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for name, tc := range map[string]struct {
		fs   fstest.MapFS
		want string
	}{
		"no city.yaml":    {fstest.MapFS{}, "city.yaml"},
		"no map":          {fstest.MapFS{"city.yaml": file(goodYAML)}, "osm.pbf"},
		"empty map":       {fstest.MapFS{"city.yaml": file(goodYAML), "osm.pbf": file("<osm></osm>")}, "no street"},
		"outside":         {fstest.MapFS{"city.yaml": file(strings.Replace(goodYAML, "osm.pbf", "../osm.pbf", 1))}, "not a file name"},
		"broken feed":     {fstest.MapFS{"city.yaml": file(strings.Replace(goodYAML, "osm: osm.pbf", "osm: osm.pbf, gtfs: [a.zip]", 1)), "osm.pbf": file(square("residential")), "a.zip": file("x")}, "not a zip"},
		"homes nowhere":   {fstest.MapFS{"city.yaml": file(strings.Replace(goodYAML, "homes: streets", "homes: buildings", 1)), "osm.pbf": file(square("residential"))}, "no place"},
		"no cars at all":  {fstest.MapFS{"city.yaml": file(goodYAML), "osm.pbf": file(square("footway"))}, "no street is left"},
		"no jobs columns": {fstest.MapFS{"city.yaml": file(strings.Replace(goodYAML, "osm: osm.pbf", "osm: osm.pbf, jobs: j.csv", 1)), "osm.pbf": file(square("residential")), "j.csv": file("lon,lat\n1,2\n")}, "want a column jobs"},
	} {
		if _, err := City(tc.fs, "tiny", nil); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

// square is a block of one street class as an OSM file.
func square(highway string) string {
	return `<osm><node id="1" lat="0.001" lon="0.001"/><node id="2" lat="0.001" lon="0.005"/><node id="3" lat="0.005" lon="0.005"/><node id="4" lat="0.005" lon="0.001"/>` +
		`<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="` + highway + `"/></way>` +
		`<way id="2"><nd ref="3"/><nd ref="4"/><nd ref="1"/><tag k="highway" v="` + highway + `"/></way></osm>`
}

// A whole small city from jobs and population points, without timetable.
func TestACityFromPoints(t *testing.T) {
	yaml := strings.Replace(goodYAML, "osm: osm.pbf", "osm: osm.pbf, jobs: j.csv, population: p.csv", 1)
	c, err := City(fstest.MapFS{
		"city.yaml": {Data: []byte(yaml)}, "osm.pbf": {Data: []byte(square("residential"))},
		"j.csv": {Data: []byte("lon,lat,jobs\n0.005,0.005,40\n0.001,0.005,2\n")},
		"p.csv": {Data: []byte("\ufefflon, lat ,weight\n0.001,0.001,3\n0.005,0.005,1\nbad,row,1\n9,9,1\n")},
	}, "tiny", nil)
	if err != nil {
		t.Fatal(err)
	}
	people, jobs, south := 0.0, 0.0, 0.0
	for i := range c.Places.Num() {
		people += float64(c.Places.Residents[i])
		jobs += float64(c.Places.Attraction[0][i])
		if c.Places.Lon[i]+c.Places.Lat[i] < 0.006 { // nearer to the first point
			south += float64(c.Places.Residents[i])
		}
	}
	if people < 99.99 || people > 100.01 || jobs < 41.99 || jobs > 42.01 || south < 70 || south > 80 {
		t.Errorf("%g people, %g near the first point; %g jobs", people, south, jobs)
	}
	if len(c.Info.Digest) != 64 {
		t.Errorf("digest %q", c.Info.Digest)
	}
	if !strings.HasPrefix(c.Info.AreaKM2.Source, "area of the modelled box") || c.Info.AreaKM2.Value < 1 {
		t.Errorf("area %+v", c.Info.AreaKM2)
	}
}

// Every attribution must be the line that the data's README asks to display.
func TestAttributionIsTheReadmesLine(t *testing.T) {
	for _, slug := range []string{"newport", "heidelberg", "porto-alegre", "london-camden"} {
		readme, err := os.ReadFile(filepath.Join(citiesDir, slug, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(citiesDir, slug, ConfigFile))
		if err != nil {
			t.Fatal(err)
		}
		c, err := parseConfig(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(readme), "> "+strings.TrimSpace(c.Attribution)+"\n") {
			t.Errorf("%s shows %q, which is not in its README", slug, c.Attribution)
		}
	}
}
