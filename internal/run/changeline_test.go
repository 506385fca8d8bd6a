package run_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/routing/raptor"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// oneLine is a town with one bus along its middle, both ways every 20 minutes.
func oneLine() *city.City {
	c := testcity.Grid(testcity.Options{N: 12, Population: 6000, LineEvery: -1})
	var stops []units.StopID
	for col := 0; col < 12; col += 2 {
		id := fmt.Sprintf("s%d", col)
		stops = append(stops, testcity.AddStop(c, testcity.NodeAt(c, col, 6), id, id, 10))
	}
	testcity.JoinStops(c, testcity.TransferMaxM)
	line := testcity.AddLine(c, city.Bus, stops, 1200, 5*3600, 23*3600, 60, 10)
	slices.Reverse(stops)
	testcity.AddDirection(c, line, stops, 1200, 5*3600, 23*3600, 60, 10)
	c.Info.DefaultStops = []string{"s0", "s10"}
	return c
}

func changed1(t *testing.T, c *city.City, mods string) *city.City {
	t.Helper()
	req, ps := spec.ParseRequest(strings.NewReader(`{"city":"testcity","modifications":[` + mods + `]}`))
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	cfg, ps := scenario.Merge(req, c, spec.DefaultLimits(), "test")
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	plan, ps := scenario.Apply(c, cfg)
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	if err := plan.City.Validate(); err != nil {
		t.Fatal(err)
	}
	return plan.City
}

// Who comes at any second waits for half a headway less half a second, as
// departures are whole seconds: (H-1)/2. At half the headway it is half of it,
// at twice the headway twice.
func TestWaitsFollowAChangedHeadway(t *testing.T) {
	c := oneLine()
	for _, minutes := range []int{20, 10, 40, 5} {
		d := raptor.NewData(&changed1(t, c, fmt.Sprintf(`{"type":"change_line","line":"bus 1","headways":[{"from":"07:00","to":"11:00","every_min":%d}]}`, minutes)).Timetable, 1)
		s := d.NewSearch()
		h := units.Seconds(minutes) * 60
		var departures []units.Seconds
		for at := units.Seconds(8*3600) + h; at > 8*3600; at-- {
			departures = append(departures, at)
		}
		waits := units.Seconds(0)
		s.Range([]raptor.Access{{Stop: 0, WalkS: 60}}, departures, raptor.MaxRounds, 12*3600, func(units.Seconds) {
			waits += s.Parts(1, 5).WaitS
		})
		if waits*2 != h*(h-1) {
			t.Errorf("every %d minutes: %d s of waiting over %d departures, want %d", minutes, waits, h, h*(h-1)/2)
		}
	}
}

// Without its only line nobody in a town goes by public transport; the answer
// says what was done, and what the line carried.
func TestRemovingTheOnlyLine(t *testing.T) {
	e := run.New(source(t, oneLine()), spec.DefaultLimits())
	out, s := simulate(t, e, `{"city":"testcity","modifications":[{"type":"change_line","line":"Bus 1","remove":true}],`+small+`}`)
	for _, id := range []string{"transit_trips", "boardings"} {
		if k := kpi(t, s, id); !(k.Baseline > 20) || k.Scenario != 0 {
			t.Errorf("%s: %g before, %g after; want some and none", id, k.Baseline, k.Scenario)
		}
	}
	if k := kpi(t, s, "user_benefit"); !(k.Diff < 0) {
		t.Errorf("travellers gain %g hours", k.Diff)
	}
	l := s.ChangedLines[0]
	if l.ID != "L1" || l.BaselineDepartures != 12 || l.ScenarioDepartures != 0 || l.ScenarioBoardings != 0 || l.DiffBoardings != -l.BaselineBoardings || !(l.BaselineBoardings > 20) {
		t.Errorf("the line: %+v", l)
	}
	if s.Title != "Bus 1 no longer runs" || !strings.HasPrefix(s.Verdict[0], "Between 08:00 and 10:00, Bus 1 no longer runs: it carried about ") {
		t.Errorf("%q: %q", s.Title, s.Verdict)
	}
	for _, want := range []string{"# Bus 1 no longer runs, Test City", "## The changed service", "In the window 0 of its vehicles leave their first stops, 12 before."} {
		if text := string(out["insights.md"]); !strings.Contains(text, want) {
			t.Errorf("insights.md does not say %q:\n%s", want, text)
		}
	}
}

// Twice the buses carry more people, and no road user loses; half carry fewer.
func TestAChangedHeadwayIsTold(t *testing.T) {
	e := run.New(source(t, oneLine()), spec.DefaultLimits())
	for _, x := range []struct {
		minutes, departs int
		sign             float64
	}{{10, 24, 1}, {40, 6, -1}} {
		_, s := simulate(t, e, fmt.Sprintf(`{"city":"testcity","modifications":[{"type":"change_line","line":"L1","headways":[{"from":"07:00","to":"11:00","every_min":%d}]}],%s}`, x.minutes, small))
		what := fmt.Sprintf("every %d minutes instead of 20 from 07:00 to 11:00", x.minutes)
		l := s.ChangedLines[0]
		if l.BaselineDepartures != 12 || l.ScenarioDepartures != x.departs || !(l.DiffBoardings*x.sign > 0) || l.What != what {
			t.Errorf("the line: %+v", l)
		}
		if k := kpi(t, s, "user_benefit"); !(k.Diff*x.sign > 0) {
			t.Errorf("every %d minutes travellers gain %g hours", x.minutes, k.Diff)
		}
		if s.Title != "Bus 1 "+what || !strings.HasPrefix(s.Verdict[0], "Between 08:00 and 10:00, Bus 1 ("+what+") carries about ") {
			t.Errorf("%q: %q", s.Title, s.Verdict)
		}
	}
}
