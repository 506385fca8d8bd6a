package scenario

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// Defaults of a run: 3,000 agents, five replications, seed 1.
const (
	defaultAgents       = 3000
	defaultReplications = 5
	defaultIterations   = 12
	defaultAverageLast  = 3
	maxIterations       = 100
	minReplications     = 2 // an interval needs two
	windowHours         = 2
)

// Merge completes a request for a city. The Config is nil when there are
// problems.
func Merge(req *spec.RunRequest, c *city.City, limits spec.Limits, modelVersion string) (*spec.Config, spec.Problems) {
	var ps spec.Problems
	cfg := &spec.Config{
		Schema: spec.SchemaVersion, ModelVersion: modelVersion,
		City: c.Info.Slug, CityDigest: c.Info.Digest,
		Seed: 1,
	}
	if req.Seed != nil {
		cfg.Seed = *req.Seed
	}
	mergeNumbers(&ps, req, limits, cfg)
	mergeDate(&ps, req, c, cfg)
	mergeLevel(&ps, req, cfg)
	mergeWindow(&ps, req, c, limits, cfg)
	mergeShare(&ps, req, c, cfg)
	sound, paths := mergeModifications(&ps, req, c, limits, cfg)
	// What only building shows (streets that are not there) belongs in the
	// same answer, so whatever is sound by itself is built even when the rest
	// is not.
	_, built := apply(c, sound, paths)
	if ps = append(ps, built...); len(ps) > 0 {
		return nil, ps
	}
	return cfg, nil
}

// General checks what can be checked without knowing the city.
func General(req *spec.RunRequest, limits spec.Limits) spec.Problems {
	var ps spec.Problems
	cfg := &spec.Config{}
	mergeNumbers(&ps, req, limits, cfg)
	mergeLevel(&ps, req, cfg)
	anywhere := &city.City{Info: city.Info{Name: "the city", ServiceTo: 48 * 3600}}
	mergeWindow(&ps, req, anywhere, limits, cfg)
	mergeShare(&ps, req, anywhere, cfg)
	for _, f := range []struct{ path, v string }{{"sim_date", req.SimDate}, {"date", req.Date}} {
		if _, err := time.Parse("2006-01-02", f.v); f.v != "" && err != nil {
			ps.Add(f.path, fmt.Sprintf("%q is not a date", f.v), "YYYY-MM-DD")
		}
	}
	return ps
}

func mergeNumbers(ps *spec.Problems, req *spec.RunRequest, limits spec.Limits, cfg *spec.Config) {
	cfg.Agents = whole(ps, "num_agents", req.NumAgents, "agents", req.Agents, defaultAgents, 1, limits.MaxAgents)
	cfg.Replications = whole(ps, "", nil, "replications", req.Replications, defaultReplications, minReplications, limits.MaxReplications)
	cfg.Iterations = whole(ps, "", nil, "iterations", req.Iterations, defaultIterations, 1, maxIterations)
	cfg.AverageLast = whole(ps, "", nil, "average_last", req.AverageLast, min(defaultAverageLast, cfg.Iterations), 1, cfg.Iterations)
}

// whole merges a whole number that may be given under two names.
func whole(ps *spec.Problems, short string, a *int, full string, b *int, def, lo, hi int) int {
	def = min(def, hi) // a host may allow less than the usual
	path, v := full, def
	switch {
	case a != nil && b != nil && *a != *b:
		ps.Add(short, fmt.Sprintf("%s says %d but %s says %d: give one of them", short, *a, full, *b), fmt.Sprint(*a), fmt.Sprint(*b))
		return def
	case a != nil:
		path, v = short, *a
	case b != nil:
		v = *b
	}
	if v < lo || v > hi {
		ps.Add(path, fmt.Sprintf("%d is out of range", v), fmt.Sprintf("%d to %d", lo, hi))
		return def
	}
	return v
}

func mergeDate(ps *spec.Problems, req *spec.RunRequest, c *city.City, cfg *spec.Config) {
	cfg.Date = c.Info.ServiceDate
	for _, f := range []struct{ path, v string }{{"sim_date", req.SimDate}, {"date", req.Date}} {
		if f.v == "" || f.v == c.Info.ServiceDate {
			continue
		}
		if _, err := time.Parse("2006-01-02", f.v); err != nil {
			ps.Add(f.path, fmt.Sprintf("%q is not a date", f.v), "YYYY-MM-DD", c.Info.ServiceDate)
		} else {
			ps.Add(f.path, fmt.Sprintf("there is no timetable of %s for %s", f.v, c.Info.Name), c.Info.ServiceDate)
		}
	}
}

func mergeLevel(ps *spec.Problems, req *spec.RunRequest, cfg *spec.Config) {
	switch req.TrafficLevel {
	case "", "peak", "rush_hour":
		cfg.TrafficLevel = "peak"
	case "off-peak", "off_peak", "normal":
		cfg.TrafficLevel = "off-peak"
	default:
		ps.Add("traffic_level", fmt.Sprintf("%q is not a traffic level", req.TrafficLevel), "peak", "off-peak")
	}
}

// ParseClock reads "HH:MM" (hours up to 29, as in timetables).
func ParseClock(s string) (units.Seconds, bool) {
	h, m, ok := strings.Cut(s, ":")
	hh, err1 := strconv.Atoi(h)
	mm, err2 := strconv.Atoi(m)
	digits := strings.Trim(h+m, "0123456789") == "" // no signs
	if !ok || !digits || err1 != nil || err2 != nil || len(h) > 2 || len(m) != 2 || hh > 29 || mm > 59 {
		return 0, false
	}
	return units.Seconds(hh*3600 + mm*60), true
}

// Clock writes "HH:MM".
func Clock(s units.Seconds) string { return fmt.Sprintf("%02d:%02d", s/3600, s%3600/60) }

func mergeWindow(ps *spec.Problems, req *spec.RunRequest, c *city.City, limits spec.Limits, cfg *spec.Config) {
	from := units.Seconds(8 * 3600)
	if cfg.TrafficLevel == "off-peak" {
		from = 11 * 3600
	}
	to := units.Never
	bad := false
	read := func(path, s string, into *units.Seconds) {
		if s == "" {
			return
		}
		v, ok := ParseClock(s)
		if !ok {
			ps.Add(path, fmt.Sprintf("%q is not a time of day", s), "HH:MM")
			bad = true
			return
		}
		*into = v
	}
	fromPath := "sim_time"
	read("sim_time", req.SimTime, &from)
	if req.Window != nil {
		a, okA := ParseClock(req.SimTime)
		b, okB := ParseClock(req.Window.From)
		if okA && okB && a != b {
			ps.Add("sim_time", fmt.Sprintf("sim_time says %s but window.from says %s: give one of them", req.SimTime, req.Window.From), Clock(a), Clock(b))
			bad = true
		}
		fromPath = "window"
		read("window.from", req.Window.From, &from)
		read("window.to", req.Window.To, &to)
	}
	if bad {
		return
	}
	if req.SimTime == "" && (req.Window == nil || req.Window.From == "") {
		// A timetable of part of the day: the usual start moves inside it.
		from = max(min(from, c.Info.ServiceTo-windowHours*3600), c.Info.ServiceFrom)
	}
	if to == units.Never {
		to = from + windowHours*3600
	}
	service := fmt.Sprintf("%s to %s", Clock(c.Info.ServiceFrom), Clock(c.Info.ServiceTo))
	switch {
	case to <= from:
		ps.Add(fromPath, fmt.Sprintf("the window ends (%s) before it starts (%s)", Clock(to), Clock(from)), "from before to")
	case to-from > units.Seconds(limits.MaxWindowHours)*3600:
		ps.Add(fromPath, "the window is too long", fmt.Sprintf("at most %d hours", limits.MaxWindowHours))
	case from < c.Info.ServiceFrom || to > c.Info.ServiceTo:
		ps.Add(fromPath, fmt.Sprintf("the window %s to %s leaves the hours of the timetable", Clock(from), Clock(to)), "within "+service)
	}
	cfg.Window = spec.Window{From: Clock(from), To: Clock(to)}
}

var shareNames = map[string]city.Mode{
	"drive": city.Car, "car": city.Car, "cycle": city.Bike, "bike": city.Bike, "walk": city.Walk,
	"tram": city.Transit, "bus": city.Transit, "transit": city.Transit,
}

// TypedShares is the source of shares that came with the request.
const TypedShares = "assumed by user"

func mergeShare(ps *spec.Problems, req *spec.RunRequest, c *city.City, cfg *spec.Config) {
	if req.AgentDistribution == nil && req.ModeShare == nil {
		s := c.Info.ModeShare
		cfg.ModeShare = spec.ModeShare{Car: s[city.Car], Bike: s[city.Bike], Walk: s[city.Walk], Transit: s[city.Transit]}
		cfg.ShareSource = c.Info.ModeShareSource
		return
	}
	path, given := "agent_distribution", req.AgentDistribution
	if req.ModeShare != nil {
		if given != nil {
			ps.Add("mode_share", "agent_distribution and mode_share are two names of one thing: give one of them", "agent_distribution", "mode_share")
			return
		}
		path, given = "mode_share", req.ModeShare
	}
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	sort.Strings(names)
	var share [city.NumModes]float64
	sum, ok, walk := 0.0, true, false
	for _, name := range names {
		m, known := shareNames[name]
		v := given[name]
		switch {
		case !known:
			ps.Add(path+"."+name, fmt.Sprintf("%q is not a mode", name), "drive", "cycle", "walk", "tram", "bus", "car", "bike", "transit")
			ok = false
		case math.IsNaN(v) || v < 0 || v > 100:
			ps.Add(path+"."+name, fmt.Sprintf("%v is not a share in percent", v), "0 to 100")
			ok = false
		default:
			share[m] += v
			walk = walk || m == city.Walk
		}
		sum += v
	}
	if ok && math.Abs(sum-100) > 0.01 {
		ps.Add(path, fmt.Sprintf("the shares sum to %g", sum), "a sum of 100")
	}
	cfg.ModeShare = spec.ModeShare{Car: share[city.Car], Bike: share[city.Bike], Walk: share[city.Walk], Transit: share[city.Transit]}
	cfg.NonWalk = !walk
	cfg.ShareSource = TypedShares
	if walk && share == c.Info.ModeShare {
		// The city's own shares, written out: the same run, not an assumption
		// of the one who asks.
		cfg.ShareSource = c.Info.ModeShareSource
	}
}
