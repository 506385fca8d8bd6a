// Package answer joins what can put a result or CityFlow itself into words: the
// rules, which always answer, the language model where there is one, and the
// documentation. A model that fails for whatever reason is replaced by the
// rules within the same call.
package answer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/internal/insight/llm"
	"github.com/malikobaid/cityflow/spec"
)

// Jobs is what is known of complete jobs; job.Service has it.
type Jobs interface {
	Summary(ctx context.Context, id string) (*spec.Summary, error)
	Insights(ctx context.Context, id string) (md string, meta *spec.InsightsMeta, err error)
	KeepInsights(ctx context.Context, id, md string, meta spec.InsightsMeta) error
}

// Service answers.
type Service struct {
	Jobs Jobs
	// Model may be nil: the rules answer alone.
	Model *llm.Client
	// Docs gives the pages that questions are answered from; it is called when
	// the first is asked.
	Docs func() *Index
	Log  *slog.Logger
}

// maxTries is how often a model may fail our checks on one result before the
// rules' words stay.
const maxTries = 2

// Words are insights with what wrote them.
type Words struct {
	Markdown string
	Meta     spec.InsightsMeta
	// Cached words were kept from before.
	Cached bool
}

// Insights gives the words on a complete job. They are written again only when
// they are missing, or by rules and there is a model now.
func (s *Service) Insights(ctx context.Context, id string) (*Words, error) {
	md, have, err := s.Jobs.Insights(ctx, id)
	if err != nil {
		return nil, err
	}
	meta := insight.Meta()
	if have != nil {
		meta = *have
	}
	if md != "" && !s.wanted(&meta) {
		return &Words{md, meta, true}, nil
	}
	sum, err := s.Jobs.Summary(ctx, id)
	if err != nil {
		return nil, err
	}
	cached := md != ""
	keep := !cached
	if !cached {
		md, meta = insight.Markdown(sum), insight.Meta()
	}
	if s.wanted(&meta) {
		prose, err := s.Model.Insights(ctx, sum)
		var e *llm.Error
		switch {
		case err == nil:
			md, cached, keep = insight.WithProse(sum, prose, s.Model.Model()), false, true
			meta = insight.Meta()
			meta.Source, meta.Model, meta.Prompt = spec.FromModel, s.Model.Model(), llm.PromptVersion
		case errors.As(err, &e):
			if meta.Model != s.Model.Model() || meta.Prompt != llm.PromptVersion {
				meta.Tries = 0
			}
			meta.Model, meta.Prompt, meta.Note = s.Model.Model(), llm.PromptVersion, e.Note
			if e.Kind == llm.Refused {
				meta.Tries++
				keep = true
			}
		default:
			return nil, err
		}
	}
	if keep {
		if err := s.Jobs.KeepInsights(ctx, id, md, meta); err != nil {
			// The words are good all the same; next time they are made again.
			s.Log.WarnContext(ctx, "insights not kept", "error", err)
		}
	}
	return &Words{md, meta, cached}, nil
}

// wanted says that a model should write, and has not failed at it too often.
func (s *Service) wanted(meta *spec.InsightsMeta) bool {
	if s.Model == nil || meta.Source == spec.FromModel {
		return false
	}
	same := meta.Model == s.Model.Model() && meta.Prompt == llm.PromptVersion
	return !same || meta.Tries < maxTries
}

// Reply is an answer and what gave it.
type Reply struct {
	Markdown, Source string
	// Note says why a model that was asked did not answer.
	Note string
}

// About answers a question about a complete job.
func (s *Service) About(ctx context.Context, id, question string) (*Reply, error) {
	sum, err := s.Jobs.Summary(ctx, id)
	if err != nil {
		return nil, err
	}
	note := ""
	if s.Model != nil {
		var terms []string
		for _, t := range s.Docs().Find(question, 3) {
			terms = append(terms, t.Title+": "+clip(t.Text, 500))
		}
		md, err := s.Model.About(ctx, sum, question, terms)
		if err == nil {
			return &Reply{md, spec.FromModel, ""}, nil
		}
		note = err.Error()
	}
	return &Reply{insight.Reply(sum, question), spec.FromRules, note}, nil
}

// Help answers the last message of a conversation about CityFlow.
func (s *Service) Help(ctx context.Context, said []llm.Said) (*Reply, error) {
	question := ""
	for _, m := range said {
		if !m.FromUs {
			question = m.Text
		}
	}
	found := s.Docs().Find(question, 5)
	if len(found) == 0 {
		return &Reply{"The documentation says nothing about that. It can be asked how a result comes about, what its words mean, " +
			"how to run CityFlow, and what the model leaves out.", spec.FromRules, ""}, nil
	}
	note := ""
	if s.Model != nil {
		var passages []string
		for _, f := range found {
			passages = append(passages, fmt.Sprintf("%s (%s)\n%s", f.Title, f.Page, clip(f.Text, 2500)))
		}
		md, err := s.Model.Help(ctx, passages, said)
		if err == nil {
			return &Reply{md, spec.FromModel, ""}, nil
		}
		note = err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** (docs/%s)\n\n%s\n", found[0].Title, found[0].Page, clip(found[0].Text, 1500))
	var more []string
	for _, f := range found[1:min(4, len(found))] {
		more = append(more, fmt.Sprintf("- %s (docs/%s)", f.Title, f.Page))
	}
	if len(more) > 0 {
		fmt.Fprintf(&b, "\nSee also:\n\n%s\n", strings.Join(more, "\n"))
	}
	return &Reply{b.String(), spec.FromRules, note}, nil
}

// clip cuts a text at the end of a line or sentence.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	cut := string(runes[:most])
	if i := strings.LastIndexAny(cut, ".\n"); i > len(cut)/2 {
		cut = cut[:i+1]
	}
	return strings.TrimSpace(cut) + " …"
}
