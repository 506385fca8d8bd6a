package cost

import (
	"fmt"
	"math"
)

// Task is the size of a worker task.
type Task struct {
	CPU      float64 `json:"vcpu"`
	MemoryGB float64 `json:"memory_gb"`
}

// minute is the least that a task costs.
const minute = 60

// Job is the price of one job of so many seconds, alone in its task.
type Job struct {
	OnDemand float64 `json:"on_demand_usd"`
	Spot     float64 `json:"spot_usd"` // at the best discount
}

// OfJob prices one job.
func OfJob(region string, t Task, seconds float64) Job {
	h := math.Max(seconds, minute) / 3600
	_, cpu := lookUp("fargate-cpu", region)
	_, memory := lookUp("fargate-memory", region)
	_, address := lookUp("public-ipv4", region)
	compute := h * (t.CPU*cpu + t.MemoryGB*memory)
	return Job{OnDemand: compute + h*address, Spot: compute*(1-SpotDiscount) + h*address}
}

// Use is what is asked for.
type Use struct {
	Region     string  `json:"region"`
	Jobs       float64 `json:"jobs"`
	Visits     float64 `json:"visits"`
	JobSeconds float64 `json:"job_seconds"`
	Task       Task    `json:"task"`
	// RUMSample is the share of visits that is measured.
	RUMSample float64 `json:"rum_sample"`
}

// Assumption is a number that turns jobs and visits into requests and bytes.
type Assumption struct {
	Key   string  `json:"key"`
	Value float64 `json:"value"`
	What  string  `json:"what"`
}

// Assumptions of an estimate. Those about the program follow from its code;
// those about people are guesses, and said to be.
var Assumptions = []Assumption{
	{"ticks", hours * 60, "looks of the reconciler at the queue a month: one a minute"},
	{"tick-s3-lists", 1, "S3 LIST a tick (pending/)"},
	{"tick-s3-reads", 2, "S3 GET a tick (spend, lease)"},
	{"tick-sqs", 2, "SQS requests a tick (queue, dead letters)"},
	{"tick-seconds", 0.3, "time of a tick at 0.25 GB"},
	{"job-wakes", 2, "further ticks a job (submit, end of its task)"},
	{"job-api", 40, "API requests a job: submit, status every two seconds for a minute, insights"},
	{"job-sqs", 12, "SQS requests a job: send, receive, extensions, delete, empty receives"},
	{"job-s3-writes", 60, "S3 PUT a job: about 25 artifacts, progress"},
	{"job-s3-reads", 120, "S3 GET a job: status, results"},
	{"job-mb", 5, "MB a job stores, kept for a month, and a look at its results loads"},
	{"job-files", 15, "CloudFront requests to look at a job's results"},
	{"job-log-kb", 30, "KB of log a job"},
	{"visit-api", 3, "API requests a visit"},
	{"visit-files", 25, "CloudFront requests a visit (guess)"},
	{"visit-mb", 1.5, "MB a visit loads (guess: first visits load more, later ones hardly anything)"},
	{"visit-origin", 2, "S3 GET a visit: what CloudFront does not hold (guess)"},
	{"visit-events", 20, "RUM events a measured visit (guess)"},
	{"api-seconds", 0.1, "time of an API request at 0.5 GB"},
	{"api-log-kb", 1.5, "KB of log an API request"},
	{"tick-log-kb", 0.5, "KB of log a tick"},
	{"metrics-idle", 4, "metrics of the program while nothing runs (queue)"},
	{"metrics-busy", 24, "metrics of the program in hours with jobs (outcomes, stages, starts)"},
	{"busy-hours-a-job", 0.25, "hours with metrics of its own a job brings (guess: jobs come in groups)"},
	{"alarms", 7, "alarms"},
	{"cities-gb", 0.2, "GB of compiled cities and page"},
	{"image-gb", 0.05, "GB of images"},
	{"queries", 60, "questions to the access log a month, 10 MB each"},
}

func assume(key string) float64 {
	for _, a := range Assumptions {
		if a.Key == key {
			return a.Value
		}
	}
	panic("cost: no assumption " + key)
}

// Line is one service of an estimate.
type Line struct {
	Service string  `json:"service"`
	What    string  `json:"what"`
	Amount  float64 `json:"amount"` // in units of the price
	Unit    string  `json:"unit"`
	Free    float64 `json:"free"` // taken off
	USD     float64 `json:"usd"`
}

// Estimate is a month.
type Estimate struct {
	Use         Use          `json:"use"`
	Lines       []Line       `json:"lines"`
	Total       float64      `json:"total_usd"`      // all tasks on demand
	TotalSpot   float64      `json:"total_spot_usd"` // all tasks on Spot at its best discount
	Job         Job          `json:"job"`
	AlwaysOn    float64      `json:"always_on_usd"` // one t3.medium, machine alone
	Assumptions []Assumption `json:"assumptions"`
	Prices      []Price      `json:"prices"`
}

// Problems lists what is wrong with a use.
func (u Use) Problems() []error {
	var out []error
	if err := CheckRegion(u.Region); err != nil {
		out = append(out, fmt.Errorf("--region: %w", err))
	}
	for _, x := range []struct {
		flag      string
		value, hi float64
	}{{"--jobs", u.Jobs, 1e9}, {"--visits", u.Visits, 1e10}, {"--job-seconds", u.JobSeconds, 86400}, {"--rum-sample", u.RUMSample, 1}} {
		if !(x.value >= 0 && x.value <= x.hi) {
			out = append(out, fmt.Errorf("%s: %v, want 0 to %v", x.flag, x.value, x.hi))
		}
	}
	for _, x := range []struct {
		flag      string
		value, hi float64
	}{{"--vcpu", u.Task.CPU, 16}, {"--memory-gb", u.Task.MemoryGB, 120}} {
		if !(x.value >= 0.25 && x.value <= x.hi) {
			out = append(out, fmt.Errorf("%s: %v, want 0.25 to %v", x.flag, x.value, x.hi))
		}
	}
	return out
}

// Month estimates a month of a use that has no problems.
func Month(u Use) Estimate {
	e := Estimate{Use: u, Job: OfJob(u.Region, u.Task, u.JobSeconds), Assumptions: Assumptions, Prices: Prices}
	add := func(service, key, what string, amount float64) float64 {
		p, usd := lookUp(key, u.Region)
		free := math.Min(amount, p.Free)
		l := Line{service, what, amount, p.Unit, free, (amount - free) * usd}
		e.Lines = append(e.Lines, l)
		e.Total += l.USD
		return l.USD
	}
	a := assume
	taskHours := u.Jobs * math.Max(u.JobSeconds, minute) / 3600
	ticks := a("ticks") + u.Jobs*a("job-wakes")
	calls := u.Jobs*a("job-api") + u.Visits*a("visit-api")
	files := u.Jobs*a("job-files") + u.Visits*a("visit-files")

	compute := add("Fargate", "fargate-cpu", "worker tasks, processors", taskHours*u.Task.CPU)
	compute += add("Fargate", "fargate-memory", "worker tasks, memory", taskHours*u.Task.MemoryGB)
	add("VPC", "public-ipv4", "addresses of worker tasks", taskHours)
	add("API Gateway", "http-api", "API requests", calls)
	add("Lambda", "lambda-request", "calls of API and reconciler", calls+ticks)
	add("Lambda", "lambda-time", "time of API and reconciler", calls*a("api-seconds")*0.5+ticks*a("tick-seconds")*0.25)
	add("SQS", "sqs", "queue", a("ticks")*a("tick-sqs")+u.Jobs*a("job-sqs"))
	add("S3", "s3-storage", "cities, page, files of jobs", a("cities-gb")+u.Jobs*a("job-mb")/1000)
	add("S3", "s3-write", "writing and listing", a("ticks")*a("tick-s3-lists")+u.Jobs*a("job-s3-writes"))
	add("S3", "s3-read", "reading", a("ticks")*a("tick-s3-reads")+u.Jobs*a("job-s3-reads")+u.Visits*a("visit-origin"))
	add("CloudFront", "cloudfront-bytes", "bytes to visitors", (u.Visits*a("visit-mb")+u.Jobs*a("job-mb"))/1000)
	add("CloudFront", "cloudfront-request", "requests of visitors", files)
	add("CloudFront", "cloudfront-function", "redirects and paths", files)
	add("CloudWatch", "logs", "logs", (calls*a("api-log-kb")+ticks*a("tick-log-kb")+u.Jobs*a("job-log-kb"))/1e6)
	busy := math.Min(hours, u.Jobs*a("busy-hours-a-job")) / hours
	add("CloudWatch", "metric", "metrics of the program", a("metrics-idle")+busy*a("metrics-busy"))
	add("CloudWatch", "alarm", "alarms", a("alarms"))
	add("CloudWatch RUM", "rum", "measured visits", u.Visits*u.RUMSample*a("visit-events"))
	add("Athena", "athena", "questions to the access log", a("queries")*10/1e6)
	add("ECR", "ecr", "images", a("image-gb"))
	add("Route 53", "hosted-zone", "hosted zone", 1)

	e.TotalSpot = e.Total - compute*SpotDiscount
	_, machine := lookUp("t3.medium", u.Region)
	e.AlwaysOn = machine * hours
	return e
}
