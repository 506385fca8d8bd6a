package routing

import "github.com/malikobaid/cityflow/internal/units"

// PlainPath is Path without landmarks, for tests and benchmarks.
func (w *Workspace) PlainPath(tt *Times, from, to units.NodeID, departS float64, buf []units.LinkID) ([]units.LinkID, Cost, bool) {
	return w.path(tt, from, to, departS, buf, false)
}

// WearOut brings the generation stamp to its last value before it wraps round.
func (w *Workspace) WearOut() { w.stamp = 1<<32 - 1 }
