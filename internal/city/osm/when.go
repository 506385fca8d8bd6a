package osm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/internal/units"
)

// When is the time a network is built for: restrictions by time of day are in
// force or not in force for good, since the model has one network for all day.
type When struct {
	Day      Weekday
	From, To units.Seconds // after midnight
}

// Weekday counts from Sunday, as time.Weekday does.
type Weekday int

var dayNames = [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

func (d Weekday) String() string { return dayNames[(d%7+7)%7] }

// DefaultWhen is the time taken where none is given: a working day's morning
// rush, the hours that runs start with.
var DefaultWhen = When{2, 8 * 3600, 10 * 3600}

func (w When) String() string {
	clock := func(s units.Seconds) string { return fmt.Sprintf("%02d:%02d", s/3600, s%3600/60) }
	return fmt.Sprintf("%s, %s to %s", w.Day, clock(w.From), clock(w.To))
}

// holds picks the value of a conditional tag, "VALUE @ (CONDITION); ...", that
// is in force for at least half of the time; "" when none is. understood is
// false when a condition is no weekdays and hours.
func (w When) holds(tag string) (value string, understood bool) {
	understood = true
	for _, clause := range splitOutside(tag, ';') {
		v, condition, ok := strings.Cut(clause, "@")
		if !ok {
			understood = false
			continue
		}
		condition = strings.TrimSpace(condition)
		condition = strings.TrimSuffix(strings.TrimPrefix(condition, "("), ")")
		share, ok := w.share(condition)
		if !ok {
			understood = false
			continue
		}
		if share >= 0.5 {
			value = strings.TrimSpace(v) // the last that holds wins
		}
	}
	return value, understood || value != ""
}

// splitOutside splits at a separator outside of parentheses.
func splitOutside(s string, sep rune) (parts []string) {
	depth, start := 0, 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == sep && depth <= 0:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}

var weekdays = map[string]Weekday{"Su": 0, "Mo": 1, "Tu": 2, "We": 3, "Th": 4, "Fr": 5, "Sa": 6}

// share is the part of the time in which opening hours hold: rules between
// semicolons, each weekdays, hours, or both; a later rule replaces an earlier
// one on its days. Public holidays are passed over.
func (w When) share(hours string) (share float64, ok bool) {
	some := false
	for _, rule := range strings.Split(hours, ";") {
		rule = strings.TrimSpace(rule)
		if rule == "" {
			continue
		}
		s, today, ok := w.rule(rule)
		if !ok {
			return 0, false
		}
		some = true
		if today {
			share = s
		}
	}
	return share, some
}

// rule reads "Mo-Fr,Su 07:00-09:00,16:00-18:00", "24/7", "Sa off".
func (w When) rule(rule string) (share float64, today, ok bool) {
	if rule == "24/7" {
		return 1, true, true
	}
	words := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(rule, ", ", ","), " - ", "-"))
	days, hasDays := "", false
	if len(words) > 0 && !strings.ContainsAny(words[0][:1], "0123456789") && words[0] != "off" {
		days, hasDays, words = words[0], true, words[1:]
	}
	today = !hasDays
	for _, d := range strings.Split(days, ",") {
		if !hasDays || d == "PH" || d == "SH" {
			continue
		}
		a, b, isRange := strings.Cut(d, "-")
		from, ok1 := weekdays[a]
		to := from
		ok2 := true
		if isRange {
			to, ok2 = weekdays[b]
		}
		if !ok1 || !ok2 {
			return 0, false, false
		}
		for x := from; ; x = (x + 1) % 7 {
			today = today || x == w.Day
			if x == to {
				break
			}
		}
	}
	switch {
	case len(words) == 0:
		return 1, today, true
	case len(words) == 1 && words[0] == "off":
		return 0, today, true
	case len(words) > 1:
		return 0, false, false
	}
	var covered units.Seconds
	for _, span := range strings.Split(words[0], ",") {
		a, b, isRange := strings.Cut(span, "-")
		from, ok1 := clockTime(a)
		to, ok2 := clockTime(b)
		if !isRange || !ok1 || !ok2 {
			return 0, false, false
		}
		if to <= from {
			to += 24 * 3600 // over midnight
		}
		for _, shift := range []units.Seconds{0, 24 * 3600} {
			covered += max(0, min(w.To+shift, to)-max(w.From+shift, from))
		}
	}
	if w.To <= w.From {
		return 0, today, true
	}
	return min(1, float64(covered)/float64(w.To-w.From)), today, true
}

func clockTime(s string) (units.Seconds, bool) {
	h, m, ok := strings.Cut(s, ":")
	if !ok {
		m = "00"
	}
	hh, err1 := strconv.Atoi(h)
	mm, err2 := strconv.Atoi(m)
	if err1 != nil || err2 != nil || hh < 0 || hh > 48 || mm < 0 || mm > 59 {
		return 0, false
	}
	return units.Seconds(hh*3600 + mm*60), true
}
