package routing

import "github.com/malikobaid/cityflow/internal/units"

// Times are link travel times by time of day, as averages over equal bins.
type Times struct {
	StartS, BinS float64 // clock of the first bin's start; length of a bin
	Bins         int
	T            []float32 // seconds, T[int(l)*Bins+b]
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
	row := t.T[int(l)*t.Bins : int(l)*t.Bins+t.Bins]
	x := (clock-t.StartS)*perBin - 0.5
	if x <= 0 {
		return float64(row[0])
	}
	b := int(x)
	if b >= len(row)-1 {
		return float64(row[len(row)-1])
	}
	lo, hi := float64(row[b]), float64(row[b+1])
	return lo + (hi-lo)*(x-float64(b))
}
