package job

import (
	"context"
	"fmt"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

// progress is progress.json: what the worker last knew. It also counts
// attempts, because a queue may lose its count when it is killed.
type progress struct {
	Schema  int      `json:"schema"`
	Stage   string   `json:"stage"`
	Done    float64  `json:"progress"`
	ETASec  *float64 `json:"eta_sec"`
	Message string   `json:"message"`
	// Attempt counts every start, Failed those that did not end in an orderly
	// way: the previous worker vanished, or gave up with an error.
	Attempt int `json:"attempt"`
	Failed  int `json:"failed_attempts"`
	// Released says that the worker gave the job back on a signal, which is
	// not a failed attempt.
	Released  bool   `json:"released"`
	LastError string `json:"last_error,omitempty"`
	// LeaseSec is the lease of the writer; twice as old is stale.
	LeaseSec    float64   `json:"lease_sec"`
	SubmittedAt time.Time `json:"submitted_at"`
	StartedAt   time.Time `json:"started_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Reasons in failed.json.
const (
	ReasonBadConfig  = "bad_config"  // the model refused the config
	ReasonInternal   = "internal"    // a broken invariant; the stack is in run.log
	ReasonWorkerLost = "worker_lost" // workers vanished or failed too often
)

// failed is failed.json.
type failed struct {
	Schema   int           `json:"schema"`
	Reason   string        `json:"reason"`
	Message  string        `json:"message"`
	Problems spec.Problems `json:"problems,omitempty"`
	Attempt  int           `json:"attempt"`
	At       time.Time     `json:"at"`
}

// cancelled is cancel.json.
type cancelled struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
}

// pointer is runs/<run key>.json: a job that holds the results of a run.
type pointer struct {
	Schema int    `json:"schema"`
	JobID  string `json:"job_id"`
}

// record is all that is stored about one job. Nil parts do not exist.
type record struct {
	id       string
	objects  map[string]object
	config   *spec.Config
	progress *progress
	manifest *spec.Manifest
	failed   *failed
	cancel   *cancelled
}

// load reads a job: one listing, then the objects that exist. A record without
// config is no job.
func (s *Store) load(ctx context.Context, id string) (*record, error) {
	r := &record{id: id, objects: map[string]object{}}
	if err := s.each(ctx, Key(id, ""), func(key string, o object) {
		_, name, _ := splitKey(key)
		r.objects[name] = o
	}); err != nil {
		return nil, err
	}
	var err error
	part := func(name string, read func(key string) error) {
		if _, ok := r.objects[name]; ok && err == nil {
			err = read(Key(id, name))
		}
	}
	part(ConfigFile, func(k string) (e error) { r.config, e = getJSON[spec.Config](ctx, s, k); return })
	part(ProgressFile, func(k string) (e error) { r.progress, e = getJSON[progress](ctx, s, k); return })
	part(ManifestFile, func(k string) (e error) { r.manifest, e = getJSON[spec.Manifest](ctx, s, k); return })
	part(FailedFile, func(k string) (e error) { r.failed, e = getJSON[failed](ctx, s, k); return })
	part(CancelFile, func(k string) (e error) { r.cancel, e = getJSON[cancelled](ctx, s, k); return })
	if err != nil {
		return nil, err
	}
	return r, nil
}

// state applies the precedence manifest > failed > cancel > progress > config.
func (r *record) state(now time.Time) spec.State {
	switch {
	case r.manifest != nil:
		return spec.Complete
	case r.failed != nil:
		return spec.Failed
	case r.cancel != nil:
		return spec.Cancelled
	case r.progress != nil && !r.progress.Released && !r.progress.stale(now):
		return spec.Running
	}
	return spec.Queued
}

// stale says that two leases went by without a word from the worker.
func (p *progress) stale(now time.Time) bool {
	return now.Sub(p.UpdatedAt) > time.Duration(2*p.LeaseSec*float64(time.Second))
}

// submittedAt is when the config was first written. A worker may write the
// same config again, so it carries the time over into progress.json.
func (r *record) submittedAt() time.Time {
	if r.progress != nil && !r.progress.SubmittedAt.IsZero() {
		return r.progress.SubmittedAt
	}
	return r.objects[ConfigFile].mod.UTC()
}

// status is the record as the API shows it, without artifact URLs.
func (r *record) status(now time.Time) *spec.Status {
	st := &spec.Status{JobID: r.id, State: r.state(now), SubmittedAt: r.submittedAt(), Config: r.config, Artifacts: []spec.Reference{}}
	if r.config != nil {
		st.RunKey = r.config.RunKey()
	}
	if p := r.progress; p != nil {
		st.Attempt, st.Stage, st.Progress, st.StartedAt = p.Attempt, p.Stage, p.Done, &p.StartedAt
	}
	switch st.State {
	case spec.Queued:
		st.Stage, st.Progress, st.StartedAt = "", 0, nil
		st.Message = "Waiting for a worker."
		if r.progress != nil {
			st.Message = fmt.Sprintf("Attempt %d was interrupted; it will be tried again.", r.progress.Attempt)
		}
	case spec.Running:
		st.ETASec, st.Message = r.progress.ETASec, r.progress.Message
	case spec.Complete:
		m := r.manifest
		st.RunKey, st.Progress, st.Stage, st.Message = m.RunKey, 1, "", "The results are ready."
		st.StartedAt, st.FinishedAt = &m.Timing.StartedAt, &m.Timing.FinishedAt
	case spec.Failed:
		st.Message, st.FinishedAt = r.failed.Message, &r.failed.At
	case spec.Cancelled:
		st.Message, st.FinishedAt = "Cancelled.", &r.cancel.At
	}
	return st
}

// files lists what can be read of the job: the manifest's files once complete,
// the log of a failed one.
func (r *record) files() []spec.ManifestFile {
	if r.manifest != nil {
		return r.manifest.Artifacts
	}
	if o, ok := r.objects[RunLogFile]; ok && r.failed != nil {
		return []spec.ManifestFile{{Name: RunLogFile, ContentType: ContentType(RunLogFile), Bytes: o.size}}
	}
	return nil
}
