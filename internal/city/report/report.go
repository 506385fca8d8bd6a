// Package report is the quality report of a compiled city: what was read, kept
// and dropped, what was derived or assumed, totals, and what somebody should
// look at. Of makes one; JSON and HTML write it. The same city gives the same
// bytes. docs/city-report.md describes the fields.
package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// Schema is the version of the report's form. Fields are added within a
// version; a field that changes its meaning raises it.
const Schema = 1

// Making is what is known of a city beside its pack.
type Making struct {
	Settings []city.Setting    // what was derived
	Files    []city.SourceFile // what it was made of
	Findings []city.Finding
	Config   []byte // city.yaml, given or derived
	// Morning is the settled default morning; nil where nobody computed it.
	Morning *spec.Baseline
}

// Report is the quality report. A city read back from its pack has no files,
// settings, findings and morning.
type Report struct {
	Schema  int               `json:"schema"`
	City    About             `json:"city"`
	Verdict Verdict           `json:"verdict"`
	Totals  []Total           `json:"totals"`
	Streets []Class           `json:"streets_by_class"`
	Lines   []Mode            `json:"lines_by_mode"`
	Finding []city.Finding    `json:"findings"`
	Full    *Full             `json:"full_demand"`
	Derived []city.Setting    `json:"derived"`
	Assumed []string          `json:"assumptions"`
	Limits  []string          `json:"limits"`
	Steps   []Step            `json:"steps"`
	Files   []city.SourceFile `json:"files"`
	Config  string            `json:"city_yaml,omitempty"`
}

// About says which city it is.
type About struct {
	Slug          string     `json:"slug"`
	Name          string     `json:"name"`
	Country       string     `json:"country"`
	TimeZone      string     `json:"time_zone"`
	BBox          [4]float64 `json:"bbox"` // west, south, east, north
	ServiceDate   string     `json:"service_date"`
	ServiceWindow [2]string  `json:"service_window"`
	Digest        string     `json:"digest"`
	PackFormat    int        `json:"pack_format"`
	Attribution   string     `json:"attribution"`
	Sources       []string   `json:"sources"`
	WhatIf        string     `json:"what_if"`
}

// Verdict counts findings by severity.
type Verdict struct {
	Severe   int `json:"severe"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// Total is one figure about the whole city.
type Total struct {
	Part    string  `json:"part"`
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Assumed bool    `json:"assumed,omitempty"`
	Detail  string  `json:"detail,omitempty"`
}

// Full is how the streets bear the whole morning of the city, before anything is
// changed.
type Full struct {
	Date         string      `json:"date"`
	Window       spec.Window `json:"window"`
	TrafficLevel string      `json:"traffic_level"`
	ModelVersion string      `json:"model_version"`
	Persons      int         `json:"persons"` // sampled, who stand for all
	Settled      bool        `json:"settled"`
	RelativeGap  float64     `json:"relative_gap"`
	spec.FullDemand
}

// Class is the streets of one class: each street once, lanes by direction.
type Class struct {
	Class  string  `json:"class"`
	KM     float64 `json:"km"`
	CarKM  float64 `json:"car_km"`
	LaneKM float64 `json:"lane_km"`
}

// Mode is the lines of one vehicle kind.
type Mode struct {
	Mode    string `json:"mode"`
	Lines   int    `json:"lines"`
	Trips   int    `json:"trips"`
	Stops   int    `json:"stops"`
	Assumed int    `json:"assumed_lines,omitempty"`
}

// Step is one counted outcome of the import, in the order of its steps.
type Step struct {
	Part    string  `json:"part"`
	What    string  `json:"what"`
	Count   float64 `json:"count"`
	Unit    string  `json:"unit"`
	Detail  string  `json:"detail,omitempty"`
	Assumed bool    `json:"assumed,omitempty"`
}

// Of makes the report of a city.
func Of(c *city.City, m Making) *Report {
	i := &c.Info
	r := &Report{
		Schema: Schema,
		City: About{
			Slug: i.Slug, Name: i.Name, Country: i.Country, TimeZone: i.TimeZone, BBox: i.BBox, ServiceDate: i.ServiceDate,
			ServiceWindow: [2]string{clock(i.ServiceFrom), clock(i.ServiceTo)}, Digest: i.Digest, PackFormat: city.PackFormat,
			Attribution: i.Attribution, Sources: append([]string{}, i.Sources...), WhatIf: i.DefaultName,
		},
		Finding: append([]city.Finding{}, m.Findings...), Derived: append([]city.Setting{}, m.Settings...),
		Files: append([]city.SourceFile{}, m.Files...), Config: string(m.Config), Limits: limits,
	}
	rank := map[city.Severity]int{city.Severe: 0, city.Warning: 1, city.Note: 2} // look-ups only
	slices.SortStableFunc(r.Finding, func(a, b city.Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	for _, f := range r.Finding {
		switch f.Severity {
		case city.Severe:
			r.Verdict.Severe++
		case city.Warning:
			r.Verdict.Warnings++
		default:
			r.Verdict.Notes++
		}
	}
	for _, l := range i.Report {
		s := Step{l.Part, l.What, round(l.Count), l.Unit, l.Detail, strings.Contains(l.Detail, "assumed")}
		r.Steps = append(r.Steps, s)
		if s.Assumed && s.Count != 0 {
			r.Assumed = append(r.Assumed, fmt.Sprintf("%s, %s: %s", upper(l.Part), l.What, l.Detail))
		}
	}
	for _, s := range m.Settings {
		if s.Assumed {
			r.Assumed = append(r.Assumed, fmt.Sprintf("Setting %s: %s (%s)", s.Key, s.Value, s.From))
		}
	}
	if b := m.Morning; b != nil && b.FullDemand != nil {
		r.Full = &Full{b.Date, b.Window, b.TrafficLevel, b.ModelVersion, b.Persons, b.Converged, b.RelativeGap, *b.FullDemand}
	}
	r.streets(c)
	r.service(c)
	r.places(c)
	return r
}

// limits hold for every city of this version.
var limits = []string{
	"No traffic from outside the box: through traffic, commuters from elsewhere and goods are missing.",
	"Signals have positions on the map but no timings; capacities are by road class and lane.",
	"Buses and trams keep their timetable in the baseline, whatever the traffic around them.",
	"Heights, where given, slow cycling only; walking is as on the flat.",
	"An uncalibrated sketch: compare alternatives with it, do not forecast with it.",
}

func (r *Report) total(part, what string, v float64, unit string, assumed bool, detail string) {
	r.Totals = append(r.Totals, Total{part, what, round(v), unit, assumed, detail})
}

func (r *Report) streets(c *city.City) {
	n := &c.Net
	by := make([]Class, city.Path+1)
	var km, carKM, laneKM float64
	rings := 0
	of := n.Originals()
	for l := range n.NumLinks() {
		if of[l] != units.LinkID(l) {
			continue // a copy of a street is no street
		}
		once := n.Reverse[l] == units.NoLink || int(n.Reverse[l]) > l
		d := float64(n.LengthM[l]) / 1000
		k := &by[n.Class[l]]
		if once {
			k.KM, km = k.KM+d, km+d
		}
		if n.Modes[l]&city.AllowCar != 0 {
			if once || n.Modes[n.Reverse[l]]&city.AllowCar == 0 {
				k.CarKM, carKM = k.CarKM+d, carKM+d
			}
			k.LaneKM, laneKM = k.LaneKM+d*float64(n.Lanes[l]), laneKM+d*float64(n.Lanes[l])
			if n.Roundabout[l] {
				rings++
			}
		}
	}
	for k, row := range by {
		if row.KM > 0 {
			r.Streets = append(r.Streets, Class{city.RoadClass(k).String(), round(row.KM), round(row.CarKM), round(row.LaneKM)})
		}
	}
	signals := 0
	for _, s := range n.NodeSignal {
		if s {
			signals++
		}
	}
	r.total("streets", "streets", km, "km", false, "each street once, paths included")
	r.total("streets", "open to cars", carKM, "km", false, "each street once")
	r.total("streets", "lanes for cars", laneKM, "km", false, "by direction; untagged streets have a default (assumed)")
	r.total("streets", "junctions and ends", float64(n.NumNodes()), "nodes", false, "")
	r.total("streets", "links", float64(n.NumLinks()), "links", false, "directed")
	r.total("streets", "junctions with signals", float64(signals), "junctions", false, "")
	r.total("streets", "banned turns", float64(len(n.BanTo)), "turns", false, "from turn restrictions")
	r.total("streets", "links of large roundabouts", float64(rings), "links", false, "small roundabouts are one junction")
	if len(n.Grade) > 0 {
		lo, hi := slices.Min(n.NodeHeightM), slices.Max(n.NodeHeightM)
		r.total("streets", "height above the lowest junction", float64(hi-lo), "m", false, fmt.Sprintf("%.0f to %.0f m above the sea", lo, hi))
	}
}

func (r *Report) service(c *city.City) {
	t := &c.Timetable
	by := make([]Mode, city.Ferry+1)
	served := make([]map[units.StopID]bool, len(by)) // counted only
	for k := range by {
		by[k].Mode = city.TransitMode(k).String()
		served[k] = map[units.StopID]bool{}
	}
	for _, l := range t.Lines {
		by[l.Mode].Lines++
		if l.Assumed {
			by[l.Mode].Assumed++
		}
	}
	departures, guessed := 0, 0
	for p := range t.NumPatterns() {
		m := t.Lines[t.PatternLine[p]].Mode
		trips := int(t.PatternTrips[p+1] - t.PatternTrips[p])
		by[m].Trips += trips
		stops := t.StopsOf(units.PatternID(p))
		departures += trips * (len(stops) - 1)
		if t.Lines[t.PatternLine[p]].Assumed {
			guessed += trips
		}
		for _, s := range stops {
			served[m][s] = true
		}
	}
	r.Lines = []Mode{}
	for k := range by {
		if by[k].Stops = len(served[k]); by[k].Lines > 0 {
			r.Lines = append(r.Lines, by[k])
		}
	}
	r.total("timetable", "stops", float64(t.NumStops()), "stops", false, fmt.Sprintf("in %d groups of one name or station", t.NumGroups()))
	r.total("timetable", "lines", float64(len(t.Lines)), "lines", false, "")
	trips := "on the service date"
	if guessed > 0 {
		trips += fmt.Sprintf(", %d of them on lines whose headways are assumed", guessed)
	}
	r.total("timetable", "vehicle trips", float64(t.NumTrips()), "trips", guessed > 0, trips)
	r.total("timetable", "departures", float64(departures), "departures", guessed > 0, "at all stops")
}

func (r *Report) places(c *city.City) {
	p := &c.Places
	var people float64
	homes := 0
	for _, n := range p.Residents {
		if people += float64(n); n > 0 {
			homes++
		}
	}
	r.total("places", "residents", people, "people", c.Info.Population.Assumed, c.Info.Population.Source)
	r.total("places", "homes", float64(homes), "places", false, "places where somebody lives")
	counted := slices.ContainsFunc(c.Info.Report, func(l city.ReportLine) bool { return l.Part == "places" && l.What == "jobs" })
	for k := range p.Attraction {
		var sum float64
		for _, a := range p.Attraction[k] {
			sum += float64(a)
		}
		if city.Purpose(k) == city.Work && counted {
			r.total("places", "jobs", sum, "jobs", false, "counted")
			continue
		}
		r.total("places", "weight of places for "+city.Purpose(k).String(), sum, "", true, "only its distribution over the city matters")
	}
	r.total("places", "places", float64(p.Num()), "places", false, fmt.Sprintf("in %d cells of 250 m and %d areas", p.NumClusters(), len(p.AreaName)))
}

// JSON is the report as indented JSON.
func (r *Report) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// round keeps three digits behind the point: more would be noise of adding up.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func clock(s units.Seconds) string { return fmt.Sprintf("%02d:%02d", int(s)/3600, int(s)/60%60) }

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
