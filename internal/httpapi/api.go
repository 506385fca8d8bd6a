// Package httpapi is the HTTP face of CityFlow: the calls of /openapi.json
// under /v1, the files of jobs, the web page and the OpenAPI document. It leans
// on job for everything that lasts and on run.Model for cities; it keeps no
// state but counters and rates, so any number of them can stand side by side.
//
// The same http.Handler serves a laptop, a server behind a proxy and a
// function behind a gateway. Errors are RFC 9457 documents from one table
// (fault.go). Request bodies are read by spec, which reports every problem at
// once; the OpenAPI document describes them but does not validate. Nothing
// outside a job's own public files can be read through /files.
package httpapi

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/malikobaid/cityflow/internal/insight/answer"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

// Options of the API.
type Options struct {
	Version string
	Model   run.Model
	Jobs    *job.Service
	// Basemap gives the map below everything; nil where another host has them.
	Basemap Basemaps
	// Answers puts results and the documentation into words; nil: by rules.
	Answers *answer.Service
	// Web holds the built page, index.html at its root; nil where a static
	// host serves it.
	Web fs.FS
	// Origins may call the API from another site, exactly as browsers send
	// them ("https://cityflow.example"). Same-origin pages need none.
	Origins []string
	// Tokens are hashes of bearer tokens: their holders may list all jobs.
	// Without any, loopback may.
	Tokens []TokenHash
	// Private closes every call but the health check to those without a token.
	Private bool
	// Submits and Reads bound what one client may send; zero is no bound.
	Submits, Reads Rate
	// Proxies are believed about who their visitors are.
	Proxies []netip.Prefix
	// CheckHost refuses names other than Hosts and loopback: for servers that
	// only this machine should reach.
	CheckHost bool
	Hosts     []string
	Log       *slog.Logger
	// Metrics count requests and submits; those with a page are served at
	// /metrics. May be nil.
	Metrics *telemetry.Metrics
	// Closing ends event streams when it is closed, so that a server can stop;
	// may be nil.
	Closing <-chan struct{}
	// StatusAge is how old the status of a job may be, so that many who watch
	// share one look at the store; 0: read for each.
	StatusAge time.Duration
	// RedirectFiles sends whoever asks for a file of a job on to Jobs.FilesBase:
	// for hosts where another serves the files.
	RedirectFiles bool
	// NoStreams answers an event stream with the present state alone, for hosts
	// that send an answer whole; the client asks again.
	NoStreams bool
	// Limits are shown to clients; MaxBodyBytes is enforced here.
	Limits spec.Limits
}

type api struct {
	Options
	mux     *http.ServeMux
	huma    huma.API
	openapi []byte
	web     *site
	// streams bounds the number of open event streams, watching that of each
	// client.
	streams  chan struct{}
	mu       sync.Mutex
	watching map[string]int // under mu

	submits, reads *limiter
	statuses       *statuses
}

// One client can be an office behind one address.
const (
	maxStreams       = 512
	maxClientStreams = 64
)

// New is the whole handler.
func New(o Options) http.Handler {
	if o.Limits == (spec.Limits{}) {
		o.Limits = spec.DefaultLimits()
	}
	if err := o.check(); err != nil {
		panic("httpapi: " + err.Error())
	}
	a := build(o)
	return a.wrap(a.mux)
}

// OpenAPI is the document that the handler serves at /openapi.json.
func OpenAPI(version string) []byte {
	return build(Options{Version: version, Limits: spec.DefaultLimits()}).openapi
}

func build(o Options) *api {
	a := &api{Options: o, mux: http.NewServeMux(), streams: make(chan struct{}, maxStreams), watching: map[string]int{},
		submits: newLimiter(o.Submits, mostClients), reads: newLimiter(o.Reads, mostClients),
		statuses: newStatuses(o.Jobs, o.StatusAge)}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "CityFlow", Version: o.Version,
				Description: "What would change if we built this? Submit a what-if for a city, follow the job, read the answer.",
				License:     &huma.License{Name: "MIT", Identifier: "MIT"},
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		},
		Formats: huma.DefaultFormats, DefaultFormat: "application/json",
	}
	if a.Answers == nil {
		a.Answers = &answer.Service{Jobs: o.Jobs, Docs: answer.Documentation, Log: o.Log}
	}
	a.huma = humago.New(a.mux, config)
	a.cityRoutes()
	a.jobRoutes()
	a.sessionRoutes()
	a.insightRoutes()
	a.fileRoutes()
	a.tileRoutes()
	a.webRoutes()
	a.describe()
	a.describeInsights()
	var err error
	if a.openapi, err = json.MarshalIndent(a.huma.OpenAPI(), "", " "); err != nil {
		panic("httpapi: the OpenAPI document does not encode: " + err.Error())
	}
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		serveBytes(w, r, "application/vnd.oai.openapi+json", "no-cache", a.openapi)
	})
	if page := o.Metrics.Page(); page != nil {
		a.mux.Handle("GET /metrics", page)
	}
	return a
}

// Server has the timeouts that keep slow or hostile clients from holding
// connections. Long answers (files, events) extend their own write deadline.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func operation(method, path, id, summary string, errs ...int) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Errors: errs}
}

// fault logs what a client is not told and turns an error into a document.
func (a *api) fault(ctx context.Context, err error) error {
	f := faultOf(err)
	if f.Status >= 500 {
		a.Log.ErrorContext(ctx, "request failed", "error", err)
	}
	return f
}
