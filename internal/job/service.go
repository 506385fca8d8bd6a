package job

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"gocloud.dev/gcerrors"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

// Service is what the API does with jobs. It holds no state of its own but a
// listing of a moment ago: any number of them can share a store and a queue.
type Service struct {
	Model run.Model
	Store *Store
	Queue queue.Queue
	// Secret makes job ids of repeated submits unguessable.
	Secret []byte
	// FilesBase is put before "/jobs/<id>/<artifact>" in references.
	FilesBase string
	// Budget is the gate of new jobs; nil lets all pass.
	Budget *Budget
	// Wake tells whoever starts workers that there is work. It may fail or be
	// lost: the queue is the truth and is looked at anyway. May be nil.
	Wake func(ctx context.Context)
	Log  *slog.Logger

	list listing
}

// Submit checks a request and makes it a job, or finds the job that already
// holds its results. Bad requests return spec.Problems and start nothing.
// With an idempotency key, the same request of the same client is one job.
func (s *Service) Submit(ctx context.Context, req *spec.RunRequest, client, idempotencyKey string) (_ *spec.Submitted, err error) {
	ctx, end := telemetry.Span(ctx, "submit")
	defer func() { end(err) }()
	cfg, problems, err := s.Model.Check(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("check the request: %w", err)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	key := cfg.RunKey()
	if r, err := s.Store.cached(ctx, key); err != nil {
		// The cache only saves work: without it the run is done again.
		s.Log.WarnContext(ctx, "cannot look for a cached run", "run_key", key, "error", err)
	} else if r != nil {
		return &spec.Submitted{JobID: r.id, Status: spec.Complete, SubmittedAt: r.submittedAt(), Cached: true}, nil
	}
	id := newID()
	if idempotencyKey != "" {
		id = idFor(s.Secret, client, idempotencyKey, key)
		r, err := s.Store.load(ctx, id)
		if err != nil {
			return nil, err
		}
		if r.config != nil {
			return &spec.Submitted{JobID: id, Status: r.state(time.Now()), SubmittedAt: r.submittedAt()}, nil
		}
	}
	if err := s.Budget.Check(ctx); err != nil {
		return nil, err
	}
	return s.start(ctx, id, cfg)
}

// start stores the config, then sends the message. The marker lets the sweeper
// finish the job of a process that died in between.
func (s *Service) start(ctx context.Context, id string, cfg *spec.Config) (*spec.Submitted, error) {
	if err := s.Store.put(ctx, pendingKey(id), []byte("\n")); err != nil {
		return nil, err
	}
	if err := s.Store.putDraft(ctx, Key(id, ConfigFile), cfg); err != nil {
		return nil, err
	}
	s.list.add(id, time.Now())
	failpoint(s.Log, "submit.stored_config", cfg.City)
	sub := &spec.Submitted{JobID: id, Status: spec.Queued, SubmittedAt: time.Now().UTC()}
	if err := s.Queue.Send(ctx, id, messageFrom(ctx, id)); err != nil {
		// The job is stored and marked: it is delayed until the sweeper can
		// send it, not lost.
		s.Log.ErrorContext(ctx, "message not sent, the sweeper will", "job", id, "error", err)
		return sub, nil
	}
	if err := s.Store.remove(ctx, pendingKey(id)); err != nil {
		s.Log.WarnContext(ctx, "marker stays until the sweeper removes it", "job", id, "error", err)
	}
	s.Log.InfoContext(ctx, "job submitted", "job", id, "city", cfg.City, "agents", cfg.Agents)
	if s.Wake != nil {
		s.Wake(ctx)
	}
	return sub, nil
}

// cached finds a complete job with the results of a run, or nil.
func (s *Store) cached(ctx context.Context, key string) (*record, error) {
	p, err := getJSON[pointer](ctx, s, runKey(key))
	if err != nil || p == nil || !ValidID(p.JobID) {
		return nil, err
	}
	r, err := s.load(ctx, p.JobID)
	if err != nil || r.manifest == nil || r.config == nil || r.manifest.RunKey != key {
		return nil, err
	}
	return r, nil
}

// record loads a job that exists.
func (s *Service) record(ctx context.Context, id string) (*record, error) {
	if !ValidID(id) {
		return nil, ErrNotFound
	}
	r, err := s.Store.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.config == nil {
		return nil, ErrNotFound
	}
	return r, nil
}

func (s *Service) status(r *record) *spec.Status {
	st := r.status(time.Now())
	for _, f := range r.files() {
		st.Artifacts = append(st.Artifacts, spec.Reference{
			Name: f.Name, URL: s.FilesBase + "/" + Key(r.id, f.Name), ContentType: f.ContentType, Bytes: f.Bytes,
		})
	}
	return st
}

// Status says where a job stands. ErrNotFound when there is none.
func (s *Service) Status(ctx context.Context, id string) (*spec.Status, error) {
	r, err := s.record(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.status(r), nil
}

// Cancel stops a job wherever it is: a queued one never starts, a running one
// is interrupted at its worker's next look. ErrEnded with the status when it
// is already complete or failed; cancelling twice is fine.
func (s *Service) Cancel(ctx context.Context, id string) (*spec.Status, error) {
	r, err := s.record(ctx, id)
	if err != nil {
		return nil, err
	}
	switch r.state(time.Now()) {
	case spec.Complete, spec.Failed:
		return s.status(r), ErrEnded
	case spec.Cancelled:
		return s.status(r), nil
	}
	if err := s.Store.putJSON(ctx, Key(id, CancelFile), cancelled{Schema: spec.SchemaVersion, At: time.Now().UTC()}); err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "job cancelled", "job", id)
	// Read again: the worker may have finished first, and then that counts.
	st, err := s.Status(ctx, id)
	if err == nil && st.State == spec.Complete {
		return st, ErrEnded
	}
	return st, err
}

// File is an open object of a job.
type File struct {
	io.ReadSeekCloser
	Name, ContentType, Cache string
	Bytes                    int64
	ModTime                  time.Time
	// SHA256 is hex, "" when the job is not complete or the file may change.
	SHA256 string
}

// Open opens a public file of a job. ErrNotFound when there is none, or when
// the name is no public file's name.
func (s *Service) Open(ctx context.Context, id, name string) (*File, error) {
	key := Key(id, name)
	kind, ok := KindOf(key)
	if !ValidID(id) || !ok || !kind.Public {
		return nil, ErrNotFound
	}
	f := &File{Name: name, ContentType: ContentType(name), Cache: revalid}
	m, err := getJSON[spec.Manifest](ctx, s.Store, Key(id, ManifestFile))
	if err != nil {
		return nil, err
	}
	if m != nil {
		f.Cache = kind.Cache
		for _, a := range m.Artifacts {
			if a.Name == name {
				f.SHA256 = a.SHA256
			}
		}
	}
	r, err := s.Store.Bucket.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", ErrStore, key, err)
	}
	f.ReadSeekCloser, f.Bytes, f.ModTime = r, r.Size(), r.ModTime()
	return f, nil
}
