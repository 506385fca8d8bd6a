package main

import (
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

// perSecond: costs are whole tenths of a millisecond, as those of a
// routing.Metric, so that sums can be compared exactly.
const perSecond = 10000

// plain is Dijkstra's algorithm without any preparation: one label per node, and
// one per link that turn restrictions start from.
type plain struct {
	net      *city.Network
	cost     []int64        // by link
	ends     []int32        // by link: the label at its end
	restrict []units.LinkID // by label beyond the nodes: the link it belongs to
	best     []int64
	stamp    []uint32
	number   uint32
	queue    pq.Queue // labels by cost, whole numbers that a float64 holds
}

func newPlain(net *city.Network, seconds []float32) *plain {
	d := &plain{net: net, cost: make([]int64, len(seconds)), ends: make([]int32, len(seconds))}
	for l, s := range seconds {
		d.cost[l] = max(1, int64(float64(s)*perSecond+0.5))
		d.ends[l] = int32(net.To[l])
		if net.BanFirst[l] < net.BanFirst[l+1] {
			d.ends[l] = int32(net.NumNodes() + len(d.restrict))
			d.restrict = append(d.restrict, units.LinkID(l))
		}
	}
	n := net.NumNodes() + len(d.restrict)
	d.best, d.stamp = make([]int64, n), make([]uint32, n)
	return d
}

// node is where a label stands, and the links that may not follow it.
func (d *plain) node(label int32) (units.NodeID, []units.LinkID) {
	i := int(label) - d.net.NumNodes()
	if i < 0 {
		return units.NodeID(label), nil
	}
	l := d.restrict[i]
	return d.net.To[l], d.net.BanTo[d.net.BanFirst[l]:d.net.BanFirst[l+1]]
}

// search is the least cost to a node, or to all (to below zero); -1 when there is
// no way.
func (d *plain) search(from units.NodeID, to int) int64 {
	d.number++
	d.queue.Clear()
	d.queue.Push(0, uint32(from))
	d.best[from], d.stamp[from] = 0, d.number
	for d.queue.Len() > 0 {
		top := d.queue.Pop()
		label, cost := int32(top.ID()), int64(top.Key())
		if cost > d.best[label] {
			continue
		}
		at, bans := d.node(label)
		if int(at) == to {
			return cost
		}
		for l := d.net.FirstOut[at]; l < d.net.FirstOut[at+1]; l++ {
			if d.net.Modes[l]&city.AllowCar == 0 || (len(bans) > 0 && slices.Contains(bans, units.LinkID(l))) {
				continue
			}
			end, c := d.ends[l], cost+d.cost[l]
			if d.stamp[end] != d.number || c < d.best[end] {
				d.best[end], d.stamp[end] = c, d.number
				d.queue.Push(float64(c), uint32(end))
			}
		}
	}
	return -1
}

// chain is what a path costs, and whether it is a legal one between two nodes.
func (d *plain) chain(path []units.LinkID, from, to units.NodeID) (cost int64, legal bool) {
	at := from
	for i, l := range path {
		if d.net.From[l] != at || d.net.Modes[l]&city.AllowCar == 0 {
			return 0, false
		}
		if i > 0 {
			p := path[i-1]
			if slices.Contains(d.net.BanTo[d.net.BanFirst[p]:d.net.BanFirst[p+1]], l) {
				return 0, false
			}
		}
		at, cost = d.net.To[l], cost+d.cost[l]
	}
	return cost, at == to
}
