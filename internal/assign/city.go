package assign

import (
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// The delay function of city streets: the Bureau of Public Roads' (Traffic
// Assignment Manual, Washington 1964), with its own parameters. Assumed: no
// city here has counts to fit them on.
const (
	BPRAlpha = 0.15
	BPRPower = 4
)

// CityNetwork is a city's streets as a network for static assignment. Time is
// in minutes, capacity in vehicles per hour.
type CityNetwork struct {
	Network
	// Street is the city's link of a network link, or units.NoLink for those
	// that stand for no street: zone connectors and turns, which cost nothing.
	Street []units.LinkID
}

// FromCity takes the streets open to cars, with one zone per given node. A
// node at which a turn is banned is opened up: each link with a ban ends in a
// node of its own, from which the allowed turns lead to the links that leave.
func FromCity(net *city.Network, zones []units.NodeID) *CityNetwork {
	c := &CityNetwork{}
	c.Zones = len(zones)
	c.Nodes = len(zones) + net.NumNodes()
	node := func(v units.NodeID) int32 { return int32(len(zones)) + int32(v) }
	car := func(l units.LinkID) bool { return net.Modes[l]&city.AllowCar != 0 }
	banned := func(l units.LinkID) []units.LinkID { return net.BanTo[net.BanFirst[l]:net.BanFirst[l+1]] }
	// Nodes with a ban, and the ends that links get there.
	opened := make([]bool, net.NumNodes())
	for l := range units.LinkID(net.NumLinks()) {
		if car(l) && len(banned(l)) > 0 {
			opened[net.To[l]] = true
		}
	}
	fresh := func() int32 { c.Nodes++; return int32(c.Nodes - 1) }
	into, outOf := make([]int32, net.NumLinks()), make([]int32, net.NumLinks())
	for l := range units.LinkID(net.NumLinks()) {
		into[l], outOf[l] = node(net.To[l]), node(net.From[l])
		if !car(l) {
			continue
		}
		if len(banned(l)) > 0 {
			into[l] = fresh()
		}
		if opened[net.From[l]] {
			outOf[l] = fresh()
		}
	}
	add := func(street units.LinkID, tail, head int32) {
		c.Tail, c.Head, c.Street = append(c.Tail, tail), append(c.Head, head), append(c.Street, street)
		capacity, minutes, b := 1.0, 0.0, 0.0
		if street != units.NoLink {
			capacity, minutes, b = float64(net.CapacityVS[street])*3600, net.FreeFlowS(street)/60, BPRAlpha
		}
		c.Capacity, c.FreeFlow = append(c.Capacity, capacity), append(c.FreeFlow, minutes)
		c.B, c.Power = append(c.B, b), append(c.Power, BPRPower)
		c.Toll, c.Length = append(c.Toll, 0), append(c.Length, 0)
	}
	for l := range units.LinkID(net.NumLinks()) {
		if car(l) {
			add(l, outOf[l], into[l])
		}
	}
	ends := map[units.NodeID][]int32{} // by node, looked up: where banned links end
	for v := range units.NodeID(net.NumNodes()) {
		if !opened[v] {
			continue
		}
		for m := units.LinkID(net.FirstOut[v]); m < units.LinkID(net.FirstOut[v+1]); m++ {
			if car(m) {
				add(units.NoLink, node(v), outOf[m])
			}
		}
		for _, l := range net.InLink[net.FirstIn[v]:net.FirstIn[v+1]] {
			bans := banned(l)
			if !car(l) || len(bans) == 0 {
				continue
			}
			ends[v] = append(ends[v], into[l])
			for m := units.LinkID(net.FirstOut[v]); m < units.LinkID(net.FirstOut[v+1]); m++ {
				ok := car(m)
				for _, x := range bans {
					ok = ok && x != m
				}
				if ok {
					add(units.NoLink, into[l], outOf[m])
				}
			}
		}
	}
	for z, v := range zones {
		add(units.NoLink, int32(z), node(v))
		add(units.NoLink, node(v), int32(z))
		for _, end := range ends[v] {
			add(units.NoLink, end, int32(z))
		}
	}
	c.NoThru = make([]bool, c.Nodes)
	for z := range zones {
		c.NoThru[z] = true
	}
	return c
}
