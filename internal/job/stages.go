package job

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

// stageWatch times the stages of a run as its progress names them: one span and
// one value of the histogram each. The zero value watches nothing.
type stageWatch struct {
	mu      sync.Mutex
	worker  *Worker
	ctx     context.Context // of the attempt: spans of stages hang below it
	started time.Time
	stage   string
	since   time.Time
	done    func(error)
}

// begin starts the clock of the attempt.
func (s *stageWatch) begin(ctx context.Context, w *Worker) {
	s.worker, s.ctx, s.started = w, ctx, time.Now()
}

// at says that the run is in a stage. Names the pipeline does not list are left
// out: a label must come from a fixed set.
func (s *stageWatch) at(stage string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.worker == nil || stage == s.stage || !slices.Contains(run.Stages, stage) {
		return
	}
	s.leave(nil)
	s.stage, s.since = stage, time.Now()
	_, s.done = telemetry.Span(s.ctx, "stage", "stage", stage)
	s.worker.Log.DebugContext(s.ctx, "stage", "stage", stage)
}

// end closes the last stage; only a run that ended well counts as a total.
func (s *stageWatch) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(err)
	if s.worker != nil && err == nil {
		s.worker.Metrics.Observe("cityflow_job_seconds", time.Since(s.started).Seconds(), "stage", "total")
	}
	s.worker = nil
}

func (s *stageWatch) leave(err error) {
	if s.done == nil {
		return
	}
	s.done(err)
	if err == nil {
		s.worker.Metrics.Observe("cityflow_job_seconds", time.Since(s.since).Seconds(), "stage", s.stage)
	}
	s.done = nil
}
