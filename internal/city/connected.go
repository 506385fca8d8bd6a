package city

import (
	"errors"

	"github.com/malikobaid/cityflow/internal/units"
)

// Connected checks what Validate leaves out because it takes a search: that
// cars get from every street of theirs to every other, that people on foot get
// everywhere, and that stops and places hang on these networks. The columns
// must be valid.
func (c *City) Connected() error {
	k := &checker{}
	n := &c.Net
	car, walk := n.touched(AllowCar), n.touched(AllowWalk)
	for _, s := range []struct {
		name      string
		on        []bool
		mode      ModeSet
		both, bwd bool
	}{
		{"cars cannot drive from node %d to node %d, nor to %d others", car, AllowCar, false, false},
		{"cars cannot drive back to node %d from node %d, nor from %d others", car, AllowCar, false, true},
		{"there is no way on foot from node %d to node %d, nor to %d others", walk, AllowWalk, true, false},
	} {
		start := -1
		for v, on := range s.on {
			if on {
				start = v
				break
			}
		}
		if start < 0 {
			continue
		}
		seen := n.reach(units.NodeID(start), s.mode, s.both || !s.bwd, s.both || s.bwd)
		missed, count := -1, 0
		for v, on := range s.on {
			if on && !seen[v] {
				if count++; missed < 0 {
					missed = v
				}
			}
		}
		if count > 0 {
			k.fail(s.name, start, missed, count-1)
		}
	}
	for s, v := range c.Timetable.StopNode {
		if !walk[v] {
			k.fail("Timetable.StopNode[%d] is node %d, where nobody can walk", s, v)
			break
		}
	}
	for i := range c.Places.Num() {
		if v := c.Places.WalkNode[i]; !walk[v] {
			k.fail("Places.WalkNode[%d] is node %d, where nobody can walk", i, v)
			break
		}
	}
	for i := range c.Places.Num() {
		if v := c.Places.CarNode[i]; !car[v] {
			k.fail("Places.CarNode[%d] is node %d, where no car can drive", i, v)
			break
		}
	}
	return errors.Join(k.errs...)
}

// touched marks the nodes with a link of a mode.
func (n *Network) touched(mode ModeSet) []bool {
	on := make([]bool, n.NumNodes())
	for l, m := range n.Modes {
		if m&mode != 0 {
			on[n.From[l]], on[n.To[l]] = true, true
		}
	}
	return on
}

// reach marks the nodes that links of a mode lead to, along (out) or against
// (in) their direction.
func (n *Network) reach(from units.NodeID, mode ModeSet, out, in bool) []bool {
	seen := make([]bool, n.NumNodes())
	seen[from] = true
	stack := []units.NodeID{from}
	visit := func(v units.NodeID) {
		if !seen[v] {
			seen[v] = true
			stack = append(stack, v)
		}
	}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if out {
			for l, end := n.Out(v); l < end; l++ {
				if n.Modes[l]&mode != 0 {
					visit(n.To[l])
				}
			}
		}
		if in {
			for _, l := range n.In(v) {
				if n.Modes[l]&mode != 0 {
					visit(n.From[l])
				}
			}
		}
	}
	return seen
}
