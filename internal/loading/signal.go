package loading

import "math"

// signal is the signal at the downstream end of link a, or nil.
func (ld *Loader) signal(a uint32) *Signal {
	if len(ld.signals) == 0 || ld.signals[a].CycleS == 0 {
		return nil
	}
	return &ld.signals[a]
}

// span is the green that contains now, or else the next one.
func (s *Signal) span(now float64) (start, end float64) {
	cycle, from, length := float64(s.CycleS), float64(s.FromS), float64(s.GreenS)
	// One cycle early, for rounding: the start of a green may count as the end
	// of the cycle before.
	for n := math.Floor((now-from)/cycle) - 1; ; n++ {
		start = from + n*cycle
		if end = start + length; now < end {
			return start, end
		}
	}
}

// green is the first moment from now on at which link a may be left.
func (ld *Loader) green(a uint32, now float64) float64 {
	if s := ld.signal(a); s != nil {
		start, _ := s.span(now)
		return max(now, start)
	}
	return now
}

// after is when gap seconds of green have passed on link a since now: the time
// that a platoon takes to pass counts in green alone, so that a green passes
// capacity x length on average, and not up to a platoon more.
func (ld *Loader) after(a uint32, now, gap float64) float64 {
	s := ld.signal(a)
	if s == nil {
		return now + gap
	}
	for {
		start, end := s.span(now)
		now = max(now, start)
		if gap <= end-now {
			return now + gap
		}
		gap -= end - now
		now = end
	}
}
