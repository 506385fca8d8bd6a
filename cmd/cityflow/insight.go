package main

import (
	"log/slog"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/insight/answer"
	"github.com/malikobaid/cityflow/internal/insight/llm"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

// parameter reads OPENAI_API_KEY_PARAMETER.
var parameter llm.Parameter = aws.Reader()

// answers joins rules, documentation and the language model of the environment.
func answers(jobs *job.Service, metrics *telemetry.Metrics, log *slog.Logger) (*answer.Service, error) {
	calls, err := llm.CallsPerDay()
	if err != nil {
		return nil, usageError{err}
	}
	model, err := llm.FromEnv(llm.Options{Log: log, Metrics: metrics,
		Budget: &job.ModelCalls{Store: jobs.Store, PerDay: calls, Spent: llm.ErrSpent}}, parameter)
	if err != nil {
		return nil, usageError{err}
	}
	if model != nil {
		log.Info("language model", "model", model.Model(), "calls_per_day", calls)
	}
	return &answer.Service{Jobs: jobs, Model: model, Docs: answer.Documentation, Log: log}, nil
}
