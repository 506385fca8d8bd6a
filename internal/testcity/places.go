package testcity

import (
	"math"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// fillPlaces puts one place on every junction. Residents are whole numbers
// that differ by at most one and sum exactly to the population. Work and
// shopping are densest in the middle, schools stand on every fourth junction
// both ways, leisure is everywhere alike.
func fillPlaces(p *city.Places, net *city.Network, o Options) {
	n := o.N
	blocks := (n + o.ClusterSide - 1) / o.ClusterSide
	for i := range n * n {
		col, row := i%n, i/n
		ring := max(abs(col-n/2), abs(row-n/2))
		p.Lon = append(p.Lon, net.NodeLon[i])
		p.Lat = append(p.Lat, net.NodeLat[i])
		p.CarNode = append(p.CarNode, units.NodeID(i))
		p.WalkNode = append(p.WalkNode, units.NodeID(i))
		p.AccessM = append(p.AccessM, 0)
		p.Residents = append(p.Residents, float32((i+1)*o.Population/(n*n)-i*o.Population/(n*n)))
		school, shop := float32(0), float32(1)
		if col%4 == 2%n && row%4 == 2%n {
			school = 1
		}
		if ring <= n/10 {
			shop = 10
		}
		weights := [city.NumPurposes]float32{float32(1 + n/2 - ring), school, shop, 1}
		for purpose, w := range weights {
			p.Attraction[purpose] = append(p.Attraction[purpose], w)
		}
		p.Cluster = append(p.Cluster, units.ClusterID(row/o.ClusterSide*blocks+col/o.ClusterSide))
		p.AreaOf = append(p.AreaOf, areaOf(col, row, ring, n))
	}
	p.AreaName = []string{"Centre", "South West", "South East", "North West", "North East"}
	p.ClusterNode = clusterNodes(p, net, blocks*blocks)
}

func areaOf(col, row, ring, n int) uint16 {
	if ring <= n/6 {
		return 0
	}
	area := 1
	if col > n/2 {
		area++
	}
	if row > n/2 {
		area += 2
	}
	return uint16(area)
}

// clusterNodes picks, per cluster, the node of the place nearest to the centre
// of its residents (of its places when nobody lives there); ties go to the
// lowest place.
func clusterNodes(p *city.Places, net *city.Network, clusters int) []units.NodeID {
	sumX, sumY, sumW := make([]float64, clusters), make([]float64, clusters), make([]float64, clusters)
	for i, k := range p.Cluster {
		w := float64(p.Residents[i]) + 1e-9
		sumX[k] += w * float64(net.NodeX[p.WalkNode[i]])
		sumY[k] += w * float64(net.NodeY[p.WalkNode[i]])
		sumW[k] += w
	}
	nodes, best := make([]units.NodeID, clusters), make([]float64, clusters)
	for k := range nodes {
		nodes[k], best[k] = units.NoNode, math.Inf(1)
	}
	for i, k := range p.Cluster {
		v := p.WalkNode[i]
		d := math.Hypot(float64(net.NodeX[v])-sumX[k]/sumW[k], float64(net.NodeY[v])-sumY[k]/sumW[k])
		if d < best[k]-1e-3 { // a millimetre decides nothing
			nodes[k], best[k] = v, d
		}
	}
	return nodes
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
