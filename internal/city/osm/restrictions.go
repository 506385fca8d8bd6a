package osm

import (
	"cmp"
	"slices"
	"strings"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// restriction is a turn restriction with a node via, on graph nodes and ways.
type restriction struct {
	via      int32
	from, to int64 // OSM ways
	only     bool  // only_*: everything but "to" is banned
	uTurn    bool  // no_u_turn
}

// readRestrictions keeps the turn restrictions that bind cars and marks their
// nodes so that simplification leaves them alone. Restrictions over a way, by
// time of day or for trucks alone are counted, not applied.
func (g *graph) readRestrictions() {
	var viaWay, conditional, exempt, broken, contracted int
	for _, r := range g.src.Relations {
		if r.Tags.Find("type") != "restriction" {
			continue
		}
		kind := r.Tags.Find("restriction")
		if kind == "" {
			kind = r.Tags.Find("restriction:motorcar")
		}
		if kind == "" {
			if r.Tags.Find("restriction:conditional") != "" {
				conditional++
			}
			continue
		}
		if exceptsCars(r.Tags.Find("except")) {
			exempt++
			continue
		}
		only, no := strings.HasPrefix(kind, "only_"), strings.HasPrefix(kind, "no_")
		if !only && !no {
			broken++
			continue
		}
		var froms, tos []int64
		var vias []osm.Member
		for _, m := range r.Members {
			switch m.Role {
			case "from":
				froms = append(froms, m.Ref)
			case "to":
				tos = append(tos, m.Ref)
			case "via":
				vias = append(vias, m)
			}
		}
		if g.namesContracted(r.Members) {
			contracted++
			continue
		}
		if len(vias) == 1 && vias[0].Type == osm.TypeWay || len(vias) > 1 {
			viaWay++
			continue
		}
		if len(vias) != 1 || vias[0].Type != osm.TypeNode || len(froms) == 0 || len(tos) == 0 {
			broken++
			continue
		}
		n := g.src.node(vias[0].Ref)
		if n < 0 {
			continue // outside the file
		}
		v, ok := g.ofSrc[n]
		if !ok {
			continue // outside the box, or not on a street we keep
		}
		g.keep[v] = true
		for _, f := range froms {
			for _, t := range tos {
				g.rules = append(g.rules, restriction{v, f, t, only, strings.HasPrefix(kind, "no_u_turn")})
			}
		}
	}
	g.report.add("turn restrictions over a way", float64(viaWay), "relations", "not applied")
	g.report.add("turn restrictions at roundabouts drawn as one junction", float64(contracted), "relations", "not applied: they kept drivers on the ring")
	g.report.add("turn restrictions by time of day", float64(conditional), "relations", "not applied")
	g.report.add("turn restrictions that exempt cars", float64(exempt), "relations", "do not bind cars")
	g.report.add("turn restrictions not understood", float64(broken), "relations", "not applied")
}

// namesContracted tells whether a restriction is about a roundabout that is now
// one node. Its turns (onto the ring, along it, off it) exist no more, and a
// ban on turning round does not hold where everyone may drive round the ring.
func (g *graph) namesContracted(members []osm.Member) bool {
	for _, m := range members {
		switch m.Type {
		case osm.TypeWay:
			if g.one.way[m.Ref] {
				return true
			}
		case osm.TypeNode:
			if n := g.src.node(m.Ref); n >= 0 {
				if _, ok := g.one.to[n]; ok {
					return true
				}
			}
		}
	}
	return false
}

func exceptsCars(except string) bool {
	for _, e := range strings.Split(except, ";") {
		switch strings.TrimSpace(e) {
		case "motorcar", "motor_vehicle", "vehicle":
			return true
		}
	}
	return false
}

// arm is one directed link at a node, with the OSM way it has there.
type arm struct {
	link uint32
	way  int64
}

// turn is one movement from link to link.
type turn struct{ from, to uint32 }

func compareTurns(a, b turn) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) }

// cutOff marks the car links outside the largest strongly connected part of
// the graph of turns.
func cutOff(net *city.Network, banned func(from, to uint32) bool) []bool {
	n := net.NumLinks()
	first := make([]int32, n+1)
	var head []int32
	for l := range n {
		if net.Modes[l]&city.AllowCar != 0 {
			for m, end := net.Out(net.To[l]); m < end; m++ {
				if net.Modes[m]&city.AllowCar != 0 && !banned(uint32(l), uint32(m)) {
					head = append(head, int32(m))
				}
			}
		}
		first[l+1] = int32(len(head))
	}
	comp := strongComponents(first, head)
	size := make([]int, n)
	best := int32(0)
	for l, c := range comp {
		if net.Modes[l]&city.AllowCar != 0 {
			size[c]++
			if size[c] > size[best] {
				best = c
			}
		}
	}
	cut := make([]bool, n)
	for l, c := range comp {
		cut[l] = net.Modes[l]&city.AllowCar != 0 && c != best
	}
	return cut
}

// ban applies the restrictions to finished links. in and out list the car
// links entering and leaving a node with their ways at that node.
func (g *graph) ban(net *city.Network, in, out func(v int32) []arm) {
	var pairs []turn
	applied, unclear := 0, 0
	for _, r := range g.rules {
		froms, tos := in(r.via), out(r.via)
		var fl, tl []uint32
		for _, a := range froms {
			if a.way == r.from {
				fl = append(fl, a.link)
			}
		}
		for _, a := range tos {
			if a.way == r.to {
				tl = append(tl, a.link)
			}
		}
		if len(fl) == 0 || len(tl) == 0 {
			continue // one of them is not open to cars: nothing to forbid
		}
		if len(fl) > 1 {
			unclear++ // the way runs through the node: which arm is meant?
			continue
		}
		f := fl[0]
		back := uint32(net.Reverse[f])
		if r.from == r.to && !r.uTurn {
			tl = slices.DeleteFunc(tl, func(t uint32) bool { return t == back })
		}
		if r.uTurn {
			if r.from == r.to {
				tl = []uint32{back}
				if net.Reverse[f] == noLink || net.Modes[back]&city.AllowCar == 0 {
					continue
				}
			}
		}
		if len(tl) != 1 {
			unclear++
			continue
		}
		applied++
		if !r.only {
			pairs = append(pairs, turn{f, tl[0]})
			continue
		}
		for _, a := range tos {
			if a.link != tl[0] {
				pairs = append(pairs, turn{f, a.link})
			}
		}
	}
	slices.SortFunc(pairs, compareTurns)
	pairs = slices.Compact(pairs)
	// A driver who obeys every ban must still get everywhere: bans that cut
	// links off (two mapped restrictions that leave no turn, or a junction cut
	// by the map's edge) are lifted.
	before := len(pairs)
	for {
		cut := cutOff(net, func(from, to uint32) bool {
			_, banned := slices.BinarySearchFunc(pairs, turn{from, to}, compareTurns)
			return banned
		})
		n := len(pairs)
		pairs = slices.DeleteFunc(pairs, func(p turn) bool { return cut[p.from] || cut[p.to] })
		if len(pairs) == n {
			break
		}
	}
	net.BanFirst = make([]uint32, net.NumLinks()+1)
	net.BanTo = make([]units.LinkID, len(pairs))
	for i, p := range pairs {
		net.BanFirst[p.from+1]++
		net.BanTo[i] = units.LinkID(p.to)
	}
	for l := range net.NumLinks() {
		net.BanFirst[l+1] += net.BanFirst[l]
	}
	g.report.add("turn restrictions applied", float64(applied), "restrictions", "")
	g.report.add("turn restrictions unclear", float64(unclear), "restrictions", "a way passes through the node: not applied")
	g.report.add("banned turns lifted", float64(before-len(pairs)), "turns", "they would cut streets off")
	g.report.add("banned turns", float64(len(pairs)), "turns", "")
}
