package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

// produce gets every artifact into the store, then the manifest, then the
// pointer that later submits find. Only then may the message go.
func (a *attempt) produce(ctx context.Context) error {
	if ok, err := a.reuse(ctx); err != nil || ok {
		return err
	}
	a.log.Info("started", "city", a.r.config.City, "agents", a.r.config.Agents, "engine", a.Engine)
	s := &sink{store: a.Store, id: a.r.id, files: map[string]spec.ManifestFile{}}
	cfg, err := a.runModel(ctx, s)
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err // the model ended just before it noticed
	}
	if cfg == nil {
		return &panicError{value: "the run returned no config"}
	}
	if _, ok := s.files[ConfigFile]; !ok {
		b, err := spec.Canonical(cfg)
		if err != nil {
			return &panicError{value: err}
		}
		if err := s.Put(ctx, ConfigFile, ContentType(ConfigFile), b); err != nil {
			return err
		}
	}
	failpoint(a.Worker.Log, "worker.wrote_artifacts", a.r.config.City)
	// The last moment to notice a cancel: after this the job is complete.
	if gone, err := a.Store.exists(ctx, Key(a.r.id, CancelFile)); err != nil || gone {
		if gone {
			return errCancelled
		}
		return err
	}
	a.log.Info("finished", "files", len(s.files))
	if err := s.Put(ctx, RunLogFile, ContentType(RunLogFile), a.log.bytes()); err != nil {
		return err
	}
	now := time.Now().UTC()
	a.r.manifest = &spec.Manifest{
		Schema: spec.SchemaVersion, RunKey: cfg.RunKey(), ModelVersion: cfg.ModelVersion, CityDigest: cfg.CityDigest,
		Artifacts: s.list(),
		Timing:    spec.Timing{StartedAt: a.p.StartedAt, FinishedAt: now, Seconds: now.Sub(a.p.StartedAt).Seconds(), Engine: a.Engine},
	}
	return a.complete(ctx)
}

// complete writes the manifest and the pointer. A signal arriving now must not
// throw away a finished run.
func (a *attempt) complete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	if err := a.Store.putJSON(ctx, Key(a.r.id, ManifestFile), a.r.manifest); err != nil {
		return err
	}
	if err := a.point(ctx, a.r); err != nil {
		return err
	}
	failpoint(a.Worker.Log, "worker.before_done", a.r.config.City)
	return nil
}

// point makes the run findable, under the key of the run really done.
func (w *Worker) point(ctx context.Context, r *record) error {
	return w.Store.putJSON(ctx, runKey(r.manifest.RunKey), pointer{Schema: spec.SchemaVersion, JobID: r.id})
}

// reuse copies the results of an equal run that completed after this job was
// submitted (two people asking the same thing at once). It reports whether the
// job is complete. A copy that turns out incomplete is simply run.
func (a *attempt) reuse(ctx context.Context) (bool, error) {
	from, err := a.Store.cached(ctx, a.r.config.RunKey())
	if err != nil || from == nil {
		return false, err
	}
	for _, f := range from.manifest.Artifacts {
		b, found, err := a.Store.get(ctx, Key(from.id, f.Name))
		if err != nil {
			return false, err
		}
		if !found || f.SHA256 != "" && f.SHA256 != hash(b) {
			a.Worker.Log.WarnContext(ctx, "an equal run is damaged, running again", "damaged", from.id, "file", f.Name)
			return false, nil
		}
		if err := a.Store.put(ctx, Key(a.r.id, f.Name), b); err != nil {
			return false, err
		}
	}
	if gone, err := a.Store.exists(ctx, Key(a.r.id, CancelFile)); err != nil || gone {
		if gone {
			return false, errCancelled
		}
		return false, err
	}
	a.r.manifest = from.manifest
	a.Metrics.Add("cityflow_cache_hits_total", 1)
	return true, a.complete(ctx)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sink stores artifacts and remembers what it stored.
type sink struct {
	store *Store
	id    string
	mu    sync.Mutex
	files map[string]spec.ManifestFile
}

// Put implements run.Sink. A name that no artifact may have is a broken
// invariant of the model: better a failed job than a file nobody can read.
func (s *sink) Put(ctx context.Context, name, contentType string, data []byte) error {
	key := Key(s.id, name)
	k, ok := KindOf(key)
	if !ok || (k.Name != "artifact" && k.Name != "insights" && k.Name != "config" && k.Name != "log") {
		panic(fmt.Sprintf("job: artifact name %q is not allowed, want names such as %q", name, "summary.json"))
	}
	if err := s.store.put(ctx, key, data); err != nil {
		return err
	}
	f := spec.ManifestFile{Name: name, ContentType: contentType, Bytes: int64(len(data))}
	if contentType == "" {
		f.ContentType = ContentType(name)
	}
	if name != RunLogFile && !strings.HasPrefix(name, "insights.") {
		f.SHA256 = hash(data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = f
	return nil
}

func (s *sink) list() []spec.ManifestFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]spec.ManifestFile, 0, len(s.files))
	for _, f := range s.files {
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
