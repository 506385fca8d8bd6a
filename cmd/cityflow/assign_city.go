package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/malikobaid/cityflow/internal/assign"
	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/units"
)

// city is assign --city: a city's default morning as a static equilibrium.
func (c *assignCmd) city(e *env) error {
	if c.TollWeight != 0 || c.DistanceWeight != 0 || c.Paths != "" {
		return usagef("--toll-weight, --distance-weight and --paths go with NET.tntp and TRIPS.tntp")
	}
	var out outputs
	defer out.drop()
	flows := out.open(c.Flows)
	if err := errors.Join(out.bad...); err != nil {
		return usageError{err}
	}
	model, name, done, err := cityModel(e.ctx, c.Packs, c.City)
	if err != nil {
		return err
	}
	defer done()
	trips, err := model.CarTrips(e.ctx, name)
	if err != nil {
		return err
	}
	n, d, said := cityProblem(trips)
	r, seconds, err := c.solve(e, &n.Network, d)
	if r == nil {
		return err
	}
	if flows != nil {
		write := assign.WriteStreets
		if isGeoJSON(c.Flows) {
			write = assign.WriteStreetsGeoJSON
		}
		out.fail(write(flows, &trips.City.Net, n, r))
	}
	if err := out.keep(); err != nil {
		return err
	}
	answer := assignAnswer{Objective: r.Objective, TotalCost: r.TotalCost, RelativeGap: r.RelativeGap, Iterations: r.Number, Seconds: seconds,
		City: trips.City.Info.Slug, Unit: "vehicle-minutes per hour", Assumptions: said}
	if e.json {
		return errors.Join(printJSON(e, answer), err)
	}
	fmt.Fprintf(e.stdout, "%s, %s, %s to %s: static user equilibrium (costs in vehicle-minutes per hour)\n", trips.City.Info.Name, trips.Config.Date, trips.Config.Window.From, trips.Config.Window.To)
	fmt.Fprintf(e.stdout, "%d zones, %d links; %s car trips per hour assigned, %s inside their zone\n", n.Zones, n.NumLinks(), insight.Number(r.Assigned, 0), insight.Number(r.Intrazonal, 0))
	printAssignment(e.stdout, answer, r)
	fmt.Fprintf(e.stdout, "mean trip     %.2f min\n\nAssumed:\n", r.TotalCost/r.Assigned)
	for _, s := range said {
		fmt.Fprintf(e.stdout, "- %s\n", s)
	}
	return err
}

// cityProblem turns car trips into zones and vehicles per hour. A zone is a
// cluster of places; its trips start and end at one junction, that of the place
// with most of them.
func cityProblem(t *run.CarTrips) (*assign.CityNetwork, *assign.Demand, []string) {
	places := &t.City.Places
	weight := make([]float64, places.Num())
	for i, v := range t.Vehicles {
		weight[t.Origin[i]] += v
		weight[t.Dest[i]] += v
	}
	best := make([]int, places.NumClusters())
	for k := range best {
		best[k] = -1
	}
	for p, w := range weight {
		if k := places.Cluster[p]; w > 0 && (best[k] < 0 || w > weight[best[k]]) {
			best[k] = p
		}
	}
	zoneOf := make([]int32, len(best))
	var zones []units.NodeID
	for k, p := range best {
		if p >= 0 {
			zoneOf[k] = int32(len(zones))
			zones = append(zones, places.CarNode[p])
		}
	}
	type row struct {
		from, to int32
		trips    float64
	}
	rows := make([]row, len(t.Vehicles))
	for i, v := range t.Vehicles {
		rows[i] = row{zoneOf[places.Cluster[t.Origin[i]]], zoneOf[places.Cluster[t.Dest[i]]], v / t.Hours}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	d := &assign.Demand{}
	for i, x := range rows {
		if i > 0 && x.from == rows[i-1].from && x.to == rows[i-1].to {
			d.Trips[len(d.Trips)-1] += x.trips
			continue
		}
		d.From, d.To, d.Trips = append(d.From, x.from), append(d.To, x.to), append(d.Trips, x.trips)
	}
	return assign.FromCity(&t.City.Net, zones), d, append(append([]string{
		"An uncalibrated sketch: no traffic counts were used.",
		"Static: one hour stands for the whole window, the mean of it; no queues, no spillback, no peak within it. cityflow simulate has those.",
		fmt.Sprintf("Link time: BPR (US Bureau of Public Roads, Traffic Assignment Manual, 1964), free-flow time x (1 + %g x (volume / capacity)^%d), capacity by street class as the city's report says. Parameters not fitted here.", assign.BPRAlpha, assign.BPRPower),
		fmt.Sprintf("Zones: %d clusters of places of about 250 m, each joined to the streets at one junction; trips inside one use no street. Banned turns are respected; turning itself takes no time.", len(zones)),
		"Drivers weigh time alone: no tolls, no distance, no tastes.",
	}, t.Assumptions...), "Mode choice is that of the simulated morning, not of these link times.")
}
