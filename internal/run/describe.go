package run

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// Info is a city for the list.
func Info(c *city.City) spec.CityInfo {
	i := &c.Info
	out := spec.CityInfo{
		Slug: i.Slug, Name: i.Name, Enabled: true, Bounds: i.BBox, Modes: []string{},
		ServiceDate:   i.ServiceDate,
		ServiceWindow: spec.Window{From: scenario.Clock(i.ServiceFrom), To: scenario.Clock(i.ServiceTo)},
		Attribution:   i.Attribution, Digest: i.Digest, Uncalibrated: true, Assumed: assumed(c),
	}
	f := &out.Facts
	f.Source, f.Assumed = i.Population.Source, i.Population.Assumed
	if i.Population.Known {
		f.Population = &i.Population.Value
	}
	if i.AreaKM2.Known {
		f.AreaKM2 = &i.AreaKM2.Value
	}
	if f.Population != nil && f.AreaKM2 != nil && *f.AreaKM2 > 0 {
		d := *f.Population / *f.AreaKM2
		f.DensityKM2 = &d
	}
	var seen [16]bool
	for _, p := range c.Timetable.PatternLine {
		seen[c.Timetable.Lines[p].Mode] = true
	}
	for m := city.Bus; m <= city.Ferry; m++ {
		if seen[m] {
			out.Modes = append(out.Modes, m.String())
		}
	}
	return out
}

// assumed names what of a city's data nobody observed.
func assumed(c *city.City) []string {
	out := []string{}
	if c.Info.Population.Assumed {
		out = append(out, "the number of residents")
	}
	if c.Info.ModeShareAssumed {
		out = append(out, "today’s shares of the modes")
	}
	if s := assumedService(c); s != "" {
		out = append(out, "the service of "+s)
	}
	return out
}

// assumedService counts the lines that run to no published timetable: "75 bus
// and 7 metro lines", "" when there are none.
func assumedService(c *city.City) string {
	var lines [city.Ferry + 1]int
	for _, l := range c.Timetable.Lines {
		if l.Assumed && !l.New {
			lines[l.Mode]++
		}
	}
	var parts []string
	last := 0
	for m, n := range lines {
		if n > 0 {
			parts, last = append(parts, fmt.Sprintf("%d %s", n, city.TransitMode(m))), n
		}
	}
	switch {
	case len(parts) == 0:
		return ""
	case len(parts) == 1 && last == 1:
		return parts[0] + " line"
	case len(parts) == 1:
		return parts[0] + " lines"
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1] + " lines"
}

// DescriptionFormat is the version of what Describe and StreetMap make: raise
// it when either changes, so that a kept one is never mistaken for the new.
const DescriptionFormat = 2

// StreetMap is the drawable street map of a city, for Source.Streets.
func StreetMap(c *city.City) []byte { return city.StreetsGeoJSON(c) }

// Describe is a city in full as JSON, for Source.Detail. The limits are left
// open: they are of the host that answers, not of the city.
func Describe(c *city.City) ([]byte, error) {
	b, err := json.Marshal(detail(c))
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", c.Info.Slug, err)
	}
	return append(b, '\n'), nil
}

func detail(c *city.City) *spec.CityDetail {
	i := &c.Info
	out := &spec.CityDetail{
		CityInfo: Info(c), Stops: []spec.Stop{},
		Default: spec.Default{Name: i.DefaultName, Stops: append([]string{}, i.DefaultStops...), Also: scenario.DefaultAlso(c)},
		Share:   spec.ModeShare{Car: i.ModeShare[city.Car], Bike: i.ModeShare[city.Bike], Walk: i.ModeShare[city.Walk], Transit: i.ModeShare[city.Transit]},
		ShareOf: i.ModeShareSource, ShareAssumed: i.ModeShareAssumed, Streets: fmt.Sprintf("/v1/cities/%s/streets.geojson", i.Slug),
		Sources: append([]string{}, i.Sources...), Report: []spec.ReportRow{}, Observed: []spec.Observation{},
	}
	tt := &c.Timetable
	modes := make([][city.Ferry + 1]bool, tt.NumStops())
	for p := range tt.NumPatterns() {
		for _, s := range tt.StopsOf(units.PatternID(p)) {
			modes[s][tt.Lines[tt.PatternLine[p]].Mode] = true
		}
	}
	for s := range tt.NumStops() {
		stop := spec.Stop{ID: tt.StopID[s], Name: tt.StopName[s], Lon: tt.StopLon[s], Lat: tt.StopLat[s], Modes: []string{}, Group: int(tt.StopGroup[s])}
		for m, served := range modes[s] {
			if served {
				stop.Modes = append(stop.Modes, city.TransitMode(m).String())
			}
		}
		out.Stops = append(out.Stops, stop)
	}
	for _, r := range i.Report {
		out.Report = append(out.Report, spec.ReportRow{Part: r.Part, What: r.What, Count: r.Count, Unit: r.Unit, Detail: r.Detail})
	}
	for _, o := range i.Observed {
		seen := spec.Observation{What: o.What, Value: o.Value, Source: o.Source, Year: o.Year, Figures: []spec.Figure{}}
		for _, f := range o.Figures {
			seen.Figures = append(seen.Figures, spec.Figure{Kind: o.Kind, Mode: f.Mode, Value: f.Value, Spot: spotOf(&c.Net, f.Spot)})
		}
		out.Observed = append(out.Observed, seen)
	}
	return out
}

// spotOf is where vehicles are counted, for readers; nil stays nil.
func spotOf(n *city.Network, s *city.Spot) *spec.Spot {
	if s == nil {
		return nil
	}
	return &spec.Spot{
		Way: s.WayOSM, Name: n.Names[n.NameIdx[s.Links[0]]], Heading: s.Heading, Lon: s.Lon, Lat: s.Lat,
		Window: spec.Window{From: scenario.Clock(s.From), To: scenario.Clock(s.To)},
	}
}
