package build

import (
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/city"
)

// Bounds of a grade. Streets steeper than 15 % are rare enough to be errors of
// the terrain, above all at bridges, embankments and cliffs, whose ground is not
// where the street is (assumed).
const maxGrade = 0.15

// climb gives nodes heights and links grades. Heights are those of the ground:
// a bridge's or tunnel's ends are right, its middle is not looked at.
func (b *builder) climb() error {
	if b.terrain == nil {
		return nil
	}
	n := &b.city.Net
	known := make([]bool, n.NumNodes())
	heights := make([]float32, n.NumNodes())
	missed := 0
	var sum float64
	for v := range heights {
		m, ok := b.terrain.Smooth(n.NodeLon[v], n.NodeLat[v])
		if ok {
			heights[v], known[v] = float32(m), true
			sum += m
		} else {
			missed++
		}
	}
	if missed == len(heights) {
		b.find("streets", "terrain", city.Warning, 1, b.cfg.Files.Elevation+" covers no street of the city: cycling is taken as flat", "")
		return nil
	}
	mean := float32(sum / float64(len(heights)-missed))
	for v := range heights {
		if !known[v] {
			heights[v] = mean
		}
	}
	grades := make([]float32, n.NumLinks())
	steep := 0
	lowest, highest := math.Inf(1), math.Inf(-1)
	for l := range grades {
		from, to := n.From[l], n.To[l]
		if !known[from] || !known[to] {
			continue // flat
		}
		g := float64(heights[to]-heights[from]) / float64(n.LengthM[l])
		if math.Abs(g) > maxGrade {
			steep++
			g = math.Copysign(maxGrade, g)
		}
		grades[l] = float32(g)
	}
	for v := range heights {
		if known[v] {
			lowest, highest = math.Min(lowest, float64(heights[v])), math.Max(highest, float64(heights[v]))
		}
	}
	n.NodeHeightM, n.Grade = heights, grades
	b.line("streets", "junctions with a height", float64(len(heights)-missed), "junctions", fmt.Sprintf("%.0f to %.0f m, from %s", lowest, highest, b.cfg.Files.Elevation))
	b.line("streets", "junctions outside the terrain", float64(missed), "junctions", "their streets are taken as flat (assumed)")
	b.line("streets", "links steeper than 15 %", float64(steep), "links", "taken as 15 %: the ground there is hardly the street's (assumed)")
	if missed > 0 {
		b.find("streets", "terrain", city.Note, missed, "junctions outside "+b.cfg.Files.Elevation+": their streets are taken as flat", "")
	}
	return nil
}
