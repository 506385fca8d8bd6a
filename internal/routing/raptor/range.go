package raptor

import "github.com/malikobaid/cityflow/internal/units"

// Range runs the search for each departure (latest first is fastest) and calls
// visit after each, when the labels are those of that departure: the same, to
// the byte, as after Run with it. It returns how many searches it really made.
//
// A search is spared when an earlier departure could not catch, at any access
// stop, a vehicle that the later one missed: then all that happens after the
// access walk is the same, and only the first wait grows. Carrying labels from
// departure to departure as rRAPTOR does was discarded: it keeps a tie found
// by a later departure, so that the parts of a journey would depend on which
// departures were sampled.
func (s *Search) Range(access []Access, departures []units.Seconds, maxRounds int, maxArrive units.Seconds, visit func(depart units.Seconds)) (searches int) {
	var from, to units.Seconds = 1, 0 // departures the labels are valid for: none yet
	for _, depart := range departures {
		if depart >= from && depart <= to {
			s.shift(depart)
		} else {
			s.Run(access, depart, maxRounds, maxArrive)
			searches++
			from, to = s.validFrom(), depart
		}
		visit(depart)
	}
	return searches
}

// validFrom is the earliest departure with the same labels from round 1 on:
// one second after the last departure that could have caught a vehicle missed
// now. Access stops that were too far for the latest arrival could come into
// reach, so then nothing is spared.
func (s *Search) validFrom() units.Seconds {
	if s.accessDropped {
		return s.depart
	}
	from := -units.Never
	d := s.d
	for v, ready := range s.ready[:s.stops] {
		if ready == units.Never {
			continue
		}
		for _, call := range d.visit[d.visitFirst[v]:d.visitFirst[v+1]] {
			column := d.column(call.pattern, call.index)
			if t := catch(column, ready); t > 0 {
				from = max(from, column[t-1]-s.stand[v].walkS+1)
			}
		}
	}
	return from
}

// shift moves the departure, and with it the access walk, of the labels.
func (s *Search) shift(depart units.Seconds) {
	for v, ready := range s.ready[:s.stops] {
		if ready != units.Never {
			s.ready[v] = depart + s.stand[v].walkS
		}
	}
	s.depart = depart
}
