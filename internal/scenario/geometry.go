package scenario

import (
	"container/heap"
	"math"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// isStreet: the line follows real streets, not footpaths.
func isStreet(net *city.Network, l units.LinkID) bool {
	return net.Class[l] <= city.Service && net.Modes[l]&(city.AllowCar|city.AllowBus) != 0
}

// nearestStreetNode is the street junction nearest to a point, of those that
// count.
func nearestStreetNode(c *city.City, pl city.Projection, lon, lat float64, counts func(units.NodeID) bool) (units.NodeID, bool) {
	net := &c.Net
	x, y := pl.XY(lon, lat)
	best, at := math.Inf(1), units.NoNode
	for n := range net.NumNodes() {
		nx, ny := pl.XY(net.NodeLon[n], net.NodeLat[n])
		if d := (nx-x)*(nx-x) + (ny-y)*(ny-y); d < best && touchesStreet(net, units.NodeID(n)) && counts(units.NodeID(n)) {
			best, at = d, units.NodeID(n)
		}
	}
	return at, at != units.NoNode
}

func touchesStreet(net *city.Network, n units.NodeID) bool {
	for l := net.FirstOut[n]; l < net.FirstOut[n+1]; l++ {
		if isStreet(net, units.LinkID(l)) {
			return true
		}
	}
	for i := net.FirstIn[n]; i < net.FirstIn[n+1]; i++ {
		if isStreet(net, net.InLink[i]) {
			return true
		}
	}
	return false
}

// largestPart marks the junctions of the largest part of the streets, whatever
// their direction; of two as large, that of the lower numbers.
func largestPart(net *city.Network) []bool {
	part := make([]int32, net.NumNodes()) // from 1; 0: not seen
	var stack []units.NodeID
	parts, best, size := int32(0), int32(0), 0
	for n := range part {
		if part[n] != 0 || !touchesStreet(net, units.NodeID(n)) {
			continue
		}
		parts++
		seen := 0
		visit := func(v units.NodeID, l units.LinkID) {
			if part[v] == 0 && isStreet(net, l) {
				part[v] = parts
				stack = append(stack, v)
			}
		}
		part[n] = parts
		stack = append(stack, units.NodeID(n))
		for len(stack) > 0 {
			v := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			seen++
			for l := net.FirstOut[v]; l < net.FirstOut[v+1]; l++ {
				visit(net.To[l], units.LinkID(l))
			}
			for i := net.FirstIn[v]; i < net.FirstIn[v+1]; i++ {
				visit(net.From[net.InLink[i]], net.InLink[i])
			}
		}
		if seen > size {
			best, size = parts, seen
		}
	}
	on := make([]bool, len(part))
	for n := range on {
		on[n] = part[n] != 0 && part[n] == best
	}
	return on
}

type queued struct {
	d float64
	n units.NodeID
}

type nodeQueue []queued

func (q nodeQueue) Len() int { return len(q) }
func (q nodeQueue) Less(i, j int) bool {
	return q[i].d < q[j].d || q[i].d == q[j].d && q[i].n < q[j].n
}
func (q nodeQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *nodeQueue) Push(x any)   { *q = append(*q, x.(queued)) }
func (q *nodeQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// streetPath is the shortest path over streets whatever their direction, as
// points in degrees with its length in metres. It runs once per new line, so
// the plain textbook search will do.
func streetPath(c *city.City, from, to units.NodeID) (lon, lat []float64, metres float64, ok bool) {
	net := &c.Net
	dist := make([]float64, net.NumNodes())
	via := make([]units.LinkID, net.NumNodes()) // link that reached the node
	for i := range dist {
		dist[i], via[i] = math.Inf(1), units.NoLink
	}
	dist[from] = 0
	q := nodeQueue{{0, from}}
	relax := func(l units.LinkID, n, next units.NodeID) {
		if d := dist[n] + float64(net.LengthM[l]); d < dist[next] && isStreet(net, l) {
			dist[next], via[next] = d, l
			heap.Push(&q, queued{d, next})
		}
	}
	for len(q) > 0 {
		top := heap.Pop(&q).(queued)
		if top.d > dist[top.n] {
			continue
		}
		if top.n == to {
			break
		}
		for l := net.FirstOut[top.n]; l < net.FirstOut[top.n+1]; l++ {
			relax(units.LinkID(l), top.n, net.To[l])
		}
		for i := net.FirstIn[top.n]; i < net.FirstIn[top.n+1]; i++ {
			relax(net.InLink[i], top.n, net.From[net.InLink[i]])
		}
	}
	if math.IsInf(dist[to], 1) {
		return nil, nil, 0, false
	}
	var links []units.LinkID
	var ends []units.NodeID // node at the far end of links[i], walking back
	for n := to; n != from; {
		l := via[n]
		links = append(links, l)
		ends = append(ends, n)
		if net.To[l] == n {
			n = net.From[l]
		} else {
			n = net.To[l]
		}
	}
	lon, lat = append(lon, net.NodeLon[from]), append(lat, net.NodeLat[from])
	for i := len(links) - 1; i >= 0; i-- {
		l := links[i]
		a, b := int(net.GeomFirst[l]), int(net.GeomFirst[l+1])
		if net.To[l] == ends[i] {
			for k := a + 1; k < b; k++ {
				lon, lat = append(lon, float64(net.GeomLon[k])), append(lat, float64(net.GeomLat[k]))
			}
		} else {
			for k := b - 2; k >= a; k-- {
				lon, lat = append(lon, float64(net.GeomLon[k])), append(lat, float64(net.GeomLat[k]))
			}
		}
	}
	return lon, lat, dist[to], true
}

// planar is a polyline in metres.
func planar(pl city.Projection, lon, lat []float64) (x, y []float64) {
	x, y = make([]float64, len(lon)), make([]float64, len(lon))
	for i := range lon {
		x[i], y[i] = pl.XY(lon[i], lat[i])
	}
	return x, y
}

// project finds the point of a polyline nearest to (x, y): the distance to it
// and how far along the line it lies.
func project(px, py []float64, x, y float64) (away, along float64) {
	away = math.Inf(1)
	run := 0.0
	for i := 1; i < len(px); i++ {
		dx, dy := px[i]-px[i-1], py[i]-py[i-1]
		length := math.Hypot(dx, dy)
		t := 0.0
		if length > 0 {
			t = min(1, max(0, ((x-px[i-1])*dx+(y-py[i-1])*dy)/(length*length)))
		}
		if d := math.Hypot(px[i-1]+t*dx-x, py[i-1]+t*dy-y); d < away {
			away, along = d, run+t*length
		}
		run += length
	}
	return away, along
}
