package insight

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/spec"
)

// places is how many decimals a figure with this uncertainty deserves: two
// significant digits of the half-width, no false precision.
func places(half float64) int {
	if half <= 0 {
		return -1
	}
	return 1 - int(math.Floor(math.Log10(half)))
}

// Number writes a figure whose uncertainty is half, with thousands separators.
func Number(v, half float64) string {
	d := places(half)
	switch {
	case d == -1 && half <= 0: // exact: up to three significant digits
		d = 2 - int(math.Floor(math.Log10(math.Max(math.Abs(v), 1e-9))))
		d = min(max(d, 0), 2)
		if v == math.Trunc(v) {
			d = 0
		}
	case d < 0:
		scale := math.Pow(10, float64(-d))
		v = math.Round(v/scale) * scale
		d = 0
	}
	s := strconv.FormatFloat(v, 'f', min(d, 3), 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return thousands(s)
}

func thousands(s string) string {
	whole, frac, has := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if has {
		whole += "." + frac
	}
	return sign + whole
}

func halfWidth(ci [2]float64) float64 { return (ci[1] - ci[0]) / 2 }

// Range writes "a to b" at the precision of the interval.
func Range(ci [2]float64) string {
	h := halfWidth(ci)
	return Number(ci[0], h) + " to " + Number(ci[1], h)
}

// change writes "rise by 410 (320 to 500)" or "no clear change (...)".
func change(k *spec.KPI, up, down string) string {
	h := halfWidth(k.CI95)
	unit := unitWord(k.Unit)
	if h == 0 && k.Verdict != spec.NoClearChange {
		// Nothing random in it: a range would only repeat the number.
		if k.Diff > 0 {
			return fmt.Sprintf("%s by %s%s", up, Number(k.Diff, 0), unit)
		}
		return fmt.Sprintf("%s by %s%s", down, Number(-k.Diff, 0), unit)
	}
	switch k.Verdict {
	case spec.ClearIncrease:
		return fmt.Sprintf("%s by %s%s (%s)", up, Number(k.Diff, h), unit, Range(k.CI95))
	case spec.ClearDecrease:
		return fmt.Sprintf("%s by %s%s (%s)", down, Number(-k.Diff, h), unit, Range([2]float64{-k.CI95[1], -k.CI95[0]}))
	}
	if k.CI95 == [2]float64{} {
		return "show no clear change (no difference at all)"
	}
	return fmt.Sprintf("show no clear change (%s%s%s)", Range(k.CI95), unit, nearMiss(k))
}

// NearMiss tells of an indicator whose interval leaves out zero and that is
// still no clear change: it was one of several judged together (Holm).
func NearMiss(k *spec.KPI) bool {
	return k.Verdict == spec.NoClearChange && (k.CI95[0] > 0 || k.CI95[1] < 0)
}

// nearMiss is the reason, where one is needed.
func nearMiss(k *spec.KPI) string {
	if NearMiss(k) {
		return ", too close to zero for one of several figures"
	}
	return ""
}

func unitWord(unit string) string {
	switch unit {
	case "trips", "persons":
		return ""
	case "% of jobs":
		return " percentage points"
	case "min":
		return " minutes"
	}
	return " " + unit
}

func find(s *spec.Summary, id string) *spec.KPI {
	for i := range s.KPIs {
		if s.KPIs[i].ID == id {
			return &s.KPIs[i]
		}
	}
	return nil
}

// when names the window of every sentence.
func when(s *spec.Summary) string {
	return fmt.Sprintf("Between %s and %s", s.Window.From, s.Window.To)
}

// fewPeople is the most that "hardly anybody" may mean in a window.
const fewPeople = 100

// changedLine is how a line is used that runs differently: the end of a
// sentence that names the window.
func changedLine(l *spec.ChangedLine) string {
	h := halfWidth(l.CI95)
	if l.ScenarioDepartures == 0 && l.ScenarioBoardings == 0 {
		if l.BaselineDepartures == 0 && l.BaselineBoardings == 0 {
			return fmt.Sprintf("%s %s: nobody boarded it in that time.", l.Name, l.What)
		}
		return fmt.Sprintf("%s %s: it carried about %s people (%s).", l.Name, l.What, Number(l.BaselineBoardings, h), Range([2]float64{-l.CI95[1], -l.CI95[0]}))
	}
	text := fmt.Sprintf("%s (%s) carries about %s people, ", l.Name, l.What, Number(l.ScenarioBoardings, h))
	switch {
	case l.CI95 == [2]float64{}:
		return text + "as many as before."
	case l.CI95[0] > 0:
		return text + fmt.Sprintf("%s more than before (%s).", Number(l.DiffBoardings, h), Range(l.CI95))
	case l.CI95[1] < 0:
		return text + fmt.Sprintf("%s fewer than before (%s).", Number(-l.DiffBoardings, h), Range([2]float64{-l.CI95[1], -l.CI95[0]}))
	}
	return text + fmt.Sprintf("no clear change from %s before (%s).", Number(l.BaselineBoardings, h), Range(l.CI95))
}

// Verdict is the answer in sentences, most important first; each names its
// window.
func Verdict(s *spec.Summary) []string {
	var out []string
	for i := range s.Lines {
		l := &s.Lines[i]
		h := halfWidth(l.CI95)
		if l.CI95[1] > fewPeople && l.CI95[0] <= 0 {
			out = append(out, fmt.Sprintf("%s, how many people the new line %s carries stays uncertain: about %s (%s).", when(s), l.Name, Number(l.Boardings, h), Range([2]float64{0, l.CI95[1]})))
			continue
		}
		if l.Boardings < 1 || l.CI95[0] <= 0 {
			out = append(out, fmt.Sprintf("%s, the new line %s carries hardly anybody: %s boardings (%s).", when(s), l.Name, Number(l.Boardings, h), Range([2]float64{max(0, l.CI95[0]), l.CI95[1]})))
			continue
		}
		out = append(out, fmt.Sprintf("%s, the new line %s carries about %s people (%s).", when(s), l.Name, Number(l.Boardings, h), Range(l.CI95)))
	}
	for i := range s.ChangedLines {
		out = append(out, when(s)+", "+changedLine(&s.ChangedLines[i]))
	}
	for _, c := range []struct{ id, subject, up, down string }{
		{"transit_trips", "public transport trips", "rise", "fall"},
		{"car_trips", "car trips", "rise", "fall"},
		{"mean_time", "mean travel times over all trips", "rise", "fall"},
		{"jobs_30", "jobs within 30 minutes by public transport or on foot", "rise", "fall"},
	} {
		if k := find(s, c.id); k != nil {
			out = append(out, fmt.Sprintf("%s, %s %s.", when(s), c.subject, change(k, c.up, c.down)))
		}
	}
	if k := find(s, "user_benefit"); k != nil {
		switch k.Verdict {
		case spec.NoClearChange:
			if k.CI95 == [2]float64{} {
				out = append(out, fmt.Sprintf("%s, travellers gain and lose nothing.", when(s)))
				break
			}
			out = append(out, fmt.Sprintf("%s, people as a whole gain or lose nothing that stands out from the noise (%s equivalent hours%s).", when(s), Range(k.CI95), nearMiss(k)))
		case spec.ClearIncrease:
			out = append(out, fmt.Sprintf("%s, travellers gain the equivalent of %s hours (%s).", when(s), Number(k.Diff, halfWidth(k.CI95)), Range(k.CI95)))
		default:
			out = append(out, fmt.Sprintf("%s, travellers lose the equivalent of %s hours (%s).", when(s), Number(-k.Diff, halfWidth(k.CI95)), Range([2]float64{-k.CI95[1], -k.CI95[0]})))
		}
	}
	return out
}
