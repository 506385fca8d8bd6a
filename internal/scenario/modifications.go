package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// fieldsOf lists the JSON fields each supported modification type knows,
// besides type, id and name.
var fieldsOf = map[string][]string{
	spec.NewLine:        {"mode", "stops", "alignment", "headways", "speed_kmh", "dwell_s", "capacity", "fare", "bidirectional"},
	spec.ChangeLine:     {"line", "headways", "remove"},
	spec.SpeedLimit:     {"links", "kmh"},
	spec.CloseLinks:     {"links"},
	spec.ChangeCapacity: {"links", "lanes"},
	spec.DemandScale:    {"factor", "purpose"},
}

// supported is fieldsOf in the order shown to people.
var supported = []string{spec.NewLine, spec.ChangeLine, spec.SpeedLimit, spec.CloseLinks, spec.ChangeCapacity, spec.DemandScale}

// later are contract types that this version refuses, saying so.
var later = []string{spec.Toll}

// Defaults of the short-form line.
const (
	lineHeadwayMin = 10
	lineSpeedKMH   = 20
	lineDwellS     = 25
	lineCapacity   = 200
)

// Bounds that keep checking a request quick: each stop costs a search of the
// streets, each street reference a pass over all links.
const (
	maxStops   = 100
	maxStreets = 500
)

// mergeModifications completes the modifications of a config. It returns those
// without problems of their own, with their paths in the request.
func mergeModifications(ps *spec.Problems, req *spec.RunRequest, c *city.City, limits spec.Limits, cfg *spec.Config) (sound []spec.Modification, paths []string) {
	cfg.Modifications = []spec.Modification{}
	var given []spec.Modification
	at := "modifications"
	if req.Modifications != nil {
		given = *req.Modifications
	} else if req.TramStart == "" && req.TramEnd == "" {
		at = cityDefault + ".also"
		given = defaultAlso(ps, at, c)
	}
	if len(given) > limits.MaxModifications {
		ps.Add(at, fmt.Sprintf("%d modifications are too many", len(given)), fmt.Sprintf("at most %d", limits.MaxModifications))
		return nil, nil
	}
	keep := func(m spec.Modification, path string, ok bool) {
		cfg.Modifications = append(cfg.Modifications, m)
		if ok {
			sound, paths = append(sound, m), append(paths, path)
		}
	}
	// Lines of the timetable and of the scenario share one list in the
	// results, so they share their ids.
	lines := map[string]bool{}
	for _, l := range c.Timetable.Lines {
		lines[l.ID] = true
	}
	taken := map[string]bool{} // ids that somebody chose
	for _, m := range given {
		taken[m.ID] = true
	}
	unused := func(prefix string) string {
		for n := 1; ; n++ {
			if id := fmt.Sprintf("%s-%d", prefix, n); !taken[id] && !lines[id] {
				taken[id] = true
				return id
			}
		}
	}
	switch {
	case req.TramStart != "" || req.TramEnd != "":
		if m, ok := shortLine(ps, req, c); ok {
			m.ID = unused("tram")
			keep(m, "tram_end", true)
		}
	case req.Modifications == nil:
		if m, ok := defaultLine(ps, c); ok {
			m.ID = unused("tram")
			keep(m, cityDefault, true)
		}
	}
	seen, changed := map[string]bool{}, map[string]bool{}
	for i, m := range given {
		path := fmt.Sprintf("%s[%d]", at, i)
		if !checkType(ps, path, &m) {
			continue
		}
		before := len(*ps)
		switch {
		case m.ID == "":
			m.ID = unused(strings.ReplaceAll(m.Type, "_", "-"))
		case seen[m.ID]:
			ps.Add(path+".id", fmt.Sprintf("the id %q is used twice", m.ID), "an id of its own, or none")
		case m.Type == spec.NewLine && lines[m.ID]:
			ps.Add(path+".id", fmt.Sprintf("%s has a line %q already", c.Info.Name, m.ID), "an id of its own, or none")
		}
		seen[m.ID] = true
		switch m.Type {
		case spec.NewLine:
			m = mergeLine(ps, path, m, c)
		case spec.ChangeLine:
			m = mergeLineChange(ps, path, m, c, changed)
		}
		// A line can only be built when it is sound; the others are looked at
		// field by field.
		keep(m, path, m.Type != spec.NewLine && m.Type != spec.ChangeLine || len(*ps) == before)
	}
	return sound, paths
}

// checkType refuses unknown and later types, and fields of other types.
func checkType(ps *spec.Problems, path string, m *spec.Modification) bool {
	known, ok := fieldsOf[m.Type]
	if !ok {
		what := fmt.Sprintf("%q is not a modification type", m.Type)
		if m.Type == "" {
			what = "the type is missing"
		} else if slices.Contains(later, m.Type) {
			what = fmt.Sprintf("%s is planned but not in this version", m.Type)
		}
		ps.Add(path+".type", what, supported...)
		return false
	}
	v := reflect.ValueOf(*m)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "type" || name == "id" || name == "name" || slices.Contains(known, name) || v.Field(i).IsZero() {
			continue
		}
		what := fmt.Sprintf("%s does not use %s in this version", m.Type, name)
		if m.Type == spec.ChangeLine {
			what += ": it gives a line other headways or removes it"
		}
		ps.Add(path+"."+name, what, known...)
	}
	return true
}

// shortLine expands tram_start and tram_end.
func shortLine(ps *spec.Problems, req *spec.RunRequest, c *city.City) (spec.Modification, bool) {
	m := spec.Modification{Type: spec.NewLine}
	var ends []spec.StopRef
	for _, f := range []struct{ path, v string }{{"tram_start", req.TramStart}, {"tram_end", req.TramEnd}} {
		if f.v == "" {
			ps.Add(f.path, "a line needs both ends", "a stop id or name")
			continue
		}
		if ref, ok := resolveStop(ps, f.path, spec.StopRef{ID: f.v}, c); ok {
			ends = append(ends, ref)
		}
	}
	if len(ends) < 2 {
		return m, false
	}
	if sameGroup(c, ends[0], ends[1]) {
		ps.Add("tram_end", fmt.Sprintf("start and end are the same stop (%s)", ends[1].Name), "two different stops")
		return m, false
	}
	stops, ok := callingPoints(ps, "tram_end", ends[0], ends[1], c)
	if !ok {
		return m, false
	}
	m.Stops = stops
	return fillLine(m, c), true
}

// mergeLine checks a full-form line and writes its defaults.
func mergeLine(ps *spec.Problems, path string, m spec.Modification, c *city.City) spec.Modification {
	if len(m.Stops) < 2 {
		ps.Add(path+".stops", fmt.Sprintf("%d stops do not make a line", len(m.Stops)), "two or more stops")
	}
	if len(m.Stops) > maxStops {
		ps.Add(path+".stops", fmt.Sprintf("%d stops are too many", len(m.Stops)), fmt.Sprintf("at most %d", maxStops))
		return m
	}
	refs := make([]spec.StopRef, 0, len(m.Stops))
	all := true
	for i, s := range m.Stops {
		p := fmt.Sprintf("%s.stops[%d]", path, i)
		ref, ok := resolveStop(ps, p, s, c)
		all = all && ok
		if ok && len(refs) > 0 && sameGroup(c, refs[len(refs)-1], ref) {
			ps.Add(p, fmt.Sprintf("%s follows itself", ref.Name), "two different stops")
		}
		refs = append(refs, ref)
	}
	if all {
		m.Stops = refs
	}
	oneOf(ps, path+".mode", m.Mode, "tram", "bus", "rail")
	if m.Alignment == "street" {
		ps.Add(path+".alignment", "running in the street among cars is not in this version", "own_way")
	} else {
		oneOf(ps, path+".alignment", m.Alignment, "own_way")
	}
	inRange(ps, path+".speed_kmh", m.SpeedKMH, 5, 160)
	inRange(ps, path+".dwell_s", m.DwellS, 1, 600)
	inRange(ps, path+".capacity", m.Capacity, 1, 3000)
	if m.Fare != nil && !(*m.Fare >= 0 && *m.Fare <= 1000) {
		ps.Add(path+".fare", fmt.Sprintf("%g is out of range", *m.Fare), "0 to 1000")
	}
	checkHeadways(ps, path+".headways", m.Headways)
	if !all || len(m.Stops) < 2 {
		return m
	}
	return fillLine(m, c)
}

func oneOf(ps *spec.Problems, path, v string, valid ...string) {
	if v != "" && !slices.Contains(valid, v) {
		ps.Add(path, fmt.Sprintf("%q is not known here", v), valid...)
	}
}

// inRange checks a number where 0 means "left out".
func inRange(ps *spec.Problems, path string, v, lo, hi float64) {
	if v != 0 && !(v >= lo && v <= hi) {
		ps.Add(path, fmt.Sprintf("%g is out of range", v), fmt.Sprintf("%g to %g", lo, hi))
	}
}

func checkHeadways(ps *spec.Problems, path string, hs []spec.Headway) {
	last := units.Seconds(0)
	for i, h := range hs {
		p := fmt.Sprintf("%s[%d]", path, i)
		from, ok1 := ParseClock(h.From)
		to, ok2 := ParseClock(h.To)
		if !ok1 {
			ps.Add(p+".from", fmt.Sprintf("%q is not a time of day", h.From), "HH:MM")
		}
		if !ok2 {
			ps.Add(p+".to", fmt.Sprintf("%q is not a time of day", h.To), "HH:MM")
		}
		if ok1 && ok2 && to <= from {
			ps.Add(p+".to", "the headway window ends before it starts", "later than "+h.From)
		}
		if !(h.EveryMin >= 1 && h.EveryMin <= 1440) {
			ps.Add(p+".every_min", fmt.Sprintf("%g is out of range", h.EveryMin), "1 to 1440")
		}
		if ok1 && from < last {
			ps.Add(p+".from", "headway windows overlap or are out of order", "from "+Clock(last)+" on")
		}
		if ok2 {
			last = max(last, to)
		}
	}
}

// fillLine writes the defaults of a line.
func fillLine(m spec.Modification, c *city.City) spec.Modification {
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	if m.Mode == "" {
		m.Mode = "tram"
	}
	if m.Name == "" {
		first, last := m.Stops[0].Name, m.Stops[len(m.Stops)-1].Name
		m.Name = strings.ToUpper(m.Mode[:1]) + m.Mode[1:] + " " + first + " - " + last
	}
	m.Alignment = "own_way"
	def(&m.SpeedKMH, lineSpeedKMH)
	def(&m.DwellS, lineDwellS)
	def(&m.Capacity, lineCapacity)
	if len(m.Headways) == 0 {
		m.Headways = []spec.Headway{{From: Clock(c.Info.ServiceFrom), To: Clock(c.Info.ServiceTo), EveryMin: lineHeadwayMin}}
	}
	m.Headways = clocksOf(m.Headways)
	if m.Fare == nil {
		fare := usualFare(c, m.Mode)
		m.Fare = &fare
	}
	if m.Bidirectional == nil {
		yes := true
		m.Bidirectional = &yes
	}
	return m
}

// clocksOf are headways with their times as Clock writes them: "6:00" and
// "06:00" are one question. The request stays as it was.
func clocksOf(hs []spec.Headway) []spec.Headway {
	hs = slices.Clone(hs)
	for i, h := range hs {
		from, ok1 := ParseClock(h.From)
		to, ok2 := ParseClock(h.To)
		if ok1 && ok2 {
			hs[i].From, hs[i].To = Clock(from), Clock(to)
		}
	}
	return hs
}

// usualFare is the fare of the city's lines of that mode, else of its buses:
// the most frequent one, the lower of equals.
func usualFare(c *city.City, mode string) float64 {
	for _, want := range []string{mode, "bus"} {
		count := map[float32]int{}
		best := float32(0)
		for _, l := range c.Timetable.Lines {
			if l.Mode.String() == want {
				count[l.Fare]++
				if n := count[l.Fare]; n > count[best] || n == count[best] && l.Fare < best {
					best = l.Fare
				}
			}
		}
		if len(count) > 0 {
			return float64(best)
		}
	}
	return 0
}
