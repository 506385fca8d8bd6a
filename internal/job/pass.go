package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/spec"
)

// Pass is one walk over all jobs, in pieces: it sends open jobs whose message
// is gone, ends those that are hopeless, and removes what is older than Keep.
// A listing costs money on S3 and time in a folder, so all of this shares one.
type Pass struct {
	Store *Store
	Queue queue.Queue
	// Keep is how long jobs are kept after their end; 0 is for ever.
	Keep time.Duration
	// Empty says that the queue was seen empty often enough to be believed. It
	// matters where the queue cannot tell what it holds (queue.Holder).
	Empty bool
	// Objects bounds one piece; 0 means 20,000.
	Objects int
	Log     *slog.Logger
}

const (
	pieceObjects = 20_000
	pageObjects  = 5_000 // S3 gives at most 1,000 at once
	// lostAfter is how long an open job must have been silent before it counts
	// as forgotten by a queue that says it is empty.
	lostAfter = 10 * time.Minute
	// orphanAge is the least age of files that belong to no job.
	orphanAge = 24 * time.Hour
	// spendAge is how long the spend of a day is kept.
	spendAge = 90 * 24 * time.Hour
)

// Cursor is where the next piece begins; the zero Cursor is the beginning.
type Cursor struct {
	Token []byte `json:"token,omitempty"`
	// Last is the job that the piece before ended with.
	Last string `json:"last,omitempty"`
}

// PassReport is what one piece did.
type PassReport struct {
	Jobs, Resent, Buried, Removed int
	// Next is where to go on; More is false at the end of the walk.
	Next Cursor
	More bool
}

// group is all objects of one job.
type group struct {
	id   string
	mod  map[string]time.Time // by name
	last time.Time
}

// Piece walks on from the cursor.
func (p *Pass) Piece(ctx context.Context, at Cursor) (PassReport, error) {
	rep := PassReport{Next: at}
	budget := p.Objects
	if budget == 0 {
		budget = pieceObjects
	}
	token := at.Token
	if len(token) == 0 {
		token = blob.FirstPageToken
	}
	for seen := 0; ; {
		objects, next, err := p.Store.page(ctx, "jobs/", token)
		if err != nil {
			return rep, err
		}
		seen += len(objects)
		groups := grouped(objects, rep.Next.Last)
		if n := len(groups); n > 0 && len(next) > 0 {
			// The last job may go on on the next page.
			whole, err := p.Store.list(ctx, Key(groups[n-1].id, ""))
			if err != nil {
				return rep, err
			}
			if gs := grouped(whole, ""); len(gs) == 1 {
				groups[n-1] = gs[0]
			}
		}
		for _, g := range groups {
			if err := p.job(ctx, g, &rep); err != nil {
				return rep, fmt.Errorf("job %s: %w", g.id, err)
			}
			rep.Jobs++
			rep.Next.Last = g.id
		}
		rep.Next.Token, rep.More = next, len(next) > 0
		if token = next; !rep.More || seen >= budget {
			break
		}
	}
	if !rep.More {
		rep.Next = Cursor{}
		return rep, p.oldSpend(ctx)
	}
	return rep, nil
}

// page lists one page of objects, in key order.
func (s *Store) page(ctx context.Context, prefix string, token []byte) (out []entry, next []byte, err error) {
	for try := 1; ; try++ {
		objects, next, err := s.Bucket.ListPage(ctx, token, pageObjects, &blob.ListOptions{Prefix: prefix})
		if gcerrors.Code(err) == gcerrors.NotFound && try < listTries {
			continue // see list
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("%w: list %s: %w", ErrStore, prefix, err)
		}
		for _, o := range objects {
			if _, ok := KindOf(o.Key); ok {
				out = append(out, entry{o.Key, o.ModTime})
			}
		}
		return out, next, nil
	}
}

// grouped gathers a listing into jobs, without the one that was dealt with.
func grouped(objects []entry, without string) []group {
	var out []group
	for _, o := range objects {
		id, name, ok := splitKey(o.key)
		if !ok || id == without {
			continue
		}
		if n := len(out); n == 0 || out[n-1].id != id {
			out = append(out, group{id: id, mod: map[string]time.Time{}})
		}
		g := &out[len(out)-1]
		g.mod[name] = o.mod
		if o.mod.After(g.last) {
			g.last = o.mod
		}
	}
	return out
}

func (p *Pass) job(ctx context.Context, g group, rep *PassReport) error {
	now := time.Now()
	if _, ok := g.mod[ConfigFile]; !ok {
		// No job at all: what an interrupted removal left behind.
		if p.Keep > 0 && now.Sub(g.last) > max(p.Keep, orphanAge) {
			return p.Store.removeAll(ctx, g)
		}
		return nil
	}
	for _, name := range []string{ManifestFile, FailedFile, CancelFile} {
		if ended, ok := g.mod[name]; ok {
			if p.Keep == 0 || now.Sub(ended) <= p.Keep {
				return nil
			}
			if err := p.Store.removeJob(ctx, g); err != nil {
				return err
			}
			rep.Removed++
			return nil
		}
	}
	return p.open(ctx, g, rep)
}

// open looks after a job without end.
func (p *Pass) open(ctx context.Context, g group, rep *PassReport) error {
	r, err := p.Store.load(ctx, g.id)
	if err != nil || r.config == nil || !r.open() {
		return err
	}
	if r.hopeless(time.Now()) {
		f := lostJob(r.progress.Attempt, r.progress.LastError)
		if err := p.Store.putJSON(ctx, Key(g.id, FailedFile), f); err != nil {
			return err
		}
		p.Log.WarnContext(ctx, "job buried", "job", g.id, "reason", f.Message)
		rep.Buried++
		return nil
	}
	gone := p.Empty && time.Since(g.last) > lostAfter
	h, holder := p.Queue.(queue.Holder)
	if holder {
		held, err := h.Holds(ctx, g.id)
		if err != nil {
			return err
		}
		gone = !held
	}
	if gone {
		if err := p.Queue.Send(ctx, g.id, encodeMessage(g.id)); err != nil {
			return err
		}
		rep.Resent++
	}
	if holder || gone {
		// The queue has the message now: a marker has served its purpose.
		return p.Store.remove(ctx, pendingKey(g.id))
	}
	return nil
}

// removeJob removes a job that has ended. At no moment does it look complete
// with files missing, or open again: the pointer goes first, then it counts as
// cancelled, then as no job at all.
func (s *Store) removeJob(ctx context.Context, g group) error {
	return do(s.removal(ctx, g))
}

// removeAll removes what belongs to no job.
func (s *Store) removeAll(ctx context.Context, g group) error {
	return do(s.removalFiles(ctx, g))
}

func do(steps []func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) removal(ctx context.Context, g group) []func() error {
	var steps []func() error
	if _, complete := g.mod[ManifestFile]; complete {
		steps = append(steps, func() error {
			m, err := getJSON[spec.Manifest](ctx, s, Key(g.id, ManifestFile))
			if err != nil || m == nil {
				return err
			}
			at, err := getJSON[pointer](ctx, s, runKey(m.RunKey))
			if err != nil || at == nil || at.JobID != g.id {
				return err
			}
			return s.remove(ctx, runKey(m.RunKey))
		}, func() error {
			return s.putJSON(ctx, Key(g.id, CancelFile), cancelled{Schema: spec.SchemaVersion, At: time.Now().UTC()})
		})
		g.mod[CancelFile] = time.Time{}
	}
	return append(steps, s.removalFiles(ctx, g)...)
}

// removalFiles: without manifest it is not complete, without config no job;
// the order of the rest does not matter.
func (s *Store) removalFiles(ctx context.Context, g group) []func() error {
	order := []string{ManifestFile, ConfigFile}
	for name := range g.mod {
		if name != ManifestFile && name != ConfigFile {
			order = append(order, name)
		}
	}
	var steps []func() error
	for _, name := range order {
		if _, ok := g.mod[name]; ok {
			steps = append(steps, func() error { return s.remove(ctx, Key(g.id, name)) })
		}
	}
	return append(steps, func() error {
		if s.Prune != nil {
			s.Prune(Key(g.id, ""))
		}
		return nil
	})
}

// oldSpend removes the spend of days long past.
func (p *Pass) oldSpend(ctx context.Context) error {
	objects, err := p.Store.list(ctx, spendPrefix)
	if err != nil {
		return err
	}
	oldest := spendPrefix + Day(time.Now().Add(-spendAge))
	for _, o := range objects {
		if o.key >= oldest {
			break // in key order, days in order of time
		}
		if err := p.Store.remove(ctx, o.key); err != nil {
			return err
		}
	}
	return nil
}

// Listed is an object of a listing.
type Listed struct {
	Key string
	Mod time.Time
}

// ListWorked lists what workers noted on a day.
func (s *Store) ListWorked(ctx context.Context, day string) ([]Listed, error) {
	objects, err := s.list(ctx, WorkedPrefix(day))
	out := make([]Listed, 0, len(objects))
	for _, o := range objects {
		out = append(out, Listed{o.key, o.mod})
	}
	return out, err
}

// ReadStrict reads a JSON object into v; found is false when there is none.
// Unlike the parts of a job, an object that does not decode is an error: what
// has been spent must not be taken for nothing.
func (s *Store) ReadStrict(ctx context.Context, key string, v any) (found bool, err error) {
	b, found, err := s.get(ctx, key)
	if err != nil || !found {
		return false, err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return true, fmt.Errorf("%w: %s is damaged: %w", ErrStore, key, err)
	}
	return true, nil
}

// Write writes v as JSON under a key of the table.
func (s *Store) Write(ctx context.Context, key string, v any) error { return s.putJSON(ctx, key, v) }

// LeaseKey is the lease of the reconciler.
const LeaseKey = "reconcile/lease.json"
