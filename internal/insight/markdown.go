package insight

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/malikobaid/cityflow/spec"
)

// Version names the rules; it stands in insights.meta.json.
const Version = "rules-2"

// Markdown is the rule-based reading of a summary.
func Markdown(s *spec.Summary) string {
	var b strings.Builder
	p := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	p("# %s, %s", s.Title, s.CityName)
	p("")
	p("%s on %s (%s demand), mean of %d paired runs of %s people standing for %s.", when(s), s.Date, s.TrafficLevel,
		s.Replications, Number(float64(s.Agents), 0), Number(s.Population, 0))
	p("")
	p("## The answer")
	p("")
	for _, v := range s.Verdict {
		p("- %s", v)
	}
	shifts(s, p)
	areas(s, p)
	lines(s, p)
	doubts(s, p)
	p("## What to try next")
	p("")
	for _, t := range next(s) {
		p("- %s", t)
	}
	return b.String()
}

func shifts(s *spec.Summary, p func(string, ...any)) {
	names := [4]string{"car", "bicycle", "walking", "public transport"}
	type move struct {
		from, to int
		n        float64
	}
	var moves []move
	for i := range 4 {
		for j := range 4 {
			if n := s.By.ModeShift[i][j] - s.By.ModeShift[j][i]; i != j && n > 0 {
				moves = append(moves, move{i, j, n})
			}
		}
	}
	sort.SliceStable(moves, func(a, b int) bool { return moves[a].n > moves[b].n })
	p("")
	p("## Where riders come from")
	p("")
	said := 0
	for _, m := range moves {
		if m.n >= 10 && said < 4 {
			p("- On balance about %s trips move from %s to %s.", Number(10*math.Round(m.n/10), 0), names[m.from], names[m.to])
			said++
		}
	}
	if said == 0 {
		p("Hardly anybody changes the way they travel.")
	}
}

func areas(s *spec.Summary, p func(string, ...any)) {
	rows := append([]spec.AreaRow(nil), s.By.Area...)
	sort.SliceStable(rows, func(a, b int) bool {
		return rows[a].ScenarioJobs30-rows[a].BaselineJobs30 > rows[b].ScenarioJobs30-rows[b].BaselineJobs30
	})
	p("")
	p("## Which parts of the city")
	p("")
	said := 0
	for _, r := range rows {
		if gain := r.ScenarioJobs30 - r.BaselineJobs30; gain >= 0.1 && said < 5 {
			p("- %s: jobs within 30 minutes by public transport or on foot go from %.1f%% to %.1f%% of all jobs.", r.Area, r.BaselineJobs30, r.ScenarioJobs30)
			said++
		}
	}
	for i := len(rows) - 1; i >= 0; i-- {
		if r := rows[i]; r.ScenarioJobs30-r.BaselineJobs30 <= -0.1 {
			p("- %s loses: from %.1f%% to %.1f%% of all jobs.", r.Area, r.BaselineJobs30, r.ScenarioJobs30)
			said++
		}
	}
	if said == 0 {
		p("No part of the city reaches noticeably more or fewer jobs within 30 minutes.")
	}
}

func lines(s *spec.Summary, p func(string, ...any)) {
	if len(s.ChangedLines) > 0 {
		p("")
		p("## The changed service")
		p("")
		for i := range s.ChangedLines {
			p("- %s", changedSentence(&s.ChangedLines[i]))
		}
	}
	if len(s.Lines) == 0 {
		return
	}
	p("")
	p("## The new service")
	p("")
	for _, l := range s.Lines {
		p("- %s: %.1f km, %.0f minutes end to end, %d vehicles; the busiest vehicle carries about %.0f people.", l.Name, l.LengthKM, l.RunMin, l.Vehicles, l.MaxLoad)
	}
}

func doubts(s *spec.Summary, p func(string, ...any)) {
	p("")
	p("## How far to trust this")
	p("")
	p("- The ranges are 95%% intervals over random people and draws: simulation noise only, not doubt about the model.")
	for i := range s.KPIs {
		if NearMiss(&s.KPIs[i]) {
			p("- %s", whyNotClear)
			break
		}
	}
	if s.Uncalibrated {
		p("- This is an uncalibrated sketch: no traffic or passenger counts of %s stand behind it.", s.CityName)
	}
	if len(s.Assumed) > 0 {
		p("- Assumed rather than observed: %s.", strings.Join(s.Assumed, "; "))
	}
	if partOfDay(s) {
		p("- The timetable holds %s to %s only: nothing here speaks of the rest of the day.", s.ServiceWindow.From, s.ServiceWindow.To)
	}
	// What is still to be saved is said of what drivers spend, the gap of the
	// best routes.
	saving := 100 * s.RelativeGap / (1 + s.RelativeGap)
	if s.Converged {
		p("- The car traffic has settled: in the worst run drivers could on average still save %.1f%% by changing route (relative gap %.2f%%).", saving, 100*s.RelativeGap)
	} else {
		p("- The car traffic has **not settled**: in the worst run drivers could on average still save %.1f%% by changing route (relative gap %.2f%%). Read car figures with care, or ask for more iterations.", saving, 100*s.RelativeGap)
	}
	for _, w := range s.Warnings {
		p("- %s", w)
	}
	p("")
}

const whyNotClear = "A range may leave out zero and the verdict still be “no clear change”: the main figures are judged together, and with several of them one leaves out zero by luck easily (Holm's rule)."

// partOfDay says that the timetable leaves out much of the day: "06:00" to
// "10:00", but not "05:00" to "24:00".
func partOfDay(s *spec.Summary) bool {
	minutes := func(clock string) int {
		var h, m int
		if n, err := fmt.Sscanf(clock, "%d:%d", &h, &m); n != 2 || err != nil {
			return 0
		}
		return 60*h + m
	}
	const whole = 12 * 60
	held := minutes(s.ServiceWindow.To) - minutes(s.ServiceWindow.From)
	return held > 0 && held < whole
}

func next(s *spec.Summary) []string {
	var out []string
	open := 0
	for _, k := range s.KPIs {
		if k.Headline && k.Verdict == spec.NoClearChange {
			open++
		}
	}
	if open > 2 {
		out = append(out, "More people or more replications narrow the ranges: four times as many halve them.")
	}
	for _, l := range s.Lines {
		if l.Boardings >= 1 && l.MaxLoad < 20 {
			out = append(out, fmt.Sprintf("%s runs nearly empty: try a longer headway, smaller vehicles or other stops.", l.Name))
		}
	}
	if k := find(s, "left_behind"); k != nil && k.Scenario > 0.02*transit(s) {
		out = append(out, "Many people find a full vehicle: try a shorter headway or larger vehicles.")
	}
	if s.TrafficLevel == "peak" {
		out = append(out, "Run the same change off-peak: the answer may differ.")
	} else {
		out = append(out, "Run the same change in the morning peak: the answer may differ.")
	}
	return out
}

func transit(s *spec.Summary) float64 {
	if k := find(s, "transit_trips"); k != nil {
		return k.Scenario
	}
	return 0
}
