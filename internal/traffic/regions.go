package traffic

import (
	"cmp"
	"math"
	"slices"
)

// regions cuts the network into at most n parts of about equal work that can be
// loaded side by side, by node; nil means one part. Short links are not cut, for
// the shortest cut link bounds how far the parts can go without a word
// (loading.Links.RegionOf): nodes that they join stay together. Nodes are then
// swept in order of distance from one corner and the order is cut into pieces.
// work is the expected number of entries by link.
func regions(s *Scenario, g *graph, work []float64, n int) []uint8 {
	if n <= 1 {
		return nil
	}
	lookahead := make([]float64, len(s.Links))
	var usable []float64
	for l := range lookahead {
		if s.Net.CapacityVS[l] == 0 {
			lookahead[l] = math.Inf(1)
			continue
		}
		length := float64(s.Net.LengthM[l])
		free := length / float64(s.Net.SpeedMS[l])
		lookahead[l] = min(free, length*float64(s.Net.JamVM[l])/float64(s.Net.CapacityVS[l])-free)
		usable = append(usable, lookahead[l])
	}
	if len(usable) == 0 {
		return nil
	}
	weight, total := make([]float64, len(s.Nodes)), 0.0
	for l, w := range work {
		weight[s.Net.To[l]] += w
		total += w
	}
	// A junction cannot be cut, so the heaviest one bounds what can be asked.
	fair := max(total/float64(4*n), slices.Max(weight))
	slices.Sort(usable)
	for least := usable[len(usable)/2]; least > 1e-3; least /= 2 {
		cluster := join(s, lookahead, least)
		sum := make([]float64, len(s.Nodes))
		largest := 0.0
		for v, c := range cluster {
			sum[c] += weight[v]
			largest = max(largest, sum[c])
		}
		if largest <= fair {
			return sweep(s, g, cluster, sum, total, n)
		}
	}
	return nil
}

// join groups nodes that are joined by links of less lookahead than least: the
// lowest node of each group, by node.
func join(s *Scenario, lookahead []float64, least float64) []uint32 {
	up := make([]uint32, len(s.Nodes))
	for v := range up {
		up[v] = uint32(v)
	}
	find := func(v uint32) uint32 {
		for up[v] != v {
			up[v] = up[up[v]]
			v = up[v]
		}
		return v
	}
	for l, a := range lookahead {
		if a < least {
			x, y := find(uint32(s.Net.From[l])), find(uint32(s.Net.To[l]))
			up[max(x, y)] = min(x, y)
		}
	}
	for v := range up {
		up[v] = find(uint32(v))
	}
	return up
}

func sweep(s *Scenario, g *graph, cluster []uint32, sum []float64, total float64, n int) []uint8 {
	cost := make([]float32, len(s.Links))
	for l := range cost {
		cost[l] = s.Net.LengthM[l] / s.Net.SpeedMS[l]
	}
	// The node farthest from some node is a corner.
	dist := make([]float32, len(s.Nodes))
	corner := 0
	for range 2 {
		far := float32(-1)
		g.toward(s.Net.To[g.inLink[g.inFirst[corner]:][0]], cost, dist)
		for v, d := range dist {
			if d != inf && d > far && g.inFirst[v] != g.inFirst[v+1] {
				corner, far = v, d
			}
		}
	}
	var order []uint32
	for v, c := range cluster {
		if int(c) == v {
			order = append(order, c)
		}
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return cmp.Compare(dist[a], dist[b]) })
	of := make([]uint8, len(s.Nodes))
	done := 0.0
	for _, c := range order {
		of[c] = uint8(min(n-1, int((done+sum[c]/2)/total*float64(n))))
		done += sum[c]
	}
	for v, c := range cluster {
		of[v] = of[c]
	}
	return of
}
