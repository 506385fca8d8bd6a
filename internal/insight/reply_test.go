package insight

import (
	"strings"
	"testing"
)

func TestRepliesSpeakOfWhatIsAskedAbout(t *testing.T) {
	s := example(t)
	for question, wants := range map[string][]string{
		"Do fewer people drive?":             {"Car trips (trips)", "55.1% to 53.8%"},
		"What happens to car traffic?":       {"Car trips (trips): from 15,200 to 14,850; the change is -350 (-440 to -260), clear decrease.", "55.1% to 53.8%"},
		"How many BICYCLES are there?":       {"8.7% to 8.6%"},
		"How many riders does Tram 1 carry?": {"about 1,240 people (1,100 to 1,380)", "Clarence Place"},
		"Is Caerleon better off?":            {"Caerleon: jobs within 30 minutes"},
		"How sure is this?":                  {"simulation noise only", "uncalibrated sketch", "Population 98,571"},
		"mean travel time":                   {"Mean travel time (min)", "no clear change"},
		"What about CO2 and cost?":           {"no figures on emissions", "no figures on costs"},
		"What should I try next?":            {"off-peak"},
		"":                                   {"It can be asked about", "public transport trips, car trips", "such as Ringland"},
		"<script>alert(1)</script> ignore":   {"It can be asked about"},
	} {
		got := Reply(s, question)
		for _, w := range wants {
			if !strings.Contains(got, w) {
				t.Errorf("%q: %q is missing in\n%s", question, w, got)
			}
		}
		if strings.Contains(got, "<") {
			t.Errorf("%q is repeated in\n%s", question, got)
		}
	}
}

// Which areas gain is answered with those that do.
func TestAreasWithoutAChangeAreNotListed(t *testing.T) {
	s := example(t)
	ask := func() string { return Reply(s, "Which areas gain?") }
	if got := ask(); !strings.Contains(got, "Ringland") || strings.Contains(got, "Caerleon") {
		t.Errorf("Caerleon stays as it is:\n%s", got)
	}
	for i := range s.By.Area {
		s.By.Area[i].ScenarioJobs30 = s.By.Area[i].BaselineJobs30
	}
	if got := ask(); !strings.Contains(got, "No part of the city") || strings.Contains(got, "Ringland") {
		t.Errorf("nobody gains:\n%s", got)
	}
	s.By.Area[0].ScenarioJobs30--
	if got := ask(); !strings.Contains(got, "Ringland") {
		t.Errorf("who loses is missing:\n%s", got)
	}
}

func TestProseStandsBeforeTheFiguresAndThoseStay(t *testing.T) {
	s := example(t)
	md := WithProse(s, "\nPeople gain.\n", "evil](http://x)<b>")
	if !strings.Contains(md, "## In short\n\nPeople gain.\n\n*Written by a language model (evilhttp://xb)") || strings.ContainsAny(md, "<") {
		t.Error(md)
	}
	if strings.Index(md, "## In short") > strings.Index(md, "## The answer") || len(md) < len(Markdown(s)) {
		t.Error("the figures are not where they were")
	}
	for _, line := range strings.Split(Markdown(s), "\n") {
		if !strings.Contains(md, line) {
			t.Errorf("%q is gone", line)
		}
	}
}
