package telemetry

// Kind of an instrument.
type Kind string

// The kinds in use.
const (
	Counter   Kind = "counter"
	Histogram Kind = "histogram"
	Gauge     Kind = "gauge"
)

// Instrument is one line of the table of metrics.
type Instrument struct {
	Name string
	Kind Kind
	// Unit is UCUM, as OpenTelemetry wants it.
	Unit string
	Help string
	// Labels are all that may stand beside the value. Their values come from
	// small fixed sets, never from a request.
	Labels []string
	// Buckets are the upper bounds of a histogram.
	Buckets []float64
}

var (
	requestBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	jobBuckets     = []float64{0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800}
)

// Instruments is every metric there is. docs/telemetry.md says the same and is
// tested against it.
var Instruments = []Instrument{
	{Name: "cityflow_submits_total", Kind: Counter, Unit: "{submit}", Labels: []string{"outcome"},
		Help: "Submits by what came of them."},
	{Name: "cityflow_cache_hits_total", Kind: Counter, Unit: "{hit}",
		Help: "Runs answered with the results of an equal run, at submit or by a worker."},
	{Name: "cityflow_jobs_total", Kind: Counter, Unit: "{message}", Labels: []string{"outcome"},
		Help: "Messages dealt with by workers, by outcome."},
	{Name: "cityflow_job_seconds", Kind: Histogram, Unit: "s", Labels: []string{"stage"}, Buckets: jobBuckets,
		Help: "Time of jobs by stage of the run; wait is from submit to the first worker, total one whole attempt that completed."},
	{Name: "cityflow_queue_messages", Kind: Gauge, Unit: "{message}", Labels: []string{"state"},
		Help: "Messages in the queue."},
	{Name: "cityflow_queue_oldest_seconds", Kind: Gauge, Unit: "s",
		Help: "Age of the oldest message that is not done with, waiting or leased; 0 when there is none."},
	{Name: "cityflow_task_starts_total", Kind: Counter, Unit: "{start}", Labels: []string{"capacity", "outcome"},
		Help: "Worker tasks asked for, by capacity and outcome."},
	{Name: "cityflow_task_seconds_total", Kind: Counter, Unit: "s",
		Help: "Time of worker tasks that is paid for."},
	{Name: "cityflow_http_requests_total", Kind: Counter, Unit: "{request}", Labels: []string{"route", "code"},
		Help: "Requests by route and status."},
	{Name: "cityflow_http_request_seconds", Kind: Histogram, Unit: "s", Labels: []string{"route"}, Buckets: requestBuckets,
		Help: "Time spent answering, by route."},
	{Name: "cityflow_model_calls_total", Kind: Counter, Unit: "{call}", Labels: []string{"outcome"},
		Help: "Calls to the language model, by outcome."},
	{Name: "cityflow_build_info", Kind: Gauge, Unit: "1", Labels: []string{"version"},
		Help: "The version that runs; always 1."},
}
