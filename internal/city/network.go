package city

import (
	"fmt"

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
