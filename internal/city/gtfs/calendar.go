package gtfs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// services is the set of service ids active on a date (look-ups only).
type services map[string]bool

// readServices applies calendar.txt and calendar_dates.txt to a date. first
// and last are the days the feed says anything about.
func readServices(a *archive, date time.Time, count counter) (on services, first, last string, err error) {
	on = services{}
	day := date.Format("20060102")
	weekday := strings.ToLower(date.Weekday().String())
	note := func(from, to string) {
		if first == "" || from < first {
			first = from
		}
		if to > last {
			last = to
		}
	}
	found := false
	t, err := a.open("calendar.txt", "service_id", "start_date", "end_date", weekday)
	switch {
	case errors.Is(err, errNoFile):
	case err != nil:
		return nil, "", "", err
	default:
		found = true
		defer t.close()
		for {
			more, err := t.next()
			if err != nil {
				return nil, "", "", err
			}
			if !more {
				break
			}
			id, from, to := strings.Clone(t.get("service_id")), strings.Clone(t.get("start_date")), strings.Clone(t.get("end_date"))
			if id == "" || len(from) != 8 || len(to) != 8 {
				count.add("calendar.txt", "no id or no dates")
				continue
			}
			note(from, to)
			if t.get(weekday) == "1" && from <= day && day <= to {
				on[id] = true
			}
		}
		count.addN("calendar.txt", "not CSV", t.bad)
	}
	x, err := a.open("calendar_dates.txt", "service_id", "date", "exception_type")
	switch {
	case errors.Is(err, errNoFile):
	case err != nil:
		return nil, "", "", err
	default:
		found = true
		defer x.close()
		for {
			more, err := x.next()
			if err != nil {
				return nil, "", "", err
			}
			if !more {
				break
			}
			d := strings.Clone(x.get("date"))
			if len(d) != 8 {
				count.add("calendar_dates.txt", "no date")
				continue
			}
			note(d, d)
			if d != day {
				continue
			}
			switch x.get("exception_type") {
			case "1":
				on[strings.Clone(x.get("service_id"))] = true
			case "2":
				delete(on, x.get("service_id"))
			default:
				count.add("calendar_dates.txt", "unknown exception type")
			}
		}
		count.addN("calendar_dates.txt", "not CSV", x.bad)
	}
	if !found {
		return nil, "", "", fmt.Errorf("gtfs: neither calendar.txt nor calendar_dates.txt is in the feed")
	}
	return on, first, last, nil
}
