package run

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

const (
	// maxJams bounds the streets that are named, leastJamS says from how many
	// vehicle-seconds on one is.
	maxJams, maxQueues = 20, 10
	leastJamS          = 3600
	// leastQueuedS: what is lost on less than that belongs to no queue.
	leastQueuedS = 60
	// alone is the share of a link's cars that go one way from which on nobody
	// is said to wait behind them.
	alone = 0.9
)

// fullDemand tells where the day just loaded jammed. The day is loaded once more,
// to be heard: the same departures give the same events.
func (a *arm) fullDemand() *spec.FullDemand {
	until := float64(a.period.To + horizonS)
	w := newJamWatch(&a.world.links, &a.fleet.dep, a.result.EnteredS)
	a.result = a.loader.Run(&a.fleet.dep, until, w)
	w.end(a.result, until)
	return w.tell(&a.world.city.Net, a.result, float64(a.period.Load), until)
}

// tell makes the account of what was heard between two clock times.
func (w *jamWatch) tell(net *city.Network, res *loading.Result, from, until float64) *spec.FullDemand {
	out := &spec.FullDemand{
		Until: scenario.Clock(units.Seconds(until)), RingTurns: res.Turns,
		Rings: []spec.JamRing{}, Standing: []spec.JamRing{}, Queues: []spec.JamQueue{}, Jams: []spec.Jam{},
	}
	for _, s := range w.dep.Size {
		out.Vehicles += float64(s)
	}
	for _, p := range res.Unfinished {
		out.Unfinished += float64(w.dep.Size[p])
	}
	d := jamTeller{w: w, net: net, hourly: w.wanted(from, until)}
	ring := func(links []units.LinkID, at float64) spec.JamRing {
		r := spec.JamRing{At: scenario.Clock(units.Seconds(at)), Streets: []spec.JamStreet{}}
		for _, l := range links {
			r.Streets = append(r.Streets, d.street(l))
		}
		return r
	}
	for _, r := range res.Turned {
		out.Rings = append(out.Rings, ring(r.Links, r.AtS))
	}
	for _, g := range res.Gridlock {
		out.Standing = append(out.Standing, ring(g.Links, g.SinceS))
	}
	var worst []units.LinkID
	for l := range w.links {
		k := &w.links[l]
		out.DelayH += (k.delayS + k.startS) / 3600
		if k.delayS+k.startS >= leastJamS {
			worst = append(worst, units.LinkID(l))
		}
	}
	slices.SortFunc(worst, func(a, b units.LinkID) int {
		x, y := &w.links[a], &w.links[b]
		return cmp.Or(cmp.Compare(y.delayS+y.startS, x.delayS+x.startS), cmp.Compare(a, b))
	})
	for _, l := range worst[:min(len(worst), maxJams)] {
		out.Jams = append(out.Jams, d.jam(l))
	}
	out.Queues = d.queues()
	out.Vehicles, out.Unfinished, out.DelayH = digit(out.Vehicles), digit(out.Unfinished), digit(out.DelayH)
	return out
}

// wanted is how many vehicles would enter each link in its busiest hour (four
// quarter hours in a row) if all streets were empty.
func (w *jamWatch) wanted(from, until float64) []float64 {
	bins := int((until-from)/binS) + 1
	quarter := make([]float64, len(w.links)*bins)
	for p, t := range w.dep.DepartS {
		for _, l := range w.dep.Path[w.dep.PathFirst[p]:w.dep.PathFirst[p+1]] {
			quarter[int(l)*bins+min(max(int((t-from)/binS), 0), bins-1)] += float64(w.dep.Size[p])
			t += w.links[l].freeS
		}
	}
	most := make([]float64, len(w.links))
	for l := range most {
		for b := range bins {
			sum := 0.0
			for _, v := range quarter[l*bins+max(0, b-3) : l*bins+b+1] {
				sum += v
			}
			most[l] = max(most[l], sum)
		}
	}
	return most
}

// jamTeller puts links into words.
type jamTeller struct {
	w      *jamWatch
	net    *city.Network
	hourly []float64
}

func (d *jamTeller) street(l units.LinkID) spec.JamStreet {
	n, k := d.net, &d.w.links[l]
	s := spec.JamStreet{
		Way: n.WayOSM[l], Name: n.Names[n.NameIdx[l]], Class: n.Class[l].String(), Lanes: digit(float64(n.Lanes[l])),
		CapacityH: math.Round(3600 / k.headS), DemandH: math.Round(d.hourly[l]), VolumeCapacity: math.Round(d.hourly[l]*k.headS/36) / 100,
	}
	a, b := n.From[l], n.To[l]
	s.Heading = city.Heading(float64(n.NodeX[b]-n.NodeX[a]), float64(n.NodeY[b]-n.NodeY[a]))
	s.Lon, s.Lat = (n.NodeLon[a]+n.NodeLon[b])/2, (n.NodeLat[a]+n.NodeLat[b])/2
	if first, last := n.GeomFirst[l], n.GeomFirst[l+1]; last-first > 2 {
		s.Lon, s.Lat = float64(n.GeomLon[(first+last)/2]), float64(n.GeomLat[(first+last)/2])
	}
	s.Lon, s.Lat = math.Round(s.Lon*1e5)/1e5, math.Round(s.Lat*1e5)/1e5
	return s
}

func (d *jamTeller) jam(l units.LinkID) spec.Jam {
	k := &d.w.links[l]
	c := d.w.cause(l)
	j := spec.Jam{JamStreet: d.street(l), Cause: d.street(c.cause), DelayH: digit((k.delayS + k.startS) / 3600), OverMin: math.Round(d.w.links[c.cause].busyS / 60)}
	j.Reason, j.Why = d.why(c)
	if len(c.full) > 0 && !c.ring {
		j.Reason = spec.BlockedJam
		next := d.street(c.full[0])
		where := "is full"
		if n := len(c.full); n > 1 {
			where = fmt.Sprintf("is full, the queue begins %d pieces of street on", n)
		}
		j.Why = fmt.Sprintf("%s ahead %s. %s", upperFirst(name(&next)), where, j.Why)
	}
	return j
}

// why is the reason of a queue where it begins, and says it in a sentence.
func (d *jamTeller) why(c jamCause) (reason, sentence string) {
	a, b := d.street(c.before), d.street(c.cause)
	takes := fmt.Sprintf("it takes %.0f an hour", b.CapacityH)
	if b.DemandH > b.CapacityH {
		takes += fmt.Sprintf(", %.0f want in", b.DemandH)
	}
	takes += fmt.Sprintf("; for %.0f minutes it took in all it can while cars waited", d.w.links[c.cause].busyS/60)
	switch {
	case c.ring:
		return spec.RingJam, fmt.Sprintf("The full streets ahead lead back to streets that wait for them. Most cars press into %s: %s.", name(&b), takes)
	case c.set:
		return spec.DemandJam, fmt.Sprintf("Cars wait to set out on %s: %s.", name(&b), takes)
	case c.before == c.cause:
		return spec.DemandJam, fmt.Sprintf("%s passes all it can: %s.", upperFirst(name(&b)), takes)
	}
	reason = spec.DemandJam
	var s strings.Builder
	if a.Name == b.Name && a.Name != "" {
		fmt.Fprintf(&s, "Cars wait in %s for its next piece", a.Name)
	} else {
		fmt.Fprintf(&s, "Cars wait to get from %s into %s", name(&a), name(&b))
	}
	if b.CapacityH < a.CapacityH {
		reason = spec.NarrowingJam
		if b.Lanes < a.Lanes {
			fmt.Fprintf(&s, ", %g lanes into %g", a.Lanes, b.Lanes)
		} else {
			fmt.Fprintf(&s, ", %.0f an hour into less", a.CapacityH)
		}
	}
	fmt.Fprintf(&s, ": %s", takes)
	if share := d.w.links[c.before].share(c.cause); share < alone {
		fmt.Fprintf(&s, "; %.0f%% of those before it go there, the others wait behind them", 100*share)
	}
	return reason, s.String() + "."
}

// queues are where the delay of all streets begins.
func (d *jamTeller) queues() []spec.JamQueue {
	type through struct {
		before units.LinkID
		delayS float64
	}
	type queue struct {
		spec.JamQueue
		by   []through // which links before it
		most float64   // of these, and
		of   jamCause  // an example of it, which is told
	}
	at := make([]int, len(d.w.links)) // in all, by cause, +1
	var all []queue
	for l := range d.w.links {
		k := &d.w.links[l]
		lost := k.delayS + k.startS
		if lost < leastQueuedS {
			continue
		}
		c := d.w.cause(units.LinkID(l))
		if at[c.cause] == 0 {
			all = append(all, queue{JamQueue: spec.JamQueue{JamStreet: d.street(c.cause)}})
			at[c.cause] = len(all)
		}
		q := &all[at[c.cause]-1]
		q.DelayH += lost
		q.Streets++
		i := slices.IndexFunc(q.by, func(t through) bool { return t.before == c.before })
		if i < 0 {
			i = len(q.by)
			q.by = append(q.by, through{before: c.before})
		}
		if q.by[i].delayS += lost; q.by[i].delayS > q.most {
			q.most, q.of = q.by[i].delayS, c
		}
		q.OverMin = math.Round(d.w.links[c.cause].busyS / 60)
	}
	slices.SortStableFunc(all, func(a, b queue) int { return cmp.Compare(b.DelayH, a.DelayH) })
	out := []spec.JamQueue{}
	for _, q := range all[:min(len(all), maxQueues)] {
		if q.DelayH >= leastJamS {
			q.DelayH = digit(q.DelayH / 3600)
			q.Reason, q.Why = d.why(q.of)
			out = append(out, q.JamQueue)
		}
	}
	return out
}

func name(s *spec.JamStreet) string {
	if s.Name != "" {
		return s.Name
	}
	return fmt.Sprintf("an unnamed %s street (way %d)", s.Class, s.Way)
}

func upperFirst(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + s[n:]
}

// digit rounds to one digit behind the point.
func digit(v float64) float64 { return math.Round(v*10) / 10 }
