package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/httpapi"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/reconcile"
)

// storage are the flags of everything that opens a store and a queue.
type storage struct {
	Data   string        `default:"./data" type:"path" placeholder:"DIR" help:"Folder for everything that is kept (default ./data)."`
	Queue  string        `env:"CITYFLOW_QUEUE,QUEUE_URL" placeholder:"URL" help:"Queue: file:///folder (embedded), nats://host1,host2,host3[?replicas=N] (JetStream), or the https:// address of an SQS queue. Default: DIR/queue."`
	Store  string        `env:"CITYFLOW_STORE" placeholder:"URL" help:"Store: file:///folder or s3://bucket?region=...&endpoint=...&prefix=.... Default: DIR/store."`
	Bucket string        `env:"ARTIFACTS_BUCKET" hidden:"" help:"S3 bucket to keep things in when there is no --store: an ECS secret can only be a plain name."`
	Lease  time.Duration `env:"CITYFLOW_LEASE" default:"15s" help:"How long a silent worker keeps a job before another gets it. All on one queue use the same."`
}

type serveCmd struct {
	storage
	limitFlags
	Addr    string   `default:"127.0.0.1:8080" help:"Address to listen on."`
	Workers int      `default:"1" help:"How many jobs run at once; a job uses several cores by itself. 0: only page and API."`
	Web     string   `type:"existingdir" placeholder:"DIR" help:"Serve the page from this folder instead of the built-in one."`
	Origin  []string `env:"CITYFLOW_ORIGINS" placeholder:"URL" help:"Other sites that may call the API, such as https://cityflow.example."`
	Secret  string   `name:"secret-parameter" env:"CITYFLOW_SECRET_PARAMETER" placeholder:"NAME" help:"SSM SecureString that makes the ids of repeated submits, the same for all servers of a site. Default: a file in DIR."`

	Keep              time.Duration `env:"CITYFLOW_KEEP" default:"0s" help:"How long jobs are kept after their end, such as 720h. 0: for ever."`
	TaskSecondsPerDay string        `env:"CITYFLOW_TASK_SECONDS_PER_DAY" placeholder:"N" help:"How many seconds workers may work in one day (UTC) until new runs are refused. Default: no limit."`
}

func (c *serveCmd) Run(e *env) error {
	if c.Workers < 0 {
		return usagef("--workers %d, want 0 or more", c.Workers)
	}
	limit, err := job.ParseCap(c.TaskSecondsPerDay)
	if err != nil {
		return usagef("--task-seconds-per-day: %w", err)
	}
	// Workers end with a signal, and also when the server itself fails.
	ctx, stop := context.WithCancel(e.ctx)
	defer stop()
	// The port first: a second server must not touch the queue before it
	// learns that there is a first.
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w (is another cityflow running? --addr names another address)", c.Addr, err)
	}
	defer listener.Close()
	o, err := c.options(listener.Addr(), c.Origin)
	if err != nil {
		return err
	}
	metrics, flush, err := e.watch("prometheus")
	if err != nil {
		return err
	}
	defer flush()
	w, err := c.wire(ctx)
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

	// The same as the reconciler on AWS, without starting workers.
	reconciler := &reconcile.Reconciler{Store: w.store, Queue: w.queue, Cap: limit, Keep: c.Keep,
		WalkFirst: true, WalkEvery: 10 * time.Minute, Log: e.log}
	if c.Queue == "" || strings.HasPrefix(c.Queue, "file:") {
		reconciler.Owner = "embedded" // the lock on the queue's folder admits only one
	}
	if err := reconciler.Validate(); err != nil {
		return usageError{err}
	}
	secret, err := c.secret(ctx, c.Secret)
	if err != nil {
		return err
	}
	model, err := openModel(ctx, w.store.Bucket, o.Limits)
	if err != nil {
		return err
	}
	watchQueue(metrics, w.queue)
	service := &job.Service{Model: model, Store: w.store, Queue: w.queue, Secret: secret, FilesBase: "/files", Log: e.log,
		Budget: &job.Budget{Store: w.store, Cap: limit, Log: e.log}}
	words, err := answers(service, metrics, e.log)
	if err != nil {
		return err
	}
	o.Version, o.Model, o.Jobs, o.Web = buildVersion(), model, service, page(c.Web)
	o.Answers, o.Basemap = words, catalog.Over(w.store.Bucket).Basemap
	o.Log, o.Metrics, o.Closing = e.log, metrics, ctx.Done()
	o.StatusAge = 250 * time.Millisecond // a worker reports about twice a second
	server := httpapi.Server(httpapi.New(o), e.log)

	var running sync.WaitGroup
	quarantine := new(job.Quarantine)
	for range c.Workers {
		worker := &job.Worker{Model: model, Store: w.store, Queue: w.queue, Lease: c.Lease, Engine: buildVersion(), Ledger: true, Quarantine: quarantine, Log: e.log, Metrics: metrics}
		running.Go(func() {
			if err := worker.Work(ctx); err != nil {
				e.log.Error("worker stopped", "error", err)
			}
		})
	}
	running.Go(func() { reconciler.Run(ctx, 15*time.Second) })

	served := make(chan error, 1)
	go func() { served <- server.Serve(httpapi.Listen(listener, c.MaxConnections, o.Proxies)) }()
	fmt.Fprintf(e.stdout, "CityFlow is at http://%s\n", listener.Addr())
	e.log.Info("serving", "addr", listener.Addr().String(), "version", buildVersion(), "workers", c.Workers, "pid", os.Getpid())

	select {
	case err = <-served:
	case <-ctx.Done():
		e.log.Info("stopping: running jobs are given back to the queue")
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = server.Shutdown(grace)
	}
	stop()
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}
