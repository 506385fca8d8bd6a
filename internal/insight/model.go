package insight

import (
	"fmt"
	"strings"

	"github.com/malikobaid/cityflow/spec"
)

// Facts is what a language model is told of a summary: the figures as the rules
// write them, without false precision. Of a change that is not clear it learns
// the range and the verdict, not the mean, which would only tempt it.
type Facts struct {
	City        string      `json:"city"`
	Title       string      `json:"title"`
	Date        string      `json:"date"`
	Window      spec.Window `json:"window"`
	Demand      string      `json:"demand"`
	Population  string      `json:"population"`
	People      string      `json:"simulated_people"`
	Runs        int         `json:"paired_runs"`
	Converged   bool        `json:"traffic_settled"`
	Calibrated  bool        `json:"calibrated"`
	Verdict     []string    `json:"verdict"`
	Indicators  []Figure    `json:"indicators"`
	Modes       []string    `json:"modes"`
	Areas       []string    `json:"areas"`
	Lines       []string    `json:"lines"`
	Warnings    []string    `json:"warnings"`
	Assumptions []string    `json:"assumptions"`
}

// Figure is one indicator.
type Figure struct {
	Name     string `json:"name"`
	Unit     string `json:"unit"`
	Baseline string `json:"baseline"`
	Scenario string `json:"scenario,omitempty"`
	Change   string `json:"change,omitempty"`
	Range    string `json:"range_95"`
	Verdict  string `json:"verdict"`
}

// maxFacts bounds each list, so that a city of a hundred areas is not a book.
const maxFacts = 30

// FactsOf a summary.
func FactsOf(s *spec.Summary) Facts {
	f := Facts{City: s.CityName, Title: s.Title, Date: s.Date, Window: s.Window, Demand: s.TrafficLevel, Population: Number(s.Population, 0),
		People: Number(float64(s.Agents), 0), Runs: s.Replications, Converged: s.Converged, Calibrated: !s.Uncalibrated,
		Verdict: s.Verdict, Warnings: s.Warnings, Assumptions: s.Assumptions}
	for i := range s.KPIs {
		k := &s.KPIs[i]
		h := halfWidth(k.CI95)
		g := Figure{Name: k.Name, Unit: k.Unit, Baseline: Number(k.Baseline, h), Range: Range(k.CI95), Verdict: strings.ReplaceAll(k.Verdict, "_", " ")}
		if k.Verdict != spec.NoClearChange {
			g.Scenario, g.Change = Number(k.Scenario, h), Number(k.Diff, h)
		}
		f.Indicators = append(f.Indicators, g)
	}
	for _, m := range s.By.Mode {
		f.Modes = append(f.Modes, modeTopic(m.Mode, "")(s)...)
	}
	for i := range s.By.Area {
		f.Areas = append(f.Areas, areaSentence(&s.By.Area[i]))
	}
	f.Lines = lineTopic(s)
	for _, list := range []*[]string{&f.Verdict, &f.Modes, &f.Areas, &f.Lines, &f.Warnings, &f.Assumptions} {
		if len(*list) > maxFacts {
			*list = (*list)[:maxFacts]
		}
	}
	if len(f.Indicators) > maxFacts {
		f.Indicators = f.Indicators[:maxFacts]
	}
	return f
}

// WithProse puts a model's words, checked by the caller, before the rules' own
// sections. Those stay: a reader can hold the words against the figures.
func WithProse(s *spec.Summary, prose, model string) string {
	section := fmt.Sprintf("## In short\n\n%s\n\n*Written by a language model (%s) from the figures below. Each number in it was found there; the judgement is the model's.*\n\n",
		strings.TrimSpace(prose), strings.Map(func(r rune) rune {
			if strings.ContainsRune("*_`[]()<>\\\n\r", r) {
				return -1
			}
			return r
		}, model))
	return strings.Replace(Markdown(s), "## The answer\n", section+"## The answer\n", 1)
}

// Meta of the rule-based insights.
func Meta() spec.InsightsMeta {
	return spec.InsightsMeta{Schema: spec.SchemaVersion, Source: spec.FromRules, Rules: Version}
}
