package osm

import (
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
)

// A turn restriction over ways forbids a sequence of streets, but the network
// knows bans of turns alone. So the way in between is doubled for those who come
// from the restricted arm: they must take the copy, nobody else may, and the
// copy lacks the forbidden exit. Whoever enters the way elsewhere is free to
// turn, as on the road. A copy has its own queue: its street counts twice for
// storage, on the few metres such ways are long (reported).

// half is a street in one direction.
type half struct {
	street int32
	back   bool
}

func (g *graph) start(h half) int32 {
	if h.back {
		return g.streets[h.street].to
	}
	return g.streets[h.street].from
}

func (g *graph) end(h half) int32 { return g.start(half{h.street, !h.back}) }

// wayFrom and wayInto are the OSM ways that a half begins and ends with.
func (g *graph) wayFrom(h half) int64 {
	if h.back {
		return g.streets[h.street].toWay
	}
	return g.streets[h.street].fromWay
}

func (g *graph) wayInto(h half) int64 { return g.wayFrom(half{h.street, !h.back}) }

// halfBan is a ban of a turn from one half into another; relation is why.
type halfBan struct {
	from, to half
	relation int64
}

// over resolves the restrictions over ways: copies of streets, and bans.
type over struct {
	g       *graph
	in, out [][]half // by node, for cars
	copies  map[copyKey]half
	copyOf  map[int32]half  // the original of a copied street; look-ups only
	entry   map[half][]half // into a copy: who may; look-ups only
	all     map[half][]half // the copies of a half, in order; look-ups only
	order   []half          // copies in order of making
}

type copyKey struct{ from, of half }

func (g *graph) turnsOverWays() {
	o := &over{g: g, copies: map[copyKey]half{}, copyOf: map[int32]half{}, entry: map[half][]half{}, all: map[half][]half{}}
	some := slices.ContainsFunc(g.rules, func(r restriction) bool { return r.over != nil })
	if some {
		o.index()
	}
	applied, unclear := 0, 0
	metres := 0.0
	for _, r := range g.rules {
		if r.over == nil {
			continue
		}
		ok, none := o.apply(r)
		switch {
		case ok:
			applied++
		case !none:
			unclear++
			g.find("turn restriction unclear", "relation", r.id, g.nodeSrc[r.via], "over a way")
		}
	}
	o.fence()
	for _, c := range o.order {
		metres += g.streets[c.street].lengthM
	}
	g.report.add("turn restrictions over a way applied", float64(applied), "restrictions", "the way between is doubled for those it binds")
	g.report.add("turn restrictions over a way unclear", float64(unclear), "restrictions", "not applied")
	g.report.add("streets doubled for turn restrictions over a way", metres/1000, "km", "one direction each")
}

func (o *over) index() {
	g := o.g
	o.in, o.out = make([][]half, len(g.nodeSrc)), make([][]half, len(g.nodeSrc))
	for i := range g.streets {
		s := &g.streets[i]
		if s.dead {
			continue
		}
		for _, h := range [2]half{{int32(i), false}, {int32(i), true}} {
			modes := s.attr.fwd.modes
			if h.back {
				modes = s.attr.back.modes
			}
			if modes&city.AllowCar != 0 {
				o.out[g.start(h)] = append(o.out[g.start(h)], h)
				o.in[g.end(h)] = append(o.in[g.end(h)], h)
			}
		}
	}
}

// apply makes the copies and bans of one restriction. none: its streets are not
// open to cars, so there is nothing to forbid.
func (o *over) apply(r restriction) (ok, none bool) {
	g := o.g
	var from []half
	for _, h := range o.in[r.via] {
		if g.wayInto(h) == r.from {
			from = append(from, h)
		}
	}
	if len(from) == 0 {
		return false, true
	}
	if len(from) > 1 {
		return false, false
	}
	var chains [][]half
	for _, h := range o.out[r.via] {
		if g.wayFrom(h) == r.over[0] && h.street != from[0].street {
			if o.bannedAnyway(r.via, from[0], h) {
				return false, true // a restriction over the node forbids it already
			}
			if c := o.follow(h, r.over, r.to); c != nil {
				chains = append(chains, c)
			}
		}
	}
	if len(chains) != 1 {
		return false, len(chains) == 0 && o.closed(r)
	}
	chain := chains[0]
	last := chain[len(chain)-1]
	var to []half
	for _, h := range o.out[g.end(last)] {
		if g.wayFrom(h) == r.to && h.street != last.street {
			to = append(to, h)
		}
	}
	if len(to) != 1 {
		return false, false
	}
	// Copies of the restricted arm, made for another restriction, are bound too.
	for _, f := range append([]half{from[0]}, o.all[from[0]]...) {
		prev := f
		for i, h := range chain {
			c := o.copy(prev, h)
			g.bans = append(g.bans, halfBan{prev, h, r.id})
			if i == len(chain)-1 {
				for _, x := range o.out[g.end(h)] {
					if x == to[0] != r.only {
						g.bans = append(g.bans, halfBan{c, x, r.id})
					}
				}
			}
			prev = c
		}
	}
	return true, false
}

// bannedAnyway tells whether a restriction over the node forbids a turn: a copy
// behind it could not be reached.
func (o *over) bannedAnyway(v int32, from, to half) bool {
	return slices.ContainsFunc(o.g.rules, func(r restriction) bool {
		return r.over == nil && r.via == v && r.from == o.g.wayInto(from) && (r.to == o.g.wayFrom(to)) != r.only
	})
}

// closed tells whether a via way has no street for cars at the start.
func (o *over) closed(r restriction) bool {
	return !slices.ContainsFunc(o.out[r.via], func(h half) bool { return o.g.wayFrom(h) == r.over[0] })
}

// follow walks the via ways from their first half to where "to" begins.
func (o *over) follow(h half, ways []int64, to int64) []half {
	g := o.g
	const longest = 64 // streets
	chain := []half{h}
	for way := 0; len(chain) <= longest; {
		v := g.end(h)
		next := to
		if way+1 < len(ways) {
			next = ways[way+1]
		}
		var off, on []half
		for _, x := range o.out[v] {
			if x.street == h.street {
				continue
			}
			switch g.wayFrom(x) {
			case next:
				off = append(off, x)
			case ways[way]:
				on = append(on, x)
			}
		}
		switch {
		case len(off) > 0 && way+1 == len(ways):
			return chain
		case len(off) == 1:
			h = off[0]
			way++
		case len(off) == 0 && len(on) == 1:
			h = on[0]
		default:
			return nil
		}
		chain = append(chain, h)
	}
	return nil
}

// copy is the copy of h for those who come from prev, made on first use.
func (o *over) copy(prev, h half) half {
	k := copyKey{prev, h}
	if c, ok := o.copies[k]; ok {
		return c
	}
	g := o.g
	s := g.streets[h.street]
	if h.back {
		s.reverse()
	}
	s.attr.fwd.modes, s.attr.back.modes = city.AllowCar, 0
	s.double = true
	g.streets = append(g.streets, s)
	c := half{int32(len(g.streets) - 1), false}
	o.copies[k] = c
	o.copyOf[c.street] = h
	o.entry[c] = append(o.entry[c], prev)
	o.all[h] = append(o.all[h], c)
	o.order = append(o.order, c)
	return c
}

// fence keeps everybody else out of the copies.
func (o *over) fence() {
	g := o.g
	for _, c := range o.order {
		v := g.start(c)
		arms := slices.Clone(o.in[v])
		for _, other := range o.order {
			if g.end(other) == v {
				arms = append(arms, other)
			}
		}
		for _, a := range arms {
			if !slices.Contains(o.entry[c], a) {
				g.bans = append(g.bans, halfBan{a, c, 0})
			}
		}
	}
	g.copyOf = o.copyOf
}
