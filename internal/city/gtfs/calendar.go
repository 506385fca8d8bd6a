package gtfs

import (
	"strings"
	"time"
)

// services tells on which of two days a service id is active (look-ups only).
type services map[string]days

// days is the date asked for, and the day before it: its trips that run past
// midnight run on the date.
type days struct{ today, before bool }

// DayLayout is the form of a date in a feed.
const DayLayout = "20060102"

// readServices applies calendar.txt and calendar_dates.txt to a date and the
// day before. first and last are the days the feed says anything about.
func (f *Feed) readServices(a *archive, date time.Time) (services, error) {
	on := services{}
	yesterday := date.AddDate(0, 0, -1)
	today, before := date.Format(DayLayout), yesterday.Format(DayLayout)
	weekday := func(d time.Time) string { return strings.ToLower(d.Weekday().String()) }
	todayCol, beforeCol := weekday(date), weekday(yesterday)
	note := func(from, to string) {
		if f.First == "" || from < f.First {
			f.First = from
		}
		if to > f.Last {
			f.Last = to
		}
	}
	need := []string{"service_id", "start_date", "end_date", todayCol, beforeCol}
	err := a.rows("calendar.txt", true, need, func(t *table) {
		from, to := strings.Clone(t.get("start_date")), strings.Clone(t.get("end_date"))
		id := t.get("service_id")
		switch {
		case id == "":
			t.skip("no service id")
			return
		case !isDay(from) || !isDay(to):
			t.skip("a date cannot be read")
			return
		case to < from:
			t.skip("ends before it starts")
			return
		}
		note(from, to)
		d := on[id]
		d.today = d.today || t.get(todayCol) == "1" && from <= today && today <= to
		d.before = d.before || t.get(beforeCol) == "1" && from <= before && before <= to
		on[strings.Clone(id)] = d
	})
	if err != nil {
		return nil, err
	}
	err = a.rows("calendar_dates.txt", true, []string{"service_id", "date", "exception_type"}, func(t *table) {
		day, id := strings.Clone(t.get("date")), t.get("service_id")
		switch {
		case id == "":
			t.skip("no service id")
			return
		case !isDay(day):
			t.skip("a date cannot be read")
			return
		}
		kind := t.get("exception_type")
		if kind != "1" && kind != "2" {
			t.skip("unknown exception type")
			return
		}
		note(day, day)
		if day != today && day != before {
			return
		}
		d := on[id]
		if day == today {
			d.today = kind == "1"
		} else {
			d.before = kind == "1"
		}
		on[strings.Clone(id)] = d
	})
	return on, err
}

func isDay(s string) bool {
	if len(s) != len(DayLayout) {
		return false
	}
	_, err := time.Parse(DayLayout, s)
	return err == nil
}
