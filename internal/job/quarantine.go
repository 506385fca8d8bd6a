package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
)

// suspectFrom failed attempts on, a job runs alone in its process.
const suspectFrom = 2

// Quarantine is shared by the workers of one process. A run that takes its
// process down takes those beside it down too, again and again, for they all
// come back together: they would be given up although nothing is wrong with
// them. So a job that failed twice runs alone. A nil Quarantine does nothing.
type Quarantine struct {
	mu      sync.Mutex
	running int
	waiting int // suspects that want to be alone
	alone   bool
}

// enter says whether a job may run now.
func (q *Quarantine) enter(suspect, waited bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if suspect && !waited {
		q.waiting++
	}
	if q.alone || suspect && q.running > 0 || !suspect && q.waiting > 0 {
		return false
	}
	if suspect {
		q.waiting--
	}
	q.alone = suspect
	q.running++
	return true
}

func (q *Quarantine) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	q.alone = false
}

// turn waits until the job may run, and keeps its lease meanwhile.
func (w *Worker) turn(ctx context.Context, l *queue.Lease, suspect bool) error {
	q := w.Quarantine
	if q == nil || q.enter(suspect, false) {
		return nil
	}
	tick := time.NewTicker(max(time.Millisecond, min(50*time.Millisecond, w.Lease/15)))
	defer tick.Stop()
	err := w.keep(ctx, l, tick.C, func() bool { return q.enter(suspect, true) })
	if err != nil && suspect {
		q.mu.Lock()
		q.waiting--
		q.mu.Unlock()
	}
	return err
}

// keep holds the lease and tries at every tick until it is done.
func (w *Worker) keep(ctx context.Context, l *queue.Lease, tick <-chan time.Time, done func() bool) error {
	for extended := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
		}
		if time.Since(extended) >= w.Lease/3 {
			step, cancel := context.WithTimeout(ctx, w.Lease/6)
			err := w.Queue.Extend(step, l)
			cancel()
			if errors.Is(err, queue.ErrLeaseLost) {
				return err
			}
			if err == nil {
				extended = time.Now()
			}
		}
		if done() {
			return nil
		}
	}
}

func (w *Worker) leave() {
	if w.Quarantine != nil {
		w.Quarantine.leave()
	}
}
