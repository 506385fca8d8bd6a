package reconcile

import (
	"context"
	"math"
	"reflect"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch"
	"github.com/malikobaid/cityflow/spec"
)

const (
	// minimum is what a task costs at least, in billed time.
	minimum = time.Minute
	// overhead is what a task may be billed for beyond the life of its program:
	// fetching the image before, the grace period and the next tick after.
	overhead = 3 * time.Minute
	// listLag is how long a started task may be missing from the list of tasks.
	listLag = 2 * time.Minute
	// listed is how long a stopped task is surely listed; the platform promises
	// an hour.
	listed = 50 * time.Minute
	// foldAfter is when a stopped task becomes part of a sum. It is longer than
	// any list goes back, so that nothing is counted again after it.
	foldAfter = 3 * time.Hour
)

// ledger is spend/<day>.json where tasks are paid for: what each task has used
// of the day. It is counted anew from the list of tasks in every tick, so a
// tick that did not happen, or happened twice, changes nothing. What a list
// cannot show (a task that began and ended while nobody looked for an hour) is
// charged with the most it can have used: the sum may be too high, never too
// low.
type ledger struct {
	job.Spent
	// Reserved is what the open tasks may still use.
	Reserved float64 `json:"reserved_seconds"`
	// Tasks are those that are open, or stopped a while ago.
	Tasks map[string]*charge `json:"tasks,omitempty"`
	// Starts are calls whose outcome is not known yet: written before the call.
	Starts []intent `json:"starts,omitempty"`
	// Folded is the sum of tasks that stopped long ago.
	Folded struct {
		Tasks   int     `json:"tasks"`
		Seconds float64 `json:"seconds"`
	} `json:"folded"`
}

// charge is one task.
type charge struct {
	Created time.Time `json:"created"`
	// Billed and Ended are zero before they happen.
	Billed  time.Time `json:"billed,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Seconds float64   `json:"seconds"`
	Open    bool      `json:"open,omitempty"`
	// Lost tasks vanished unseen and are charged with the most they can have used.
	Lost bool `json:"lost,omitempty"`
}

// intent is one call of Start.
type intent struct {
	Token string    `json:"token"`
	Tasks int       `json:"tasks"`
	At    time.Time `json:"at"`
}

func dayStart(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// share is how many billed seconds of a task fall on the day that begins at day.
func share(day, billed, until time.Time) float64 {
	if billed.IsZero() {
		return 0
	}
	if least := billed.Add(minimum); until.Before(least) {
		until = least
	}
	if next := day.Add(24 * time.Hour); until.After(next) {
		until = next
	}
	if billed.Before(day) {
		billed = day
	}
	return max(0, math.Ceil(until.Sub(billed).Seconds()))
}

// loadLedger reads the day's ledger, or begins it with what is still open from
// the day before.
func (r *Reconciler) loadLedger(ctx context.Context, now time.Time) (*ledger, error) {
	l := &ledger{}
	found, err := r.Store.ReadStrict(ctx, job.SpendKey(job.Day(now)), l)
	if err != nil {
		return nil, err
	}
	if !found {
		old := &ledger{}
		if _, err := r.Store.ReadStrict(ctx, job.SpendKey(job.Day(now.Add(-24*time.Hour))), old); err != nil {
			return nil, err
		}
		l.Starts = old.Starts
		for id, c := range old.Tasks {
			if c.Open {
				l.charge(id, c)
			}
		}
	}
	l.Schema, l.Day = spec.SchemaVersion, job.Day(now)
	return l, nil
}

func (l *ledger) charge(id string, c *charge) {
	if l.Tasks == nil {
		l.Tasks = map[string]*charge{}
	}
	l.Tasks[id] = c
}

// count brings the ledger up to date with a complete list of tasks. bound is
// the most that one task can use. unseen is how many tasks were started that
// the list does not show yet.
func (l *ledger) count(tasks []launch.Task, now time.Time, bound time.Duration) (unseen int) {
	day := dayStart(now)
	seen, byToken := map[string]bool{}, map[string]int{}
	for _, t := range tasks {
		seen[t.ID] = true
		byToken[t.Token]++
		c := l.Tasks[t.ID]
		if c == nil && t.State == launch.Stopped && now.Sub(latest(t)) > foldAfter {
			continue // folded before
		}
		c = &charge{Created: t.Created.UTC(), Billed: t.Billed.UTC(), Ended: t.Ended.UTC()}
		// A task that is stopping is paid for until it has ended.
		c.Open = t.State != launch.Stopped || !t.Billed.IsZero() && t.Ended.IsZero()
		until := now
		if !t.Ended.IsZero() {
			until = t.Ended
		}
		if c.Seconds = share(day, t.Billed, until); c.Open || c.Seconds > 0 {
			l.charge(t.ID, c)
		} else {
			delete(l.Tasks, t.ID)
		}
	}
	var starts []intent
	for _, s := range l.Starts {
		s.Tasks -= byToken[s.Token]
		switch age := now.Sub(s.At); {
		case s.Tasks <= 0:
		case age <= listLag:
			unseen += s.Tasks
			s.Tasks += byToken[s.Token] // as called for, so that counting again gives the same
			starts = append(starts, s)
		case age <= listed: // would be listed by now, so they never were
		default:
			l.Folded.Tasks += s.Tasks
			l.Folded.Seconds += float64(s.Tasks) * bound.Seconds()
		}
	}
	l.Starts = starts
	for id, c := range l.Tasks {
		switch {
		case c.Open && !seen[id] && now.Sub(c.Created) <= listLag:
			unseen++
		case c.Open && !seen[id]:
			begin := c.Billed
			if begin.IsZero() {
				begin = c.Created
			}
			c.Open, c.Lost, c.Ended = false, true, begin.Add(bound)
			c.Seconds = share(day, begin, c.Ended)
		case !c.Open && now.Sub(c.Ended) > foldAfter:
			l.Folded.Tasks++
			l.Folded.Seconds += c.Seconds
			delete(l.Tasks, id)
		}
	}
	l.sum(tasks, now, bound)
	return unseen
}

func latest(t launch.Task) time.Time {
	for _, at := range []time.Time{t.Ended, t.Ran, t.Billed} {
		if !at.IsZero() {
			return at
		}
	}
	return t.Created
}

// sum works out the totals. Seconds are whole, so no order of adding shows.
func (l *ledger) sum(tasks []launch.Task, now time.Time, bound time.Duration) {
	l.Seconds, l.Reserved = l.Folded.Seconds, 0
	for _, c := range l.Tasks {
		l.Seconds += c.Seconds
		if c.Open {
			used := time.Duration(0)
			if !c.Billed.IsZero() {
				used = now.Sub(c.Billed)
			}
			l.Reserved += math.Ceil(max(0, bound-used).Seconds())
		}
	}
	byToken := map[string]int{}
	for _, t := range tasks {
		byToken[t.Token]++
	}
	for _, s := range l.Starts {
		l.Reserved += float64(max(0, s.Tasks-byToken[s.Token])) * math.Ceil(bound.Seconds())
	}
}

// room is how many more tasks the day can pay for whatever happens.
func (l *ledger) room(limit job.Cap, bound time.Duration) int {
	if limit == nil {
		return math.MaxInt
	}
	return max(0, int((*limit-l.Seconds-l.Reserved)/math.Ceil(bound.Seconds())))
}

// close notes the cap, and whether a worker can still be started today once all
// others have ended.
func (l *ledger) close(limit job.Cap, bound time.Duration) {
	l.CapSeconds = limit
	l.Closed = limit != nil && l.Seconds+math.Ceil(bound.Seconds()) > *limit
}

// worked counts the spend where workers run on machines that are there anyway:
// from what they noted themselves.
func (r *Reconciler) worked(ctx context.Context, now time.Time) error {
	if r.Cap == nil {
		return nil
	}
	day := job.Day(now)
	objects, err := r.Store.ListWorked(ctx, day)
	if err != nil {
		return err
	}
	if r.notedDay != day {
		r.noted, r.notedDay = map[string]noted{}, day
	}
	doc := job.Spent{Schema: spec.SchemaVersion, Day: day, CapSeconds: r.Cap}
	for _, o := range objects {
		n := r.noted[o.Key]
		if !n.mod.Equal(o.Mod) {
			var w job.Worked
			if _, err := r.Store.ReadStrict(ctx, o.Key, &w); err != nil {
				return err
			}
			n = noted{o.Mod, w.Seconds}
			r.noted[o.Key] = n
		}
		doc.Seconds += n.seconds
	}
	doc.Closed = doc.Seconds >= *r.Cap
	var old job.Spent
	if _, err := r.Store.ReadStrict(ctx, job.SpendKey(day), &old); err == nil && reflect.DeepEqual(old, doc) {
		return nil
	}
	if ok, err := r.acquire(ctx); err != nil || !ok {
		return err
	}
	return r.Store.Write(ctx, job.SpendKey(day), doc)
}

// noted is what was read of one object that a worker wrote.
type noted struct {
	mod     time.Time
	seconds float64
}
