package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/assign"
	"github.com/malikobaid/cityflow/internal/insight"
)

type assignCmd struct {
	Net   string `arg:"" optional:"" placeholder:"NET.tntp" help:"Road network in the TNTP format."`
	Trips string `arg:"" optional:"" placeholder:"TRIPS.tntp" help:"Origin-destination matrix in the TNTP format."`

	City           string  `placeholder:"CITY" help:"Instead of files: the streets and the default morning of a city, by slug, name or pack file."`
	Gap            float64 `default:"1e-6" help:"Relative gap to reach, 1e-15 at least."`
	MaxIterations  int     `default:"1000" placeholder:"N" help:"Give up after so many iterations (default 1000)."`
	TollWeight     float64 `default:"0" placeholder:"W" help:"Time units per unit of toll (default 0)."`
	DistanceWeight float64 `default:"0" placeholder:"W" help:"Time units per unit of length (default 0)."`
	Flows          string  `type:"path" placeholder:"OUT" help:"Write volume and cost of every link as CSV; with --city by OSM way, as CSV or, with the ending .geojson, as lines."`
	Paths          string  `type:"path" placeholder:"OUT.csv" help:"Write path flows as CSV. They are one of many solutions; link volumes are not."`
	Packs          string  `type:"path" placeholder:"DIR" help:"Folder of compiled cities. Default: build."`
}

func (c *assignCmd) Help() string {
	return `Finds the static user equilibrium: nobody has a cheaper path, where the cost of a link is
free-flow time x (1 + B x (volume / capacity)^power) + toll weight x toll + distance weight x length.

  cityflow assign SiouxFalls_net.tntp SiouxFalls_trips.tntp --gap 1e-12
  cityflow assign --city newport --flows newport.geojson

Trips inside one zone use no link. Exit code 1: the gap was not reached.`
}

// maxTNTP bounds an input file.
const maxTNTP = 1 << 30

// assignAnswer is what is printed with --format json.
type assignAnswer struct {
	Objective   float64  `json:"objective"`
	TotalCost   float64  `json:"total_cost"`
	RelativeGap float64  `json:"relative_gap"`
	Iterations  int      `json:"iterations"`
	Seconds     float64  `json:"seconds"`
	City        string   `json:"city,omitempty"`
	Unit        string   `json:"unit,omitempty"`
	Assumptions []string `json:"assumptions,omitempty"`
}

func (c *assignCmd) Run(e *env) error {
	if (c.City == "") == (c.Net == "") || (c.Net == "") != (c.Trips == "") {
		return usagef("want NET.tntp and TRIPS.tntp, or --city CITY")
	}
	if c.City != "" {
		return c.city(e)
	}
	n, d, err := c.read(e)
	if err != nil {
		return err
	}
	var out outputs
	defer out.drop()
	flows, paths := out.open(c.Flows), out.open(c.Paths)
	if err := errors.Join(out.bad...); err != nil {
		return usageError{err}
	}
	r, seconds, err := c.solve(e, n, d)
	if r == nil {
		return err
	}
	if flows != nil {
		out.fail(assign.WriteFlows(flows, n, r))
	}
	if paths != nil {
		out.fail(assign.WritePaths(paths, n, d, r))
	}
	if err := out.keep(); err != nil {
		return err
	}
	answer := assignAnswer{Objective: r.Objective, TotalCost: r.TotalCost, RelativeGap: r.RelativeGap, Iterations: r.Number, Seconds: seconds}
	if e.json {
		return errors.Join(printJSON(e, answer), err)
	}
	fmt.Fprintf(e.stdout, "%d zones, %d nodes, %d links; %s trips assigned, %s inside their zone\n", n.Zones, n.Nodes, n.NumLinks(), insight.Number(r.Assigned, 0), insight.Number(r.Intrazonal, 0))
	printAssignment(e.stdout, answer, r)
	return err
}

func printAssignment(w io.Writer, a assignAnswer, r *assign.Result) {
	fmt.Fprintf(w, "objective     %.8f\ntotal cost    %.6f\nrelative gap  %.3g (average excess %.3g, greatest %.3g)\niterations    %d in %.3f s\n",
		a.Objective, a.TotalCost, a.RelativeGap, r.AverageExcess, r.MaxExcess, a.Iterations, a.Seconds)
}

// read takes both files in and says all that is wrong with both.
func (c *assignCmd) read(e *env) (*assign.Network, *assign.Demand, error) {
	var bad []error
	file := func(path string) []byte {
		b, err := readBounded(path, maxTNTP)
		if err != nil {
			bad = append(bad, err)
		}
		return b
	}
	netText, tripText := file(c.Net), file(c.Trips)
	var n *assign.Network
	var d *assign.Demand
	zones := 0
	if netText != nil {
		var err error
		if n, err = assign.ReadNetwork(netText); err != nil {
			bad = append(bad, located(c.Net, err)...)
		} else {
			zones = n.Zones
		}
	}
	if tripText != nil {
		var warnings []string
		var err error
		if d, warnings, err = assign.ReadTrips(tripText, zones); err != nil {
			bad = append(bad, located(c.Trips, err)...)
		}
		for _, w := range warnings {
			e.log.Warn(w, "file", c.Trips)
		}
	}
	if len(bad) > 0 {
		return nil, nil, usageError{errors.Join(bad...)}
	}
	return n, d, nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- the user's own files
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, most>>20)
	}
	return b, nil
}

// located puts the file in front of each problem, as compilers do.
func located(path string, err error) []error {
	var ps assign.Problems
	if !errors.As(err, &ps) {
		return []error{fmt.Errorf("%s: %w", path, err)}
	}
	var out []error
	list, more := ps.List()
	for _, p := range list {
		at := path
		if p.Line > 0 {
			at = fmt.Sprintf("%s:%d", path, p.Line)
		}
		out = append(out, fmt.Errorf("%s: %s", at, p.Text))
	}
	if more > 0 {
		out = append(out, fmt.Errorf("%s: and %d more", path, more))
	}
	return out
}

// solve runs with progress on a terminal. A result may come with an error: the
// gap was not reached.
func (c *assignCmd) solve(e *env, n *assign.Network, d *assign.Demand) (*assign.Result, float64, error) {
	start := time.Now()
	o := assign.Options{
		Weights: assign.Weights{Toll: c.TollWeight, Distance: c.DistanceWeight}, Gap: c.Gap, MaxIterations: c.MaxIterations,
	}
	if c.Gap == 0 || c.MaxIterations == 0 {
		return nil, 0, usagef("--gap and --max-iterations must be above 0")
	}
	terminal := newBar(start).terminal
	o.Report = func(i assign.Iteration) {
		if terminal {
			fmt.Fprintf(os.Stderr, "%4d %7.2f s  objective %.8f  gap %.3g  excess %.3g, at most %.3g\n", i.Number, time.Since(start).Seconds(), i.Objective, i.RelativeGap, i.AverageExcess, i.MaxExcess)
		}
		e.log.Debug("iteration", "number", i.Number, "objective", i.Objective, "total_cost", i.TotalCost, "relative_gap", i.RelativeGap, "average_excess", i.AverageExcess, "max_excess", i.MaxExcess)
	}
	r, err := assign.Solve(e.ctx, n, d, o)
	seconds := time.Since(start).Seconds()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, seconds, err
		}
		return nil, seconds, usageError{err}
	}
	switch {
	case r.Floor:
		err = fmt.Errorf("not converged: the relative gap stays at %.3g, what rounding leaves on this network; %g was asked for", r.RelativeGap, c.Gap)
	case !r.Converged:
		err = fmt.Errorf("not converged: relative gap %.3g after %d iterations; %g was asked for", r.RelativeGap, r.Number, c.Gap)
	}
	return r, seconds, err
}

func isGeoJSON(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".geojson" || ext == ".json"
}
