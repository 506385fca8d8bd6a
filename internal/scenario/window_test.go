package scenario_test

import (
	"testing"

	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// Where the timetable covers part of the day, the default start moves inside
// it; a start that was asked for does not.
func TestDefaultWindowMovesInsideTheTimetable(t *testing.T) {
	c := testcity.Grid(testcity.Default())
	c.Info.ServiceFrom, c.Info.ServiceTo = 12*3600, 16*3600
	cfg, ps := scenario.Merge(&spec.RunRequest{City: "testcity"}, c, spec.DefaultLimits(), "1")
	if len(ps) > 0 || cfg.Window != (spec.Window{From: "12:00", To: "14:00"}) {
		t.Fatalf("%+v, problems %v", cfg, ps)
	}
	c.Info.ServiceFrom, c.Info.ServiceTo = 6*3600, 9*3600
	if cfg, ps = scenario.Merge(&spec.RunRequest{City: "testcity"}, c, spec.DefaultLimits(), "1"); len(ps) > 0 || cfg.Window.From != "07:00" {
		t.Fatalf("%+v, problems %v", cfg, ps)
	}
	if _, ps = scenario.Merge(&spec.RunRequest{City: "testcity", SimTime: "08:00"}, c, spec.DefaultLimits(), "1"); len(ps) != 1 || ps[0].Path != "sim_time" {
		t.Fatalf("problems %v", ps)
	}
}
