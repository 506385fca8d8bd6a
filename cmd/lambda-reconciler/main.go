// Command lambda-reconciler is the function that starts workers when the queue
// has work. It is run once a minute, when a task has stopped, and by the API
// after a submit; whatever the event is, it makes one tick of
// internal/reconcile and answers with its report.
//
// It is meant to run with reserved concurrency 1. It has no page, no model and
// no queue of its own.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch/ecs"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
	"github.com/malikobaid/cityflow/internal/reconcile"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

const (
	// sweepIdle is how often an idle function lists markers, which S3 charges
	// for: every five minutes is 0.05 USD a month.
	sweepIdle = 5 * time.Minute
	// walkEvery is how often all jobs are listed.
	walkEvery = 24 * time.Hour
)

func main() {
	log, err := telemetry.Logger(os.Stderr, "json", slog.LevelInfo)
	if err != nil {
		panic(err)
	}
	s, err := read(os.Getenv)
	if err == nil {
		log, err = telemetry.Logger(os.Stderr, "json", s.level)
	}
	var metrics *telemetry.Metrics
	if err == nil {
		metrics, err = telemetry.MetricsFromEnv("emf", os.Stdout, nil)
	}
	var r *reconcile.Reconciler
	if err == nil {
		ctx, cancel := within(10 * time.Second)
		defer cancel()
		r, err = wire(ctx, s, metrics, log)
	}
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler(r))
}

// wire turns the settings into drivers.
func wire(ctx context.Context, s settings, metrics *telemetry.Metrics, log *slog.Logger) (*reconcile.Reconciler, error) {
	cfg, err := aws.Config(ctx)
	if err != nil {
		return nil, err
	}
	bucket, err := aws.OpenBucket(ctx, s.store)
	if err != nil {
		return nil, err
	}
	queue, err := sqs.Open(ctx, cfg, s.queue, sqs.Options{Lease: s.lease})
	if err != nil {
		return nil, err
	}
	launcher, err := ecs.New(sdk.NewFromConfig(cfg), s.tasks)
	if err != nil {
		return nil, err
	}
	r := &reconcile.Reconciler{
		Store: &job.Store{Bucket: bucket}, Queue: queue, Launcher: launcher, MaxTasks: s.maxTasks, TaskMax: s.taskMax, Cap: s.limit, Keep: s.keep,
		SweepIdle: sweepIdle, WalkEvery: walkEvery, Log: log, Metrics: metrics,
	}
	return r, r.Validate()
}

// handler makes a tick of any event. What it counted leaves with it, for between
// two events the process may be frozen, or ended without a word.
func handler(r *reconcile.Reconciler) func(context.Context, json.RawMessage) (reconcile.Report, error) {
	seen := gauges(r.Metrics)
	return func(ctx context.Context, event json.RawMessage) (reconcile.Report, error) {
		rep, err := r.Tick(ctx)
		r.Log.InfoContext(ctx, "tick", "cause", cause(event), "report", rep)
		if err != nil {
			r.Log.ErrorContext(ctx, "the tick failed in part, the next one repeats it", "error", err)
		}
		seen(rep)
		fctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushing)
		defer cancel()
		if ferr := r.Metrics.Flush(fctx); ferr != nil {
			r.Log.WarnContext(ctx, "metrics not written", "error", ferr)
		}
		return rep, err
	}
}

// flushing bounds the writing of metrics, which is a line on stdout.
const flushing = 200 * time.Millisecond

// gauges are what the last tick saw of the queue, told once: a process that is
// not frozen must not repeat an old look. The function it returns takes a look.
func gauges(metrics *telemetry.Metrics) func(reconcile.Report) {
	var mu sync.Mutex
	var look map[string]float64
	metrics.Gauge("cityflow_queue_messages", func(context.Context) (map[string]float64, error) {
		mu.Lock()
		defer mu.Unlock()
		now := look
		look = nil
		return now, nil
	})
	return func(rep reconcile.Report) {
		mu.Lock()
		defer mu.Unlock()
		if look = nil; rep.Counted {
			look = map[string]float64{"waiting": float64(rep.Waiting), "leased": float64(rep.Leased), "dead": float64(rep.Dead)}
		}
	}
}

// cause names the event in the log.
func cause(event json.RawMessage) string {
	var e struct {
		DetailType string `json:"detail-type"`
		Source     string `json:"source"`
	}
	switch err := json.Unmarshal(event, &e); {
	case err == nil && e.Source == "aws.ecs":
		return "task"
	case err == nil && e.DetailType != "":
		return "schedule"
	}
	return "invoke"
}
