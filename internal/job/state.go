package job

import (
	"context"
	"fmt"
	"time"

	"gocloud.dev/gcerrors"

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
	LeaseSec float64 `json:"lease_sec"`
	// WorkedSec is what earlier attempts took that began on the same UTC day.
	WorkedSec   float64   `json:"worked_sec"`
	SubmittedAt time.Time `json:"submitted_at"`
	StartedAt   time.Time `json:"started_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Reasons in failed.json.
const (
	ReasonBadConfig  = "bad_config"  // the model refused the config
	ReasonInternal   = "internal"    // a broken invariant; the stack is in run.log
	ReasonWorkerLost = "worker_lost" // workers vanished or failed too often
	ReasonTimeLimit  = "time_limit"  // the run takes longer than a worker may live
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
	config   *spec.Config
	stored   time.Time // when the config was last written
	progress *progress
	manifest *spec.Manifest
	failed   *failed
	cancel   *cancelled
	logBytes int64 // size of run.log of a failed job
	// unknown names a field of the config that this version does not know. It
	// may change the answer, so only a version that does may run the job.
	unknown string
}

// load reads a job by asking for each object, which costs less than a listing
// where either is paid for, and cannot trip over files that a worker is just
// writing. A record without config is no job.
func (s *Store) load(ctx context.Context, id string) (*record, error) {
	r := &record{id: id}
	var err error
	if r.config, r.unknown, r.stored, err = s.getConfig(ctx, id); err != nil || r.config == nil {
		return r, err
	}
	if r.progress, err = getJSON[progress](ctx, s, Key(id, ProgressFile)); err != nil {
		return nil, err
	}
	if r.manifest, err = getJSON[spec.Manifest](ctx, s, Key(id, ManifestFile)); err != nil || r.manifest != nil {
		return r, err // nothing else counts then
	}
	if r.failed, err = getJSON[failed](ctx, s, Key(id, FailedFile)); err != nil {
		return nil, err
	}
	if r.failed != nil {
		a, err := s.Bucket.Attributes(ctx, Key(id, RunLogFile))
		if err == nil {
			r.logBytes = a.Size
		} else if gcerrors.Code(err) != gcerrors.NotFound {
			return nil, fmt.Errorf("%w: attributes of %s: %w", ErrStore, Key(id, RunLogFile), err)
		}
		return r, nil
	}
	r.cancel, err = getJSON[cancelled](ctx, s, Key(id, CancelFile))
	return r, err
}

// failures counts the failed attempts, the last one included: unless it was
// released in order, its worker gave up or had no chance to say anything.
func (p *progress) failures() int {
	if p.Released {
		return p.Failed
	}
	return p.Failed + 1
}

// lostJob is the end of a job that was tried too often.
func lostJob(tried int, lastError string) failed {
	msg := fmt.Sprintf("The job was given up after %d attempts: its worker stopped without a word each time.", tried)
	if lastError != "" {
		msg = fmt.Sprintf("The job was given up after %d attempts. The last error was: %s", tried, lastError)
	}
	return failed{Schema: spec.SchemaVersion, Reason: ReasonWorkerLost, Message: msg, Attempt: tried, At: time.Now().UTC()}
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
	return r.stored
}

// status is the record as the API shows it, without artifact URLs.
func (r *record) status(now time.Time) *spec.Status {
	st := &spec.Status{JobID: r.id, State: r.state(now), SubmittedAt: r.submittedAt(), Config: r.config, Artifacts: []spec.Reference{}}
	if r.config != nil && r.manifest == nil { // a manifest names the run itself
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
	if r.logBytes > 0 {
		return []spec.ManifestFile{{Name: RunLogFile, ContentType: ContentType(RunLogFile), Bytes: r.logBytes}}
	}
	return nil
}
