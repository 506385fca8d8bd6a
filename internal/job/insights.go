package job

import (
	"context"
	"fmt"

	"github.com/malikobaid/cityflow/spec"
)

// Files of the answer in words. Their bytes may change after the job completed:
// a language model that becomes available writes them again.
const (
	InsightsFile     = "insights.md"
	InsightsMetaFile = "insights.meta.json"
)

// complete loads a job that has results. ErrNotComplete before that.
func (s *Service) complete(ctx context.Context, id string) (*record, error) {
	r, err := s.record(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.manifest == nil {
		return nil, ErrNotComplete
	}
	return r, nil
}

// Summary is the published answer of a complete job.
func (s *Service) Summary(ctx context.Context, id string) (*spec.Summary, error) {
	if _, err := s.complete(ctx, id); err != nil {
		return nil, err
	}
	sum, err := getJSON[spec.Summary](ctx, s.Store, Key(id, "summary.json"))
	if err == nil && sum == nil {
		err = fmt.Errorf("%w: complete job %s has no summary.json", ErrStore, id)
	}
	return sum, err
}

// Insights is the Markdown on a complete job, "" when it is missing, and what
// wrote it; jobs of before there was a record of that have none.
func (s *Service) Insights(ctx context.Context, id string) (md string, meta *spec.InsightsMeta, err error) {
	if _, err := s.complete(ctx, id); err != nil {
		return "", nil, err
	}
	b, _, err := s.Store.get(ctx, Key(id, InsightsFile))
	if err != nil {
		return "", nil, err
	}
	meta, err = getJSON[spec.InsightsMeta](ctx, s.Store, Key(id, InsightsMetaFile))
	return string(b), meta, err
}

// KeepInsights stores new words of a complete job. The text comes first: a
// crash in between leaves a text that is written once more.
func (s *Service) KeepInsights(ctx context.Context, id, md string, meta spec.InsightsMeta) error {
	if _, err := s.complete(ctx, id); err != nil {
		return err
	}
	if err := s.Store.put(ctx, Key(id, InsightsFile), []byte(md)); err != nil {
		return err
	}
	return s.Store.putJSON(ctx, Key(id, InsightsMetaFile), meta)
}
