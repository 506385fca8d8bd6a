package traffic

import (
	"math"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// platoons cuts the demand into platoons of n vehicles, in file order: platoon j
// is vehicles j n to (j+1) n - 1 of the whole demand and belongs to the row of
// its middle vehicle, so small rows are not lost but stand for each other. What
// is left over travels with the last platoon. Platoons of a row are spread evenly
// over its time: the k-th of m at from + (k+1/2)/m of it.
type platoons struct {
	size  int
	first []uint32 // by row, and one more: id of its first platoon
	rows  []Row
	total int // vehicles
}

func cut(s *Scenario, n int) *platoons {
	p := &platoons{size: n, rows: s.Rows, total: s.Vehicles, first: make([]uint32, len(s.Rows)+1)}
	count := max(1, s.Vehicles/n)
	before, j := 0, 0
	for i, r := range s.Rows {
		before += r.Vehicles
		for j < count && j*n+n/2 < before {
			j++
		}
		p.first[i+1] = uint32(j)
	}
	// Fewer vehicles than a platoon, or all in the leftover.
	if j < count {
		for i := len(s.Rows); i > 0; i-- {
			p.first[i] = uint32(count)
			if s.Rows[i-1].Vehicles > 0 {
				break
			}
		}
	}
	return p
}

// num is the number of platoons.
func (p *platoons) num() uint32 { return p.first[len(p.rows)] }

// vehicles is how many platoon id holds.
func (p *platoons) vehicles(id uint32) int {
	if id+1 == p.num() {
		return p.total - p.size*int(id)
	}
	return p.size
}

// departS is when the k-th platoon of a row departs.
func (p *platoons) departS(row int, k uint32) float64 {
	r := &p.rows[row]
	m := float64(p.first[row+1] - p.first[row])
	return r.FromS + (float64(k)+0.5)/m*(r.ToS-r.FromS)
}

// largest is the size of the largest platoon.
func (p *platoons) largest() int {
	return max(p.vehicles(0), p.vehicles(p.num()-1))
}

// stream is a loading.Source: the platoons of some rows in order of (time, id).
// It holds one entry per row, not one per platoon.
type stream struct {
	p    *platoons
	pref *preference
	heap []due
}

type due struct {
	at  float64
	row uint32
	k   uint32
}

func (a due) before(b due) bool { return a.at < b.at || a.at == b.at && a.row < b.row }

func (s *stream) add(row int) {
	if s.p.first[row] == s.p.first[row+1] {
		return
	}
	s.heap = append(s.heap, due{s.p.departS(row, 0), uint32(row), 0})
	for i := len(s.heap) - 1; i > 0; {
		up := (i - 1) / 4
		if !s.heap[i].before(s.heap[up]) {
			break
		}
		s.heap[i], s.heap[up] = s.heap[up], s.heap[i]
		i = up
	}
}

// Peek implements loading.Source.
func (s *stream) Peek() float64 {
	if len(s.heap) == 0 {
		return math.Inf(1)
	}
	return s.heap[0].at
}

// Take implements loading.Source.
func (s *stream) Take() loading.Departure {
	x := s.heap[0]
	row := &s.p.rows[x.row]
	id := s.p.first[x.row] + x.k
	d := loading.Departure{Platoon: id, First: units.NoLink, Size: float32(s.p.vehicles(id))}
	if row.Orig != row.Dest {
		d.First, d.Word = s.pref.first(id, row.Orig, row.Dest)
	}
	x.k++
	if s.p.first[x.row]+x.k < s.p.first[x.row+1] {
		x.at = s.p.departS(int(x.row), x.k)
	} else {
		last := len(s.heap) - 1
		x = s.heap[last]
		s.heap = s.heap[:last]
		if last == 0 {
			return d
		}
	}
	h := s.heap
	i := 0
	for {
		c := 4*i + 1
		if c >= len(h) {
			break
		}
		best := c
		for j := c + 1; j < min(c+4, len(h)); j++ {
			if h[j].before(h[best]) {
				best = j
			}
		}
		if !h[best].before(x) {
			break
		}
		h[i] = h[best]
		i = best
	}
	h[i] = x
	return d
}

// left calls f for every platoon that has not departed.
func (s *stream) left(f func(id uint32)) {
	for _, x := range s.heap {
		for id := s.p.first[x.row] + x.k; id < s.p.first[x.row+1]; id++ {
			f(id)
		}
	}
}
