package city

import (
	"fmt"
	"slices"

	"github.com/malikobaid/cityflow/internal/units"
)

// IndexLinks fills FirstOut, FirstIn and InLink from From and To. Links must
// already be sorted by From; importers and test cities call it last.
func (n *Network) IndexLinks() {
	nodes := n.NumNodes()
	n.FirstOut = make([]uint32, nodes+1)
	n.FirstIn = make([]uint32, nodes+1)
	n.InLink = make([]units.LinkID, n.NumLinks())
	for l := range n.From {
		if l > 0 && n.From[l] < n.From[l-1] {
			panic(fmt.Sprintf("city: link %d leaves node %d after node %d", l, n.From[l], n.From[l-1]))
		}
		n.FirstOut[n.From[l]+1]++
		n.FirstIn[n.To[l]+1]++
	}
	for i := range nodes {
		n.FirstOut[i+1] += n.FirstOut[i]
		n.FirstIn[i+1] += n.FirstIn[i]
	}
	next := append([]uint32(nil), n.FirstIn...)
	for l, to := range n.To {
		n.InLink[next[to]] = units.LinkID(l)
		next[to]++
	}
}

// Out is the range of links that leave a node.
func (n *Network) Out(v units.NodeID) (first, end units.LinkID) {
	return units.LinkID(n.FirstOut[v]), units.LinkID(n.FirstOut[v+1])
}

// In is the links that enter a node.
func (n *Network) In(v units.NodeID) []units.LinkID {
	return n.InLink[n.FirstIn[v]:n.FirstIn[v+1]]
}

// Bans is the links that may not follow link l, sorted.
func (n *Network) Bans(l units.LinkID) []units.LinkID {
	return n.BanTo[n.BanFirst[l]:n.BanFirst[l+1]]
}

// Originals is, for each link, the link whose street it stands for: itself but
// for copies that turn restrictions over a way need (package osm), which have
// the same ends, way and line. The original is the one that more may use, of
// those the first.
func (n *Network) Originals() []units.LinkID {
	of := make([]units.LinkID, n.NumLinks())
	for l := range of {
		of[l] = units.LinkID(l)
	}
	for v := range n.NumNodes() {
		for a, end := n.Out(units.NodeID(v)); a < end; a++ {
			for b := a + 1; b < end; b++ {
				if of[a] == a && of[b] == b && n.sameStreet(a, b) {
					if n.Reverse[a] == units.NoLink && n.Modes[a]&^n.Modes[b] == 0 && n.Modes[a] != n.Modes[b] {
						of[a] = b
						break
					}
					of[b] = a
				}
			}
		}
	}
	for l := range of { // a copy of a copy
		for of[of[l]] != of[l] {
			of[l] = of[of[l]]
		}
	}
	return of
}

// sameStreet tells whether two links from one node are one street in one
// direction, and one of them nobody's way back.
func (n *Network) sameStreet(a, b units.LinkID) bool {
	if n.To[a] != n.To[b] || n.WayOSM[a] != n.WayOSM[b] || n.Reverse[a] != units.NoLink && n.Reverse[b] != units.NoLink {
		return false
	}
	ga, gb := n.GeomFirst[a], n.GeomFirst[b]
	return slices.Equal(n.GeomLon[ga:n.GeomFirst[a+1]], n.GeomLon[gb:n.GeomFirst[b+1]]) && slices.Equal(n.GeomLat[ga:n.GeomFirst[a+1]], n.GeomLat[gb:n.GeomFirst[b+1]])
}

// NodeModes is the union of the modes of the links that touch a node.
func (n *Network) NodeModes(v units.NodeID) ModeSet {
	var m ModeSet
	for l, end := n.Out(v); l < end; l++ {
		m |= n.Modes[l]
	}
	for _, l := range n.In(v) {
		m |= n.Modes[l]
	}
	return m
}
