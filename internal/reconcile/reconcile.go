// Package reconcile brings what should be in line with what is, one Tick at a
// time: messages for promised jobs, tasks for messages, ends for hopeless jobs,
// and no more spent in a day than was allowed. The queue is the truth; starting
// a task is only a wake-up, so nothing is lost when a start is.
//
// A Tick may come at any moment, twice, or not at all for a while. It keeps
// what it must know in the store: the spend of the day and the lease that names
// the one who may start tasks and write the spend. What is in memory only saves
// requests. Without a launcher (laptop, own servers) it does the same except
// starting.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

// Reconciler keeps one deployment in line.
type Reconciler struct {
	Store *job.Store
	Queue queue.Queue
	// Launcher starts tasks; nil where workers are there anyway.
	Launcher launch.Launcher
	// MaxTasks bounds the tasks at one time.
	MaxTasks int
	// TaskMax is the hard end of one task.
	TaskMax time.Duration
	// Cap bounds the seconds of all tasks of a day.
	Cap job.Cap
	// Keep is how long ended jobs are kept; 0 is for ever.
	Keep time.Duration
	// MarkerAge is passed on to the sweeper.
	MarkerAge time.Duration
	// SweepIdle is how often markers are looked at while nothing is going on
	// (each look is a paid listing on S3); otherwise every tick does.
	SweepIdle time.Duration
	// WalkEvery is how often a walk over all jobs begins.
	WalkEvery time.Duration
	// WalkFirst makes a new process begin with one.
	WalkFirst bool
	// LeaseFor bounds one tick; 0 is a minute. Settle is how long a new lease
	// waits for others to show; 0 is a quarter of a second.
	LeaseFor, Settle time.Duration
	// Owner of the lease, for those of whom there cannot be two: a process that
	// was killed is followed by one of the same name, which need not wait. ""
	// makes one up.
	Owner string
	Log   *slog.Logger
	// Metrics counts starts and paid seconds; may be nil.
	Metrics *telemetry.Metrics

	mu       sync.Mutex // one tick at a time
	held     bool
	lease    leaseDoc
	under    *job.Undertaker
	sweptAt  time.Time
	walkedAt time.Time
	walking  bool
	busy     bool           // the last tick saw something going on
	empty    int            // ticks in a row that saw an empty queue
	told     map[string]int // tasks that calls of Start surely started, by token
	noted    map[string]noted
	notedDay string
}

// Report is what one tick saw and did.
type Report struct {
	// Counted says that the queue told its three numbers.
	Counted bool `json:"-"`
	Waiting int  `json:"waiting"`
	Leased  int  `json:"leased"`
	Dead    int  `json:"dead"`

	Running int `json:"running"`
	Pending int `json:"pending"`
	Need    int `json:"need"`
	// Withheld tasks were needed, but the day cannot pay for them.
	Withheld int              `json:"withheld,omitempty"`
	Spot     int              `json:"started_spot,omitempty"`
	OnDemand int              `json:"started_on_demand,omitempty"`
	Failures []launch.Failure `json:"failures,omitempty"`
	// Stopped tasks had outlived their time.
	Stopped int `json:"stopped,omitempty"`

	SpentSeconds    float64 `json:"spent_seconds"`
	ReservedSeconds float64 `json:"reserved_seconds"`
	CapSeconds      job.Cap `json:"cap_seconds"`
	Closed          bool    `json:"closed,omitempty"`

	Resent  int `json:"resent,omitempty"`
	Buried  int `json:"buried,omitempty"`
	Removed int `json:"removed,omitempty"`
	Walked  int `json:"walked,omitempty"`
	// Elsewhere says that another reconciler holds the lease.
	Elsewhere bool `json:"lease_held_elsewhere,omitempty"`
}

// Validate names everything that is wrong with the settings.
func (r *Reconciler) Validate() error {
	var errs []error
	if r.Keep < 0 {
		errs = append(errs, fmt.Errorf("keep %v is negative, want 0 (for ever) or more", r.Keep))
	}
	if r.Launcher == nil {
		return errors.Join(errs...)
	}
	if r.MaxTasks < 1 {
		errs = append(errs, fmt.Errorf("at most %d tasks, want 1 or more", r.MaxTasks))
	}
	if r.TaskMax < time.Minute || r.TaskMax > 12*time.Hour {
		errs = append(errs, fmt.Errorf("a task of at most %v, want between 1m and 12h", r.TaskMax))
	}
	if b := r.bound().Seconds(); r.Cap != nil && *r.Cap > 0 && *r.Cap < b {
		errs = append(errs, fmt.Errorf("%.0f task seconds a day cannot pay for one task, which may use %.0f (its own end and %v around it); want 0 (start nothing) or at least that", *r.Cap, b, overhead))
	}
	return errors.Join(errs...)
}

// bound is the most that one task can be billed for.
func (r *Reconciler) bound() time.Duration { return r.TaskMax + overhead }

// Tick does everything that is due. Its steps do not depend on each other: one
// that fails is named in the error and repeated by the next tick.
func (r *Reconciler) Tick(ctx context.Context) (Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Past its lease a tick must not act any more.
	ctx, cancel := context.WithTimeout(ctx, r.leaseFor()*9/10)
	defer cancel()
	var rep Report
	var errs []error
	step := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	now := time.Now().UTC()
	step("markers", r.sweep(ctx, now, &rep))
	depth, err := r.Queue.Depth(ctx)
	step("queue", err)
	if err == nil {
		rep.Counted, rep.Waiting, rep.Leased, rep.Dead = true, depth.Waiting, depth.Leased, depth.Dead
		if r.empty++; depth.Waiting+depth.Leased > 0 {
			r.empty = 0
		}
		if r.Launcher != nil {
			step("tasks", r.start(ctx, now, depth, &rep))
		}
		if r.under == nil {
			r.under = &job.Undertaker{Store: r.Store, Queue: r.Queue, Log: r.Log}
		}
		n, err := r.under.DeadLetters(ctx, depth.Dead)
		rep.Buried += n
		step("dead letters", err)
		step("walk", r.walk(ctx, now, &rep))
	}
	if r.Launcher == nil {
		step("spend", r.worked(ctx, now))
	}
	r.busy = err != nil || rep.Waiting+rep.Leased+rep.Running+rep.Pending > 0
	if r.held {
		// Also when ctx has ended: the next reconciler should not have to wait.
		gctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		step("lease", r.giveBack(gctx))
	}
	return rep, errors.Join(errs...)
}

// sweep looks at markers.
func (r *Reconciler) sweep(ctx context.Context, now time.Time, rep *Report) error {
	if !r.busy && !r.sweptAt.IsZero() && now.Sub(r.sweptAt) < r.SweepIdle {
		return nil
	}
	s := &job.Sweeper{Store: r.Store, Queue: r.Queue, MarkerAge: r.MarkerAge, Log: r.Log}
	sent, young, err := s.Sweep(ctx)
	rep.Resent += sent
	if err == nil && young == 0 {
		r.sweptAt = now
	}
	return err
}

// walk takes the walk over all jobs one piece further, or begins one.
func (r *Reconciler) walk(ctx context.Context, now time.Time, rep *Report) error {
	if r.walkedAt.IsZero() && !r.WalkFirst {
		d, err := r.peek(ctx)
		if err != nil {
			return err
		}
		r.walkedAt, r.walking = d.WalkedAt, d.Walk != nil
	}
	if !r.walking && now.Sub(r.walkedAt) < r.WalkEvery {
		return nil
	}
	if ok, err := r.acquire(ctx); err != nil || !ok {
		rep.Elsewhere = rep.Elsewhere || err == nil
		return err
	}
	if r.lease.Walk == nil || !r.walking {
		r.lease.Walk, r.lease.WalkedAt = &job.Cursor{}, now
	}
	p := &job.Pass{Store: r.Store, Queue: r.Queue, Keep: r.Keep, Empty: r.empty >= 2, Log: r.Log}
	done, err := p.Piece(ctx, *r.lease.Walk)
	rep.Walked, rep.Resent, rep.Buried, rep.Removed = rep.Walked+done.Jobs, rep.Resent+done.Resent, rep.Buried+done.Buried, rep.Removed+done.Removed
	if err != nil {
		// A token may have been refused: begin anew, at the next tick.
		r.lease.Walk = &job.Cursor{}
	} else if r.lease.Walk = &done.Next; !done.More {
		r.lease.Walk = nil
	}
	r.walkedAt, r.walking = r.lease.WalkedAt, r.lease.Walk != nil
	return err
}

// Run ticks at the start and then every so often until ctx ends.
func (r *Reconciler) Run(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		rep, err := r.Tick(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.Log.Error("reconciling failed in part, will be repeated", "error", err)
		}
		if rep.Resent+rep.Buried+rep.Removed > 0 {
			r.Log.Info("reconciled", "resent", rep.Resent, "buried", rep.Buried, "removed", rep.Removed)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
