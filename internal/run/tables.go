package run

import (
	"math"
	"strings"

	"github.com/malikobaid/cityflow/internal/artifact"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/kpi"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// armStatistics is baseline_stats.json and scenario_stats.json: everything one
// arm came to. It names no arm and no modification, so that an empty scenario
// gives the baseline's bytes.
type armStatistics struct {
	Schema int `json:"schema"`
	spec.Basis
	Replications int                `json:"replications"`
	Modes        []modeStatistics   `json:"modes"`
	Indicators   map[string]float64 `json:"indicators"`
	Lines        []kpi.LineUse      `json:"lines"`
	Areas        []areaStatistics   `json:"areas"`
	// Runs holds the raw indicators of every replication.
	Runs []runStatistics `json:"runs"`
}

type modeStatistics struct {
	Mode    string  `json:"mode"`
	Trips   float64 `json:"trips"`
	Share   float64 `json:"share_percent"`
	MeanMin float64 `json:"mean_min"`
	// KM is null for transit: its distance is not measured.
	KM *float64 `json:"person_km"`
}

type areaStatistics struct {
	Area    string  `json:"area"`
	Trips   float64 `json:"trips"`
	MeanMin float64 `json:"mean_min"`
	Jobs30  float64 `json:"jobs_30_percent"`
}

type runStatistics struct {
	Trips       [city.NumModes]float64 `json:"trips"`
	Min         [city.NumModes]float64 `json:"minutes"`
	VehicleKM   float64                `json:"vehicle_km"`
	CarDelayMin float64                `json:"car_delay_min"`
	Boardings   float64                `json:"boardings"`
	LeftBehind  float64                `json:"left_behind"`
	RelativeGap float64                `json:"relative_gap"`
	RingTurns   float64                `json:"ring_turns"`
	// Volume is the sum of link volumes times link number: a fingerprint that
	// shows any vehicle on any other street.
	Volume float64 `json:"volume_fingerprint"`
}

func statistics(c *city.City, st *study, side int, basis spec.Basis) *armStatistics {
	as := arms(st, side)
	n := float64(len(as))
	out := &armStatistics{Schema: spec.SchemaVersion, Basis: basis, Replications: len(as), Indicators: map[string]float64{}}
	for m := range city.NumModes {
		row := modeStatistics{Mode: city.Mode(m).String()}
		row.Share, row.MeanMin = shareAndTime(as, m)
		km := 0.0
		for _, a := range as {
			row.Trips += a.Expected[m] / n
			km += a.KM[m] / n
		}
		if city.Mode(m) != city.Transit {
			row.KM = &km
		}
		out.Modes = append(out.Modes, row)
	}
	for _, d := range kpi.Definitions {
		if d.Value != nil {
			for _, a := range as {
				out.Indicators[d.ID] += d.Value(a) / n
			}
		}
	}
	out.Lines = append([]kpi.LineUse{}, as[0].Lines...)
	for i := range out.Lines {
		out.Lines[i].Boardings, out.Lines[i].MaxLoad = 0, 0
		for _, a := range as {
			out.Lines[i].Boardings += a.Lines[i].Boardings / n
			out.Lines[i].MaxLoad += a.Lines[i].MaxLoad / n
		}
	}
	for i, name := range c.Places.AreaName {
		row := areaStatistics{Area: name, Jobs30: as[0].AreaJobs30[i]}
		spent := 0.0
		for _, a := range as {
			row.Trips += a.AreaTrips[i] / n
			spent += a.AreaMin[i] / n
		}
		if row.Trips > 0 {
			row.MeanMin = spent / row.Trips
		}
		out.Areas = append(out.Areas, row)
	}
	for _, o := range st.outcomes[side] {
		a := o.kpi
		row := runStatistics{Trips: a.Trips, Min: a.Min, VehicleKM: a.VehicleKM, CarDelayMin: a.CarDelayMin, Boardings: a.Boardings, LeftBehind: a.LeftBehind, RelativeGap: a.RelativeGap, RingTurns: a.RingTurns}
		for l, v := range o.volume {
			row.Volume += v * float64(l+1)
		}
		out.Runs = append(out.Runs, row)
	}
	return out
}

func iterations(st *study) []artifact.Iteration {
	var rows []artifact.Iteration
	for r := range st.outcomes[baseline] {
		for side, name := range []string{"baseline", "scenario"} {
			for i, it := range st.outcomes[side][r].log {
				rows = append(rows, artifact.Iteration{Replication: r + 1, Arm: name, Iteration: i + 1,
					RelativeGap: it.Gap, GapHalf: it.GapHalf, Tenth: it.Tenth, Surprise: it.Surprise, Looked: it.Looked, Moved: it.Moved, Switched: it.Switched, CarMinute: it.CarMin, Unfinished: it.Stuck})
			}
		}
	}
	return rows
}

// Volumes are drawn where they are known well enough: a relative standard
// error under 30%, and enough vehicles to matter.
const (
	maxRelativeError = 0.3
	minVolume        = 20
)

type linkProperties struct {
	Kind     string  `json:"kind"`
	Way      int64   `json:"way"`
	Name     string  `json:"name,omitempty"`
	Baseline float64 `json:"baseline"`
	Scenario float64 `json:"scenario"`
	Diff     float64 `json:"diff"`
	Low      float64 `json:"ci_lo"`
	High     float64 `json:"ci_hi"`
	Clear    bool    `json:"clear"`
	Changed  bool    `json:"changed,omitempty"` // a modification touched it
}

type lineProperties struct {
	Kind string  `json:"kind"`
	ID   string  `json:"id"`
	Name string  `json:"name"`
	KM   float64 `json:"length_km"`
}

type stopProperties struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Name   string `json:"name"`
	Chosen bool   `json:"chosen"`
}

// linkMap is links.geojson: the new lines, their stops, and vehicles by street
// and direction in the window.
func linkMap(c *city.City, st *study, sum *spec.Summary) []artifact.Feature {
	var out []artifact.Feature
	net := &c.Net
	touched := map[units.LinkID]bool{} // look-up only
	for _, l := range st.plan.Changed {
		touched[l] = true
	}
	n := len(st.outcomes[baseline])
	// Copies of a street are drawn with it, and their vehicles are its own.
	of := net.Originals()
	copies := map[units.LinkID][]units.LinkID{} // look-up only
	for l, o := range of {
		if o != units.LinkID(l) {
			copies[o] = append(copies[o], units.LinkID(l))
		}
	}
	volume := func(world, r, l int) float64 {
		v := st.outcomes[world][r].volume
		sum := v[l]
		for _, c := range copies[units.LinkID(l)] {
			sum += v[c]
		}
		return sum
	}
	var lon, lat []float64
	for l := range net.NumLinks() {
		if of[l] != units.LinkID(l) {
			continue
		}
		var base, scen, sq float64
		for r := range n {
			b, s := volume(baseline, r, l), volume(changed, r, l)
			base += b / float64(n)
			scen += s / float64(n)
			sq += b * b / float64(n)
		}
		mark := touched[units.LinkID(l)]
		if max(base, scen) < minVolume && !mark {
			continue
		}
		sd := math.Sqrt(max(0, sq-base*base) * float64(n) / float64(max(1, n-1)))
		if base > 0 && sd/math.Sqrt(float64(n))/base > maxRelativeError && !mark {
			continue
		}
		diffs := make([]float64, n)
		for r := range diffs {
			diffs[r] = volume(changed, r, l) - volume(baseline, r, l)
		}
		diff, ci := kpi.Interval(diffs)
		lon, lat = lon[:0], lat[:0]
		for g := net.GeomFirst[l]; g < net.GeomFirst[l+1]; g++ {
			lon, lat = append(lon, float64(net.GeomLon[g])), append(lat, float64(net.GeomLat[g]))
		}
		out = append(out, artifact.LineString(lon, lat, linkProperties{Kind: "link", Way: net.WayOSM[l], Name: net.Names[net.NameIdx[l]],
			Baseline: tenth(base), Scenario: tenth(scen), Diff: tenth(diff), Low: tenth(ci[0]), High: tenth(ci[1]),
			Clear: kpi.StandsOut(diffs), Changed: mark}))
	}
	for i := range st.plan.Lines {
		l := &st.plan.Lines[i]
		out = append(out, artifact.LineString(l.Lon, l.Lat, lineProperties{"line", l.ID, l.Name, l.LengthM / 1000}))
		for _, s := range sum.Lines[i].Stops {
			out = append(out, artifact.Point(s.Lon, s.Lat, stopProperties{"stop", s.ID, s.Name, s.Chosen}))
		}
	}
	return out
}

func tenth(v float64) float64 { return math.Round(v*10) / 10 }

type accessProperties struct {
	Residents float64 `json:"residents"`
	Area      string  `json:"area"`
	BaseMin   float64 `json:"baseline_min"`
	ScenMin   float64 `json:"scenario_min"`
	DiffMin   float64 `json:"diff_min"`
	BaseJobs  float64 `json:"jobs30_baseline"`
	ScenJobs  float64 `json:"jobs30_scenario"`
	DiffJobs  float64 `json:"jobs30_diff"`
	// ServiceAssumed: the city's lines, or some, run to no published timetable.
	// Beside every point, for programs that drop what stands above them.
	ServiceAssumed bool `json:"service_assumed"`
}

// accessMap is access.geojson: per cluster of homes the mean minutes to the
// city's jobs by transit or on foot, and the share of jobs within 30 minutes.
func accessMap(c *city.City, st *study) []artifact.Feature {
	p := &c.Places
	area := make([]string, p.NumClusters())
	for place, cl := range p.Cluster {
		if area[cl] == "" {
			area[cl] = strings.TrimSpace(p.AreaName[p.AreaOf[place]])
		}
	}
	b, s := st.access[baseline], st.access[changed]
	guessed := assumedService(c) != ""
	var out []artifact.Feature
	for i, node := range p.ClusterNode {
		if b.residents[i] == 0 {
			continue
		}
		out = append(out, artifact.Point(c.Net.NodeLon[node], c.Net.NodeLat[node], accessProperties{
			Residents: math.Round(b.residents[i]), Area: area[i],
			BaseMin: tenth(b.mean[i]), ScenMin: tenth(s.mean[i]), DiffMin: tenth(s.mean[i] - b.mean[i]),
			BaseJobs: tenth(b.jobs30[i]), ScenJobs: tenth(s.jobs30[i]), DiffJobs: tenth(s.jobs30[i] - b.jobs30[i]), ServiceAssumed: guessed,
		}))
	}
	return out
}
