package httpapi

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

// A status costs three to five reads of the store. Everybody who watches one
// job shares them for StatusAge; a page that polls each second sees no
// difference, and a thousand of them cost what one does.

// mostStatuses bounds the memory: a status is a few kilobytes.
const mostStatuses = 4096

// statuses keeps what was read a moment ago.
type statuses struct {
	jobs *job.Service
	age  time.Duration
	now  func() time.Time

	mu     sync.Mutex
	recent *list.List // of *known, the last asked for in front; under mu
	by     map[string]*list.Element
}

// known is the status of one job. Whoever holds mu reads the store for all who
// wait.
type known struct {
	id   string
	mu   sync.Mutex
	read time.Time
	st   *spec.Status
	tag  string
}

func newStatuses(jobs *job.Service, age time.Duration) *statuses {
	return &statuses{jobs: jobs, age: age, now: time.Now, recent: list.New(), by: map[string]*list.Element{}}
}

// get is the status of a job with its ETag. It is shared: nobody may change it.
func (s *statuses) get(ctx context.Context, id string) (*spec.Status, string, error) {
	if s.age <= 0 || !job.ValidID(id) { // strangers' inventions take no room
		st, err := s.jobs.Status(ctx, id)
		if err != nil {
			return nil, "", err
		}
		return st, etag(st), nil
	}
	k := s.entry(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.st != nil && s.now().Sub(k.read) < s.age {
		return k.st, k.tag, nil
	}
	read := s.now()
	st, err := s.jobs.Status(ctx, id)
	if err != nil {
		s.forget(id)
		return nil, "", err
	}
	k.st, k.tag, k.read = st, etag(st), read
	return k.st, k.tag, nil
}

func (s *statuses) entry(id string) *known {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.by[id]
	if ok {
		s.recent.MoveToFront(e)
		return e.Value.(*known)
	}
	if s.recent.Len() >= mostStatuses {
		delete(s.by, s.recent.Remove(s.recent.Back()).(*known).id)
	}
	k := &known{id: id}
	s.by[id] = s.recent.PushFront(k)
	return k
}

// forget makes the next look read the store: after a change of our own, which
// its author must see at once.
func (s *statuses) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.by[id]; ok {
		s.recent.Remove(e)
		delete(s.by, id)
	}
}
