package traffic

import (
	"math"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/pq"
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

// waitBytes is the memory when all platoons wait before their first links: 16
// bytes each, in queues that double.
func (p *platoons) waitBytes() float64 { return 2 * 16 * float64(p.num()) }

// largest is the size of the largest platoon.
func (p *platoons) largest() int {
	return max(p.vehicles(0), p.vehicles(p.num()-1))
}

// stream is a loading.Source: the platoons of some rows in order of (time, id).
// It holds one entry per row, not one per platoon.
type stream struct {
	p    *platoons
	pref *preference
	rows pq.Queue // by time of the next platoon
	next []uint32 // by row: how many have departed
}

func (s *stream) add(row int) {
	if s.p.first[row] == s.p.first[row+1] {
		return
	}
	if s.next == nil {
		s.next = make([]uint32, len(s.p.rows))
	}
	s.rows.Push(s.p.departS(row, 0), uint32(row))
}

// Peek implements loading.Source.
func (s *stream) Peek() float64 {
	if s.rows.Len() == 0 {
		return math.Inf(1)
	}
	return s.rows.Items()[0].Key()
}

// Take implements loading.Source.
func (s *stream) Take() loading.Departure {
	at := s.rows.Items()[0].ID()
	row := &s.p.rows[at]
	k := s.next[at]
	id := s.p.first[at] + k
	d := loading.Departure{Platoon: id, First: units.NoLink, Size: float32(s.p.vehicles(id))}
	if row.Orig != row.Dest {
		d.First, d.Word = s.pref.first(id, row.Orig, row.Dest)
	}
	k++
	s.next[at] = k
	if id+1 < s.p.first[at+1] {
		s.rows.Replace(s.p.departS(int(at), k), at)
	} else {
		s.rows.Pop()
	}
	return d
}

// left calls f for every platoon that has not departed.
func (s *stream) left(f func(id uint32)) {
	for _, x := range s.rows.Items() {
		for id := s.p.first[x.ID()] + s.next[x.ID()]; id < s.p.first[x.ID()+1]; id++ {
			f(id)
		}
	}
}
