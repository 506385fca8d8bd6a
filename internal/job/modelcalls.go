package job

import (
	"context"
	"strings"
	"sync"
	"time"
)

// ModelCalls counts the calls of a language model that one UTC day may cost,
// over all processes that share the store: an object for each call. Each says
// first that it calls and counts then, so that at most PerDay ever do.
type ModelCalls struct {
	Store  *Store
	PerDay int
	// Spent is what Take returns when nothing is left.
	Spent error
	// Now may be nil.
	Now func() time.Time

	mu   sync.Mutex
	over string // a day known to be used up: it needs no more looking
}

// Take takes one call from today's.
func (m *ModelCalls) Take(ctx context.Context) error {
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	day := now().UTC().Format(time.DateOnly)
	prefix := "spend/" + day + "/model-"
	m.mu.Lock()
	over := m.over == day
	m.mu.Unlock()
	if over || m.PerDay <= 0 {
		return m.Spent
	}
	used, err := m.count(ctx, prefix)
	if err != nil {
		return err
	}
	if used < m.PerDay {
		if used == 0 {
			m.forget(ctx, day)
		}
		if err := m.Store.put(ctx, prefix+newID(), []byte("\n")); err != nil {
			return err
		}
		if used, err = m.count(ctx, prefix); err != nil {
			return err
		}
		if used <= m.PerDay {
			return nil
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = day
	return m.Spent
}

func (m *ModelCalls) count(ctx context.Context, prefix string) (int, error) {
	all, err := m.Store.list(ctx, prefix)
	return len(all), err
}

// forget removes the marks of other days, at the first call of a day. What is
// left behind by an error is only untidy.
func (m *ModelCalls) forget(ctx context.Context, today string) {
	all, err := m.Store.list(ctx, "spend/")
	if err != nil {
		return
	}
	for _, o := range all {
		if k, ok := KindOf(o.key); ok && k.Name == "model call" && !strings.HasPrefix(o.key, "spend/"+today+"/") {
			_ = m.Store.remove(ctx, o.key)
		}
	}
}
