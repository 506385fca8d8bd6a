package insight

import (
	"fmt"
	"sort"
	"strings"
	"unicode"

	"github.com/malikobaid/cityflow/spec"
)

// topic is something a summary can be asked about.
type topic struct {
	words []string
	say   func(s *spec.Summary) []string
}

// kpiTopic answers with the indicators whose id holds one of the parts; what the
// result does not hold is said, too.
func kpiTopic(what, words string, parts ...string) topic {
	return topic{strings.Fields(words), func(s *spec.Summary) []string {
		var out []string
		for i := range s.KPIs {
			for _, p := range parts {
				if strings.Contains(s.KPIs[i].ID, p) {
					out = append(out, KPISentence(&s.KPIs[i]))
					break
				}
			}
		}
		if len(out) == 0 {
			return []string{"This result holds no figures on " + what + "."}
		}
		return out
	}}
}

var topics = []topic{
	kpiTopic("benefits", "benefit benefits gain gains worth welfare value advantage", "benefit"),
	kpiTopic("emissions", "co2 emission emissions carbon climate pollution emit emits", "co2", "emission"),
	kpiTopic("costs", "cost costs money price revenue fare fares operating", "cost", "revenue", "fare"),
	kpiTopic("delays", "delay delays congestion jam jams queue queues", "delay"),
	kpiTopic("full vehicles", "full crowded crowding left behind", "left_behind"),
	kpiTopic("travel times", "time times minutes faster slower quick quicker duration journey", "_time"),
	kpiTopic("waiting", "wait waits waiting", "_wait"),
	kpiTopic("transfers", "transfer transfers change changes", "transfers"),
	kpiTopic("reachable jobs", "jobs accessibility access reach reachable", "jobs_"),
	{strings.Fields("car cars drive drivers driving vehicle vehicles traffic"), modeTopic("car", "car_trips")},
	{strings.Fields("bike bikes bicycle bicycles cycle cycling cyclists"), modeTopic("bike", "bike_trips")},
	{strings.Fields("walk walking walkers foot pedestrians pedestrian"), modeTopic("walk", "walk_trips")},
	{strings.Fields("transit bus buses tram trams train rail public transport passengers ridership riders"), modeTopic("transit", "transit_trips")},
	{strings.Fields("line lines service boardings boarding ridership riders carries stops tram carry"), lineTopic},
	{strings.Fields("area areas district districts neighbourhood neighbourhoods where part parts"), areaTopic},
	{strings.Fields("sure certain certainty uncertainty confidence trust reliable reliability interval noise calibrated calibration converged limits limitations doubt accurate assumptions assumption assumed"), trustTopic},
	{strings.Fields("next try improve better else instead"), next},
}

// Reply is the rule-based answer to a question about a summary: the sentences
// that belong to what the question names, or a list of what can be asked.
func Reply(s *spec.Summary, question string) string {
	asked := words(question)
	var out []string
	seen := map[string]bool{}
	add := func(lines []string) {
		for _, l := range lines {
			if !seen[l] {
				seen[l] = true
				out = append(out, l)
			}
		}
	}
	for _, a := range s.By.Area {
		if named(asked, a.Area) {
			add([]string{areaSentence(&a)})
		}
	}
	for i := range s.Lines {
		if named(asked, s.Lines[i].Name) {
			add([]string{lineSentence(s, &s.Lines[i])})
		}
	}
	for i := range s.ChangedLines {
		if named(asked, s.ChangedLines[i].Name) {
			add([]string{changedSentence(&s.ChangedLines[i])})
		}
	}
	for i := range s.KPIs {
		if named(asked, s.KPIs[i].Name) {
			add([]string{KPISentence(&s.KPIs[i])})
		}
	}
	for _, t := range topics {
		for _, w := range t.words {
			if asked[w] {
				add(t.say(s))
				break
			}
		}
	}
	// The words of a verdict are also those of other topics.
	if asked["clear"] || asked["zero"] || asked["holm"] || asked["significant"] || asked["significance"] {
		out = verdicts(s)
	}
	if len(out) == 0 {
		return unknown(s)
	}
	if len(out) > 8 {
		out = out[:8]
	}
	return fmt.Sprintf("%s on %s:\n\n- %s\n\nRanges are 95%% intervals of the simulation's own noise.\n", when(s), s.Date, strings.Join(out, "\n- "))
}

func unknown(s *spec.Summary) string {
	var names []string
	for _, k := range s.KPIs {
		names = append(names, strings.ToLower(k.Name))
	}
	var b strings.Builder
	b.WriteString("That is not something this result can tell. It can be asked about:\n\n")
	if len(names) > 0 {
		fmt.Fprintf(&b, "- its indicators: %s\n", strings.Join(names, ", "))
	}
	b.WriteString("- ways of travelling: car, bicycle, walking, public transport\n")
	if len(s.Lines) > 0 {
		b.WriteString("- the new line and its stops\n")
	}
	for _, l := range s.ChangedLines[:min(len(s.ChangedLines), 3)] {
		fmt.Fprintf(&b, "- %s, which %s\n", l.Name, doing(&l))
	}
	if len(s.By.Area) > 0 {
		fmt.Fprintf(&b, "- parts of the city, such as %s\n", s.By.Area[0].Area)
	}
	b.WriteString("- how sure the answer is, and what to try next\n")
	return b.String()
}

// KPISentence says one indicator with its range and verdict.
func KPISentence(k *spec.KPI) string {
	h := halfWidth(k.CI95)
	return fmt.Sprintf("%s (%s): from %s to %s; the change is %s (%s), %s%s.", k.Name, k.Unit, Number(k.Baseline, h), Number(k.Scenario, h),
		Number(k.Diff, h), Range(k.CI95), strings.ReplaceAll(k.Verdict, "_", " "), nearMiss(k))
}

func modeTopic(mode, kpi string) func(*spec.Summary) []string {
	return func(s *spec.Summary) []string {
		var out []string
		if k := find(s, kpi); k != nil {
			out = append(out, KPISentence(k))
		}
		for _, m := range s.By.Mode {
			if m.Mode == mode {
				out = append(out, fmt.Sprintf("Share of trips by %s: from %.1f%% to %.1f%%; a trip takes %.1f minutes on average, before it was %.1f.",
					modeName(mode), m.BaselineShare, m.ScenarioShare, m.ScenarioMin, m.BaselineMin))
			}
		}
		return out
	}
}

func modeName(mode string) string {
	switch mode {
	case "bike":
		return "bicycle"
	case "walk":
		return "walking"
	case "transit":
		return "public transport"
	}
	return mode
}

func lineTopic(s *spec.Summary) []string {
	var out []string
	for i := range s.Lines {
		out = append(out, lineSentence(s, &s.Lines[i]))
	}
	for i := range s.ChangedLines {
		out = append(out, changedSentence(&s.ChangedLines[i]))
	}
	return out
}

// changedSentence tells of the vehicles of a changed line, too.
func changedSentence(l *spec.ChangedLine) string {
	return fmt.Sprintf("%s In the window %d of its vehicles leave their first stops, %d before.", changedLine(l), l.ScenarioDepartures, l.BaselineDepartures)
}

// doing is what a changed line does: "runs every 20 minutes", "no longer runs".
func doing(l *spec.ChangedLine) string {
	if strings.HasPrefix(l.What, "every") {
		return "runs " + l.What
	}
	return l.What
}

func lineSentence(s *spec.Summary, l *spec.LineResult) string {
	stops := make([]string, len(l.Stops))
	for i, st := range l.Stops {
		stops[i] = st.Name
	}
	calls := ""
	if len(stops) > 0 {
		calls = " It calls at " + strings.Join(stops, ", ") + "."
	}
	return fmt.Sprintf("%s carries about %s people (%s) in the window, on %.1f km in %.0f minutes with %d vehicles; the busiest vehicle holds %.0f.%s",
		l.Name, Number(l.Boardings, halfWidth(l.CI95)), Range(l.CI95), l.LengthKM, l.RunMin, l.Vehicles, l.MaxLoad, calls)
}

func areaTopic(s *spec.Summary) []string {
	rows := append([]spec.AreaRow(nil), s.By.Area...)
	change := func(r spec.AreaRow) float64 { return r.ScenarioJobs30 - r.BaselineJobs30 }
	sort.SliceStable(rows, func(a, b int) bool { return change(rows[a]) > change(rows[b]) })
	// Those that gain most, and the one that loses most: an area that hardly
	// changes answers neither question.
	const noticeable = 0.1 // percentage points, as in the text on areas
	var out []string
	for i := range rows {
		if d := change(rows[i]); d >= noticeable && i < 3 || d <= -noticeable && i == len(rows)-1 {
			out = append(out, areaSentence(&rows[i]))
		}
	}
	if len(out) == 0 && len(rows) > 0 {
		return []string{"No part of the city reaches noticeably more or fewer jobs within 30 minutes."}
	}
	return out
}

func areaSentence(r *spec.AreaRow) string {
	return fmt.Sprintf("%s: jobs within 30 minutes by public transport or on foot go from %.1f%% to %.1f%%; trips from there take %.1f minutes on average, before %.1f.",
		r.Area, r.BaselineJobs30, r.ScenarioJobs30, r.ScenarioMin, r.BaselineMin)
}

func trustTopic(s *spec.Summary) []string {
	var out []string
	doubts(s, func(format string, a ...any) {
		if l, ok := strings.CutPrefix(fmt.Sprintf(format, a...), "- "); ok {
			out = append(out, l)
		}
	})
	return append(out, s.Assumptions...)
}

// verdicts tells what "clear" means here, and which figures are.
func verdicts(s *spec.Summary) []string {
	var clear, open []string
	for i := range s.KPIs {
		if k := &s.KPIs[i]; k.Headline {
			if k.Verdict == spec.NoClearChange {
				open = append(open, k.Name)
			} else {
				clear = append(clear, k.Name)
			}
		}
	}
	out := []string{"A change is called clear when its range leaves out zero by enough that chance in the simulation is no likely reason. “No clear change” is no proof that nothing changes: this study cannot tell it from chance.", whyNotClear}
	if len(clear) > 0 {
		out = append(out, "Clear here: "+strings.Join(clear, "; ")+".")
	}
	if len(open) > 0 {
		out = append(out, "Not clear here: "+strings.Join(open, "; ")+".", "More people or more replications narrow the ranges: four times as many halve them.")
	}
	return out
}

// words of a text in lower case.
func words(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		out[w] = true
	}
	return out
}

// named says that the question holds every word of a name.
func named(asked map[string]bool, name string) bool {
	all := words(name)
	for w := range all { // all of them: the order does not matter
		if !asked[w] {
			return false
		}
	}
	return len(all) > 0
}
