package city

import "math"

// PointIndex finds the nearest of a fixed set of points. Points are binned in
// square cells kept as CSR; a search looks at rings of cells around the query
// until no nearer point can exist. Ties go to the lowest index, so answers do
// not depend on the order of the search.
type PointIndex struct {
	x, y       []float32
	minX, minY float64
	cell       float64
	cols, rows int
	first      []uint32
	item       []uint32
}

// NewPointIndex indexes the points for which keep is true (nil keeps all).
// cellM is the cell size in metres; a few points per cell is best.
func NewPointIndex(x, y []float32, cellM float64, keep func(i int) bool) *PointIndex {
	p := &PointIndex{x: x, y: y, cell: cellM, cols: 1, rows: 1}
	var use []uint32
	minX, minY, maxX, maxY := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range x {
		if keep != nil && !keep(i) {
			continue
		}
		use = append(use, uint32(i))
		minX, maxX = min(minX, float64(x[i])), max(maxX, float64(x[i]))
		minY, maxY = min(minY, float64(y[i])), max(maxY, float64(y[i]))
	}
	if len(use) > 0 {
		p.minX, p.minY = minX, minY
		// A bounded grid: outliers must not buy gigabytes of empty cells.
		for (maxX-minX)/p.cell > 4096 || (maxY-minY)/p.cell > 4096 {
			p.cell *= 2
		}
		p.cols, p.rows = int((maxX-minX)/p.cell)+1, int((maxY-minY)/p.cell)+1
	}
	p.first = make([]uint32, p.cols*p.rows+1)
	for _, i := range use {
		p.first[p.cellOf(i)+1]++
	}
	for c := range p.cols * p.rows {
		p.first[c+1] += p.first[c]
	}
	p.item = make([]uint32, len(use))
	next := append([]uint32(nil), p.first...)
	for _, i := range use {
		c := p.cellOf(i)
		p.item[next[c]] = i
		next[c]++
	}
	return p
}

// Len is the number of indexed points.
func (p *PointIndex) Len() int { return len(p.item) }

func (p *PointIndex) cellOf(i uint32) int {
	cx := int((float64(p.x[i]) - p.minX) / p.cell)
	cy := int((float64(p.y[i]) - p.minY) / p.cell)
	return min(cy, p.rows-1)*p.cols + min(cx, p.cols-1)
}

// Nearest is the indexed point nearest to (x, y) and its distance in metres;
// ok is false when the index is empty.
func (p *PointIndex) Nearest(x, y float64) (i int, distM float64, ok bool) {
	if len(p.item) == 0 {
		return 0, math.Inf(1), false
	}
	cx := int(math.Floor((x - p.minX) / p.cell))
	cy := int(math.Floor((y - p.minY) / p.cell))
	// Start at the ring that first touches the grid, for queries outside it.
	start := max(0, -cx, cx-p.cols+1, -cy, cy-p.rows+1)
	best, bestD2 := -1, math.Inf(1)
	for r := start; ; r++ {
		// Every point of ring r is at least (r-1) cells away from the query.
		if d := float64(r-1) * p.cell; best >= 0 && r > 0 && d > 0 && d*d > bestD2 {
			break
		}
		if r > start+p.cols+p.rows+1 {
			break
		}
		p.ring(cx, cy, r, func(c int) {
			for _, j := range p.item[p.first[c]:p.first[c+1]] {
				dx, dy := float64(p.x[j])-x, float64(p.y[j])-y
				if d2 := dx*dx + dy*dy; d2 < bestD2 || d2 == bestD2 && int(j) < best {
					best, bestD2 = int(j), d2
				}
			}
		})
	}
	return best, math.Sqrt(bestD2), true
}

// Within calls f for every indexed point at most radiusM from (x, y), in the
// order of the cells (fixed for a given index).
func (p *PointIndex) Within(x, y, radiusM float64, f func(i int, distM float64)) {
	if len(p.item) == 0 {
		return
	}
	x0, x1 := p.clampCol((x-radiusM-p.minX)/p.cell), p.clampCol((x+radiusM-p.minX)/p.cell)
	y0, y1 := p.clampRow((y-radiusM-p.minY)/p.cell), p.clampRow((y+radiusM-p.minY)/p.cell)
	for cy := y0; cy <= y1; cy++ {
		for cx := x0; cx <= x1; cx++ {
			c := cy*p.cols + cx
			for _, j := range p.item[p.first[c]:p.first[c+1]] {
				dx, dy := float64(p.x[j])-x, float64(p.y[j])-y
				if d := math.Hypot(dx, dy); d <= radiusM {
					f(int(j), d)
				}
			}
		}
	}
}

func (p *PointIndex) clampCol(v float64) int { return int(math.Max(0, math.Min(v, float64(p.cols-1)))) }
func (p *PointIndex) clampRow(v float64) int { return int(math.Max(0, math.Min(v, float64(p.rows-1)))) }

// ring calls f for the cells of the square ring r around (cx, cy) that exist.
func (p *PointIndex) ring(cx, cy, r int, f func(c int)) {
	for gy := max(cy-r, 0); gy <= min(cy+r, p.rows-1); gy++ {
		step := 1
		if r > 0 && gy != cy-r && gy != cy+r {
			step = 2 * r
		}
		for gx := cx - r; gx <= cx+r; gx += step {
			if gx >= 0 && gx < p.cols {
				f(gy*p.cols + gx)
			}
		}
	}
}
