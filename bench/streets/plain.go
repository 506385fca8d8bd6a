package main

import (
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
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
	heap     []entry
}

type entry struct {
	cost  int64
	label int32
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
	d.heap = append(d.heap[:0], entry{0, int32(from)})
	d.best[from], d.stamp[from] = 0, d.number
	for len(d.heap) > 0 {
		e := d.pop()
		if e.cost > d.best[e.label] {
			continue
		}
		at, bans := d.node(e.label)
		if int(at) == to {
			return e.cost
		}
		for l := d.net.FirstOut[at]; l < d.net.FirstOut[at+1]; l++ {
			if d.net.Modes[l]&city.AllowCar == 0 || (len(bans) > 0 && slices.Contains(bans, units.LinkID(l))) {
				continue
			}
			end, c := d.ends[l], e.cost+d.cost[l]
			if d.stamp[end] != d.number || c < d.best[end] {
				d.best[end], d.stamp[end] = c, d.number
				d.push(entry{c, end})
			}
		}
	}
	return -1
}

func (d *plain) push(e entry) {
	h := append(d.heap, e)
	i := len(h) - 1
	for ; i > 0 && e.cost < h[(i-1)/4].cost; i = (i - 1) / 4 {
		h[i] = h[(i-1)/4]
	}
	h[i] = e
	d.heap = h
}

func (d *plain) pop() entry {
	h := d.heap
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	d.heap = h
	i := 0
	for c := 1; c < len(h); c = 4*i + 1 {
		least := c
		for j := c + 1; j < min(c+4, len(h)); j++ {
			if h[j].cost < h[least].cost {
				least = j
			}
		}
		if last.cost <= h[least].cost {
			break
		}
		h[i], i = h[least], least
	}
	if len(h) > 0 {
		h[i] = last
	}
	return top
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
