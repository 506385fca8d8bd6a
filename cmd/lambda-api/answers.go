package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/gateway"
	"github.com/malikobaid/cityflow/internal/insight/answer"
	"github.com/malikobaid/cityflow/internal/insight/llm"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

// answers joins rules, documentation and the language model of the
// environment, whose key may be in a parameter.
func answers(jobs *job.Service, metrics *telemetry.Metrics, log *slog.Logger) (*answer.Service, error) {
	calls, err := llm.CallsPerDay()
	if err != nil {
		return nil, err
	}
	model, err := llm.FromEnv(llm.Options{Log: log, Metrics: metrics, Budget: &job.ModelCalls{Store: jobs.Store, PerDay: calls, Spent: llm.ErrSpent}}, aws.Reader())
	if err != nil {
		return nil, err
	}
	return &answer.Service{Jobs: jobs, Model: model, Docs: answer.Documentation, Log: log}, nil
}

// counting sends metrics with each invocation: between two the process may be
// frozen, or ended without a word.
type counting struct {
	*gateway.Adapter
	metrics *telemetry.Metrics
	log     *slog.Logger
}

// flushing bounds the sending, which is a line on stdout.
const flushing = 200 * time.Millisecond

// Invoke implements lambda.Handler.
func (c counting) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	out, err := c.Adapter.Invoke(ctx, payload)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushing)
	defer cancel()
	if ferr := c.metrics.Flush(ctx); ferr != nil {
		c.log.WarnContext(ctx, "metrics not written", "error", ferr)
	}
	return out, err
}
