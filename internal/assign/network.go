package assign

import (
	"fmt"
	"math"
)

// Network is a road network for static assignment: columns by link, in the
// order of the file. Nodes are numbered from 0 here; files and messages number
// them from 1.
type Network struct {
	// Zones are nodes 0..Zones-1: trips start and end only there.
	Zones, Nodes int
	// NoThru marks nodes at which a path may start or end but not pass; nil
	// means none. TNTP's FIRST THRU NODE marks all below it.
	NoThru     []bool
	Tail, Head []int32
	// Link time is FreeFlow x (1 + B x (volume / Capacity)^Power). Units are the
	// data's own: any time unit, vehicles per the demand's period.
	Capacity, FreeFlow, B, Power []float64
	// Toll and Length cost TollWeight and DistanceWeight time units each.
	Toll, Length []float64
}

// NumLinks is the number of directed links.
func (n *Network) NumLinks() int { return len(n.Tail) }

// Demand is an origin-destination matrix without its zeros: rows sorted by
// origin, then destination, each pair once.
type Demand struct {
	From, To []int32
	Trips    []float64
}

// Weights turn toll and length into time: cost = time + Toll x toll + Distance
// x length.
type Weights struct{ Toll, Distance float64 }

// Bounds of what is taken in. Nothing is reserved on the word of a header: all
// columns grow with the rows that are really there.
const (
	maxNodes = 1 << 22
	maxLinks = 1 << 23
	// MaxPower: no published network is steeper than 20 or so; above it, cost
	// overflows for volumes that occur on the way to the answer.
	MaxPower = 64
)

// maxCost bounds the cost of a link carrying all demand, so that no sum of a
// search or an objective can reach infinity.
const maxCost = 1e100

// check finds every problem of a network and a demand together, before
// anything is computed. line gives the file line of a link, 0 for none.
func check(n *Network, d *Demand, w Weights) Problems {
	var ps Problems
	if !(w.Toll >= 0) || math.IsInf(w.Toll, 0) {
		ps.add(0, "toll weight %g: want 0 or more", w.Toll)
	}
	if !(w.Distance >= 0) || math.IsInf(w.Distance, 0) {
		ps.add(0, "distance weight %g: want 0 or more", w.Distance)
	}
	if n.Nodes < 0 || n.Nodes > maxNodes || n.Zones < 0 || n.Zones > n.Nodes || n.NumLinks() > maxLinks {
		ps.add(0, "%d zones, %d nodes, %d links: want zones <= nodes <= %d, links <= %d", n.Zones, n.Nodes, n.NumLinks(), maxNodes, maxLinks)
		return ps
	}
	total := 0.0
	for i, t := range d.Trips {
		if d.From[i] < 0 || d.To[i] < 0 || int(d.From[i]) >= n.Zones || int(d.To[i]) >= n.Zones {
			ps.add(0, "demand from zone %d to zone %d: the network has zones 1 to %d", d.From[i]+1, d.To[i]+1, n.Zones)
		}
		if i > 0 && (d.From[i] < d.From[i-1] || d.From[i] == d.From[i-1] && d.To[i] <= d.To[i-1]) {
			ps.add(0, "demand from zone %d to zone %d: out of order or given twice", d.From[i]+1, d.To[i]+1)
		}
		if !(t >= 0) || math.IsInf(t, 0) {
			ps.add(0, "demand from zone %d to zone %d is %g: want 0 or more", d.From[i]+1, d.To[i]+1, t)
			continue
		}
		total += t
	}
	for l := range n.Tail {
		if n.Tail[l] < 0 || n.Head[l] < 0 || int(n.Tail[l]) >= n.Nodes || int(n.Head[l]) >= n.Nodes {
			ps.add(0, "link %d from node %d to node %d: the network has nodes 1 to %d", l+1, n.Tail[l]+1, n.Head[l]+1, n.Nodes)
			continue
		}
		for _, s := range checkLink(n.Capacity[l], n.Length[l], n.FreeFlow[l], n.B[l], n.Power[l], n.Toll[l]) {
			ps.add(0, "link %s: %s", n.name(l), s)
		}
		if len(ps.list) == 0 {
			if c := newCost(n, l, w); !(c.at(total) < maxCost) {
				ps.add(0, "link %s would cost %g with all %g trips on it, too much to compute with: look at its capacity and power", n.name(l), c.at(total), total)
			}
		}
	}
	return ps
}

// checkLink says what is wrong with the figures of one link.
func checkLink(capacity, length, freeFlow, b, power, toll float64) []string {
	var out []string
	bad := func(name string, v float64, ok bool, want string) {
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			out = append(out, fmt.Sprintf("%s %g: want %s", name, v, want))
		}
	}
	bad("capacity", capacity, capacity > 0, "above 0 (take a closed link out)")
	bad("length", length, length >= 0, "0 or more")
	bad("free-flow time", freeFlow, freeFlow >= 0, "0 or more")
	bad("B", b, b >= 0, "0 or more")
	bad("power", power, power == 0 || power >= 1 && power <= MaxPower,
		fmt.Sprintf("0 (constant time) or 1 to %d (below 1 the slope at no flow is infinite)", MaxPower))
	bad("toll", toll, toll >= 0, "0 or more")
	return out
}

// name says a link as people number it.
func (n *Network) name(l int) string {
	return fmt.Sprintf("%d (%d to %d)", l+1, n.Tail[l]+1, n.Head[l]+1)
}
