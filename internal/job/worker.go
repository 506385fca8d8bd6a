package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

const (
	// maxFailed attempts, and the job fails for good.
	maxFailed = 5
	// maxDeliveries is the backstop for a message whose attempts never get as
	// far as being counted, because the store takes no note of them or because
	// the worker dies that early. A store may be full for a night: with the
	// delays below this lasts about 40 hours. The queue's own bound, where it
	// has one (maxReceiveCount of SQS), must be higher.
	maxDeliveries = 500
	maxBackoff    = time.Minute
	// maxStoreBackoff is for a store that fails: the job is not to blame.
	maxStoreBackoff = 5 * time.Minute
	// finishing bounds what is done after a signal or at the end of a job.
	finishing = 20 * time.Second
	// letGo is how long a model may take to notice that its run has ended. It
	// is short because a stopping machine gives a process seconds.
	letGo = 3 * time.Second
)

// Worker takes jobs from the queue and runs them, one at a time.
type Worker struct {
	Model run.Model
	Store *Store
	Queue queue.Queue
	// Lease is the queue's lease. A third of it is the heartbeat.
	Lease time.Duration
	// Backoff is the first delay after a failed attempt; it doubles each time.
	// 0 means one second.
	Backoff time.Duration
	// Engine is the version of the binary, for the manifest's timing.
	Engine string
	// Ledger makes the worker note its seconds for the budget of the day. Off
	// where tasks are counted by the platform that is paid for them.
	Ledger bool
	Log    *slog.Logger
	// Quarantine is shared by the workers of a process; nil where there is one.
	Quarantine *Quarantine
	// Metrics may be nil.
	Metrics *telemetry.Metrics
	// Ended is told of every message dealt with; may be nil.
	Ended func(outcome string, seconds float64)
}

// Work runs jobs until ctx ends; a job that is running then is given back to
// the queue, which is not a failed attempt. It returns an error only when the
// queue is closed under it.
func (w *Worker) Work(ctx context.Context) error {
	inARow := 0 // failures of the queue or the store
	for ctx.Err() == nil {
		l, err := w.Queue.Receive(ctx)
		if errors.Is(err, queue.ErrClosed) {
			return err
		}
		fine := err == nil
		if fine {
			// While the store does not work, every message would come back
			// as it was: better not to take them all.
			fine = !w.handle(ctx, l, limit{}).store
		} else if ctx.Err() == nil {
			w.Log.Error("cannot receive", "error", err)
		}
		if inARow++; fine {
			inARow = 0
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(w.backoff(min(inARow, 5))):
		}
	}
	return nil
}

// Once waits for one message and deals with it.
func (w *Worker) Once(ctx context.Context) error {
	l, err := w.Queue.Receive(ctx)
	if err != nil {
		return err
	}
	w.handle(ctx, l, limit{})
	return nil
}

// handle works on one message and tells the queue what became of it.
func (w *Worker) handle(ctx context.Context, l *queue.Lease, most limit) verdict {
	start := time.Now()
	ctx, v := w.attempt(ctx, l, most)
	// A signal must not stop us from telling the queue what became of it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	var err error
	switch v.act {
	case actDone:
		err = w.Queue.Done(ctx, l)
	case actRelease:
		err = w.Queue.Release(ctx, l, v.delay)
	case actBury:
		err = w.Queue.Bury(ctx, l, v.reason)
	case actAbandon:
	}
	if err != nil {
		// Harmless: the lease lapses, somebody gets the message again and
		// finds the end state, or tries again.
		w.Log.WarnContext(ctx, "queue not told", "outcome", v.outcome, "error", err)
	}
	seconds := time.Since(start).Seconds()
	w.Log.InfoContext(ctx, "job "+v.outcome, "seconds", seconds, "reason", v.reason)
	w.Metrics.Add("cityflow_jobs_total", 1, "outcome", strings.ReplaceAll(v.outcome, " ", "_"))
	if w.Ended != nil {
		w.Ended(v.outcome, seconds)
	}
	return v
}

// verdict is what becomes of a message.
type verdict struct {
	act     action
	outcome string // for the log and the metrics
	reason  string
	delay   time.Duration
	store   bool // the store does not work
}

type action int

const (
	actDone action = iota
	actRelease
	actBury
	actAbandon
)

// Why a run's context ended, when it was not a signal.
var (
	errCancelled = errors.New("the job was cancelled")
	errLeaseLost = errors.New("the lease was lost")
	errTimeUp    = errors.New("the time of the task is up")
)

func (w *Worker) backoff(attempt int) time.Duration { return min(w.doubled(attempt), maxBackoff) }

func (w *Worker) doubled(attempt int) time.Duration {
	d := w.Backoff
	if d == 0 {
		d = time.Second
	}
	for range min(attempt-1, 10) {
		d *= 2
	}
	return d
}

// retry gives the job back after a failed attempt.
func (w *Worker) retry(attempt int, err error) verdict {
	return verdict{act: actRelease, outcome: "released", reason: err.Error(), delay: w.backoff(attempt)}
}

// storeFailed gives the job back because the store does not work.
func (w *Worker) storeFailed(l *queue.Lease, err error) verdict {
	return verdict{act: actRelease, outcome: "released", reason: err.Error(), delay: min(w.doubled(l.Attempt), maxStoreBackoff), store: true}
}

// attempt deals with one delivery, from the message to its end. The context it
// returns is that of the job, for what is logged afterwards.
func (w *Worker) attempt(ctx context.Context, l *queue.Lease, most limit) (context.Context, verdict) {
	ctx = telemetry.WithLog(ctx, slog.String("job", l.ID))
	msg, err := decodeMessage(l.Body)
	if err != nil {
		return ctx, verdict{act: actBury, outcome: "buried", reason: err.Error()}
	}
	if msg.Request != "" {
		ctx, _ = telemetry.WithRequestID(ctx, msg.Request)
	}
	sctx, end := telemetry.Span(telemetry.JoinTrace(ctx, msg.Traceparent), "attempt")
	sctx, v := w.deal(sctx, l, msg, most)
	var failed error
	if v.outcome != "complete" && v.outcome != "already complete" && v.outcome != "cancelled" {
		failed = errors.New(v.outcome)
	}
	end(failed)
	return sctx, v
}

// deal looks where the job stands and runs it if it is to be run.
func (w *Worker) deal(ctx context.Context, l *queue.Lease, msg message, most limit) (context.Context, verdict) {
	r, err := w.Store.load(ctx, msg.JobID)
	if err != nil {
		if ctx.Err() != nil {
			return ctx, verdict{act: actRelease, outcome: "released", reason: "stopping"}
		}
		return ctx, w.storeFailed(l, err)
	}
	switch {
	case r.manifest != nil:
		// Finished before, only the message was left behind.
		if err := w.point(ctx, r); err != nil {
			return ctx, w.storeFailed(l, err)
		}
		return ctx, verdict{outcome: "already complete"}
	case r.failed != nil && r.failed.Reason == ReasonWorkerLost:
		// Given up by the reconciler; the letter is kept like any other of
		// this kind.
		return ctx, verdict{act: actBury, outcome: "already failed", reason: r.failed.Message}
	case r.failed != nil:
		return ctx, verdict{outcome: "already failed"}
	case r.cancel != nil:
		return ctx, verdict{outcome: "cancelled"}
	case r.config == nil:
		return ctx, verdict{act: actBury, outcome: "buried", reason: "there is no " + msg.ConfigKey}
	}
	if err := w.turn(ctx, l, r.progress != nil && r.progress.failures() >= suspectFrom); err != nil {
		if errors.Is(err, queue.ErrLeaseLost) {
			return ctx, verdict{act: actAbandon, outcome: "abandoned", reason: err.Error()}
		}
		return ctx, verdict{act: actRelease, outcome: "released", reason: "stopping"}
	}
	defer w.leave()
	if r.unknown != "" {
		v := w.storeFailed(l, fmt.Errorf("%w: %s", run.ErrOtherVersion, r.unknown))
		v.store = false
		return ctx, v
	}
	a := w.begin(l, r)
	ctx = telemetry.WithLog(ctx, slog.Int("attempt", a.p.Attempt))
	a.most = most
	if a.p.Failed >= maxFailed || l.Attempt > maxDeliveries {
		return ctx, a.giveUp(ctx)
	}
	if err := a.writeProgress(ctx); err != nil {
		return ctx, w.storeFailed(l, err)
	}
	w.Log.InfoContext(ctx, "job started")
	if a.p.Attempt == 1 {
		w.Metrics.Observe("cityflow_job_seconds", max(0, a.p.StartedAt.Sub(a.p.SubmittedAt).Seconds()), "stage", "wait")
	}
	failpoint(w.Log, "worker.took_job", r.config.City)
	return ctx, a.carryOut(ctx)
}

// attempt is one try at one job.
type attempt struct {
	*Worker
	lease *queue.Lease
	r     *record
	log   *runLog
	p     *progressBox
	watch stageWatch
	most  limit
}

// begin counts the attempt. The previous one failed unless it was released: a
// worker that vanished had no chance to say so.
func (w *Worker) begin(l *queue.Lease, r *record) *attempt {
	now := time.Now().UTC()
	p := progress{Schema: spec.SchemaVersion, Stage: run.Stages[0], Message: "A worker took the job."}
	if last := r.progress; last != nil {
		p.Attempt, p.Failed, p.LastError = last.Attempt, last.failures(), last.LastError
	}
	p.WorkedSec = workedBefore(r.progress, now)
	p.Attempt++
	p.LeaseSec, p.SubmittedAt, p.StartedAt = w.Lease.Seconds(), r.submittedAt(), now
	return &attempt{Worker: w, lease: l, r: r, log: newRunLog(now), p: &progressBox{progress: p}}
}

// giveUp ends a job whose attempts failed too often.
func (a *attempt) giveUp(ctx context.Context) verdict {
	tried := max(a.p.Attempt, a.lease.Attempt) - 1
	f := lostJob(tried, a.p.LastError)
	if err := a.Store.putJSON(ctx, Key(a.r.id, FailedFile), f); err != nil {
		return a.storeFailed(a.lease, err)
	}
	return verdict{act: actBury, outcome: "failed", reason: f.Message}
}

// carryOut runs the model while a minder keeps the lease, and turns whatever
// comes of it into a verdict.
func (a *attempt) carryOut(ctx context.Context) verdict {
	rctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer a.most.arm(cancel)()
	stop := a.mind(rctx, cancel)
	a.watch.begin(rctx, a.Worker)
	ended := make(chan error, 1)
	go func() { ended <- a.produce(rctx) }()
	err := a.await(rctx, ended)
	a.watch.end(err)
	stop()

	fctx, done := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer done()
	defer a.keepWorked(fctx)
	var broken *panicError
	var problems spec.Problems
	switch cause := context.Cause(rctx); {
	case err == nil:
		return verdict{outcome: "complete"}
	case errors.Is(cause, errCancelled), errors.Is(err, errCancelled):
		return verdict{outcome: "cancelled"}
	case errors.Is(cause, errLeaseLost):
		// Somebody else may be at it. Not the job's fault, if nobody is yet.
		a.release(fctx)
		return verdict{act: actAbandon, outcome: "abandoned", reason: cause.Error()}
	case ctx.Err() != nil:
		a.release(fctx)
		return verdict{act: actRelease, outcome: "released", reason: "stopping"}
	case errors.Is(cause, errTimeUp) && a.most.whole:
		// The work is deterministic: another task would take as long.
		return a.fail(fctx, failed{Reason: ReasonTimeLimit, Message: a.most.tooLong()})
	case errors.Is(cause, errTimeUp):
		err = errors.New(a.most.cutOff())
	case errors.As(err, &broken):
		a.log.Error("the run panicked", "value", broken.value)
		_, _ = a.log.Write(broken.stack)
		return a.fail(fctx, failed{Reason: ReasonInternal, Message: "The model broke one of its own rules: " + broken.Error() + ". run.log has the details."})
	case errors.As(err, &problems):
		return a.fail(fctx, failed{Reason: ReasonBadConfig, Message: problems.Error(), Problems: problems})
	case errors.Is(err, run.ErrUnknownCity):
		return a.fail(fctx, failed{Reason: ReasonBadConfig, Message: "The worker does not have the city " + a.r.config.City + "."})
	}
	// A store that fails is not the job's fault, however often it does: what
	// bounds the tries then is the number of deliveries.
	// Nor is it when this worker is too old or too new for it.
	store := errors.Is(err, ErrStore)
	excused := store || errors.Is(err, run.ErrOtherVersion)
	a.p.update(func(p *progress) { p.LastError, p.Released = err.Error(), excused })
	werr := a.writeProgress(fctx)
	if werr != nil {
		a.Worker.Log.WarnContext(fctx, "progress not written", "error", werr)
	}
	if store && werr != nil {
		return a.excuse(ctx, err)
	}
	if excused {
		v := a.storeFailed(a.lease, err)
		v.store = store
		return v
	}
	return a.retry(a.p.Failed+1, err)
}

// excuseFor bounds how long a worker holds a job for a store that does not
// work; then others may try.
const excuseFor = 10 * time.Minute

// excuse keeps the job until the store takes the note that this attempt was not
// the job's fault. Given back without it, the attempt would count as failed,
// and a disk that stays full would end every job that was begun.
func (a *attempt) excuse(ctx context.Context, err error) verdict {
	until := time.Now().Add(excuseFor)
	if !a.most.end.IsZero() && a.most.end.Before(until) {
		until = a.most.end
	}
	wctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	a.Worker.Log.ErrorContext(ctx, "the store does not work, holding the job until it does", "error", err)
	tick := time.NewTicker(max(time.Millisecond, min(a.Lease/6, 5*time.Second)))
	defer tick.Stop()
	kerr := a.keep(wctx, a.lease, tick.C, func() bool {
		step, done := context.WithTimeout(wctx, a.Lease/6)
		defer done()
		return a.writeProgress(step) == nil
	})
	v := a.storeFailed(a.lease, err)
	switch {
	case kerr == nil:
		// It works again.
		v.delay, v.store = a.backoff(1), false
	case errors.Is(kerr, queue.ErrLeaseLost):
		v.act, v.outcome = actAbandon, "abandoned"
	case ctx.Err() != nil:
		v.delay, v.reason = 0, "stopping; the store does not work: "+err.Error()
	}
	return v
}

// await waits for the run. One whose process is about to end anyway is left
// behind if it does not stop: giving the job back in time counts for more.
func (a *attempt) await(rctx context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-rctx.Done():
	}
	switch cause := context.Cause(rctx); {
	case errors.Is(cause, errCancelled), errors.Is(cause, errLeaseLost):
		return <-ended // this process goes on, and one model at a time is enough for it
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(letGo):
		a.Worker.Log.Warn("the run does not stop, giving the job back without it", "job", a.r.id)
		return context.Cause(rctx)
	}
}

// fail ends the job at once: trying again would give the same.
func (a *attempt) fail(ctx context.Context, f failed) verdict {
	f.Schema, f.Attempt, f.At = spec.SchemaVersion, a.p.Attempt, time.Now().UTC()
	a.log.Error("failed", "reason", f.Reason, "message", f.Message)
	err := a.Store.put(ctx, Key(a.r.id, RunLogFile), a.log.bytes())
	if err == nil {
		err = a.Store.putJSON(ctx, Key(a.r.id, FailedFile), f)
	}
	if err != nil {
		a.release(ctx)
		return a.storeFailed(a.lease, err)
	}
	return verdict{outcome: "failed", reason: f.Reason}
}

// release notes that this attempt ended in order, so that it does not count
// against the job. Nobody else's progress is touched.
func (a *attempt) release(ctx context.Context) {
	now, err := getJSON[progress](ctx, a.Store, Key(a.r.id, ProgressFile))
	if err == nil && now != nil && now.Attempt != a.p.Attempt {
		return
	}
	a.p.update(func(p *progress) { p.Released = true })
	if err := a.writeProgress(ctx); err != nil {
		a.Log.WarnContext(ctx, "release not noted", "error", err)
	}
}

// panicError is a panic of the model, caught.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprint(p.value) }

// runModel calls the model and turns a panic into an error.
func (a *attempt) runModel(ctx context.Context, sink run.Sink) (cfg *spec.Config, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return a.Model.Run(ctx, a.r.config, sink, a.report)
}
