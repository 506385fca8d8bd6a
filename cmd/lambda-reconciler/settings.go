package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch/ecs"
)

// settings are the environment, read.
type settings struct {
	store, queue *url.URL
	lease        time.Duration
	tasks        ecs.Options
	maxTasks     int
	taskMax      time.Duration
	limit        job.Cap
	keep         time.Duration
	level        slog.Level
}

// read takes the settings from the environment. Everything that is wrong is
// named at once.
func read(getenv func(string) string) (settings, error) {
	var s settings
	var errs []error
	wrong := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{name}, args...)...))
	}
	address := func(name string, schemes ...string) *url.URL {
		v := getenv(name)
		u, err := url.Parse(v)
		if err == nil {
			for _, scheme := range schemes {
				if u.Scheme == scheme && u.Host != "" {
					return u
				}
			}
		}
		wrong(name, "%q, want an address that begins with %s://", v, strings.Join(schemes, ":// or "))
		return nil
	}
	words := func(name string) (out []string) {
		for _, w := range strings.Split(getenv(name), ",") {
			if w = strings.TrimSpace(w); w != "" {
				out = append(out, w)
			}
		}
		if out == nil {
			wrong(name, "is empty, want ids with commas between them")
		}
		return out
	}
	number := func(name string, otherwise int) int {
		v := getenv(name)
		if v == "" {
			return otherwise
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			wrong(name, "%q, want a whole number from 1", v)
		}
		return n
	}
	span := func(name string, otherwise time.Duration) time.Duration {
		v := getenv(name)
		if v == "" {
			return otherwise
		}
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			wrong(name, "%q, want a duration such as 720h", v)
		}
		return d
	}
	s.store = address("CITYFLOW_STORE", "s3")
	s.queue = address("CITYFLOW_QUEUE", "https", "http")
	s.lease = span("CITYFLOW_LEASE", 2*time.Minute)
	s.tasks = ecs.Options{Cluster: getenv("CITYFLOW_CLUSTER"), Family: getenv("CITYFLOW_TASK_FAMILY"),
		Subnets: words("CITYFLOW_SUBNETS"), SecurityGroups: words("CITYFLOW_SECURITY_GROUPS")}
	if s.tasks.Cluster == "" {
		s.tasks.Cluster = "cityflow"
	}
	if s.tasks.Family == "" {
		s.tasks.Family = "cityflow-worker"
	}
	s.maxTasks = number("CITYFLOW_MAX_TASKS", 10)
	s.taskMax = time.Duration(number("CITYFLOW_TASK_MAX_SECONDS", 1800)) * time.Second
	s.keep = span("CITYFLOW_KEEP", 0)
	const budget = "CITYFLOW_TASK_SECONDS_PER_DAY"
	// Without a limit a mistake could cost any sum, so that has to be said.
	if v := getenv(budget); v == "" {
		wrong(budget, "is not set, want seconds a day, 0 to start nothing, or none for no limit")
	} else if limit, err := job.ParseCap(v); err != nil {
		wrong(budget, "%w", err)
	} else {
		s.limit = limit
	}
	if v := getenv("CITYFLOW_LOG_LEVEL"); v != "" {
		if err := s.level.UnmarshalText([]byte(v)); err != nil {
			wrong("CITYFLOW_LOG_LEVEL", "%q, want debug, info, warn or error", v)
		}
	}
	if len(s.tasks.Subnets) > 0 && len(s.tasks.SecurityGroups) > 0 {
		if err := s.tasks.Validate(); err != nil {
			errs = append(errs, err)
		}
	}
	return s, errors.Join(errs...)
}

// within bounds what happens at the start.
func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
