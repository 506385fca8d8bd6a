package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"gocloud.dev/blob"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/gateway"
	"github.com/malikobaid/cityflow/internal/httpapi"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/queue/sqs"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

// wire opens what the settings name, all at the same time, and joins it to one
// handler of events.
func wire(ctx context.Context, c *config, log *slog.Logger) (lambda.Handler, error) {
	settings, err := aws.Config(ctx)
	if err != nil {
		return nil, err
	}
	metrics, err := telemetry.MetricsFromEnv("emf", os.Stdout, nil)
	if err != nil {
		return nil, err
	}
	var (
		bucket *blob.Bucket
		queue  *sqs.Queue
		secret []byte
		tokens []httpapi.TokenHash
		opened sync.WaitGroup
		errs   [4]error
	)
	// Each part has its own error, so that all are told.
	opened.Go(func() { bucket, errs[0] = aws.OpenBucket(ctx, c.Store) })
	opened.Go(func() { queue, errs[1] = sqs.Open(ctx, settings, c.Queue, sqs.Options{Lease: c.Lease}) })
	opened.Go(func() { secret, errs[2] = submitSecret(ctx) })
	opened.Go(func() { tokens, errs[3] = tokenHashes(ctx) })
	opened.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if c.Private && len(tokens) == 0 {
		return nil, errors.New("a private deployment needs at least one token: " + hashesParameter + " holds none")
	}
	cities := catalog.Over(bucket)
	model := run.New(cities, c.Limits)
	model.Bound(c.MemoryMB << 20 / packShare)
	jobs := &job.Service{Model: model, Store: &job.Store{Bucket: bucket}, Queue: queue, Secret: secret, FilesBase: "/files", Log: log,
		Budget: &job.Budget{Store: &job.Store{Bucket: bucket}, Cap: c.Cap, Log: log}}
	hint := "Ask with Accept-Encoding: gzip, or for a file with a Range."
	if c.FilesBase != "" {
		jobs.FilesBase = c.FilesBase
		hint = "Ask with Accept-Encoding: gzip; the files of jobs are below " + c.FilesBase + "/jobs/."
	}
	if c.Reconciler != "" {
		jobs.Wake = waker(settings, c.Reconciler, log)
	}
	words, err := answers(jobs, metrics, log)
	if err != nil {
		return nil, err
	}
	var h http.Handler = httpapi.New(httpapi.Options{
		Version: version, Model: model, Jobs: jobs, Answers: words, Basemap: cities.Basemap, Origins: c.Origins, Log: log, Metrics: metrics,
		Tokens: tokens, Private: c.Private, Submits: c.Submits, Reads: c.Reads,
		RedirectFiles: c.FilesBase != "", NoStreams: true, Limits: c.Limits,
	})
	return counting{gateway.New(h, gateway.Options{Stage: c.Stage, Refuse: httpapi.Refuse, Hint: hint, Log: log}), metrics, log}, nil
}

// packShare is the part of the memory that decoded cities may hold: opening
// one takes another three times its size for a moment.
const packShare = 8

// leastSecret is what makes an id as hard to guess as a random one.
const leastSecret = 32

func submitSecret(ctx context.Context) ([]byte, error) {
	p, err := aws.FromEnvironment(ctx, secretName)
	if err != nil {
		return nil, err
	}
	v, err := p.Value(ctx)
	if err != nil {
		return nil, err
	}
	if n := len(v.Reveal()); n < leastSecret {
		return nil, fmt.Errorf("the secret of repeated submits has %d characters, want %d or more", n, leastSecret)
	}
	return []byte(v.Reveal()), nil
}

// tokenHashes reads who is let in; none without the setting.
func tokenHashes(ctx context.Context) ([]httpapi.TokenHash, error) {
	p, err := aws.FromEnvironment(ctx, hashesName)
	if err != nil || p == nil {
		return nil, err
	}
	v, err := p.Value(ctx)
	if err != nil {
		return nil, err
	}
	hashes, err := httpapi.ParseTokenHashes(strings.FieldsFunc(v.Reveal(), func(r rune) bool { return r == ',' || r == '\n' || r == ' ' }))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", hashesName, err)
	}
	return hashes, nil
}
