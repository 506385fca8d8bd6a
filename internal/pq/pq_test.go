package pq_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/pq"
)

type pair struct {
	key float64
	id  uint32
}

// plain is the obvious twin.
type plain []pair

func (p plain) Len() int { return len(p) }
func (p plain) Less(i, j int) bool {
	return p[i].key < p[j].key || p[i].key == p[j].key && p[i].id < p[j].id
}
func (p plain) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *plain) Push(x any)   { *p = append(*p, x.(pair)) }
func (p *plain) Pop() any {
	x := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return x
}

// Keys below, at and above zero, of both signs of it, infinite, and many equal
// ones; pushes, pops and replacements mixed.
func TestQueueEqualsTwin(t *testing.T) {
	special := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), 1, -1, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		draw := func() pair {
			p := pair{float64(rng.IntN(50)) - 25, uint32(rng.IntN(1 << (1 + seed%31)))}
			if rng.IntN(4) == 0 {
				p.key = special[rng.IntN(len(special))]
			} else if seed%2 == 0 {
				p.key += rng.Float64()
			}
			return p
		}
		var q pq.Queue
		var twin plain
		same := func(x pq.Item, want pair) {
			t.Helper()
			if x.Key() != want.key || x.ID() != want.id {
				t.Fatalf("seed %d: got (%g, %d), twin (%g, %d)", seed, x.Key(), x.ID(), want.key, want.id)
			}
		}
		for step := range 3000 {
			switch op := rng.IntN(5); {
			case len(twin) == 0 || op < 2 || (op == 2 && step < 1500):
				p := draw()
				q.Push(p.key, p.id)
				heap.Push(&twin, p)
			case op == 3:
				p := draw()
				q.Replace(p.key, p.id)
				twin[0] = p
				heap.Fix(&twin, 0)
			default:
				same(q.Pop(), heap.Pop(&twin).(pair))
			}
			if q.Len() != len(twin) || len(q.Items()) != len(twin) {
				t.Fatalf("seed %d: %d items, twin %d", seed, q.Len(), len(twin))
			}
			if len(twin) > 0 {
				same(q.Items()[0], twin[0])
			}
		}
		for len(twin) > 0 {
			same(q.Pop(), heap.Pop(&twin).(pair))
		}
		q.Push(1, 1)
		if q.Clear(); q.Len() != 0 {
			t.Error("not cleared")
		}
	}
}

// BenchmarkHold pops the least and pushes it again later, with as many items as
// the events of Chicago Sketch, beside the same 4-ary heap written with if, and for
// any type, and the standard library's.
func BenchmarkHold(b *testing.B) {
	const n = 4000
	rng := rand.New(rand.NewPCG(1, 1))
	later := make([]float64, 1<<16)
	for i := range later {
		later[i] = 100 * rng.Float64()
	}
	b.Run("queue", func(b *testing.B) {
		q := pq.WithCapacity(n)
		for i := range n {
			q.Push(later[i], uint32(i))
		}
		i := 0
		for b.Loop() {
			x := q.Pop()
			q.Push(x.Key()+later[i&(1<<16-1)], x.ID())
			i++
		}
	})
	b.Run("with if", func(b *testing.B) {
		var q branching
		for i := range n {
			q.push(pair{later[i], uint32(i)})
		}
		i := 0
		for b.Loop() {
			x := q.pop()
			q.push(pair{x.key + later[i&(1<<16-1)], x.id})
			i++
		}
	})
	b.Run("generic", func(b *testing.B) {
		var q generic[pair]
		for i := range n {
			q.push(pair{later[i], uint32(i)})
		}
		i := 0
		for b.Loop() {
			x := q.pop()
			q.push(pair{x.key + later[i&(1<<16-1)], x.id})
			i++
		}
	})
	b.Run("container/heap", func(b *testing.B) {
		q := new(plain)
		for i := range n {
			heap.Push(q, pair{later[i], uint32(i)})
		}
		i := 0
		for b.Loop() {
			(*q)[0].key += later[i&(1<<16-1)]
			heap.Fix(q, 0)
			i++
		}
	})
}

// generic is the same heap for any type, which is asked for its order.
type generic[T interface{ before(T) bool }] []T

func (q *generic[T]) push(x T) {
	h := append(*q, x)
	*q = h
	i := len(h) - 1
	for i > 0 && x.before(h[(i-1)/4]) {
		h[i] = h[(i-1)/4]
		i = (i - 1) / 4
	}
	h[i] = x
}

func (q *generic[T]) pop() T {
	h := *q
	top, x := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	i := 0
	for c := 1; c < len(h); c = 4*i + 1 {
		least := c
		for j := c + 1; j < min(c+4, len(h)); j++ {
			if h[j].before(h[least]) {
				least = j
			}
		}
		if !h[least].before(x) {
			break
		}
		h[i], i = h[least], least
	}
	if len(h) > 0 {
		h[i] = x
	}
	return top
}

type branching []pair

func (a pair) before(b pair) bool { return a.key < b.key || a.key == b.key && a.id < b.id }

func (q *branching) push(x pair) {
	h := append(*q, x)
	*q = h
	i := len(h) - 1
	for i > 0 && x.before(h[(i-1)/4]) {
		h[i] = h[(i-1)/4]
		i = (i - 1) / 4
	}
	h[i] = x
}

func (q *branching) pop() pair {
	h := *q
	top, x := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	i := 0
	for c := 1; c < len(h); c = 4*i + 1 {
		least := c
		for j := c + 1; j < min(c+4, len(h)); j++ {
			if h[j].before(h[least]) {
				least = j
			}
		}
		if !h[least].before(x) {
			break
		}
		h[i], i = h[least], least
	}
	if len(h) > 0 {
		h[i] = x
	}
	return top
}

// The others of the benchmark are themselves right.
func TestOthers(t *testing.T) {
	var q branching
	var g generic[pair]
	var want []float64
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		k := rng.Float64()
		q.push(pair{k, uint32(i)})
		g.push(pair{k, uint32(i)})
		want = append(want, k)
	}
	slices.Sort(want)
	for _, k := range want {
		if a, b := q.pop(), g.pop(); a.key != k || b.key != k {
			t.Fatalf("%g and %g, want %g", a.key, b.key, k)
		}
	}
}
