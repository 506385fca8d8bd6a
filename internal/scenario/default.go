package scenario

import (
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/spec"
)

// cityDefault is where problems of a city's own what-if lie: not in the
// request, but in "default" of its city.yaml.
const cityDefault = "city default"

// defaultLine is the line of the city's own what-if.
func defaultLine(ps *spec.Problems, c *city.City) (spec.Modification, bool) {
	if len(c.Info.DefaultStops) < 2 {
		ps.Add("tram_start", c.Info.Name+" has no default what-if: name two stops, or give modifications", "a stop id or name")
		return spec.Modification{}, false
	}
	m := spec.Modification{Type: spec.NewLine, Name: c.Info.DefaultName}
	for _, s := range c.Info.DefaultStops {
		m.Stops = append(m.Stops, spec.StopRef{ID: s})
	}
	before := len(*ps)
	m = mergeLine(ps, cityDefault, m, c)
	return m, len(*ps) == before
}

// defaultAlso is what changes beside that line.
func defaultAlso(ps *spec.Problems, path string, c *city.City) []spec.Modification {
	if len(c.Info.DefaultAlso) == 0 {
		return nil
	}
	list, bad := spec.ParseModifications(path, c.Info.DefaultAlso)
	*ps = append(*ps, bad...)
	return list
}

// CheckDefault is every problem of a city's own what-if, where more than a line
// changes, with its path in city.yaml.
func CheckDefault(c *city.City) spec.Problems {
	if len(c.Info.DefaultAlso) == 0 {
		return nil
	}
	var ps spec.Problems
	sound, paths := mergeModifications(&ps, &spec.RunRequest{}, c, spec.DefaultLimits(), &spec.Config{})
	_, built := apply(c, sound, paths)
	// What could not be read explains what is missing further on.
	_, unread := spec.ParseModifications(cityDefault+".also", c.Info.DefaultAlso)
	ps = unread.With(append(ps, built...))
	for i := range ps {
		ps[i].Path = strings.TrimPrefix(ps[i].Path, "city ")
	}
	return ps
}

// DefaultAlso is what changes beside the line in the city's own what-if,
// completed as a run of it has it. It is empty where the what-if cannot be run.
func DefaultAlso(c *city.City) []spec.Modification {
	var ps spec.Problems
	cfg := &spec.Config{}
	if len(c.Info.DefaultAlso) > 0 {
		mergeModifications(&ps, &spec.RunRequest{}, c, spec.DefaultLimits(), cfg)
	}
	if len(ps) > 0 || len(cfg.Modifications) == 0 {
		return []spec.Modification{}
	}
	return cfg.Modifications[1:] // the first is the line
}
