package loading

import "math"

// signal is the signal at the downstream end of link a, or nil.
func (ld *Loader) signal(a uint32) *Signal {
	if len(ld.signals) == 0 || ld.signals[a].CycleS == 0 {
		return nil
	}
	return &ld.signals[a]
}

// green is the first moment from now on at which link a may be left.
func (ld *Loader) green(a uint32, now float64) float64 {
	s := ld.signal(a)
	if s == nil {
		return now
	}
	cycle, from, length := float64(s.CycleS), float64(s.FromS), float64(s.GreenS)
	// One cycle early, for rounding: the start of a green may count as the end
	// of the cycle before.
	for n := math.Floor((now-from)/cycle) - 1; ; n++ {
		start := from + n*cycle
		if now < start {
			return start
		}
		if now < start+length {
			return now
		}
	}
}
