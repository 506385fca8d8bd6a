package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/run"
)

const (
	// progressEvery bounds how often progress is written, and so does a 60th of
	// the lease: 2 s on AWS, where each write is paid for.
	progressEvery = 500 * time.Millisecond
	// pacedStage goes evenly and takes most of every run: its speed tells the time
	// left. The stages before it are quick where their answers are kept, slow
	// where they are not, and say nothing about it.
	pacedStage = "simulate"
	// etaFrom is the share of a run that must have passed at that speed (assumed).
	etaFrom = 0.03
)

// progressBox is progress shared by the model's goroutine and the minder.
type progressBox struct {
	mu sync.Mutex
	progress
	dirty bool
	// pacedSince and pacedFrom are when and at which share pacedStage began.
	pacedSince time.Time
	pacedFrom  float64
}

func (b *progressBox) update(f func(*progress)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.progress)
	b.dirty = true
}

// report receives the model's progress.
func (a *attempt) report(p run.Progress) {
	a.watch.at(p.Stage)
	a.p.update(func(q *progress) {
		if p.Stage != q.Stage || p.Message != q.Message {
			a.log.Info(p.Message, "stage", p.Stage, "done", p.Done)
		}
		q.Stage, q.Done, q.Message = p.Stage, min(max(p.Done, q.Done), 1), p.Message
		if b := a.p; p.Stage == pacedStage && b.pacedSince.IsZero() {
			b.pacedSince, b.pacedFrom = time.Now(), q.Done
		} else if moved := q.Done - b.pacedFrom; !b.pacedSince.IsZero() && moved >= etaFrom {
			eta := time.Since(b.pacedSince).Seconds() * (1 - q.Done) / moved
			q.ETASec = &eta
		}
	})
}

// writeProgress stores what is known now.
func (a *attempt) writeProgress(ctx context.Context) error {
	a.p.mu.Lock()
	a.p.dirty = false
	a.p.UpdatedAt = time.Now().UTC()
	doc := a.p.progress
	a.p.mu.Unlock()
	return a.Store.putJSON(ctx, Key(a.r.id, ProgressFile), doc)
}

// mind keeps the lease, looks for a cancel and writes progress until the
// returned function is called. It ends the run through cancel when there is a
// reason to. Each step has a deadline, so that a slow store cannot cost us the
// lease; the lease comes first.
func (a *attempt) mind(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	ctx, halt := context.WithCancel(ctx)
	ended := make(chan struct{})
	heartbeat, look, every := a.Lease/3, a.Lease/15, max(progressEvery, a.Lease/60)
	go func() {
		defer close(ended)
		tick := time.NewTicker(min(progressEvery, look))
		defer tick.Stop()
		extended, looked, written := time.Now(), time.Now(), time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			step, done := context.WithTimeout(ctx, a.Lease/6)
			if time.Since(extended) >= heartbeat {
				switch err := a.Queue.Extend(step, a.lease); {
				case err == nil:
					extended = time.Now()
				case errors.Is(err, queue.ErrLeaseLost):
					done()
					cancel(errLeaseLost)
					return
				default:
					a.Worker.Log.WarnContext(ctx, "lease not extended, trying again", "error", err)
				}
			}
			if time.Since(looked) >= look {
				looked = time.Now()
				if gone, err := a.Store.exists(step, Key(a.r.id, CancelFile)); err == nil && gone {
					done()
					cancel(errCancelled)
					return
				}
			}
			a.p.mu.Lock()
			dirty := a.p.dirty
			a.p.mu.Unlock()
			if since := time.Since(written); since >= heartbeat || dirty && since >= every {
				written = time.Now()
				if err := a.writeProgress(step); err != nil && ctx.Err() == nil {
					a.Worker.Log.WarnContext(ctx, "progress not written", "error", err)
				}
			}
			done()
		}
	}()
	return func() { halt(); <-ended }
}
