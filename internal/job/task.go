package job

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
)

// Task is how long a worker lives that is paid by the second and was started
// for one job.
type Task struct {
	// Began is when the process began.
	Began time.Time
	// Max is the hard end: the process is gone this long after Began.
	Max time.Duration
	// Idle is how long it waits for a message before it ends.
	Idle time.Duration
	// Paid is the least time that is paid for in any case. While it lasts,
	// waiting for a next message costs nothing.
	Paid time.Duration
	// Next is how long it waits for a next message after Paid: just long
	// enough to see one that is there. 0 ends it then.
	Next time.Duration
}

// Validate names everything that is wrong.
func (t Task) Validate() error {
	var errs []error
	if t.Max < 2*time.Second {
		errs = append(errs, fmt.Errorf("a task of at most %v is too short, want 2s or more", t.Max))
	}
	for _, d := range []struct {
		name string
		time.Duration
	}{{"idle", t.Idle}, {"paid", t.Paid}, {"next", t.Next}} {
		if d.Duration < 0 {
			errs = append(errs, fmt.Errorf("%s %v is negative", d.name, d.Duration))
		}
	}
	return errors.Join(errs...)
}

// limit is the end of the time that one message may take; the zero limit is
// none.
type limit struct {
	end time.Time
	max time.Duration
	// whole says that the job had the time of a whole task.
	whole bool
}

// arm ends the run when the time is up.
func (l limit) arm(cancel context.CancelCauseFunc) (disarm func()) {
	if l.end.IsZero() {
		return func() {}
	}
	t := time.AfterFunc(time.Until(l.end), func() { cancel(errTimeUp) })
	return func() { t.Stop() }
}

func (l limit) tooLong() string {
	return fmt.Sprintf("The run did not finish within %.0f seconds, the longest that a worker may take here. Ask for fewer agents, fewer replications or a shorter window.", math.Floor(l.max.Seconds()))
}

func (l limit) cutOff() string {
	return fmt.Sprintf("the worker had reached its limit of %.0f seconds, part of which an earlier job had used", math.Floor(l.max.Seconds()))
}

// stopBy is when a run must stop so that its end can still be stored before
// the hard end.
func (t Task) stopBy() time.Time { return t.Began.Add(t.Max - min(finishing, t.Max/4)) }

// wait is how long to wait for a message: the first one, or a next one. A
// negative wait ends the task. Once half of its life is over a task takes no
// more, so that every job can count on the other half.
func (t Task) wait(now time.Time, first bool) time.Duration {
	age := now.Sub(t.Began)
	switch {
	case first:
		return min(t.Idle, t.stopBy().Sub(now))
	case age >= t.Max/2:
		return -1
	case age < t.Paid:
		return max(t.Next, min(t.Idle, t.Paid-age))
	case t.Next == 0:
		return -1
	}
	return t.Next
}

// RunTask takes a message, deals with it, and goes on while that is worth it
// (Task). It returns nil when there was nothing more to do, and at once when
// ctx ends while it waits; a job that is running then is given back first.
func (w *Worker) RunTask(ctx context.Context, t Task) error {
	for first := true; ctx.Err() == nil; first = false {
		wait := t.wait(time.Now(), first)
		if wait < 0 {
			return nil
		}
		l, err := w.take(ctx, wait)
		if l == nil || err != nil {
			return err
		}
		w.handle(ctx, l, limit{end: t.stopBy(), max: t.Max, whole: first})
		if !time.Now().Before(t.stopBy()) {
			return nil
		}
	}
	return nil
}

// take waits for a message; nil when none came. A queue that does not answer
// is asked again until the wait is over.
func (w *Worker) take(ctx context.Context, wait time.Duration) (*queue.Lease, error) {
	rctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for try := 1; ; try++ {
		l, err := w.Queue.Receive(rctx)
		switch {
		case err == nil:
			return l, nil
		case ctx.Err() != nil, rctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
			return nil, nil
		case rctx.Err() != nil, errors.Is(err, queue.ErrClosed):
			return nil, err
		}
		w.Log.Warn("cannot receive, trying again", "error", err)
		select {
		case <-rctx.Done():
			if ctx.Err() != nil {
				return nil, nil
			}
			return nil, err
		case <-time.After(w.backoff(try)):
		}
	}
}
