package job

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
)

// Sweeper finds jobs that were promised but have no message, and sends it.
// That happens when a process dies between storing a job and sending it, or
// when a queue's files are lost.
type Sweeper struct {
	Store *Store
	Queue queue.Queue
	// MarkerAge is how old a marker must be before its submit counts as dead.
	// 0 means half a minute.
	MarkerAge time.Duration
	Log       *slog.Logger
}

const (
	sweepEvery = 15 * time.Second
	auditEvery = 10 * time.Minute
)

// Run audits at the start, then sweeps and audits now and then until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	sweep, audit := time.NewTicker(sweepEvery), time.NewTicker(auditEvery)
	defer sweep.Stop()
	defer audit.Stop()
	step := s.Audit
	for {
		n, err := step(ctx)
		if n > 0 {
			s.Log.Info("sent jobs that had no message", "jobs", n)
		}
		next := s.Sweep
		if err != nil && ctx.Err() == nil {
			s.Log.Error("sweep failed, will be repeated", "error", err)
			next = step
		}
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			step = next
		case <-audit.C:
			step = s.Audit
		}
	}
}

// Sweep follows up on stale markers. It returns how many jobs it sent.
func (s *Sweeper) Sweep(ctx context.Context) (sent int, err error) {
	age := s.MarkerAge
	if age == 0 {
		age = 30 * time.Second
	}
	markers, err := s.Store.list(ctx, pendingKey(""))
	if err != nil {
		return 0, err
	}
	for _, m := range markers {
		if time.Since(m.mod) < age {
			continue
		}
		id := strings.TrimPrefix(m.key, pendingKey(""))
		r, err := s.Store.load(ctx, id)
		if err != nil {
			return sent, err
		}
		// Without config nothing was promised to anybody.
		if r.config != nil && r.open() {
			if err := s.Queue.Send(ctx, id, encodeMessage(id)); err != nil {
				return sent, err
			}
			sent++
		}
		if err := s.Store.remove(ctx, pendingKey(id)); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// Audit looks at every job where the queue can tell what it holds: one without
// end state and without message is sent again. Where it cannot tell, only
// markers count.
func (s *Sweeper) Audit(ctx context.Context) (sent int, err error) {
	if sent, err = s.Sweep(ctx); err != nil {
		return sent, err
	}
	holder, ok := s.Queue.(queue.Holder)
	if !ok {
		return sent, nil
	}
	open := map[string]bool{}
	var order []string
	objects, err := s.Store.list(ctx, "jobs/")
	if err != nil {
		return sent, err
	}
	for _, o := range objects {
		switch id, name, _ := splitKey(o.key); name {
		case ConfigFile:
			order = append(order, id)
			if _, ended := open[id]; !ended {
				open[id] = true
			}
		case ManifestFile, FailedFile, CancelFile:
			open[id] = false
		}
	}
	for _, id := range order {
		if !open[id] {
			continue
		}
		held, err := holder.Holds(ctx, id)
		if err != nil {
			return sent, err
		}
		if !held {
			if err := s.Queue.Send(ctx, id, encodeMessage(id)); err != nil {
				return sent, err
			}
			sent++
		}
		// The queue holds the message: a marker has served its purpose.
		if err := s.Store.remove(ctx, pendingKey(id)); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// open says that the job has not ended.
func (r *record) open() bool { return r.manifest == nil && r.failed == nil && r.cancel == nil }
