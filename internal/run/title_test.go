package run

import (
	"testing"

	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/spec"
)

// A result is titled by its line, whatever else was changed with it.
func TestTitleTellsTheLine(t *testing.T) {
	line := spec.Modification{Type: spec.NewLine, ID: "tram-1"}
	lane := spec.Modification{Type: spec.ChangeCapacity, ID: "change-capacity-1"}
	named := spec.Modification{Type: spec.CloseLinks, ID: "close-links-1", Name: "Bridge closed"}
	for want, mods := range map[string][]spec.Modification{
		"No change":                          nil,
		"change-capacity-1":                  {lane},
		"Bridge closed":                      {named},
		"2 changes":                          {lane, named},
		"New line: Tram":                     {line},
		"New line: Tram and 1 other change":  {lane, line},
		"New line: Tram and 2 other changes": {line, lane, named},
	} {
		st := &study{cfg: &spec.Config{Modifications: mods}, plan: &scenario.Plan{}}
		for _, m := range mods {
			if m.Type == spec.NewLine {
				st.plan.Lines = []scenario.Line{{Name: "Tram"}}
			}
		}
		if got := title(st); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
