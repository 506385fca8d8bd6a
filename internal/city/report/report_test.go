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
)

var update = flag.Bool("update", false, "write the golden files anew")

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
			{Part: "streets", Kind: "one-way dead end", Severity: city.Severe, Count: 1, Detail: "nobody gets out", Link: city.WayLink(42)},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "A <script>alert(1)</script>", Link: "javascript:alert(1)"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "B"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "C"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 1, Detail: "D"},
			{Part: "timetable", Kind: "stop far from a street", Severity: city.Warning, Count: 7, Detail: "more of the same"},
			{Part: "settings", Kind: "mode shares", Severity: city.Warning, Count: 1, Detail: "no survey"},
			{Part: "settings", Kind: "licences", Severity: city.Note, Count: 2, Detail: "look them up"},
		},
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
