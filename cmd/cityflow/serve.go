package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/internal/httpapi"
	"github.com/malikobaid/cityflow/internal/job"
)

// storage are the flags of everything that opens a store and a queue.
type storage struct {
	Data   string        `default:"./data" type:"path" placeholder:"DIR" help:"Folder for everything that is kept."`
	Queue  string        `env:"CITYFLOW_QUEUE,QUEUE_URL" placeholder:"URL" help:"Queue: file:///folder (embedded), nats://host, or the https:// address of an SQS queue. Default: DIR/queue."`
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
}

func (c *serveCmd) Run(e *env) error {
	if c.Workers < 0 {
		return usagef("--workers %d, want 0 or more", c.Workers)
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
	if err != nil {
		return err
	}
	defer func() {
		if err := w.Close(); err != nil {
			e.log.Warn("closing", "error", err)
		}
	}()

	secret, err := c.secret(ctx, c.Secret)
	if err != nil {
		return err
	}
	model, err := openModel(ctx, w.store.Bucket, o.Limits)
	if err != nil {
		return err
	}
	watchQueue(metrics, w.queue)
	service := &job.Service{Model: model, Store: w.store, Queue: w.queue, Secret: secret, FilesBase: "/files", Log: e.log}
	words, err := answers(service, metrics, e.log)
	if err != nil {
		return err
	}
	o.Answers = words
	o.Version, o.Model, o.Jobs, o.Web = buildVersion(), model, service, page(c.Web)
	o.Log, o.Metrics, o.Closing = e.log, metrics, ctx.Done()
	o.StatusAge = 250 * time.Millisecond // a worker reports about twice a second
	server := httpapi.Server(httpapi.New(o), e.log)

	var running sync.WaitGroup
	for range c.Workers {
		worker := &job.Worker{Model: model, Store: w.store, Queue: w.queue, Lease: c.Lease, Engine: buildVersion(), Log: e.log, Metrics: metrics}
		running.Go(func() {
			if err := worker.Work(ctx); err != nil {
				e.log.Error("worker stopped", "error", err)
			}
		})
	}
	sweeper := &job.Sweeper{Store: w.store, Queue: w.queue, Log: e.log}
	running.Go(func() { sweeper.Run(ctx) })

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
