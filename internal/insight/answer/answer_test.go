package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/internal/insight/llm"
	"github.com/malikobaid/cityflow/spec"
)

// shelf is one job in memory.
type shelf struct {
	sum   *spec.Summary
	md    string
	meta  *spec.InsightsMeta
	kept  int
	broke error
}

func (s *shelf) Summary(context.Context, string) (*spec.Summary, error) { return s.sum, nil }
func (s *shelf) Insights(context.Context, string) (string, *spec.InsightsMeta, error) {
	return s.md, s.meta, nil
}
func (s *shelf) KeepInsights(_ context.Context, _, md string, meta spec.InsightsMeta) error {
	if s.broke != nil {
		return s.broke
	}
	s.md, s.meta, s.kept = md, &meta, s.kept+1
	return nil
}

func example(t *testing.T) *spec.Summary {
	t.Helper()
	b, err := os.ReadFile("../../../spec/testdata/summary.json")
	if err != nil {
		t.Fatal(err)
	}
	var s spec.Summary
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// model answers with what text gives, and counts.
func model(t *testing.T, name string, calls *int, text func() string) *llm.Client {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*calls++
		w.Header().Set("Content-Type", "application/json")
		b, _ := json.Marshal(text())
		fmt.Fprintf(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":%s}}]}`, b)
	}))
	t.Cleanup(s.Close)
	return llm.New(llm.Options{BaseURL: s.URL, Model: name})
}

func TestInsightsAreWrittenAgainOnlyWhenThatMakesThemBetter(t *testing.T) {
	sum := example(t)
	rules := insight.Meta()
	j := &shelf{sum: sum, md: insight.Markdown(sum), meta: &rules}
	s := &Service{Jobs: j, Docs: Documentation, Log: quiet()}
	ask := func() *Words {
		t.Helper()
		w, err := s.Insights(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	if w := ask(); !w.Cached || w.Meta.Source != spec.FromRules || j.kept != 0 {
		t.Errorf("without a model: %+v", w.Meta)
	}
	// A model that invents is asked twice, then left alone.
	calls, text := 0, "It gains 9,999 riders."
	s.Model = model(t, "m-1", &calls, func() string { return text })
	for range 4 {
		if w := ask(); w.Markdown != insight.Markdown(sum) || w.Meta.Source != spec.FromRules || w.Meta.Note == "" || strings.Contains(w.Meta.Note, "9,999") {
			t.Errorf("%+v", w.Meta)
		}
	}
	if calls != maxTries {
		t.Errorf("%d calls", calls)
	}
	// Another model gets its chance, and its words are kept.
	calls, text = 0, "About 1,240 people ride."
	s.Model = model(t, "m-2", &calls, func() string { return text })
	if w := ask(); w.Cached || w.Meta.Source != spec.FromModel || w.Meta.Model != "m-2" || w.Meta.Prompt != llm.PromptVersion || !strings.Contains(w.Markdown, text) {
		t.Errorf("%+v\n%s", w.Meta, w.Markdown)
	}
	if w := ask(); !w.Cached || calls != 1 || !strings.Contains(w.Markdown, text) {
		t.Errorf("%+v after %d calls", w.Meta, calls)
	}
	// They stay when the model goes.
	s.Model = nil
	if w := ask(); !w.Cached || w.Meta.Source != spec.FromModel {
		t.Errorf("%+v", w.Meta)
	}
}

func TestMissingInsightsAreWrittenByRules(t *testing.T) {
	j := &shelf{sum: example(t)}
	s := &Service{Jobs: j, Docs: Documentation, Log: quiet()}
	w, err := s.Insights(t.Context(), "x")
	if err != nil || w.Cached || w.Markdown != insight.Markdown(j.sum) || j.kept != 1 {
		t.Fatal(w, err)
	}
	j.md, j.broke = "", errors.New("the disk is full")
	if w, err = s.Insights(t.Context(), "x"); err != nil || w.Markdown == "" {
		t.Fatal(w, err)
	}
	// A failing server costs the words nothing and is not held against the job.
	j.broke = nil
	s.Model = llm.New(llm.Options{BaseURL: "http://127.0.0.1:1/"})
	if w, err = s.Insights(t.Context(), "x"); err != nil || w.Meta.Source != spec.FromRules || w.Meta.Tries != 0 || w.Meta.Note == "" {
		t.Fatal(w, err)
	}
}

func TestQuestionsFallBackToRules(t *testing.T) {
	calls, text := 0, "Car trips fall by 350."
	s := &Service{Jobs: &shelf{sum: example(t)}, Docs: Documentation, Log: quiet(), Model: model(t, "m", &calls, func() string { return text })}
	if r, err := s.About(t.Context(), "x", "what about cars?"); err != nil || r.Source != spec.FromModel || r.Markdown != text || r.Note != "" {
		t.Fatal(r, err)
	}
	text = "Car trips fall by 351."
	if r, err := s.About(t.Context(), "x", "what about cars?"); err != nil || r.Source != spec.FromRules || !strings.Contains(r.Markdown, "-350") || r.Note == "" {
		t.Fatal(r, err)
	}
	text = "After 7777 attempts."
	if r, err := s.Help(t.Context(), []llm.Said{{Text: "What happens if the computer crashes?"}}); err != nil || r.Source != spec.FromRules || !strings.Contains(r.Markdown, "durable queue") {
		t.Fatal(r, err)
	}
}

func TestHelpFindsThePageThatAnswers(t *testing.T) {
	s := &Service{Docs: Documentation, Log: quiet()}
	for question, want := range map[string]string{
		"What does the 95% interval mean?":                 "random people and draws",
		"how can I run this on my laptop or computer":      "make run",
		"Can I add my own city?":                           "city.yaml",
		"Who can see the results of my job?":               "128 random bits",
		"Is it AI? artificial intelligence":                "made by rules",
		"What is a platoon?":                               "vehicles that move as one",
		"what is spillback":                                "full link",
		"where do metrics go, prometheus?":                 "/metrics",
		"What licence does it have and what does it cost?": "MIT",
		"xyzzy plugh":                                      "says nothing about that",
		"":                                                 "says nothing about that",
	} {
		r, err := s.Help(t.Context(), []llm.Said{{Text: "hello"}, {FromUs: true, Text: "Hello."}, {Text: question}})
		if err != nil || !strings.Contains(r.Markdown, want) || strings.Contains(r.Markdown, "](") {
			t.Errorf("%q: %q is missing in\n%v %v", question, want, r.Markdown, err)
		}
	}
}

func TestPagesAreCutAtHeadingsAndTableRows(t *testing.T) {
	x, err := NewIndex(fstest.MapFS{
		"a.md":   {Data: []byte("# Top\nIntro [link](x.md).\n\n## Part `one`\ntext\n```\n# no heading\n```\n| term | means |\n|---|---|\n| Node | a junction | - |\n\n| term | identifier | meaning | not |\n|---|---|---|---|\n| Link | `LinkID` | a piece of street | edge |\n")},
		"b.html": {Data: []byte("no")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range x.sections {
		got = append(got, s.Title+"="+s.Text)
	}
	if want := "Top=Intro link.;Node=means: a junction;Link=a piece of street (identifier: LinkID; not: edge);Part one=text\n# no heading"; strings.Join(got, ";") != want {
		t.Errorf("%q", got)
	}
}
