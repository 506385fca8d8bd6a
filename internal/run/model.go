package run

import (
	"context"

	"github.com/malikobaid/cityflow/spec"
)

// Model is all that the service half sees of the model half.
//
// Implementations are safe for concurrent use.
type Model interface {
	// Cities lists the cities, sorted by slug, from the index alone.
	Cities(ctx context.Context) ([]spec.CityInfo, error)
	// City gives one city in full. ErrUnknownCity when there is none.
	City(ctx context.Context, slug string) (*spec.CityDetail, error)
	// Streets is the drawable street map of a city as GeoJSON.
	Streets(ctx context.Context, slug string) ([]byte, error)
	// Check merges a request with every default and resolves all of it. Either
	// the Config is complete and runnable, or Problems lists all that is wrong.
	// The error is for faults of ours (an unreadable pack).
	Check(ctx context.Context, req *spec.RunRequest) (*spec.Config, spec.Problems, error)
	// Run executes a merged config and writes every artifact except
	// manifest.json to sink, calling report as it goes (from one goroutine at a
	// time). It stops soon after ctx ends and returns ctx.Err(). It recomputes
	// model version and city digest; the returned config holds the real ones.
	// Bad configs return spec.Problems; broken invariants panic.
	Run(ctx context.Context, cfg *spec.Config, sink Sink, report func(Progress)) (*spec.Config, error)
}

// Sink receives finished artifacts, whole.
type Sink interface {
	Put(ctx context.Context, name, contentType string, data []byte) error
}

// Progress is how far a run has come.
type Progress struct {
	Stage   string  // one of Stages
	Done    float64 // 0..1 over the whole run
	Message string  // a sentence for a person
}

// Stages in order.
var Stages = []string{"load", "demand", "calibrate", "transit", "simulate", "compare", "write"}
