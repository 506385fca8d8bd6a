package assign

// shifter moves flow between paths and keeps the link volumes and costs in
// step. One state serves all bushes: costs change the moment flow moves, so
// the next shift sees them.
type shifter struct {
	links []cost
	c     []float64 // cost by core link, apart because searches read only this
	lb    labels
}

// segments walks back from local node k along the two links given, the next
// ones by the labels, until both ways meet. It gives the difference of costs
// a - b, the sum of slopes, the least flow on a, and the meeting node.
func (s *shifter) segments(b *bush, a, z int32) (diff, slope, least float64, meet int32) {
	byMost, byLeast := s.lb.byMost, s.lb.byLeast
	least = b.flow[a]
	l := b.link[a]
	diff, slope = s.c[l], s.links[l].slope
	l = b.link[z]
	diff, slope = diff-s.c[l], slope+s.links[l].slope
	i, j := b.tail[a], b.tail[z]
	for i != j {
		// The one further down cannot be above the other: step it back.
		if i > j {
			e := byMost[i]
			l = b.link[e]
			diff += s.c[l]
			slope += s.links[l].slope
			least = min(least, b.flow[e])
			i = b.tail[e]
		} else {
			e := byLeast[j]
			l = b.link[e]
			diff -= s.c[l]
			slope += s.links[l].slope
			j = b.tail[e]
		}
	}
	return diff, slope, least, i
}

// pass equalises a bush once: labels at present costs, then from the far end up
// each node with two ways moves flow from its dearest used path to its cheapest
// by a Newton step: difference of costs over sum of slopes, and no more than
// there is. Inner loop: nothing is allocated.
func (s *shifter) pass(o int32, b *bush, p *pairs) {
	b.scan(&s.lb, s.c)
	if p != nil {
		p.collect(o, b, &s.lb)
	}
	byMost, byLeast := s.lb.byMost, s.lb.byLeast
	for k := int32(len(b.node)) - 1; k > 0; k-- {
		if b.first[k+1] == b.first[k]+1 {
			continue
		}
		if a, z := byMost[k], byLeast[k]; a >= 0 && a != z {
			diff, slope, least, meet := s.segments(b, a, z)
			if diff <= 0 || least <= 0 {
				continue
			}
			step, all := least, true
			if slope > 0 && diff/slope < least {
				step, all = diff/slope, false
			}
			after := s.move(b, a, z, meet, step, all)
			for i := 0; after < -overshoot*diff && i < halvings; i++ {
				step /= 2
				after = s.move(b, a, z, meet, -step, false)
			}
		}
	}
}

// A Newton step goes too far where the slope at its start says nothing of the
// slope ahead: onto an empty steep link. When what was the cheaper way ends
// dearer by more than overshoot of the difference there was, half of the step
// is taken back, and so on. So the objective falls with every shift.
const (
	overshoot = 0.125
	halvings  = 60
)

// move moves step from the way by a to the way by z (back, if step is negative)
// and gives the difference of costs that is left.
func (s *shifter) move(b *bush, a, z, meet int32, step float64, all bool) (after float64) {
	for e := a; ; e = s.lb.byMost[b.tail[e]] {
		if b.flow[e] -= step; all && b.flow[e] < dust*step || b.flow[e] < 0 {
			b.flow[e] = 0
		}
		l := b.link[e]
		s.c[l] = s.links[l].add(-step)
		after += s.c[l]
		if b.tail[e] == meet {
			break
		}
	}
	for e := z; ; e = s.lb.byLeast[b.tail[e]] {
		b.flow[e] = max(0, b.flow[e]+step)
		l := b.link[e]
		s.c[l] = s.links[l].add(step)
		after -= s.c[l]
		if b.tail[e] == meet {
			break
		}
	}
	return after
}
