package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/spec"
)

// Health answers GET /v1/health when everything works.
type Health struct {
	Status  string      `json:"status" enum:"ok"`
	Version string      `json:"version"`
	Cities  int         `json:"cities"`
	Store   string      `json:"store" enum:"ok"`
	Queue   QueueHealth `json:"queue"`
}

// QueueHealth is how full the queue is.
type QueueHealth struct {
	Status  string `json:"status" enum:"ok"`
	Waiting int    `json:"waiting"`
	Running int    `json:"running"`
	Dead    int    `json:"dead"`
}

type slugInput struct {
	Slug string `path:"slug" maxLength:"64" doc:"City, by its slug" example:"newport"`
}

func (a *api) cityRoutes() {
	huma.Register(a.huma, operation("GET", "/v1/health", "health", "Does everything work?", 503),
		func(ctx context.Context, _ *struct{}) (*struct {
			CacheControl string `header:"Cache-Control"`
			Body         Health
		}, error) {
			h, err := a.health(ctx)
			if err != nil {
				return nil, err
			}
			return &struct {
				CacheControl string `header:"Cache-Control"`
				Body         Health
			}{"no-store", *h}, nil
		})
	huma.Register(a.huma, operation("GET", "/v1/cities", "list-cities", "All cities, with facts", 500),
		func(ctx context.Context, _ *struct{}) (*struct {
			CacheControl string `header:"Cache-Control"`
			Body         []spec.CityInfo
		}, error) {
			cities, err := a.Model.Cities(ctx)
			if err != nil {
				return nil, a.fault(ctx, err)
			}
			if cities == nil {
				cities = []spec.CityInfo{}
			}
			return &struct {
				CacheControl string `header:"Cache-Control"`
				Body         []spec.CityInfo
			}{"public, max-age=60", cities}, nil
		})
	huma.Register(a.huma, operation("GET", "/v1/cities/{slug}", "get-city", "One city in full: stops, default what-if, limits", 404),
		func(ctx context.Context, in *slugInput) (*struct {
			CacheControl string `header:"Cache-Control"`
			Body         *spec.CityDetail
		}, error) {
			c, err := a.Model.City(ctx, in.Slug)
			if err != nil {
				return nil, a.fault(ctx, err)
			}
			return &struct {
				CacheControl string `header:"Cache-Control"`
				Body         *spec.CityDetail
			}{"public, max-age=60", c}, nil
		})
	a.raw(operation("GET", "/v1/cities/{slug}/streets.geojson", "get-streets", "The drawable streets of a city", 404, 406), map[string]*huma.MediaType{geoJSON: {Schema: featureCollection}},
		func(w http.ResponseWriter, r *http.Request) {
			b, err := a.Model.Streets(r.Context(), r.PathValue("slug"))
			if err != nil {
				faultOf(a.fault(r.Context(), err)).write(w)
				return
			}
			serveBytes(w, r, geoJSON, "public, max-age=300", b)
		}, pathParam("slug", "City, by its slug"))
}

// health looks at every part and names all that are broken.
func (a *api) health(ctx context.Context) (*Health, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var broken spec.Problems
	cities, err := a.Model.Cities(ctx)
	if err != nil {
		broken.Add("cities", "the cities cannot be read")
		a.Log.ErrorContext(ctx, "health: cities", "error", err)
	}
	if err := a.Jobs.Store.Check(ctx); err != nil {
		what := "the store does not answer"
		for _, why := range []error{job.ErrFull, job.ErrReadOnly} {
			if errors.Is(err, why) {
				what = why.Error()
			}
		}
		broken.Add("store", what)
		a.Log.ErrorContext(ctx, "health: store", "error", err)
	}
	var d queue.Depth
	if d, err = a.Jobs.Queue.Depth(ctx); err != nil {
		broken.Add("queue", "the queue does not answer")
		a.Log.ErrorContext(ctx, "health: queue", "error", err)
	}
	if len(broken) > 0 {
		return nil, unavailable.fault("See errors for the broken parts.", broken...)
	}
	return &Health{Status: "ok", Version: a.Version, Cities: len(cities), Store: "ok",
		Queue: QueueHealth{"ok", d.Waiting, d.Leased, d.Dead}}, nil
}

// raw registers a handler that writes its own body, and documents it: the
// media types of a good answer, and the errors of operation.
func (a *api) raw(op huma.Operation, content map[string]*huma.MediaType, h http.HandlerFunc, params ...*huma.Param) {
	a.rawAt(op.Path, op, content, h, params...)
}

// rawAt is raw for a path that the mux writes in another way.
func (a *api) rawAt(path string, op huma.Operation, content map[string]*huma.MediaType, h http.HandlerFunc, params ...*huma.Param) {
	op.Parameters = params
	op.Responses = map[string]*huma.Response{"200": {Description: http.StatusText(200), Content: content}}
	for _, code := range op.Errors {
		op.Responses[itoa(code)] = a.faultResponse(code)
	}
	if content[eventStream] == nil { // see serveContent
		op.Responses["206"] = &huma.Response{Description: http.StatusText(http.StatusPartialContent), Content: content}
		op.Responses["304"] = &huma.Response{Description: http.StatusText(http.StatusNotModified)}
		op.Responses["412"] = a.faultResponse(412)
		op.Responses["416"] = a.faultResponse(416)
	}
	a.huma.OpenAPI().AddOperation(&op)
	a.mux.HandleFunc(op.Method+" "+path, h)
}

const (
	eventStream = "text/event-stream"
	geoJSON     = "application/geo+json"
)

// featureCollection is how a GeoJSON answer looks from afar.
var featureCollection = &huma.Schema{Type: "object", Description: "GeoJSON (RFC 7946)", Required: []string{"type", "features"}, Properties: map[string]*huma.Schema{
	"type": {Type: "string", Enum: []any{"FeatureCollection"}}, "features": {Type: "array", Items: &huma.Schema{Type: "object"}},
}}

func pathParam(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Description: doc, Schema: &huma.Schema{Type: "string"}}
}
