package reconcile

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sort"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch"
	"github.com/malikobaid/cityflow/internal/queue"
)

const (
	// pendingMax is how long a task may take until its program runs.
	pendingMax = 15 * time.Minute
	// late is how long past its hard end a task is left to end by itself.
	late = time.Minute
	// recent is how far back stopped tasks say something about the next.
	recent = 10 * time.Minute
	// duds in a row, and tasks are started one at a time until one runs.
	duds = 3
)

// start counts the spend, stops tasks that outlived their time, and starts what
// is missing.
func (r *Reconciler) start(ctx context.Context, now time.Time, depth queue.Depth, rep *Report) error {
	tasks, err := r.Launcher.Tasks(ctx)
	if err != nil {
		return err
	}
	l, err := r.loadLedger(ctx, now)
	if err != nil {
		return err
	}
	before, known := encode(l), l.Seconds
	r.recall(l)
	unseen := l.count(tasks, now, r.bound())
	l.close(r.Cap, r.bound())
	for _, t := range tasks {
		switch t.State {
		case launch.Running:
			rep.Running++
		case launch.Pending:
			rep.Pending++
		}
	}
	rep.Pending += unseen
	defer func() {
		rep.SpentSeconds, rep.ReservedSeconds, rep.CapSeconds, rep.Closed = l.Seconds, l.Reserved, r.Cap, l.Closed
	}()
	err = r.stopLate(ctx, now, tasks, rep)
	rep.Need = need(r.MaxTasks, depth.Waiting, depth.Leased, rep.Running, rep.Pending)
	if rep.Need > 1 && onlyDuds(tasks, now) {
		rep.Need = 1
	}
	if rep.Need == 0 && bytes.Equal(before, encode(l)) {
		return err
	}
	if !r.held {
		ok, aerr := r.acquire(ctx)
		if aerr != nil || !ok {
			rep.Elsewhere = aerr == nil
			return errors.Join(err, aerr)
		}
		// Somebody else may have written it before the lease was ours.
		fresh, lerr := r.loadLedger(ctx, now)
		if lerr != nil {
			return errors.Join(err, lerr)
		}
		if !bytes.Equal(before, encode(fresh)) {
			// The list may be older than what it says: look again next time.
			rep.Elsewhere = true
			return err
		}
	}
	n := min(rep.Need, l.room(r.Cap, r.bound()))
	rep.Withheld = rep.Need - n
	if n > 0 {
		return errors.Join(err, r.launch(ctx, now, l, known, tasks, n, rep))
	}
	return errors.Join(err, r.note(ctx, l, known))
}

// note stores the ledger. The seconds that it has beyond those known before are
// metered by whoever stored them first, so each is metered once.
func (r *Reconciler) note(ctx context.Context, l *ledger, known float64) error {
	if err := r.Store.Write(ctx, job.SpendKey(l.Day), l); err != nil {
		return err
	}
	if more := l.Seconds - known; more > 0 {
		r.Metrics.Add("cityflow_task_seconds_total", more)
	}
	return nil
}

func encode(l *ledger) []byte {
	b, err := json.Marshal(l)
	if err != nil {
		panic("reconcile: a ledger does not encode: " + err.Error())
	}
	return b
}

// launch starts n tasks, on Spot first unless it had no room a moment ago, then
// on demand. What may have been started is in the ledger before the call, so
// that a crash in between costs nobody anything but a reservation.
func (r *Reconciler) launch(ctx context.Context, now time.Time, l *ledger, known float64, tasks []launch.Task, n int, rep *Report) error {
	order := []launch.Capacity{launch.Spot, launch.OnDemand}
	if spotIsFull(tasks, now) {
		order = order[1:]
	}
	for _, c := range order {
		if n == 0 {
			break
		}
		in := intent{Token: token(), Tasks: n, At: time.Now().UTC()}
		l.Starts = append(l.Starts, in)
		l.sum(tasks, now, r.bound())
		r.told[in.Token] = 0 // an error may come with the object stored all the same
		if err := r.note(ctx, l, known); err != nil {
			return err
		}
		delete(r.told, in.Token)
		known = l.Seconds
		started, failures, err := r.Launcher.Start(ctx, n, c, in.Token)
		r.meter(c, n, len(started), failures, err)
		if err == nil || errors.Is(err, launch.ErrRefused) {
			r.told[in.Token] = len(started)
		}
		for _, t := range started {
			l.charge(t.ID, &charge{Created: t.Created, Billed: t.Billed, Open: true})
			tasks = append(tasks, t)
		}
		switch c {
		case launch.Spot:
			rep.Spot += len(started)
		default:
			rep.OnDemand += len(started)
		}
		rep.Failures = append(rep.Failures, failures...)
		last := &l.Starts[len(l.Starts)-1]
		if last.Tasks -= len(failures); err == nil || errors.Is(err, launch.ErrRefused) {
			l.Starts = l.Starts[:len(l.Starts)-1] // all is known
		}
		l.sum(tasks, now, r.bound())
		if werr := r.note(ctx, l, known); err != nil || werr != nil {
			return errors.Join(err, werr)
		}
		known = l.Seconds
		n = 0
		for _, f := range failures {
			if f.Capacity {
				n++
			}
		}
	}
	return nil
}

// recall corrects starts whose outcome is known but could not be stored: the
// call was never made, or something was refused. They would count as pending
// for two minutes otherwise, and a message wait as long for its task.
func (r *Reconciler) recall(l *ledger) {
	if r.told == nil || len(l.Starts) == 0 {
		r.told = map[string]int{} // stored, so there is nothing to remember
	}
	for i, s := range l.Starts {
		if n, ok := r.told[s.Token]; ok {
			l.Starts[i].Tasks = n
		}
	}
}

// meter counts what became of the n tasks of one call.
func (r *Reconciler) meter(c launch.Capacity, n, started int, failures []launch.Failure, err error) {
	outcomes := map[string]int{"started": started}
	for _, f := range failures {
		if f.Capacity {
			outcomes["no_room"]++
		} else {
			outcomes["refused"]++
		}
	}
	if left := n - started - len(failures); errors.Is(err, launch.ErrRefused) {
		outcomes["refused"] += left
	} else if err != nil {
		outcomes["unknown"] += left
	}
	for outcome, k := range outcomes {
		if k > 0 {
			r.Metrics.Add("cityflow_task_starts_total", float64(k), "capacity", string(c), "outcome", outcome)
		}
	}
}

// token is new for each call: with the id of a job as token, the platform would
// answer a second start of that job with the dead task of the first.
func token() string { return strings.ToLower(rand.Text()) }

// stopLate stops what should have ended by itself. It is what makes the bound
// of a task's spend hold for a program that hangs.
func (r *Reconciler) stopLate(ctx context.Context, now time.Time, tasks []launch.Task, rep *Report) error {
	var errs []error
	for _, t := range tasks {
		why := ""
		switch {
		case t.State == launch.Running && !t.Ran.IsZero() && now.Sub(t.Ran) > r.TaskMax+late:
			why = "it ran longer than a task may"
		case t.State == launch.Pending && !t.Created.IsZero() && now.Sub(t.Created) > pendingMax:
			why = "it did not come to run"
		default:
			continue
		}
		if err := r.Launcher.Stop(ctx, t.ID, "cityflow: "+why); err != nil {
			errs = append(errs, err)
			continue
		}
		rep.Stopped++
	}
	return errors.Join(errs...)
}

// spotIsFull says that a task was accepted on Spot lately and found no room.
func spotIsFull(tasks []launch.Task, now time.Time) bool {
	for _, t := range tasks {
		if t.NoCapacity && t.Capacity == launch.Spot && now.Sub(latest(t)) < recent {
			return true
		}
	}
	return false
}

// onlyDuds says that the last tasks all ended without having run: an image that
// cannot be fetched is fetched no better ten times at once.
func onlyDuds(tasks []launch.Task, now time.Time) bool {
	var ended []launch.Task
	for _, t := range tasks {
		switch {
		case t.State == launch.Running:
			return false
		case t.State == launch.Stopped && !t.NoCapacity && now.Sub(t.Created) <= recent:
			ended = append(ended, t)
		}
	}
	sort.Slice(ended, func(i, j int) bool { return ended[i].Created.After(ended[j].Created) })
	if len(ended) < duds {
		return false
	}
	for _, t := range ended[:duds] {
		if !t.Ran.IsZero() {
			return false
		}
	}
	return true
}
