package job

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
)

// Sweeper finishes submits whose process died between storing a job and
// sending it: the marker they left behind says so. Jobs that lost their message
// later are found by a Pass.
type Sweeper struct {
	Store *Store
	Queue queue.Queue
	// MarkerAge is how old a marker must be before its submit counts as dead.
	// 0 means half a minute.
	MarkerAge time.Duration
	Log       *slog.Logger
}

// Sweep follows up on stale markers. It returns how many jobs it sent, and how
// many markers are still too young to tell.
func (s *Sweeper) Sweep(ctx context.Context) (sent, young int, err error) {
	age := s.MarkerAge
	if age == 0 {
		age = 30 * time.Second
	}
	markers, err := s.Store.list(ctx, pendingKey(""))
	if err != nil {
		return 0, 0, err
	}
	for _, m := range markers {
		if time.Since(m.mod) < age {
			young++
			continue
		}
		id := strings.TrimPrefix(m.key, pendingKey(""))
		r, err := s.Store.load(ctx, id)
		if err != nil {
			return sent, young, err
		}
		// Without config nothing was promised to anybody.
		if r.config != nil && r.open() {
			if err := s.Queue.Send(ctx, id, encodeMessage(id)); err != nil {
				return sent, young, err
			}
			sent++
		}
		if err := s.Store.remove(ctx, pendingKey(id)); err != nil {
			return sent, young, err
		}
	}
	return sent, young, nil
}

// open says that the job has not ended.
func (r *record) open() bool { return r.manifest == nil && r.failed == nil && r.cancel == nil }
