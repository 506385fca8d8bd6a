package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/report"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// morning holds every part of a morning once, and text that must be escaped.
func morning() *report.Full {
	at := func(way int64, name string) spec.JamStreet {
		return spec.JamStreet{Way: way, Name: name, Class: "secondary", Heading: "north", Lon: 8.01, Lat: 50, Lanes: 1, CapacityH: 600, DemandH: 1412, VolumeCapacity: 2.35}
	}
	return &report.Full{Date: "2024-04-16", Window: spec.Window{From: "08:00", To: "10:00"}, TrafficLevel: "peak", ModelVersion: "3", Persons: 20000, RelativeGap: 1.5,
		FullDemand: spec.FullDemand{Vehicles: 24739.8, DelayH: 9949.1, Until: "13:00", Unfinished: 12, RingTurns: 3,
			Rings:    []spec.JamRing{{At: "08:41", Streets: []spec.JamStreet{at(51, "Inner <Ring>"), at(52, "")}}},
			Standing: []spec.JamRing{{At: "09:02", Streets: []spec.JamStreet{at(53, "Outer Ring"), at(54, "Gate")}}},
			Queues:   []spec.JamQueue{{JamStreet: at(51, "Inner <Ring>"), DelayH: 8000.5, Streets: 31, Reason: spec.NarrowingJam, OverMin: 96, Why: "2 lanes into <1>."}},
			Jams:     []spec.Jam{{JamStreet: at(55, ""), DelayH: 84.3, Reason: spec.BlockedJam, Cause: at(51, "Inner <Ring>"), OverMin: 96, Why: "Ahead is full."}}}}
}

// sample holds every part of a report once, and text that must be escaped.
func sample() *report.Report {
	return &report.Report{
		Schema: report.Schema,
		City: report.About{Slug: "tiny", Name: `Tiny <b>&"Town"`, Country: "DE", TimeZone: "Europe/Berlin", BBox: [4]float64{8, 50, 8.02, 50.01}, ServiceDate: "2024-04-16",
			ServiceWindow: [2]string{"06:00", "20:00"}, Digest: strings.Repeat("0123456789abcdef", 4), Attribution: "© nobody", Sources: []string{"Streets: a <map>"}},
		Verdict: report.Verdict{Severe: 1, Warnings: 6, Notes: 1},
		Totals:  []report.Total{{Part: "streets", What: "open to cars", Value: 12345.678, Unit: "km"}, {Part: "places", What: "residents", Value: 400, Unit: "people", Assumed: true, Detail: "guessed"}},
		Streets: []report.Class{{Class: "residential", KM: 8, CarKM: 7.5, LaneKM: 15}, {Class: "path", KM: 2}},
		Lines:   []report.Mode{{Mode: "bus", Lines: 2, Trips: 10, Stops: 4, Assumed: 1}},
		Finding: []city.Finding{
			{Part: "streets", Kind: "one-way dead end", Severity: city.Severe, Count: 1, Detail: "nobody gets out", Link: city.OSMLink("way", 42)},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "A <script>alert(1)</script>", Link: "javascript:alert(1)"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "B"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "C"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "D"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 7, Detail: "more of the same"},
			{Part: "settings", Kind: "mode shares", Severity: city.Warning, Count: 1, Detail: "no survey"},
			{Part: "settings", Kind: "licences", Severity: city.Note, Count: 2, Detail: "look them up"},
		},
		Full:    morning(),
		Derived: []city.Setting{{Key: "country", Value: "DE", From: "addresses"}, {Key: "mode_share", Value: "car 58", From: "density", Assumed: true}},
		Assumed: []string{"Places: homes. 2.5 m a person (assumed)"},
		Limits:  []string{"An uncalibrated sketch."},
		Steps:   []report.Step{{Part: "streets", What: "ways read", Count: 0, Unit: "ways"}, {Part: "places", What: "homes", Count: 24, Unit: "places", Detail: "per 100 m (assumed)", Assumed: true}},
		Files:   []city.SourceFile{{Name: "osm.pbf", Bytes: 12, SHA256: strings.Repeat("ab", 32)}},
		Config:  "name: \"Tiny\"\n",
	}
}

func TestGolden(t *testing.T) {
	page, err := sample().HTML()
	if err != nil {
		t.Fatal(err)
	}
	data, err := sample().JSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"report.html": page, "report.json": data} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s; go test -update writes it anew", name, file)
		}
	}
}

// The page needs nothing from elsewhere, runs nothing, and shows text of the
// sources as text.
func TestPageIsHarmless(t *testing.T) {
	page, err := sample().HTML()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "iframe", "img", "link", "object", "form":
			t.Errorf("<%s> in the page", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" {
				t.Errorf("%s=%q in the page", a.Key, a.Val)
			}
			if a.Key == "href" {
				links++
				if !strings.HasPrefix(a.Val, "https://www.openstreetmap.org/") && a.Val != "#ZgotmplZ" {
					t.Errorf("a link to %s", a.Val)
				}
			}
		}
	}
	if links < 3 {
		t.Errorf("%d links", links)
	}
}

// A morning is told as far as there is one: with no street that jams, with no
// account in what an earlier version kept, and with none.
func TestMornings(t *testing.T) {
	c := testcity.Grid(testcity.Options{N: 3})
	quiet := &spec.Baseline{Persons: 20000, Converged: true, RelativeGap: 0.01, FullDemand: &spec.FullDemand{Vehicles: 10, Until: "13:00"}}
	for _, x := range []struct {
		morning *spec.Baseline
		words   []string
	}{
		{nil, []string{"Not computed: build with <code>--settle testcity</code>"}},
		{&spec.Baseline{Persons: 20000}, []string{"Not computed"}},
		{quiet, []string{"10 cars of a sample of 20000 persons", "Settled: drivers could on average still save 0.99% ", "everybody arrived by 13:00", "No gridlock", "No street costs its cars more than one vehicle-hour"}},
	} {
		r := report.Of(c, report.Making{Morning: x.morning})
		page, err := r.HTML()
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range x.words {
			if !strings.Contains(string(page), word) {
				t.Errorf("%+v: the page lacks %q", x.morning, word)
			}
		}
		if (r.Full == nil) != (x.morning != quiet) {
			t.Errorf("%+v: %+v", x.morning, r.Full)
		}
	}
}

// Totals are those of the city, added up another way.
func TestTotals(t *testing.T) {
	o := testcity.Default()
	o.N, o.Population = 6, 600
	c := testcity.Grid(o)
	r := report.Of(c, report.Making{Findings: []city.Finding{{Severity: city.Note, Count: 1}, {Severity: city.Severe, Count: 2}, {Severity: city.Warning, Count: 1}}})
	total := map[string]float64{}
	for _, x := range r.Totals {
		total[x.What] = x.Value
	}
	metres, lanes := 0.0, 0.0
	for l, m := range c.Net.LengthM {
		metres += float64(m)
		if c.Net.Modes[l]&city.AllowCar != 0 {
			lanes += float64(m) * float64(c.Net.Lanes[l])
		}
	}
	if got := total["streets"]; math.Abs(got-metres/2000) > 1e-3 { // every street of the grid goes both ways
		t.Errorf("%g km of streets, want %g", got, metres/2000)
	}
	if got := total["lanes for cars"]; math.Abs(got-lanes/1000) > 1e-3 {
		t.Errorf("%g lane km, want %g", got, lanes/1000)
	}
	if got := total["residents"]; math.Abs(got-600) > 1e-3 {
		t.Errorf("%g residents", got)
	}
	trips := 0
	for _, l := range r.Lines {
		trips += l.Trips
	}
	if trips != c.Timetable.NumTrips() || float64(trips) != total["vehicle trips"] {
		t.Errorf("%d trips by mode, %d in the city", trips, c.Timetable.NumTrips())
	}
	if (r.Verdict != report.Verdict{Severe: 1, Warnings: 1, Notes: 1}) || r.Finding[0].Severity != city.Severe || r.Finding[2].Severity != city.Note {
		t.Errorf("%+v %+v", r.Verdict, r.Finding)
	}
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back report.Report
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&back); err != nil || back.City.Slug != "testcity" {
		t.Errorf("%v %+v", err, back.City)
	}
}
