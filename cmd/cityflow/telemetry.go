package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/malikobaid/cityflow/internal/httpapi"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/internal/telemetry/otlp"
	"github.com/malikobaid/cityflow/internal/telemetry/prom"
)

// flushing bounds the sending of the last metrics and spans.
const flushing = 5 * time.Second

// watch starts metrics and spans as the environment asks; the function it
// returns sends what is left.
func (e *env) watch(otherwise string) (*telemetry.Metrics, func(), error) {
	metrics, err := telemetry.MetricsFromEnv(otherwise, e.stdout, prom.New)
	if err != nil {
		return nil, nil, usageError{err}
	}
	stop, err := otlp.FromEnv(e.ctx, buildVersion())
	if err != nil {
		return nil, nil, usageError{err}
	}
	metrics.Gauge("cityflow_build_info", func(context.Context) (map[string]float64, error) {
		return map[string]float64{buildVersion(): 1}, nil
	})
	return metrics, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushing)
		defer cancel()
		if err := errors.Join(metrics.Close(ctx), stop(ctx)); err != nil {
			e.log.Warn("the last metrics or spans were not sent", "error", err)
		}
	}, nil
}

// watchQueue adds the gauges of a queue. One process of a deployment does so.
func watchQueue(metrics *telemetry.Metrics, q queue.Queue) {
	metrics.Gauge("cityflow_queue_messages", func(ctx context.Context) (map[string]float64, error) {
		d, err := q.Depth(ctx)
		return map[string]float64{"waiting": float64(d.Waiting), "leased": float64(d.Leased), "dead": float64(d.Dead)}, err
	})
	if aged, ok := q.(queue.Aged); ok {
		metrics.Gauge("cityflow_queue_oldest_seconds", func(ctx context.Context) (map[string]float64, error) {
			at, err := aged.Oldest(ctx)
			if at.IsZero() {
				return map[string]float64{"": 0}, err
			}
			return map[string]float64{"": max(0, time.Since(at).Seconds())}, err
		})
	}
}

// serveMetrics answers GET /metrics at an address of its own, for a worker that
// serves nothing else, until the returned function is called.
func (e *env) serveMetrics(addr string, metrics *telemetry.Metrics) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	page := metrics.Page()
	if page == nil {
		return nil, usagef("--metrics-addr needs CITYFLOW_METRICS=prometheus")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", page)
	server := httpapi.Server(mux, e.log)
	go func() { _ = server.Serve(l) }()
	e.log.Info("metrics", "addr", l.Addr().String())
	return func() { _ = server.Close() }, nil
}
