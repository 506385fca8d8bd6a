package gtfs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/internal/units"
)

// maxFrequencyTrips and maxFrequencyCalls bound what frequencies.txt may expand
// to.
const (
	maxFrequencyTrips = 500_000
	maxFrequencyCalls = 20_000_000
)

// window is a row of frequencies.txt: departures every headway seconds.
type window struct {
	from, to units.Seconds
	headway  int
	exact    int // exact_times
}

var windowColumns = []string{"trip_id", "start_time", "end_time", "headway_secs"}

func windowOf(t *table) (w window, ok bool) {
	from, ok1 := parseTime(t.get("start_time"))
	to, ok2 := parseTime(t.get("end_time"))
	h, err := strconv.Atoi(t.get("headway_secs"))
	return window{from: from, to: to, headway: h}, ok1 && ok2 && from != blank && from < to && err == nil && h > 0
}

func (w *window) departures() int { return (int(w.to-w.from) + w.headway - 1) / w.headway }

// expandFrequencies replaces each trip of frequencies.txt by one trip per
// departure: the times of the trip are offsets from its first departure.
//
// With exact_times 1 these are the departures of a timetable. With 0 only the
// headway is known; departures from the start of each window at that headway
// stand for it, which gives the right mean wait at every stop, but keeps lines
// of equal headway in step where they change into one another.
func (f *Feed) expandFrequencies(a *archive) error {
	windows := map[string][]window{} // look-ups only
	total := 0
	err := a.rows("frequencies.txt", true, windowColumns, func(t *table) {
		w, ok := windowOf(t)
		if !ok {
			t.skip("window or headway cannot be read")
			return
		}
		switch t.get("exact_times") {
		case "", "0":
		case "1":
			w.exact = 1
		default:
			t.skip("unknown exact_times, taken as 0")
		}
		id := strings.Clone(t.get("trip_id"))
		windows[id] = append(windows[id], w)
		total += w.departures()
	})
	if err != nil || len(windows) == 0 {
		return err
	}
	if total > maxFrequencyTrips {
		return fmt.Errorf("gtfs: frequencies.txt: %d departures, at most %d are accepted", total, maxFrequencyTrips)
	}
	var out []Trip
	calls := 0
	for _, t := range f.Trips {
		ws, ok := windows[t.ID]
		if !ok {
			out = append(out, t)
			continue
		}
		base := t.Calls[0].Dep
		for _, w := range ws {
			for dep := w.from; dep < w.to; dep += units.Seconds(w.headway) {
				if calls += len(t.Calls); calls > maxFrequencyCalls {
					return fmt.Errorf("gtfs: frequencies.txt: more than %d stop times, which is not accepted", maxFrequencyCalls)
				}
				one := t
				one.ID = t.ID + "@" + clock(dep)
				one.Calls = slices.Clone(t.Calls)
				for i := range one.Calls {
					one.Calls[i].Arr += dep - base
					one.Calls[i].Dep += dep - base
				}
				// A vehicle that stood at the first stop before its departure
				// may not have arrived before time began.
				one.Calls[0].Arr = max(one.Calls[0].Arr, 0)
				out = append(out, one)
				if t.days.today {
					f.FrequencyTrips[w.exact]++
				}
			}
		}
	}
	f.Trips = out
	return nil
}

func clock(s units.Seconds) string {
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
