package loading

// waiting is a platoon before its first link.
type waiting struct {
	p, word    uint32
	size, pace float32
}

// fifo is a queue that keeps its memory.
type fifo struct {
	q    []waiting
	head int
}

func (f *fifo) push(w waiting) {
	// Amortised constant, and the memory stays within twice what waits.
	if f.head > 32 && 2*f.head >= len(f.q) {
		f.q = f.q[:copy(f.q, f.q[f.head:])]
		f.head = 0
	}
	f.q = append(f.q, w)
}

func (f *fifo) pop() waiting {
	w := f.q[f.head]
	f.head++
	if f.head == len(f.q) {
		f.reset()
	}
	return w
}

func (f *fifo) reset() { f.q, f.head = f.q[:0], 0 }
