package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city/report"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// A city built with --settle, by the real program from a folder with a count of
// traffic, has its morning in the report, on the terminal and in the API of a
// server that starts there; and the model's cars beside the count.
func TestASettledCityShowsItsMorning(t *testing.T) {
	dir := townFiles(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := func(args ...string) (stdout string) {
		t.Helper()
		c := exec.Command(self, args...)
		c.Dir, c.Env = dir, append(os.Environ(), asCityflow+"="+realEngine)
		var errs strings.Builder
		c.Stderr = &errs
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, errs.String())
		}
		return string(out)
	}
	program("city", "build", "--osm", "town.osm", "--gtfs", "bus.zip", "--population", "people.csv", "--jobs", "jobs.csv", "--slug", "my-town", "--out", "first.pack")
	yaml, err := os.ReadFile(filepath.Join(dir, "first.city.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "cities", "my-town")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"town.osm", "bus.zip", "people.csv", "jobs.csv"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	yaml = append(yaml, `observed:
  - kind: count
    what: motor vehicles, a Tuesday in March
    year: 2024
    source: tube on the road
    counts:
      - {way: 1009, heading: east, from: "08:00", to: "09:00", vehicles_per_hour: 210}
      - {way: 1009, from: "05:00", to: "06:00", vehicles_per_hour: 30}
`...)
	if err := os.WriteFile(filepath.Join(folder, "city.yaml"), yaml, 0o644); err != nil {
		t.Fatal(err)
	}
	program("city", "build", "my-town", "--settle", "my-town")

	var rep report.Report
	readJSON(t, filepath.Join(dir, "build", "cities", "my-town", "report.json"), &rep)
	if rep.Full == nil || rep.Full.Persons != 20_000 || rep.Full.ModelVersion != run.ModelVersion || rep.Full.Vehicles < 50 || rep.Full.Unfinished != 0 {
		t.Fatalf("the report's morning: %+v", rep.Full)
	}
	page, err := os.ReadFile(filepath.Join(dir, "build", "cities", "my-town", "report.html"))
	if err != nil || !strings.Contains(string(page), "Full demand") {
		t.Errorf("the page of the report has no morning: %v", err)
	}
	if said := program("city", "info", "my-town"); !strings.Contains(said, "streets    full demand ") || strings.Contains(said, "not computed yet") {
		t.Errorf("%.600s", said)
	}

	p := launch(t, dir, realEngine, filepath.Join(dir, "data"), "", "--workers", "0")
	var d spec.CityDetail
	res, err := client.Get(p.url + "/v1/cities/my-town")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&d); err != nil || res.StatusCode != 200 || d.Baseline == nil {
		t.Fatal(res.StatusCode, err, d.Baseline)
	}
	if b := d.Baseline; !reflect.DeepEqual(b.FullDemand, &rep.Full.FullDemand) || b.Converged != rep.Full.Settled || b.RelativeGap != rep.Full.RelativeGap || b.Date != rep.Full.Date || b.Window != rep.Full.Window {
		t.Errorf("the API tells of another morning than the report:\n%+v\n%+v", b, rep.Full)
	}
	if len(d.Observed) != 1 || len(d.Observed[0].Figures) != 2 {
		t.Fatalf("observed: %+v", d.Observed)
	}
	counted := d.Observed[0].Figures[0]
	var model []spec.Figure
	kinds := map[string]int{}
	for _, f := range d.Baseline.Figures {
		if kinds[f.Kind]++; f.Kind == spec.CountFigure {
			model = append(model, f)
		}
	}
	if counted.Value != 210 || counted.Spot == nil || counted.Spot.Name != "Street 1009" || len(model) != 1 || !reflect.DeepEqual(model[0].Spot, counted.Spot) || model[0].Value <= 0 || model[0].Value > 2000 {
		t.Errorf("counted %+v, the model has %+v", counted, model)
	}
	if kinds[spec.ModeShareFigure] != 4 || kinds[spec.TravelTimeFigure] < 4 || kinds[spec.TripLengthFigure] != 3 || kinds[spec.TripRateFigure] != 1 {
		t.Errorf("figures by kind: %v", kinds)
	}
	p.stop()
}
