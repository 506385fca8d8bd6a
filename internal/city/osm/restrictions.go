package osm

import (
	"cmp"
	"slices"
	"strings"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// restriction is a turn restriction on graph nodes and ways.
type restriction struct {
	id       int64 // OSM relation
	via      int32 // graph node; the first one of a restriction over ways
	over     []int64
	from, to int64 // OSM ways
	only     bool  // only_*: everything but "to" is banned
	uTurn    bool  // no_u_turn
}

// readRestrictions keeps the turn restrictions that bind cars in the modelled
// hours and marks their nodes so that simplification leaves them alone. Those
// for trucks alone are counted, not applied.
func (g *graph) readRestrictions() {
	var conditional, inForce, exempt, broken, contracted int
	for _, r := range g.src.Relations {
		kind, conditionalOn, is := restrictionKind(r.Tags)
		if !is {
			continue
		}
		if conditionalOn {
			value, understood := g.opt.When.holds(kind)
			if !understood || value == "" {
				conditional++
				if !understood {
					g.find("condition not understood", "relation", int64(r.ID), g.nodeOfMembers(r.Members), kind)
				}
				continue
			}
			kind = value
			inForce++
		}
		if kind == "" {
			continue
		}
		if exceptsCars(r.Tags.Find("except")) {
			exempt++
			continue
		}
		rule := restriction{id: int64(r.ID), only: strings.HasPrefix(kind, "only_"), uTurn: strings.HasPrefix(kind, "no_u_turn")}
		if !rule.only && !strings.HasPrefix(kind, "no_") {
			broken++
			g.find("turn restriction not understood", "relation", rule.id, g.nodeOfMembers(r.Members), "it says "+kind)
			continue
		}
		var froms, tos []int64
		var vias []osm.Member
		for _, m := range r.Members {
			switch {
			case m.Role == "from" && m.Type == osm.TypeWay:
				froms = append(froms, m.Ref)
			case m.Role == "to" && m.Type == osm.TypeWay:
				tos = append(tos, m.Ref)
			case m.Role == "via":
				vias = append(vias, m)
			}
		}
		if g.namesContracted(r.Members) {
			contracted++
			continue
		}
		if !g.absent(froms, tos, vias) && (len(vias) == 0 || len(froms) == 0 || len(tos) == 0) {
			broken++
			g.find("turn restriction not understood", "relation", rule.id, g.nodeOfMembers(r.Members), "from, via or to is missing")
			continue
		}
		if len(vias) == 1 && vias[0].Type == osm.TypeNode {
			n := g.src.node(vias[0].Ref)
			if n < 0 {
				continue // outside the file
			}
			v, ok := g.ofSrc[n]
			if !ok {
				continue // outside the box, or not on a street we keep
			}
			rule.via = v
			g.keep[v] = true
		} else if !g.overWays(&rule, froms, vias) {
			continue
		}
		for _, f := range froms {
			for _, t := range tos {
				rule.from, rule.to = f, t
				g.rules = append(g.rules, rule)
			}
		}
	}
	g.report.add("turn restrictions at roundabouts drawn as one junction", float64(contracted), "relations", "not applied: they kept drivers on the ring")
	g.report.add("turn restrictions by time of day in force", float64(inForce), "relations", "taken as in force throughout: they hold in "+g.opt.When.String())
	g.report.add("turn restrictions by time of day not in force", float64(conditional), "relations", "not applied: they do not hold in "+g.opt.When.String()+", or hang on something else")
	g.report.add("turn restrictions that exempt cars", float64(exempt), "relations", "do not bind cars")
	g.report.add("turn restrictions not understood", float64(broken), "relations", "not applied")
}

// restrictionKind is the value that binds cars, and whether it hangs on a
// condition; is tells whether the relation is a turn restriction at all.
func restrictionKind(t osm.Tags) (kind string, conditional, is bool) {
	if t.Find("type") != "restriction" {
		return "", false, false
	}
	for _, k := range []string{"restriction:motorcar", "restriction:motor_vehicle", "restriction"} {
		if v := t.Find(k); v != "" {
			// An older way to give hours, in tags of their own.
			if from, to := t.Find("hour_on"), t.Find("hour_off"); from != "" && to != "" {
				days := ""
				if a, b := t.Find("day_on"), t.Find("day_off"); len(a) > 1 && len(b) > 1 {
					days = a[:2] + "-" + b[:2] + " "
				}
				return v + " @ (" + days + from + "-" + to + ")", true, true
			}
			return v, false, true
		}
		if v := t.Find(k + ":conditional"); v != "" {
			return v, true, true
		}
	}
	return "", false, true
}

// absent tells whether a member way or node is missing from the file: the
// restriction lies at the edge of the map.
func (g *graph) absent(froms, tos []int64, vias []osm.Member) bool {
	for _, w := range slices.Concat(froms, tos) {
		if g.src.way(w) == nil {
			return true
		}
	}
	for _, m := range vias {
		if m.Type == osm.TypeWay && g.src.way(m.Ref) == nil || m.Type == osm.TypeNode && g.src.node(m.Ref) < 0 {
			return true
		}
	}
	return false
}

// nodeOfMembers is some node of a relation, to show where it lies; -1 if none
// is in the file.
func (g *graph) nodeOfMembers(members []osm.Member) int32 {
	for _, m := range members {
		switch m.Type {
		case osm.TypeNode:
			if n := g.src.node(m.Ref); n >= 0 {
				return n
			}
		case osm.TypeWay:
			if w := g.src.way(m.Ref); w != nil && len(w.Nodes) > 0 && w.Nodes[0] >= 0 {
				return w.Nodes[0]
			}
		}
	}
	return -1
}

// overWays prepares a restriction over ways: all their ends stay nodes, and the
// first via node is where "from" meets them. False when they are not in the box
// or do not join.
func (g *graph) overWays(rule *restriction, froms []int64, vias []osm.Member) bool {
	rule.over = nil
	var ends [][2]int32
	for _, m := range vias {
		w := g.src.way(m.Ref)
		if m.Type != osm.TypeWay {
			continue // a node between via ways adds nothing
		}
		if w == nil || len(w.Nodes) < 2 {
			return false
		}
		rule.over = append(rule.over, m.Ref)
		e := [2]int32{w.Nodes[0], w.Nodes[len(w.Nodes)-1]}
		ends = append(ends, e)
		for _, n := range e {
			if n < 0 {
				return false
			}
			if v, ok := g.ofSrc[n]; ok {
				g.keep[v] = true
			}
		}
	}
	if len(ends) == 0 {
		return false
	}
	for _, f := range froms {
		w := g.src.way(f)
		if w == nil || len(w.Nodes) < 2 {
			continue
		}
		for _, n := range [2]int32{w.Nodes[0], w.Nodes[len(w.Nodes)-1]} {
			if n >= 0 && slices.Contains(ends[0][:], n) {
				v, ok := g.ofSrc[n]
				rule.via = v
				return ok
			}
		}
	}
	g.find("turn restriction over a way does not join", "relation", rule.id, ends[0][0], "\"from\" does not end where \"via\" begins")
	return false
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

// originals leaves the copies out.
func (g *graph) originals(links []uint32) []uint32 {
	return slices.DeleteFunc(links, func(l uint32) bool { return g.linkCopy[l] != noLink })
}

// withCopies is a link and its copies.
func (g *graph) withCopies(l uint32) []uint32 {
	out := []uint32{l}
	for c, of := range g.linkCopies {
		if uint32(of.of) == l {
			out = append(out, uint32(g.linkCopies[c].copy))
		}
	}
	return out
}

// linkCopy is a link that stands for another one, for a restriction over a way.
type linkCopy struct{ copy, of units.LinkID }

// ban applies the restrictions to finished links. in and out list the car
// links entering and leaving a node with their ways at that node.
func (g *graph) ban(net *city.Network, linkOf func(half) units.LinkID, in, out func(v int32) []arm) {
	var pairs []turn
	relation := map[turn]int64{} // look-ups only
	ban := func(from, to uint32, id int64) {
		p := turn{from, to}
		pairs = append(pairs, p)
		if id != 0 {
			relation[p] = id
		}
	}
	applied, unclear := 0, 0
	for _, r := range g.rules {
		if r.over != nil {
			continue
		}
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
		fl, tl = g.originals(fl), g.originals(tl)
		if len(fl) > 1 {
			unclear++ // the way runs through the node: which arm is meant?
			g.find("turn restriction unclear", "relation", r.id, g.nodeSrc[r.via], "\"from\" runs through the junction")
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
			g.find("turn restriction unclear", "relation", r.id, g.nodeSrc[r.via], "\"to\" runs through the junction")
			continue
		}
		applied++
		if !r.only {
			ban(f, tl[0], r.id)
			continue
		}
		for _, a := range tos {
			if g.linkCopy[a.link] == noLink && a.link != tl[0] {
				ban(f, a.link, r.id)
			}
		}
	}
	// What binds a street binds its copies.
	for _, p := range slices.Clone(pairs) {
		for _, f := range g.withCopies(p.from) {
			for _, t := range g.withCopies(p.to) {
				ban(f, t, relation[p])
			}
		}
	}
	for _, b := range g.bans {
		f, t := linkOf(b.from), linkOf(b.to)
		if f != noLink && t != noLink {
			ban(uint32(f), uint32(t), b.relation)
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
		pairs = slices.DeleteFunc(pairs, func(p turn) bool {
			if !cut[p.from] && !cut[p.to] {
				return false
			}
			if id := relation[p]; id != 0 {
				g.find("turn restriction would cut streets off", "relation", id, -1, "")
			}
			return true
		})
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
