package loading

// event is one entry of the heap. id orders events of equal time: 0..n-1 are
// the heads of links 0..n-1, n..2n-1 their entrances, 2n..3n-1 heads that lose
// patience. Heads come first so that everyone who is ready at an instant takes
// part in sharing an inlet then.
type event struct {
	t  float64
	id uint32
}

func (a event) before(b event) bool { return a.t < b.t || (a.t == b.t && a.id < b.id) }

// eventHeap is a 4-ary heap. A link never has more than one head and one
// entrance event in it and their times never change, so no index from link to
// position is needed and the capacity is known from the start.
type eventHeap struct{ e []event }

func (h *eventHeap) push(x event) {
	h.e = append(h.e, x)
	i := len(h.e) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !x.before(h.e[up]) {
			break
		}
		h.e[i] = h.e[up]
		i = up
	}
	h.e[i] = x
}

func (h *eventHeap) pop() event {
	e := h.e
	top := e[0]
	n := len(e) - 1
	x := e[n]
	e = e[:n]
	h.e = e
	if n == 0 {
		return top
	}
	i := 0
	for {
		c := 4*i + 1
		if c >= n {
			break
		}
		best := c
		for j := c + 1; j < min(c+4, n); j++ {
			if e[j].before(e[best]) {
				best = j
			}
		}
		if !e[best].before(x) {
			break
		}
		e[i] = e[best]
		i = best
	}
	e[i] = x
	return top
}
