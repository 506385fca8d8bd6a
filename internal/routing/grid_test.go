package routing_test

import (
	"math/rand/v2"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

const anyMode = city.AllowCar | city.AllowBike | city.AllowWalk

// street is one directed link of a test network.
type street struct {
	from, to int
	m        float32
	speed    float32
	modes    city.ModeSet
}

// network lays streets out as a city.Network. bans lists pairs of indices into
// streets as (from, to); links are renumbered by origin, in the order given.
func network(nodes int, streets []street, bans [][2]int) *city.Network {
	order := make([]int, len(streets))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return streets[a].from - streets[b].from })
	rank := make([]int, len(streets))
	net := &city.Network{
		NodeLon: make([]float64, nodes), NodeLat: make([]float64, nodes),
		FirstOut: make([]uint32, nodes+1), BanFirst: []uint32{0},
	}
	for i, s := range order {
		rank[s] = i
		st := streets[s]
		net.From = append(net.From, units.NodeID(st.from))
		net.To = append(net.To, units.NodeID(st.to))
		net.LengthM = append(net.LengthM, st.m)
		net.SpeedMS = append(net.SpeedMS, st.speed)
		net.Modes = append(net.Modes, st.modes)
		net.FirstOut[st.from+1]++
	}
	for n := range nodes {
		net.FirstOut[n+1] += net.FirstOut[n]
	}
	after := make([][]units.LinkID, len(streets))
	for _, b := range bans {
		f, t := rank[b[0]], units.LinkID(rank[b[1]])
		if !slices.Contains(after[f], t) {
			after[f] = append(after[f], t)
		}
	}
	for _, a := range after {
		slices.Sort(a)
		net.BanTo = append(net.BanTo, a...)
		net.BanFirst = append(net.BanFirst, uint32(len(net.BanTo)))
	}
	return net
}

// grid is a w x h town: blocks of about 100 m, every tenth street twice as fast,
// lengths varied, a share of directed links missing and of turns banned.
func grid(w, h int, missing, banned float64, seed uint64) *city.Network {
	rng := rand.New(rand.NewPCG(seed, 1))
	var streets []street
	add := func(a, b int, fast bool) {
		if rng.Float64() < missing {
			return
		}
		speed := float32(8)
		if fast {
			speed = 16
		}
		streets = append(streets, street{a, b, 80 + 40*rng.Float32(), speed, anyMode})
	}
	for y := range h {
		for x := range w {
			n := y*w + x
			if x+1 < w {
				add(n, n+1, y%10 == 0)
				add(n+1, n, y%10 == 0)
			}
			if y+1 < h {
				add(n, n+w, x%10 == 0)
				add(n+w, n, x%10 == 0)
			}
		}
	}
	outOf := make([][]int, w*h)
	for i, s := range streets {
		outOf[s.from] = append(outOf[s.from], i)
	}
	var bans [][2]int
	for i, s := range streets {
		for _, j := range outOf[s.to] {
			if rng.Float64() < banned {
				bans = append(bans, [2]int{i, j})
			}
		}
	}
	net := network(w*h, streets, bans)
	for n := range w * h {
		net.NodeX, net.NodeY = append(net.NodeX, float32(n%w)*100), append(net.NodeY, float32(n/w)*100)
	}
	return net
}

func freeFlow(net *city.Network) []float32 {
	out := make([]float32, net.NumLinks())
	for l := range out {
		out[l] = net.LengthM[l] / net.SpeedMS[l]
	}
	return out
}
