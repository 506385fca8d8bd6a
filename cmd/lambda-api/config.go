package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/httpapi"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

// config is the environment, read and checked.
//
//	CITYFLOW_STORE              s3://bucket                                     required
//	CITYFLOW_QUEUE              https://sqs.<region>.amazonaws.com/<account>/<name>   required
//	CITYFLOW_SECRET_PARAMETER   SSM parameter with the secret of repeated submits, 32 characters or more   required
//	CITYFLOW_FILES_BASE         public address of job files, https://<site>/files; without it the API serves them
//	CITYFLOW_LEASE              of the workers, default 120s
//	CITYFLOW_ORIGINS            other sites that may call; leave it out where the gateway does CORS
//	CITYFLOW_RECONCILER         function to wake after a submit
//	CITYFLOW_STAGE              stage prefix to take from paths, default: what the event names
//	CITYFLOW_MAX_AGENTS, CITYFLOW_MAX_REPLICATIONS   limits of one request
//	CITYFLOW_RATE_SUBMIT, CITYFLOW_RATE_READ         of one client, 10/m and 600/m, or none; each process counts for
//	                            itself, so these slow a flood down and the gateway's throttling ends it
//	CITYFLOW_TASK_SECONDS_PER_DAY   what workers may use in a day (UTC), as the reconciler has it; none: no limit
//	CITYFLOW_TOKEN_HASHES       hex SHA-256 of bearer tokens, comma between; or CITYFLOW_TOKEN_HASHES_PARAMETER
//	CITYFLOW_PRIVATE            true: every call but the health check needs a token
//	CITYFLOW_LOG_LEVEL          debug, info, warn, error
//
// The language model is set up as everywhere (OPENAI_API_KEY or
// OPENAI_API_KEY_PARAMETER, OPENAI_BASE_URL, OPENAI_MODEL,
// CITYFLOW_MODEL_CALLS_PER_DAY), metrics by CITYFLOW_METRICS (default emf).
// AWS_REGION, credentials and AWS_ENDPOINT_URL* are read by the SDK,
// AWS_LAMBDA_FUNCTION_MEMORY_SIZE is set by Lambda.
type config struct {
	Store, Queue *url.URL
	FilesBase    string
	Lease        time.Duration
	Origins      []string
	Reconciler   string
	Stage        string
	Limits       spec.Limits
	Submits      httpapi.Rate
	Reads        httpapi.Rate
	Cap          job.Cap
	Private      bool
	LogLevel     slog.Level
	MemoryMB     int
}

const (
	secretName      = "CITYFLOW_SECRET"
	secretParameter = secretName + "_PARAMETER"
	hashesName      = "CITYFLOW_TOKEN_HASHES"
	hashesParameter = hashesName + "_PARAMETER"
)

var (
	stageName    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	functionName = regexp.MustCompile(`^[A-Za-z0-9:_-]{1,170}$`) // a name, with its alias, or an ARN
)

// routes are the first parts of our own paths: a stage of such a name could not
// be told from them.
var routes = []string{"v1", "files", "web", "tiles", "problems"}

// configFrom reads the environment. Every problem is told at once.
func configFrom(getenv func(string) string) (*config, spec.Problems) {
	c := &config{FilesBase: strings.TrimRight(getenv("CITYFLOW_FILES_BASE"), "/"), Lease: 120 * time.Second, Reconciler: getenv("CITYFLOW_RECONCILER"),
		Stage: strings.Trim(getenv("CITYFLOW_STAGE"), "/"), Limits: spec.DefaultLimits(), MemoryMB: memoryMB(getenv)}
	var ps spec.Problems
	c.Store = address(&ps, getenv, "CITYFLOW_STORE", "s3://bucket", "s3")
	c.Queue = address(&ps, getenv, "CITYFLOW_QUEUE", "https://sqs.<region>.amazonaws.com/<account>/<name>", "https", "http")
	if getenv(secretName) == "" && getenv(secretParameter) == "" {
		ps.Add(secretParameter, "is missing: the name of the SSM parameter with the secret that makes the ids of repeated submits")
	}
	if c.FilesBase != "" {
		u, err := url.Parse(c.FilesBase)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			ps.Add("CITYFLOW_FILES_BASE", fmt.Sprintf("%q is no address of files", c.FilesBase), "https://<site>/files")
		}
	}
	for _, o := range strings.FieldsFunc(getenv("CITYFLOW_ORIGINS"), func(r rune) bool { return r == ',' || r == ' ' }) {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != o || u.Scheme != "https" && u.Scheme != "http" {
			ps.Add("CITYFLOW_ORIGINS", fmt.Sprintf("%q is no origin", o), "https://<site>, exactly as browsers send it, comma between several")
			continue
		}
		c.Origins = append(c.Origins, o)
	}
	if c.Reconciler != "" && !functionName.MatchString(c.Reconciler) {
		ps.Add("CITYFLOW_RECONCILER", fmt.Sprintf("%q is no name of a function", c.Reconciler))
	}
	if c.Stage != "" && (!stageName.MatchString(c.Stage) || slices.Contains(routes, c.Stage)) {
		ps.Add("CITYFLOW_STAGE", fmt.Sprintf("%q cannot be a stage: letters, digits, - and _, and none of %s", c.Stage, strings.Join(routes, ", ")))
	}
	if s := getenv("CITYFLOW_LEASE"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d < time.Second || d > 12*time.Hour {
			ps.Add("CITYFLOW_LEASE", fmt.Sprintf("%q is no lease", s), "1s to 12h, such as 120s")
		}
		c.Lease = d
	}
	number(&ps, getenv, "CITYFLOW_MAX_AGENTS", &c.Limits.MaxAgents, 1, 10_000_000)
	number(&ps, getenv, "CITYFLOW_MAX_REPLICATIONS", &c.Limits.MaxReplications, 2, 1000)
	rate(&ps, getenv, "CITYFLOW_RATE_SUBMIT", "10/m", &c.Submits)
	rate(&ps, getenv, "CITYFLOW_RATE_READ", "600/m", &c.Reads)
	c.Limits.RateSubmit, c.Limits.RateRead = c.Submits.String(), c.Reads.String()
	var err error
	if c.Cap, err = job.ParseCap(getenv("CITYFLOW_TASK_SECONDS_PER_DAY")); err != nil {
		ps.Add("CITYFLOW_TASK_SECONDS_PER_DAY", err.Error())
	}
	if _, err := httpapi.ParseTokenHashes(strings.Split(getenv(hashesName), ",")); err != nil {
		ps.Add(hashesName, err.Error())
	}
	if s := getenv("CITYFLOW_PRIVATE"); s != "" {
		var err error
		if c.Private, err = strconv.ParseBool(s); err != nil {
			ps.Add("CITYFLOW_PRIVATE", fmt.Sprintf("%q is neither", s), "true", "false")
		}
		if c.Private && getenv(hashesName) == "" && getenv(hashesParameter) == "" {
			ps.Add("CITYFLOW_PRIVATE", "needs the hash of at least one token: "+hashesName+" or "+hashesParameter)
		}
	}
	if s := getenv("CITYFLOW_LOG_LEVEL"); s != "" {
		if err := c.LogLevel.UnmarshalText([]byte(s)); err != nil {
			ps.Add("CITYFLOW_LOG_LEVEL", fmt.Sprintf("%q is no level", s), "debug", "info", "warn", "error")
		}
	}
	return c, ps
}

func address(ps *spec.Problems, getenv func(string) string, name, want string, schemes ...string) *url.URL {
	s := getenv(name)
	if s == "" {
		ps.Add(name, "is missing", want)
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || !slices.Contains(schemes, u.Scheme) {
		ps.Add(name, "is no address that this function can use", want) // not repeated: it may hold a password
		return nil
	}
	return u
}

func rate(ps *spec.Problems, getenv func(string) string, name, otherwise string, into *httpapi.Rate) {
	s := getenv(name)
	if s == "" {
		s = otherwise
	}
	var err error
	if *into, err = httpapi.ParseRate(s); err != nil {
		ps.Add(name, err.Error())
	}
}

func number(ps *spec.Problems, getenv func(string) string, name string, into *int, least, most int) {
	s := getenv(name)
	if s == "" {
		return
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		ps.Add(name, fmt.Sprintf("%q is no number that fits", s), fmt.Sprintf("%d to %d", least, most))
		return
	}
	*into = n
}
