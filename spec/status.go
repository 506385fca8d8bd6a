package spec

import "time"

// State is where a job stands.
type State string

// States of a job.
const (
	Queued    State = "queued"
	Running   State = "running"
	Complete  State = "complete"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Submitted answers POST /v1/submit.
type Submitted struct {
	JobID       string    `json:"job_id"`
	Status      State     `json:"status"`
	SubmittedAt time.Time `json:"submitted_at"`
	Cached      bool      `json:"cached"`
}

// Status answers GET /v1/status/{job_id}.
type Status struct {
	JobID string `json:"job_id"`
	State State  `json:"status"`
	// Stage is a short machine word (see run.Stages), Message a sentence.
	Stage    string  `json:"stage"`
	Progress float64 `json:"progress"` // 0..1
	// ETASec is null until it can be trusted.
	ETASec      *float64    `json:"eta_sec"`
	Attempt     int         `json:"attempt"`
	Message     string      `json:"message"`
	SubmittedAt time.Time   `json:"submitted_at"`
	StartedAt   *time.Time  `json:"started_at"`
	FinishedAt  *time.Time  `json:"finished_at"`
	Config      *Config     `json:"config"`
	RunKey      string      `json:"run_key"`
	Artifacts   []Reference `json:"artifacts"`
}

// Reference is a link to one artifact of a job.
type Reference struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
	Bytes       int64  `json:"bytes"`
}

// Manifest is written last: a job with a manifest is complete.
type Manifest struct {
	Schema       int            `json:"schema"`
	RunKey       string         `json:"run_key"`
	ModelVersion string         `json:"model_version"`
	CityDigest   string         `json:"city_digest"`
	Artifacts    []ManifestFile `json:"artifacts"`
	// Timing is the only part that differs between equal runs.
	Timing Timing `json:"timing"`
}

// ManifestFile names one artifact and its bytes.
type ManifestFile struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Bytes       int64  `json:"bytes"`
	// SHA256 is hex; "" for the files that may differ between equal runs.
	SHA256 string `json:"sha256,omitempty"`
}

// Timing says when and how long; excluded from byte equality.
type Timing struct {
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Seconds    float64   `json:"seconds"`
	Engine     string    `json:"engine"` // binary version
}
