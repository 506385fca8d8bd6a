package gtfs

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// Survey is what a feed says about itself and its days, read without its
// times: enough to choose a service date.
type Survey struct {
	Agencies []string // names, in file order, each once
	// TimeZone is that of the first agency that names one; the standard has
	// all agencies of a feed share it.
	TimeZone  string
	Publisher string // of feed_info.txt
	// Days are the dates with service and how many vehicle trips run on each.
	Days []Day
}

// Day is one date of service.
type Day struct {
	Date  string // as DayLayout has it
	Trips int
}

// maxDays bounds how far one service is spread out, some feeds being valid for
// decades and none for centuries; maxSpread all services together.
const (
	maxDays   = 40 * 366
	maxSpread = 10_000_000
)

// ReadSurvey reads agencies, calendar and trips of a feed.
func ReadSurvey(r io.ReaderAt, size int64) (*Survey, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	s := &Survey{}
	if err := a.rows("agency.txt", true, nil, func(t *table) {
		if n := t.get("agency_name"); n != "" && !slices.Contains(s.Agencies, n) && len(s.Agencies) < 1000 {
			s.Agencies = append(s.Agencies, strings.Clone(n))
		}
		if s.TimeZone == "" {
			s.TimeZone = strings.Clone(t.get("agency_timezone"))
		}
	}); err != nil {
		return nil, err
	}
	if err := a.rows("feed_info.txt", true, nil, func(t *table) {
		if s.Publisher == "" {
			s.Publisher = strings.Clone(t.get("feed_publisher_name"))
		}
	}); err != nil {
		return nil, err
	}
	trips, err := a.tripsByService()
	if err != nil {
		return nil, err
	}
	days := map[int]int{} // trips by day number; sorted below
	found := false
	for _, read := range []func(map[string]int, map[int]int) error{a.weeks, a.exceptions} {
		err := read(trips, days)
		if errors.Is(err, errNoFile) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
	}
	if !found {
		return nil, errors.New("gtfs: neither calendar.txt nor calendar_dates.txt is in the feed")
	}
	for d, n := range days {
		if n > 0 {
			s.Days = append(s.Days, Day{time.Date(1970, 1, 1+d, 0, 0, 0, 0, time.UTC).Format(DayLayout), n})
		}
	}
	slices.SortFunc(s.Days, func(a, b Day) int { return strings.Compare(a.Date, b.Date) })
	return s, nil
}

// tripsByService counts the vehicle trips of each service; a trip of
// frequencies.txt counts as often as it runs.
func (a *archive) tripsByService() (map[string]int, error) {
	times := map[string]int{}
	if err := a.rows("frequencies.txt", true, windowColumns, func(t *table) {
		if w, ok := windowOf(t); ok {
			times[strings.Clone(t.get("trip_id"))] += w.departures()
		}
	}); err != nil {
		return nil, err
	}
	trips := map[string]int{}
	err := a.rows("trips.txt", false, []string{"service_id", "trip_id"}, func(t *table) {
		n := 1
		if k, ok := times[t.get("trip_id")]; ok {
			n = k
		}
		trips[strings.Clone(t.get("service_id"))] += n
	})
	return trips, err
}

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// weeks adds the service of calendar.txt to the days.
func (a *archive) weeks(trips map[string]int, days map[int]int) error {
	spread := 0
	err := a.rows("calendar.txt", false, []string{"service_id", "start_date", "end_date"}, func(t *table) {
		n := trips[t.get("service_id")]
		from, ok1 := dayNumber(t.get("start_date"))
		to, ok2 := dayNumber(t.get("end_date"))
		if n == 0 || !ok1 || !ok2 {
			return
		}
		var runs [7]bool
		for w, name := range weekdays {
			runs[w] = t.get(name) == "1"
		}
		for d := from; d <= min(to, from+maxDays) && spread <= maxSpread; d++ {
			spread++
			if runs[((d+thursday)%7+7)%7] {
				days[d] += n
			}
		}
	})
	if err == nil && spread > maxSpread {
		err = errors.New("gtfs: calendar.txt: more days of service than any feed has")
	}
	return err
}

// exceptions applies calendar_dates.txt to the days.
func (a *archive) exceptions(trips map[string]int, days map[int]int) error {
	return a.rows("calendar_dates.txt", false, []string{"service_id", "date", "exception_type"}, func(t *table) {
		n := trips[t.get("service_id")]
		d, ok := dayNumber(t.get("date"))
		if !ok {
			return
		}
		switch t.get("exception_type") {
		case "1":
			days[d] += n
		case "2":
			days[d] -= n
		}
	})
}

// thursday is the weekday of day number 0, from Sunday.
const thursday = 4

// dayNumber is the days since 1970.
func dayNumber(s string) (int, bool) {
	t, err := time.Parse(DayLayout, s)
	return int(t.Unix() / 86400), err == nil && t.Year() > 1900
}
