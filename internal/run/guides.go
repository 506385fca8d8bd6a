package run

import (
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
)

// A guide leads the searches of those who depart within guideS of each other
// and arrive within guideHoldS after that. Wider bounds are looser (the queue
// of eight is gone by ten), narrower ones have to be fitted more often.
const (
	guideS     = 900
	guideHoldS = 1800
)

// guides are bounds of path searches on one set of link times, by the time of
// departure, fitted when they are first asked for.
type guides struct {
	graph  *routing.Graph
	startS float64
	bounds []*routing.Bounds
	fitted []bool
}

func newGuides(g *routing.Graph, period demand.Period) *guides {
	n := int(period.To-period.Load)/guideS + 1
	return &guides{graph: g, startS: float64(period.Load), bounds: make([]*routing.Bounds, n), fitted: make([]bool, n)}
}

// renew forgets the fit: the link times have changed.
func (g *guides) renew() { clear(g.fitted) }

// at is the guide of a departure, nil outside the period.
func (g *guides) at(times *routing.Times, departS float64) *routing.Bounds {
	i := int((departS - g.startS) / guideS)
	if departS < g.startS || i >= len(g.bounds) {
		return nil
	}
	if !g.fitted[i] {
		if g.bounds[i] == nil {
			g.bounds[i] = g.graph.NewBounds()
		}
		from := g.startS + float64(i)*guideS
		g.bounds[i].Fit(times, from, from+guideS+guideHoldS)
		g.fitted[i] = true
	}
	return g.bounds[i]
}
