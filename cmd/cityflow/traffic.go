package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/traffic"
)

type trafficCmd struct {
	Nodes          string  `required:"" type:"path" placeholder:"FILE" help:"Junctions as CSV: name, x, y."`
	Links          string  `required:"" type:"path" placeholder:"FILE" help:"Links as CSV: name, start, end, length, free speed; optional jam density, merge_priority, number_of_lanes, capacity_out, capacity_in."`
	Demand         string  `required:"" type:"path" placeholder:"FILE" help:"Demand as CSV: orig, dest, t_start, t_end, and flow (vehicles per second) or volume."`
	Platoon        int     `default:"5" placeholder:"N" help:"Vehicles that move as one, 1 to 1000 (default 5)."`
	Until          float64 `default:"0" placeholder:"S" help:"Clock time of the end in seconds. Default: when nobody is under way any more."`
	Threads        int     `default:"1" placeholder:"N" help:"Threads, 1 to 64; the answer does not depend on it (default 1)."`
	UpdateInterval float64 `default:"600" placeholder:"S" help:"Seconds between updates of the routes (default 600)."`
	RouteWeight    float64 `default:"0.5" placeholder:"W" help:"How far preferences move toward the quickest routes at each update, 0 to 1 (default 0.5)."`
	Seed           uint64  `default:"1" placeholder:"S" help:"Seed of the random draws (default 1)."`
	TurnRings      bool    `help:"Let a closed ring of full links roll on instead of standing for good; uses one thread."`
	Events         string  `type:"path" placeholder:"FILE" help:"Write every link traversal to FILE (binary; see --help)."`
}

func (c *trafficCmd) Help() string {
	return `Loads a dynamic demand on a network, both given as CSV in the form of UXsim, and prints what the trips took.

  cityflow traffic --nodes nodes.csv --links links.csv --demand demand.csv --platoon 5

Vehicles move by Newell's kinematic wave with spillback. Routes follow a reactive dynamic user optimum with UXsim's
defaults: every 600 s preferences move halfway toward the links that are on the quickest path at that moment.
Vehicles are whole: the running total of the demand, in file order, is rounded; platoons are cut from it in the same
order and what is left over travels with the last one, so no vehicle is lost.

Travel time is arrival minus desired departure, over completed trips; delay is what is above the free-flow time of the
quickest path. Seconds are those of the run, without reading the files.

--events writes 24 bytes per traversal, little-endian, in order of (exit, link): exit and entry in seconds (float64),
link and platoon (uint32), both counted from 0; links in file order.`
}

// trafficAnswer is what --format json prints.
type trafficAnswer struct {
	Trips           int     `json:"trips"`
	Completed       int     `json:"completed"`
	TotalTravelTime float64 `json:"total_travel_time"`
	TotalDelay      float64 `json:"total_delay"`
	MeanTravelTime  float64 `json:"mean_travel_time"`
	Seconds         float64 `json:"seconds"`
	MaxRSSBytes     int64   `json:"max_rss_bytes"`
}

func (c *trafficCmd) check() error {
	var wrong []string
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	say(c.Platoon < 1 || c.Platoon > 1000, "--platoon %d: want 1 to 1000", c.Platoon)
	say(!(c.Until >= 0 && c.Until <= 1e7), "--until %g: want 0 (no end) to 10,000,000 seconds", c.Until)
	say(c.Threads < 1 || c.Threads > 64, "--threads %d: want 1 to 64", c.Threads)
	say(!(c.UpdateInterval >= 1 && c.UpdateInterval <= 1e7), "--update-interval %g: want 1 to 10,000,000 seconds", c.UpdateInterval)
	say(!(c.RouteWeight >= 0 && c.RouteWeight <= 1), "--route-weight %g: want 0 to 1", c.RouteWeight)
	if wrong != nil {
		return usagef("%s", strings.Join(wrong, "; "))
	}
	return nil
}

func (c *trafficCmd) read() (*traffic.Scenario, error) {
	var files [3]io.Reader
	var bad []error
	for i, name := range []string{c.Nodes, c.Links, c.Demand} {
		f, err := os.Open(name) // #nosec G304 -- the caller's own file, on the caller's machine
		if err == nil {
			defer f.Close()
			if info, _ := f.Stat(); info != nil && info.IsDir() {
				err = fmt.Errorf("%s is a folder", name)
			}
		}
		bad, files[i] = append(bad, err), f
	}
	if err := errors.Join(bad...); err != nil {
		return nil, usageError{err}
	}
	s, err := traffic.Read(traffic.Files{Nodes: c.Nodes, Links: c.Links, Demand: c.Demand}, files[0], files[1], files[2])
	var problems traffic.Problems
	if errors.As(err, &problems) {
		return nil, usageError{err}
	}
	return s, err
}

func (c *trafficCmd) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	reading := time.Now()
	s, err := c.read()
	if err != nil {
		return err
	}
	for _, n := range s.Notes {
		e.log.Info(n)
	}
	o := traffic.Options{Platoon: c.Platoon, UntilS: c.Until, Threads: c.Threads, IntervalS: c.UpdateInterval, RouteWeight: &c.RouteWeight, Seed: c.Seed, TurnRings: c.TurnRings}
	var events *eventFile
	var files outputs
	defer files.drop()
	if w := files.open(c.Events); w != nil {
		events = newEventFile(w)
		o.Observer = events
	}
	if err := errors.Join(files.bad...); err != nil {
		return usageError{err}
	}
	started := time.Now()
	bar := newBar(started)
	o.Progress = func(now, done float64, underWay int) {
		bar.show(run.Progress{Stage: "load", Done: done, Message: fmt.Sprintf("%.0f s, %d vehicles on the road", now, underWay*c.Platoon)})
	}
	out, err := traffic.Run(e.ctx, s, o)
	bar.end()
	if errors.Is(err, traffic.ErrTooLarge) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	spent := time.Since(started)
	if events != nil {
		files.fail(events.flush())
		if err := files.keep(); err != nil {
			return err
		}
	}
	c.warn(e, s, out)
	a := trafficAnswer{Trips: out.Trips, Completed: out.Completed, TotalTravelTime: out.TotalTravelS, TotalDelay: out.TotalDelayS, Seconds: spent.Seconds(), MaxRSSBytes: maxRSS()}
	if a.Completed > 0 {
		a.MeanTravelTime = a.TotalTravelTime / float64(a.Completed)
	}
	if e.json {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", " ")
		return enc.Encode(a)
	}
	w := e.stdout
	fmt.Fprintf(w, "%d trips in platoons of %d (demand given: %.1f), %d completed by %.0f s\n", a.Trips, c.Platoon, s.Given, a.Completed, out.EndS)
	if n := a.Trips - a.Completed; n > 0 {
		fmt.Fprintf(w, "%d unfinished: %d on a link, %d before their first link, %d not yet departed; the totals leave them out\n", n, out.OnRoad, out.Waiting, out.NotYet)
	}
	fmt.Fprintf(w, "total travel time %.6g vehicle-seconds, of which delay %.6g; mean %.1f s\n", a.TotalTravelTime, a.TotalDelay, a.MeanTravelTime)
	_, err = fmt.Fprintf(w, "%d link entries, %d route updates; %.2f s to run, %.2f s to read; %d MB at most\n", out.LinkEntries, out.Updates, spent.Seconds(), started.Sub(reading).Seconds(), a.MaxRSSBytes/1_000_000)
	return err
}

// warn tells of gridlock, always.
func (c *trafficCmd) warn(e *env, s *traffic.Scenario, out *traffic.Outcome) {
	const most = 20
	for i, g := range out.Gridlock {
		if i == most {
			e.log.Warn("gridlock", "more cycles", len(out.Gridlock)-most)
			break
		}
		e.log.Warn("gridlock: each of these full links waits for the next and the last for the first", "links", s.Names(g.Links), "since_s", g.SinceS)
	}
	if out.Turns > 0 {
		e.log.Warn("closed rings of full links rolled on, as asked", "times", out.Turns, "first", s.Names(out.Turned[0].Links), "at_s", out.Turned[0].AtS)
	}
}
