package main

import (
	"errors"
	"strings"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

type workerCmd struct {
	storage
	Once        bool   `help:"Wait for one job, run it and stop."`
	MetricsAddr string `placeholder:"ADDR" help:"Answer GET /metrics at this address."`
}

func (c *workerCmd) Run(e *env) error {
	if c.Queue == "" || strings.HasPrefix(c.Queue, "file:") {
		return usageError{errors.New("a worker needs a queue that is shared: --queue nats://host:4222, or the https:// address of an SQS queue (serve has its own workers)")}
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
	worker := &job.Worker{Model: model, Store: w.store, Queue: w.queue, Lease: c.Lease, Engine: buildVersion(), Log: e.log, Metrics: metrics}
	if !c.Once {
		return worker.Work(e.ctx)
	}
	if err := worker.Once(e.ctx); e.ctx.Err() == nil {
		return err
	}
	return nil // stopped while waiting
}
