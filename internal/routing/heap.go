package routing

// item is a state with its key in the queue.
type item struct {
	f float64
	s uint32
}

func (a item) before(b item) bool { return a.f < b.f || (a.f == b.f && a.s < b.s) }

// heap is a 4-ary heap. A state whose key falls is pushed again and the old item
// skipped when it comes up: on street networks that is rarer than once in four
// pushes and cheaper than keeping positions.
type heap struct{ e []item }

func newHeap(n int) *heap { return &heap{make([]item, 0, n)} }

func (h *heap) clear() { h.e = h.e[:0] }

func (h *heap) push(x item) {
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

func (h *heap) pop() item {
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
