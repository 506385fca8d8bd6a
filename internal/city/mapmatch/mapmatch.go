// Package mapmatch finds the way of bus lines through the streets: for each hop
// of a pattern from stop to stop the sequence of links.
//
// The method is that of hidden Markov map matching (Newson and Krumm: Hidden
// Markov map matching through noise and sparseness, ACM SIGSPATIAL 2009) with
// the stops as observations: the candidates of a stop are places on links that
// buses may use, an emission cost grows with the square of their distance, and
// the most likely sequence is found by Viterbi's recursion. Where the shape of
// the feed is known a link costs its length, times more the farther it lies
// from the shape; the transition between two stops is the cheapest way over
// such links, turn bans respected, no turning round but at dead ends. One
// search from all candidates of a stop at once makes Viterbi's step exact.
// Without a shape links cost their free-flow time.
//
// A hop whose way lies too far from the shape, or differs too much in length, is
// not believed: there the quickest way for buses stands in, marked as such.
package mapmatch

import (
	"math"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

// All assumed, and judged by the shares and distances in the city's report.
const (
	// sigmaM is the spread of shapes around the middle of their street. Newson
	// and Krumm measured 4 m for GPS; shapes come from other maps, at times
	// from the kerb or the other lane.
	sigmaM = 10
	// reachM is how far from a stop, or from its place on the shape, a link may
	// lie to be a candidate; maxCandidates the nearest of them are kept.
	reachM        = 60
	maxCandidates = 6
	// farM caps distances: beyond it a street is simply elsewhere.
	farM = 100
	// believeM is the mean distance from the shape up to which a hop counts as
	// matched.
	believeM = 25
	// windowM is how far beyond its two stops the shape still counts for a hop.
	windowM = 80
	// spareM is how much worse than the best a candidate may be to be followed.
	spareM = 1000
	// maxSettled bounds one search, in links.
	maxSettled = 4000
	// paceMS turns free-flow seconds into metres, so that both kinds of cost
	// compare with emission costs.
	paceMS = 10
	// offStopWeight: an emission costs this many metres at sigmaM from the stop.
	offStopWeight = 10
)

// Route is what is known of a pattern: its stops and, where the feed has it,
// the shape with the metres along it at which the stops lie.
type Route struct {
	StopLon, StopLat   []float64
	ShapeLon, ShapeLat []float32
	At                 []float64
}

// Hop is the way from one stop to the next: links, and the shares of the first
// and last one's length at which it begins and ends.
type Hop struct {
	Links    []units.LinkID
	From, To float32
	How      city.HopMatch
	// OffM is the mean distance of the way from the shape, 0 without one.
	OffM float32
	// LengthM is the length of the way.
	LengthM float64
}

// Matcher matches routes to one network. It is not safe for concurrent use.
type Matcher struct {
	net  *city.Network
	pr   city.Projection
	x, y []float32 // of the geometry points
	grid grid
	// Points along each bus link, every 20 m or so, for distances from shapes.
	sampleFirst []uint32
	sx, sy      []float32

	// Labels of a search, by link: cost at its end.
	cost  []float64
	prev  []int32 // link before; -1-k: began at candidate k
	seen  []int32
	gen   int32
	queue pq.Queue // links by cost of their ends
	// Costs of whole links, valid in the hop of wholeGen, and the distances of
	// their samples from the shape.
	whole    []float64
	wholeGen []int32
	off      []float32
	hopGen   int32
	win      []point // the shape around the hop
	shaped   bool
}

type point struct{ x, y float64 }

// candidate is a place on a link where a vehicle may stand at a stop.
type candidate struct {
	link units.LinkID
	at   float64 // share of the link
	off  float64 // metres from the stop
	cost float64
	src  int // candidate of the stop before
	path []units.LinkID
}

// New prepares a network.
func New(net *city.Network, pr city.Projection) *Matcher {
	m := &Matcher{net: net, pr: pr, x: make([]float32, len(net.GeomLon)), y: make([]float32, len(net.GeomLon))}
	for i := range net.GeomLon {
		x, y := pr.XY(float64(net.GeomLon[i]), float64(net.GeomLat[i]))
		m.x[i], m.y[i] = float32(x), float32(y)
	}
	links := net.NumLinks()
	m.cost, m.prev, m.seen = make([]float64, links), make([]int32, links), make([]int32, links)
	m.whole, m.wholeGen = make([]float64, links), make([]int32, links)
	m.sampleFirst = make([]uint32, links+1)
	for l := range links {
		if net.Modes[l]&city.AllowBus != 0 {
			const everyM = 20
			n := min(max(int(math.Ceil(float64(net.LengthM[l])/everyM)), 2), 50)
			for k := range n {
				x, y := m.place(units.LinkID(l), (float64(k)+0.5)/float64(n))
				m.sx, m.sy = append(m.sx, float32(x)), append(m.sy, float32(y))
			}
		}
		m.sampleFirst[l+1] = uint32(len(m.sx))
	}
	m.off = make([]float32, len(m.sx))
	m.grid = newGrid(m)
	return m
}

// geometry is the points of a link.
func (m *Matcher) geometry(l units.LinkID) (x, y []float32) {
	lo, hi := m.net.GeomFirst[l], m.net.GeomFirst[l+1]
	return m.x[lo:hi], m.y[lo:hi]
}

// place is the point at a share of a link's length, measured on its geometry.
func (m *Matcher) place(l units.LinkID, share float64) (x, y float64) {
	gx, gy := m.geometry(l)
	total := 0.0
	for i := 1; i < len(gx); i++ {
		total += math.Hypot(float64(gx[i]-gx[i-1]), float64(gy[i]-gy[i-1]))
	}
	rest := share * total
	for i := 1; i < len(gx); i++ {
		d := math.Hypot(float64(gx[i]-gx[i-1]), float64(gy[i]-gy[i-1]))
		if rest <= d || i == len(gx)-1 {
			u := 0.0
			if d > 0 {
				u = min(rest/d, 1)
			}
			return float64(gx[i-1]) + u*float64(gx[i]-gx[i-1]), float64(gy[i-1]) + u*float64(gy[i]-gy[i-1])
		}
		rest -= d
	}
	return float64(gx[0]), float64(gy[0])
}

// project is the nearest place of a link to a point: its distance, and the
// share of the link's length.
func (m *Matcher) project(l units.LinkID, px, py float64) (d, share float64) {
	gx, gy := m.geometry(l)
	best, at, along := math.Inf(1), 0.0, 0.0
	for i := 1; i < len(gx); i++ {
		ax, ay := float64(gx[i-1]), float64(gy[i-1])
		dx, dy := float64(gx[i])-ax, float64(gy[i])-ay
		n := math.Hypot(dx, dy)
		u := 0.0
		if n > 0 {
			u = min(max(((px-ax)*dx+(py-ay)*dy)/(n*n), 0), 1)
		}
		if q := math.Hypot(px-ax-u*dx, py-ay-u*dy); q < best {
			best, at = q, along+u*n
		}
		along += n
	}
	if along > 0 {
		at /= along
	}
	return best, min(at, 1)
}

// Match finds the way of every hop; the last element, after the last stop, is
// empty like those for which no way was found.
func (m *Matcher) Match(r Route) []Hop {
	hops := make([]Hop, len(r.StopLon))
	shape, start := m.line(r)
	stops := make([]point, len(r.StopLon))
	for i := range stops {
		stops[i].x, stops[i].y = m.pr.XY(r.StopLon[i], r.StopLat[i])
	}
	layers := make([][]candidate, len(stops))
	begin := 0 // first stop of the chain of hops that hang together
	close := func(end int) {
		m.trace(layers[begin:end+1], hops[begin:end])
		begin = end + 1
	}
	for i := range stops {
		at := stops[i]
		if shape != nil {
			if p := pointAt(shape, start, r.At[i]); math.Hypot(p.x-at.x, p.y-at.y) <= farM {
				at = p
			}
		}
		layers[i] = m.candidates(at)
		if i == begin {
			continue
		}
		m.window(shape, start, r.At, i-1)
		if !m.step(layers[i-1], layers[i]) {
			close(i - 1)
			begin = i
			for k := range layers[i] { // as if the line began here
				layers[i][k].cost = emission(layers[i][k].off)
			}
		}
	}
	close(len(stops) - 1)
	for i := range hops[:len(hops)-1] {
		m.window(shape, start, r.At, i)
		m.judge(&hops[i], r, i, stops)
	}
	return hops
}

// line is the shape in metres, with the metres along it.
func (m *Matcher) line(r Route) (shape []point, start []float64) {
	if len(r.ShapeLon) < 2 || len(r.At) != len(r.StopLon) {
		return nil, nil
	}
	shape, start = make([]point, len(r.ShapeLon)), make([]float64, len(r.ShapeLon))
	for i := range shape {
		shape[i].x, shape[i].y = m.pr.XY(float64(r.ShapeLon[i]), float64(r.ShapeLat[i]))
		if i > 0 {
			start[i] = start[i-1] + math.Hypot(shape[i].x-shape[i-1].x, shape[i].y-shape[i-1].y)
		}
	}
	return shape, start
}

func pointAt(shape []point, start []float64, at float64) point {
	k := 1
	for k < len(shape)-1 && start[k] < at {
		k++
	}
	u := 0.0
	if d := start[k] - start[k-1]; d > 0 {
		u = min(max((at-start[k-1])/d, 0), 1)
	}
	return point{shape[k-1].x + u*(shape[k].x-shape[k-1].x), shape[k-1].y + u*(shape[k].y-shape[k-1].y)}
}

// window sets the part of the shape that counts for a hop.
func (m *Matcher) window(shape []point, start, at []float64, hop int) {
	m.hopGen++
	m.win, m.shaped = m.win[:0], shape != nil
	if !m.shaped {
		return
	}
	from, to := max(at[hop]-windowM, 0), min(at[hop+1]+windowM, start[len(start)-1])
	m.win = append(m.win, pointAt(shape, start, from))
	for i, s := range start {
		if s > from && s < to {
			m.win = append(m.win, shape[i])
		}
	}
	m.win = append(m.win, pointAt(shape, start, to))
}

func (m *Matcher) fromShape(px, py float64) float64 {
	best := float64(farM * farM)
	for i := 1; i < len(m.win); i++ {
		a := m.win[i-1]
		dx, dy := m.win[i].x-a.x, m.win[i].y-a.y
		u := 0.0
		if n2 := dx*dx + dy*dy; n2 > 0 {
			u = min(max(((px-a.x)*dx+(py-a.y)*dy)/n2, 0), 1)
		}
		ex, ey := px-a.x-u*dx, py-a.y-u*dy
		best = min(best, ex*ex+ey*ey)
	}
	return math.Sqrt(best)
}

// weight is the cost of a whole link.
func (m *Matcher) weight(l units.LinkID) float64 {
	if !m.shaped {
		return m.net.FreeFlowS(l) * paceMS
	}
	if m.wholeGen[l] != m.hopGen {
		m.wholeGen[l] = m.hopGen
		for i := m.sampleFirst[l]; i < m.sampleFirst[l+1]; i++ {
			m.off[i] = float32(m.fromShape(float64(m.sx[i]), float64(m.sy[i])))
		}
		m.whole[l], _ = m.part(l, 0, 1)
	}
	return m.whole[l]
}

// portion is the cost of a link between two shares of its length.
func (m *Matcher) portion(l units.LinkID, from, to float64) float64 {
	w := m.weight(l)
	if !m.shaped || from <= 0 && to >= 1 {
		return (to - from) * w
	}
	cost, _ := m.part(l, from, to)
	return cost
}

// part sums over the samples between two shares of a link: its cost, and metres
// times distance from the shape. weight has measured the samples.
func (m *Matcher) part(l units.LinkID, from, to float64) (cost, off float64) {
	first, end := m.sampleFirst[l], m.sampleFirst[l+1]
	n := float64(end - first)
	for i := first; i < end; i++ {
		lo, hi := float64(i-first)/n, float64(i-first+1)/n
		metres := (min(hi, to) - max(lo, from)) * float64(m.net.LengthM[l])
		if metres <= 0 {
			continue
		}
		d := float64(m.off[i])
		cost += metres * (1 + d/sigmaM*d/sigmaM)
		off += metres * d
	}
	return cost, off
}

func emission(off float64) float64 { return offStopWeight * (off / sigmaM) * (off / sigmaM) }

// judge decides how far a hop is believed, and puts the quickest way where it
// is not.
func (m *Matcher) judge(h *Hop, r Route, i int, stops []point) {
	if len(h.Links) == 0 {
		return
	}
	m.measure(h)
	direct := math.Hypot(stops[i+1].x-stops[i].x, stops[i+1].y-stops[i].y)
	if m.shaped {
		shape := r.At[i+1] - r.At[i]
		if h.OffM <= believeM && h.LengthM <= 1.5*shape+100 && h.LengthM >= 0.6*shape-50 {
			h.How = city.HopShape
			return
		}
		from, to := h.Links[0], h.Links[len(h.Links)-1]
		off := m.shaped
		m.shaped = false
		src := []candidate{{link: from, at: float64(h.From)}}
		dst := []candidate{{link: to, at: float64(h.To)}}
		found := m.step(src, dst)
		m.shaped = off
		if found {
			h.Links = dst[0].path
			m.measure(h)
		}
	}
	h.How = city.HopShortest
	if h.LengthM > 3*direct+500 {
		*h = Hop{} // a way that no bus would go: the stop hangs on a wrong street
	}
}

// measure sets length and distance from the shape.
func (m *Matcher) measure(h *Hop) {
	length, off := 0.0, 0.0
	for k, l := range h.Links {
		lo, hi := 0.0, 1.0
		if k == 0 {
			lo = float64(h.From)
		}
		if k == len(h.Links)-1 {
			hi = float64(h.To)
		}
		metres := (hi - lo) * float64(m.net.LengthM[l])
		length += metres
		if m.shaped {
			m.weight(l)
			_, o := m.part(l, lo, hi)
			off += o
		}
	}
	h.LengthM, h.OffM = length, 0
	if length > 0 && m.shaped {
		h.OffM = float32(off / length)
	}
}
