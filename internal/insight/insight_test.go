package insight

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/spec"
)

func example(t *testing.T) *spec.Summary {
	t.Helper()
	b, err := os.ReadFile("../../spec/testdata/summary.json")
	if err != nil {
		t.Fatal(err)
	}
	var s spec.Summary
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestNumbersCarryNoFalsePrecision(t *testing.T) {
	for _, c := range []struct {
		v, half float64
		want    string
	}{
		{1243.7, 140, "1,240"}, {12437, 1400, "12,400"}, {0.0432, 0.07, "0.043"}, {-349.6, 90, "-350"},
		{18.2049, 0.3, "18.20"}, {-0.0001, 0.2, "0.00"}, {3000, 0, "3,000"}, {0.25, 0, "0.25"}, {98571, 0, "98,571"}, {0, 0, "0"},
	} {
		if got := Number(c.v, c.half); got != c.want {
			t.Errorf("Number(%v, %v) = %q, want %q", c.v, c.half, got, c.want)
		}
	}
}

func TestVerdictSpeaksOfTheWindowAndNeverOfNoise(t *testing.T) {
	s := example(t)
	said := Verdict(s)
	for _, v := range said {
		if !strings.HasPrefix(v, "Between 08:00 and 10:00, ") {
			t.Errorf("a sentence without its window: %q", v)
		}
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"carries about 1,240 people (1,100 to 1,380)", "public transport trips rise by 410 (320 to 500)",
		"car trips fall by 350 (260 to 440)", "mean travel times over all trips show no clear change"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
	s.KPIs[0].Verdict, s.KPIs[0].CI95 = spec.NoClearChange, [2]float64{-20, 60}
	if got := strings.Join(Verdict(s), "\n"); strings.Contains(got, "trips rise by") {
		t.Errorf("noise is told as a change:\n%s", got)
	}
}

func TestMarkdownSaysWhatIsAssumedAndWhichHoursAreKnown(t *testing.T) {
	s := example(t)
	if md := Markdown(s); !strings.Contains(md, "Assumed rather than observed: the number of residents; today’s shares of the modes.") || strings.Contains(md, "rest of the day") {
		t.Error(md)
	}
	s.ServiceWindow, s.Assumed = spec.Window{From: "06:00", To: "10:00"}, nil
	if md := Markdown(s); strings.Contains(md, "Assumed rather") || !strings.Contains(md, "06:00 to 10:00 only") {
		t.Error(md)
	}
}

func TestMarkdownNamesShiftsAreasAndDoubts(t *testing.T) {
	md := Markdown(example(t))
	for _, want := range []string{"from car to public transport", "Ringland: jobs within 30", "uncalibrated sketch", "constant of 71", "simulation noise only"} {
		if !strings.Contains(md, want) {
			t.Errorf("%q is missing in\n%s", want, md)
		}
	}
}

// A range without zero that is no clear change looks like a mistake unless the
// reason stands beside it: in the verdict, in the text and in answers.
func TestARangeWithoutZeroThatIsNotClearSaysWhy(t *testing.T) {
	s := example(t)
	if all := strings.Join(Verdict(s), "\n") + Markdown(s); strings.Contains(all, "too close to zero") || strings.Contains(all, "Holm") {
		t.Errorf("a reason where none is needed:\n%s", all)
	}
	k := find(s, "car_trips")
	k.Verdict, k.CI95, k.Diff = spec.NoClearChange, [2]float64{-94, -22}, -58
	s.Verdict = Verdict(s)
	const want = "car trips show no clear change (-94 to -22, too close to zero for one of several figures)."
	if all := strings.Join(s.Verdict, "\n"); !strings.Contains(all, want) {
		t.Errorf("%q is missing in\n%s", want, all)
	}
	if md := Markdown(s); !strings.Contains(md, whyNotClear) {
		t.Errorf("the text does not say why:\n%s", md)
	}
	for _, question := range []string{"Why is there no clear change?", "How do car trips change?", "is it significant"} {
		if got := Reply(s, question); !strings.Contains(got, whyNotClear) && !strings.Contains(got, "too close to zero") {
			t.Errorf("%s\n%s", question, got)
		}
	}
	if got := Reply(s, "What is clear here?"); !strings.Contains(got, "Clear here: Public transport trips") || !strings.Contains(got, "Not clear here: ") {
		t.Error(got)
	}
}

func TestChangedLinesAreTold(t *testing.T) {
	every := spec.ChangedLine{Name: "Bus 31", What: "every 20 minutes instead of 10 from 08:00 to 10:00", BaselineDepartures: 24, ScenarioDepartures: 12}
	for _, x := range []struct {
		before, after float64
		ci            [2]float64
		want          string
	}{
		{412, 301, [2]float64{-140, -82}, "carries about 301 people, 111 fewer than before (82 to 140)."},
		{412, 520, [2]float64{80, 136}, "carries about 520 people, 108 more than before (80 to 136)."},
		{412, 415, [2]float64{-27, 33}, "carries about 415 people, no clear change from 412 before (-27 to 33)."},
		{412, 412, [2]float64{}, "carries about 412 people, as many as before."},
	} {
		s := example(t)
		l := every
		l.BaselineBoardings, l.ScenarioBoardings, l.DiffBoardings, l.CI95 = x.before, x.after, x.after-x.before, x.ci
		s.Lines, s.ChangedLines = nil, []spec.ChangedLine{l}
		want := "Between 08:00 and 10:00, Bus 31 (every 20 minutes instead of 10 from 08:00 to 10:00) " + x.want
		if got := Verdict(s)[0]; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := Reply(s, "What about bus 31?"); !strings.Contains(got, x.want+" In the window 12 of its vehicles leave their first stops, 24 before.") {
			t.Errorf("asked for the bus: %s", got)
		}
		if got := Reply(s, "xyzzy"); !strings.Contains(got, "- Bus 31, which runs every 20 minutes instead of 10 from") {
			t.Errorf("asked for nothing: %s", got)
		}
	}
	gone := spec.ChangedLine{Name: "Bus 31", What: "no longer runs", BaselineDepartures: 24, BaselineBoardings: 412, DiffBoardings: -412, CI95: [2]float64{-450, -374}}
	if got := changedLine(&gone); got != "Bus 31 no longer runs: it carried about 412 people (374 to 450)." {
		t.Error(got)
	}
	gone.BaselineDepartures, gone.BaselineBoardings = 0, 0
	if got := changedLine(&gone); got != "Bus 31 no longer runs: nobody boarded it in that time." {
		t.Error(got)
	}
}
