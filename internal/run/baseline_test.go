package run_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// The model's figures stand beside what was observed as soon as the default
// morning is settled, by Prepare or by a run, and not before.
func TestABaselineIsShownOnceItIsSettled(t *testing.T) {
	c := town()
	// East and west of the town are joined by streets of half a lane that take 12
	// an hour each: 144 each way where more would drive.
	n, middle := &c.Net, c.Net.NodeX[testcity.NodeAt(c, 5, 0)]+1
	narrow := map[int64]bool{}
	for l := range n.NumLinks() {
		if (n.NodeX[n.From[l]] < middle) != (n.NodeX[n.To[l]] < middle) {
			n.CapacityVS[l], n.Lanes[l] = 12.0/3600, 0.5
			narrow[n.WayOSM[l]] = true
		}
	}
	c.Info.Observed = []city.Observation{
		{What: "residents", Value: "about 6,000", Source: "census"},
		{What: "trips", Source: "survey", Kind: spec.ModeShareFigure, Year: 2013, Figures: []city.Figure{{Mode: "car", Value: 60}}},
		{What: "cars", Source: "loops", Kind: spec.CountFigure, Year: 2014},
	}
	// One of the narrow streets, counted each way, both ways, by hour, and at a
	// time that the model does not reach.
	over := units.NoLink
	for l := range n.NumLinks() {
		if n.CapacityVS[l] < 0.01 && over == units.NoLink {
			over = units.LinkID(l)
		}
	}
	back := n.Reverse[over]
	for _, s := range []city.Spot{
		{Heading: "east", From: 8 * 3600, To: 10 * 3600, Links: []units.LinkID{over}},
		{Heading: "west", From: 8 * 3600, To: 10 * 3600, Links: []units.LinkID{back}},
		{From: 8 * 3600, To: 9 * 3600, Links: []units.LinkID{over, back}},
		{From: 9 * 3600, To: 10 * 3600, Links: []units.LinkID{over, back}},
		{From: 7 * 3600, To: 9 * 3600, Links: []units.LinkID{over, back}},
	} {
		s.WayOSM = n.WayOSM[over]
		c.Info.Observed[2].Figures = append(c.Info.Observed[2].Figures, city.Figure{Mode: "car", Value: 10, Spot: &s})
	}
	src := source(t, c)
	e := run.New(src, spec.DefaultLimits())
	detail := func() *spec.CityDetail {
		t.Helper()
		d, err := e.City(context.Background(), "testcity")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := detail()
	if d.Baseline != nil {
		t.Errorf("a baseline before anything ran: %+v", d.Baseline)
	}
	if len(d.Observed) != 3 || d.Observed[0].Figures == nil || d.Observed[1].Year != 2013 || d.Observed[1].Figures[0] != (spec.Figure{Kind: spec.ModeShareFigure, Mode: "car", Value: 60}) {
		t.Errorf("observed: %+v", d.Observed)
	}
	// Another window is not the default morning.
	simulate(t, e, `{"city":"testcity","modifications":[],"sim_time":"11:00","num_agents":300,"replications":2,"iterations":2,"average_last":1}`)
	if b := detail().Baseline; b != nil {
		t.Errorf("another window is shown as the baseline: %+v", b)
	}
	if err := e.Prepare(context.Background(), "testcity"); err != nil {
		t.Fatal(err)
	}
	b := detail().Baseline
	if b == nil || b.Persons != 20_000 || b.Window != (spec.Window{From: "08:00", To: "10:00"}) || b.ModelVersion != run.ModelVersion || b.Converged != (b.RelativeGap <= 0.05) {
		t.Fatalf("baseline: %+v", b)
	}
	f := b.FullDemand
	if f == nil || f.Vehicles < 500 || f.DelayH <= 0 || f.Unfinished != 0 || f.Until != "13:00" || f.RingTurns != 0 || f.Rings == nil || f.Standing == nil || len(f.Queues) == 0 || len(f.Jams) == 0 {
		t.Fatalf("full demand: %+v", f)
	}
	for _, q := range f.Queues {
		// Where most of those who wait start in the narrow street it is no narrowing.
		if !narrow[q.Way] || q.Reason != spec.NarrowingJam && q.Reason != spec.DemandJam || q.CapacityH != 12 || q.OverMin < 10 {
			t.Errorf("a queue that begins elsewhere: %+v", q)
		}
	}
	if q := f.Queues[0]; q.Reason != spec.NarrowingJam || q.VolumeCapacity < 1 || !strings.Contains(q.Why, "1 lanes into 0.5") {
		t.Errorf("%+v", q)
	}
	value := map[string]float64{}
	var counts []spec.Figure
	for _, f := range b.Figures {
		if f.Kind == spec.CountFigure {
			counts = append(counts, f)
		} else {
			value[f.Kind+" "+f.Mode] = f.Value
		}
	}
	seen := d.Observed[2].Figures
	if len(counts) != 4 || len(seen) != 5 {
		t.Fatalf("counts: %+v", counts)
	}
	for i, f := range counts {
		if !reflect.DeepEqual(f.Spot, seen[i].Spot) || f.Spot.Way != n.WayOSM[over] || f.Spot.Name == "" || f.Spot.To < "09:00" {
			t.Errorf("the model's count %+v is not of %+v", f.Spot, seen[i].Spot)
		}
	}
	east, west, first, second := counts[0].Value, counts[1].Value, counts[2].Value, counts[3].Value
	// Platoons come in at once: a street may take in one more than it passes.
	if east <= 0 || west <= 0 || east > 12*1.1 || west > 12*1.1 || math.Abs(east+west-(first+second)/2) > 1e-9 || first == second {
		t.Errorf("%g east and %g west an hour from 8 to 10, %g and %g both ways by hour, the streets pass 12", east, west, first, second)
	}
	// Calibration reaches the shares of the city; times and lengths agree with
	// the speeds of walking (4.8 km/h).
	for i, mode := range []string{"car", "bike", "walk", "transit"} {
		if got, want := value["mode_share "+mode], c.Info.ModeShare[i]; math.Abs(got-want) > 0.5 {
			t.Errorf("%s: %.2f%% of trips, calibrated to %g%%", mode, got, want)
		}
	}
	if v := 60 * value["trip_length walk"] / value["travel_time walk"]; math.Abs(v-4.8) > 0.01 {
		t.Errorf("people walk at %.2f km/h", v)
	}
	if v := value["travel_time all"]; v < value["travel_time car"] && v < value["travel_time walk"] || v > 60 {
		t.Errorf("mean over all modes: %.1f min beside %v", v, value)
	}
	if v := value["trip_rate all"]; math.Abs(v-2.257) > 0.001 {
		t.Errorf("%.3f trips per person and day, the rates of the model give 2.257", v)
	}

	// A store that was settled by an older version learns its baseline.
	for key := range src.states {
		if strings.HasPrefix(key, "baseline-") {
			delete(src.states, key)
		}
	}
	if err := e.Prepare(context.Background(), "testcity"); err != nil {
		t.Fatal(err)
	}
	if again := detail().Baseline; again == nil || !reflect.DeepEqual(again, b) {
		t.Errorf("settled again: %+v", again)
	}
}

// What is assumed, and a timetable of a few hours, stand on every result.
func TestEveryResultSaysWhatIsAssumed(t *testing.T) {
	c := town()
	c.Info.ServiceFrom, c.Info.ServiceTo = 6*3600, 10*3600
	for i := range c.Timetable.Lines {
		c.Timetable.Lines[i].Assumed = true
	}
	e := run.New(source(t, c), spec.DefaultLimits())
	a, b := farStops(c)
	out, s := simulate(t, e, `{"city":"testcity","tram_start":"`+a+`","tram_end":"`+b+`","num_agents":300,"replications":2,"iterations":2,"average_last":1}`)
	service := "the service of 4 bus lines" // of the new line its own words are said
	if n := len(c.Timetable.Lines); n != 4 {
		t.Fatalf("%d lines: count them anew in this test", n)
	}
	if want := []string{"the number of residents", "today’s shares of the modes", service}; !slices.Equal(s.Assumed, want) || s.ServiceWindow != (spec.Window{From: "06:00", To: "10:00"}) {
		t.Errorf("%q, %v", s.Assumed, s.ServiceWindow)
	}
	info, err := e.Cities(context.Background())
	if err != nil || !slices.Equal(info[0].Assumed, s.Assumed) {
		t.Errorf("the list of cities says %q (%v)", info[0].Assumed, err)
	}
	for where, text := range map[string]string{"insights.md": string(out["insights.md"]), "reply": insight.Reply(s, "What is assumed?"), "assumptions": strings.Join(s.Assumptions, " ")} {
		for _, want := range []string{"4 bus lines", "06:00 to 10:00"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", where, want, text)
			}
		}
	}
	// Every file with figures of the city says it where it stands alone; only
	// these hold none: what was asked, the gaps of the iterations, who wrote the
	// words. A new kind of file must do the one or be named here.
	none := []string{"config.json", "convergence.csv", "insights.meta.json"}
	for name, data := range out {
		if slices.Contains(none, name) {
			continue
		}
		for _, want := range []string{service, "the number of residents", "06:00", "10:00"} {
			if !bytes.Contains(data, []byte(want)) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
		if name == "insights.md" {
			continue
		}
		if !bytes.Contains(data, []byte("uncalibrated")) {
			t.Errorf("%s does not say that it is uncalibrated", name)
		}
	}
	rows, err := csv.NewReader(bytes.NewReader(out["kpis.csv"])).ReadAll()
	if err != nil || len(rows) != len(s.KPIs)+1 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for i, row := range rows {
		want := []string{"08:00-10:00", "06:00-10:00", "true", strings.Join(s.Assumed, "; ")}
		if i == 0 {
			want = []string{"window", "service_window", "uncalibrated", "assumed"}
		}
		if !slices.Equal(row[10:], want) {
			t.Errorf("row %d of kpis.csv ends with %q", i, row[10:])
		}
	}
	for name, guessed := range map[string]bool{"access.geojson": true, "links.geojson": false} {
		var m struct {
			Basis    spec.Basis
			Features []struct{ Properties map[string]any }
		}
		if err := json.Unmarshal(out[name], &m); err != nil || len(m.Features) == 0 || !reflect.DeepEqual(m.Basis, s.Basis()) {
			t.Errorf("%s: %v, %+v", name, err, m.Basis)
		}
		for _, f := range m.Features {
			if guessed && f.Properties["service_assumed"] != true {
				t.Errorf("%s: %v", name, f.Properties)
				break
			}
		}
	}
	// A published timetable of the whole day is no reason to warn.
	out, s = simulate(t, func() *run.Engine { e, _ := townEngine(t); return e }(), `{"city":"testcity","modifications":[],"num_agents":300,"replications":2,"iterations":2,"average_last":1}`)
	if text := insight.Markdown(s); strings.Contains(text, "bus lines") || strings.Contains(text, "rest of the day") {
		t.Errorf("said without reason:\n%s", text)
	}
	if bytes.Contains(out["access.geojson"], []byte(`"service_assumed":true`)) {
		t.Error("a published timetable is marked as assumed")
	}
}
