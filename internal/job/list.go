package job

import (
	"context"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

// Page is one page of jobs, newest first.
type Page struct {
	Jobs []spec.Status `json:"jobs"`
	// Next is the cursor of the following page, "" at the end.
	Next string `json:"next,omitempty"`
}

const (
	// listShare bounds what listings may cost: the one at hand is used for this
	// many times as long as it took to make, so that at most a twentieth of the
	// time goes into listing, however often and by however many it is asked
	// for. A laptop's store is listed in milliseconds and looked at each time.
	listShare = 20
	// mostListed bounds the memory; older jobs are not listed.
	mostListed = 100_000
)

// mostAdded bounds the jobs that are known before the next listing.
const mostAdded = 1000

// listing is which jobs there are, newest first, as the store said a moment ago.
type listing struct {
	reading sync.Mutex // one listing at a time; submits do not wait for it

	mu    sync.Mutex
	all   []listed      // under mu; a slice that was given out does not change
	added []listed      // own submits that no listing has shown, oldest first; under mu
	at    time.Time     // under mu
	took  time.Duration // under mu
}

type listed struct{ order, id string }

func orderOf(id string, t time.Time) string {
	return t.UTC().Format("20060102T150405.000000000") + "-" + id
}

// add notes a new job: who submits must find it at once.
func (l *listing) add(id string, t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.added) >= mostAdded {
		l.added = append([]listed(nil), l.added[mostAdded/2:]...)
	}
	l.added = append(l.added, listed{orderOf(id, t), id})
}

// read gives all jobs. Who asks while the store is being listed waits for it.
func (l *listing) read(ctx context.Context, s *Store) ([]listed, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	begun := time.Now()
	l.mu.Lock()
	fresh := !l.at.IsZero() && begun.Sub(l.at) < listShare*l.took
	l.mu.Unlock()
	if !fresh {
		objects, err := s.list(ctx, "jobs/")
		if err != nil {
			return nil, err
		}
		all, known := []listed{}, map[string]bool{}
		for _, o := range objects {
			if id, name, ok := splitKey(o.key); ok && name == ConfigFile {
				all, known[id] = append(all, listed{orderOf(id, o.mod), id}), true
			}
		}
		newestFirst(all)
		l.mu.Lock()
		l.all = all[:min(len(all), mostListed)]
		l.added = slices.DeleteFunc(l.added, func(e listed) bool { return known[e.id] })
		l.at = time.Now()
		l.took = l.at.Sub(begun)
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.added) == 0 {
		return l.all, nil
	}
	all := slices.Concat(l.added, l.all)
	newestFirst(all)
	return all, nil
}

func newestFirst(all []listed) {
	slices.SortFunc(all, func(a, b listed) int { return strings.Compare(b.order, a.order) })
}

// List pages through the jobs, newest first.
func (s *Service) List(ctx context.Context, limit int, cursor string) (*Page, error) {
	all, err := s.list.read(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	first := 0
	if cursor != "" {
		first = sort.Search(len(all), func(i int) bool { return all[i].order < cursor })
	}
	page := &Page{Jobs: []spec.Status{}}
	for i := first; i < len(all); i++ {
		if len(page.Jobs) == limit {
			page.Next = all[i-1].order
			break
		}
		st, err := s.Status(ctx, all[i].id)
		if err == ErrNotFound {
			continue // an unreadable config, or gone since
		}
		if err != nil {
			return nil, err
		}
		page.Jobs = append(page.Jobs, *st)
	}
	return page, nil
}
