package run

import (
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/kpi"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// Rings of full streets are told with every result, of either arm: those that
// the rule let roll on, and those that stand.
func TestGridlockIsAlwaysReported(t *testing.T) {
	c := testcity.Grid(testcity.Options{N: 3, LineEvery: -1})
	for side, name := range []string{"baseline", "scenario"} {
		st := &study{cfg: &spec.Config{Agents: 1000}, state: &State{}, persons: 1, base: &world{city: c}}
		for s := range st.outcomes {
			st.outcomes[s] = []*outcome{{kpi: &kpi.Arm{}}, {kpi: &kpi.Arm{}}}
		}
		told := func() string { return strings.Join(warnings(st, arms(st, baseline), arms(st, changed)), "\n") }
		if s := told(); strings.Contains(s, "Gridlock") {
			t.Errorf("without any: %s", s)
		}
		o := st.outcomes[side][1]
		o.kpi.RingTurns, o.turned = 5, []loading.Turned{{Links: []units.LinkID{3, 4}, AtS: 8 * 3600}}
		if s := told(); !strings.Contains(s, "Gridlock in the "+name+" was resolved by rule: 2.5 times a run") || !strings.Contains(s, "first at 08:00") || strings.Count(s, "Gridlock") != 1 {
			t.Errorf("turned in the %s: %s", name, s)
		}
		o.grid = []loading.Gridlock{{Links: []units.LinkID{1, 2, 5}, SinceS: 9 * 3600}}
		if s := told(); !strings.Contains(s, "Gridlock in the "+name+" (replication 2) from 09:00 on, a ring of 3 full links") || strings.Count(s, "Gridlock") != 2 {
			t.Errorf("standing in the %s: %s", name, s)
		}
	}
}
