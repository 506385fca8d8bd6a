package routing

import "github.com/malikobaid/cityflow/internal/units"

// Times are link travel times by time of day, as averages over equal bins.
type Times struct {
	StartS, BinS float64 // clock of the first bin's start; length of a bin
	Bins         int
	// T is seconds by bin, then link: T[b*links+int(l)]. A search looks at many
	// links around one hour, so the bins it needs stay in cache.
	T []float32
}

// At is the travel time in seconds of a link entered at clock: linear between
// bin centres, constant before the first and after the last. Without steps,
// leaving later means arriving later (FIFO) wherever a link's time falls by no
// more than BinS from one bin to the next. Where it falls faster a search still
// returns a path and its true time, but waiting might have been better.
func (t *Times) At(l units.LinkID, clock float64) float64 {
	return t.at(l, clock, 1/t.BinS)
}

func (t *Times) at(l units.LinkID, clock, perBin float64) float64 {
	links := len(t.T) / t.Bins
	x := (clock-t.StartS)*perBin - 0.5
	if x <= 0 {
		return float64(t.T[l])
	}
	b := int(x)
	if b >= t.Bins-1 {
		return float64(t.T[(t.Bins-1)*links+int(l)])
	}
	lo, hi := float64(t.T[b*links+int(l)]), float64(t.T[(b+1)*links+int(l)])
	return lo + (hi-lo)*(x-float64(b))
}
