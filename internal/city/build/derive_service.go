package build

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/units"
)

// Which days stand for the others.
const (
	// ordinaryWithin: days whose service is this close to the median are no
	// holidays and no days of a special timetable (assumed).
	ordinaryWithin = 0.05
	// recentDays: a calendar may reach back for decades; its last year is what
	// the streets of today go with (assumed).
	recentDays = 366
)

// deriveDate chooses the service date: of the Tuesdays to Thursdays that all
// feeds serve, neutral days in traffic counting (TAG unit M1.2), one with the
// most vehicle trips that is not out of the ordinary, nearest the middle of
// the last year of the feeds' common calendar.
func (b *builder) deriveDate() error {
	c := b.cfg
	if c.ServiceDate == "" && len(b.surveys) == 0 {
		c.ServiceDate = "2024-01-16"
		b.guess("service_date", c.ServiceDate, "a label: there is no timetable", true)
	}
	if c.ServiceDate != "" {
		b.date, _ = time.Parse("2006-01-02", c.ServiceDate)
		return nil
	}
	total, feeds := map[string]int{}, map[string]int{} // look-ups, then sorted
	var spans []string
	for i, s := range b.surveys {
		for _, d := range s.Days {
			total[d.Date] += d.Trips
			feeds[d.Date]++
		}
		if len(s.Days) > 0 {
			spans = append(spans, fmt.Sprintf("%s from %s to %s", c.Files.GTFS[i], s.Days[0].Date, s.Days[len(s.Days)-1].Date))
		} else {
			spans = append(spans, c.Files.GTFS[i]+" on no day")
		}
	}
	var common []gtfs.Day
	for d, n := range total { // sorted below
		if feeds[d] == len(b.surveys) {
			common = append(common, gtfs.Day{Date: d, Trips: n})
		}
	}
	slices.SortFunc(common, func(x, y gtfs.Day) int { return strings.Compare(x.Date, y.Date) })
	if len(common) == 0 {
		return fmt.Errorf("no day is served by all timetables (%s): take feeds of one time", strings.Join(spans, ", "))
	}
	last, _ := time.Parse(gtfs.DayLayout, common[len(common)-1].Date)
	since := last.AddDate(0, 0, -recentDays).Format(gtfs.DayLayout)
	common = slices.DeleteFunc(common, func(d gtfs.Day) bool { return d.Date < since })
	best, why := ordinary(common)
	b.date, _ = time.Parse(gtfs.DayLayout, best.Date)
	c.ServiceDate = b.date.Format("2006-01-02")
	b.guess("service_date", c.ServiceDate, fmt.Sprintf("%s of the feeds' common calendar (%d vehicle trips)", why, best.Trips), false)
	return nil
}

// ordinary picks from days, which are sorted and not empty.
func ordinary(days []gtfs.Day) (gtfs.Day, string) {
	why := ""
	var pool []gtfs.Day
	for _, k := range []struct {
		what string
		on   []time.Weekday
	}{
		{"busiest ordinary Tuesday to Thursday", []time.Weekday{time.Tuesday, time.Wednesday, time.Thursday}},
		{"busiest ordinary Monday or Friday", []time.Weekday{time.Monday, time.Friday}},
		{"busiest day", []time.Weekday{time.Saturday, time.Sunday}},
	} {
		for _, d := range days {
			t, _ := time.Parse(gtfs.DayLayout, d.Date)
			if slices.Contains(k.on, t.Weekday()) {
				pool = append(pool, d)
			}
		}
		if why = k.what; len(pool) > 0 {
			break
		}
	}
	trips := make([]int, len(pool))
	for i, d := range pool {
		trips[i] = d.Trips
	}
	slices.Sort(trips)
	most := float64(trips[len(trips)/2]) * (1 + ordinaryWithin)
	first, _ := time.Parse(gtfs.DayLayout, days[0].Date)
	last, _ := time.Parse(gtfs.DayLayout, days[len(days)-1].Date)
	middle := first.Add(last.Sub(first) / 2)
	best, far := -1, 0.0
	for i, d := range pool {
		if float64(d.Trips) > most {
			continue
		}
		t, _ := time.Parse(gtfs.DayLayout, d.Date)
		away := math.Abs(t.Sub(middle).Hours())
		if best < 0 || d.Trips > pool[best].Trips || d.Trips == pool[best].Trips && away < far {
			best, far = i, away
		}
	}
	return pool[best], why
}

// wholeDay is the hours of service where no timetable tells (assumed).
var wholeDay = [2]string{"05:00", "24:00"}

// pauseH is the hours without service that a day may have in its middle, as in
// the country (assumed).
const pauseH = 3

// windowShare: hours in which fewer vehicle trips start than this part of the
// busiest hour's are the edges of service or of the feed (assumed).
const windowShare = 0.2

// deriveService sets the hours that the timetable can be trusted for, and the
// city's own what-if.
func (b *builder) deriveService() {
	if b.inputs == nil {
		return
	}
	defer b.describe()
	c, t := b.cfg, &b.city.Timetable
	var hours [24]float64 // vehicle trips by hour of their start
	for p := range t.NumPatterns() {
		for v := t.PatternTrips[p]; v < t.PatternTrips[p+1]; v++ {
			_, dep := t.Times(units.PatternID(p), units.VehicleTripID(v))
			if h := int(dep[0]) / 3600; h >= 0 && h < len(hours) {
				hours[h]++
			}
		}
	}
	peak := slices.Max(hours[:])
	if peak == 0 {
		b.guess("service_window", wholeDay[0]+" to "+wholeDay[1], "no service runs: the hours are those of an ordinary day", true)
		return
	}
	// Outwards from the busiest hour; a pause at noon does not end the day, the
	// small hours do.
	full := func(h int) bool { return h >= 0 && h < len(hours) && hours[h] >= windowShare*peak }
	from := slices.Index(hours[:], peak)
	to := from + 1
	for gap := 1; gap <= pauseH; gap++ {
		if full(from - gap) {
			from, gap = from-gap, 0
		}
	}
	for gap := 0; gap < pauseH; gap++ {
		if full(to + gap) {
			to, gap = to+gap+1, -1
		}
	}
	c.ServiceWindow = [2]string{fmt.Sprintf("%02d:00", from), fmt.Sprintf("%02d:00", to)}
	b.guess("service_window", c.ServiceWindow[0]+" to "+c.ServiceWindow[1], "hours in which a fifth or more of the busiest hour's vehicle trips start", true)
	if to-from < 12 {
		b.find("timetable", "short day", city.Warning, to-from, fmt.Sprintf("the timetable has full service only from %s to %s: runs outside are refused", c.ServiceWindow[0], c.ServiceWindow[1]), "")
	}
	b.deriveLine()
	if !slices.ContainsFunc(t.Lines, func(l city.Line) bool { return l.Fare > 0 }) {
		c.FaresSource = "assumed: no fare is known, so boarding costs nothing"
		b.guess("fares", "none", "no fare is known, so boarding costs nothing", true)
		b.find("settings", "fares", city.Note, 1, "no fares are given: boarding costs nothing in this city (fares in city.yaml)", "")
	}
}
