package main

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

type workerCmd struct {
	storage
	Once        bool   `xor:"mode" help:"Wait for one job, run it and stop."`
	Task        bool   `xor:"mode" help:"Live as one task that is paid by the second: take a job, go on while the first minute lasts, end when there is nothing to do. Writes nothing to this machine."`
	MetricsAddr string `placeholder:"ADDR" help:"Answer GET /metrics at this address."`

	TaskMaxSeconds int           `env:"CITYFLOW_TASK_MAX_SECONDS" default:"1800" help:"Hard end of a task. A run that needs longer fails."`
	TaskIdle       time.Duration `default:"20s" help:"How long a task waits for a job before it ends."`
	TaskPaid       time.Duration `default:"1m" help:"The least time that is paid for: until then a task waits for another job."`
	TaskNext       time.Duration `default:"1s" help:"How long a task looks for another job after that. 0: not at all."`
	Backoff        time.Duration `default:"1s" help:"Pause after a failed try of a job; it doubles each time, up to a minute."`
}

// exit ends a process that does not end by itself.
var exit = os.Exit

func (c *workerCmd) Run(e *env) error {
	began := time.Now()
	if c.Queue == "" || strings.HasPrefix(c.Queue, "file:") {
		return usageError{errors.New("a worker needs a queue that is shared: --queue nats://host:4222, or the https:// address of an SQS queue (serve has its own workers)")}
	}
	if c.Backoff < 0 {
		return usagef("--backoff %v is negative", c.Backoff)
	}
	task := job.Task{Began: began, Max: time.Duration(c.TaskMaxSeconds) * time.Second, Idle: c.TaskIdle, Paid: c.TaskPaid, Next: c.TaskNext}
	if c.Task {
		err := task.Validate()
		if c.Store == "" && c.Bucket == "" {
			err = errors.Join(err, errors.New("a task needs a shared store: --store, CITYFLOW_STORE or ARTIFACTS_BUCKET"))
		}
		if err != nil {
			return usageError{err}
		}
		// Whatever hangs, a task must not be paid for longer than this. Its
		// message comes back when the lease lapses.
		defer time.AfterFunc(task.Max, func() {
			e.log.Error("the task does not end by itself", "after", task.Max)
			exit(1)
		}).Stop()
	}
	otherwise := "none"
	if c.MetricsAddr != "" {
		otherwise = "prometheus"
	}
	metrics, flush, err := e.watch(otherwise)
	if err != nil {
		return err
	}
	defer flush()
	quiet, err := e.serveMetrics(c.MetricsAddr, metrics)
	if err != nil {
		return err
	}
	defer quiet()
	w, err := c.wire(e.ctx)
	if err != nil && e.ctx.Err() != nil {
		return nil // told to stop before it was ready
	}
	if err != nil {
		return err
	}
	defer func() {
		if err := w.Close(); err != nil {
			e.log.Warn("closing", "error", err)
		}
	}()
	model, err := openModel(e.ctx, w.store.Bucket, spec.DefaultLimits()) // the API has checked what comes
	if err != nil {
		return err
	}
	// A task is counted by the platform that it is paid to.
	worker := &job.Worker{Model: model, Store: w.store, Queue: w.queue, Lease: c.Lease, Backoff: c.Backoff, Engine: buildVersion(), Ledger: !c.Task, Log: e.log, Metrics: metrics}
	switch {
	case c.Task:
		err := worker.RunTask(e.ctx, task)
		e.log.Info("task ends", "seconds", time.Since(began).Seconds(), "signal", e.ctx.Err() != nil)
		return err
	case c.Once:
		if err := worker.Once(e.ctx); e.ctx.Err() == nil {
			return err
		}
		return nil // stopped while waiting
	}
	return worker.Work(e.ctx)
}
