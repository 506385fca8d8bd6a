package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

type jobInput struct {
	JobID string `path:"job_id" maxLength:"64" doc:"The id that submit answered"`
}

type statusOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *spec.Status
}

func (a *api) jobRoutes() {
	submit := operation("POST", "/v1/submit", "submit", "Ask what would change", 400, 413, 415, 422, 503, 507)
	submit.Description = "Only city is required. The same run again answers at once with the job that has its results and cached true. " +
		"With an Idempotency-Key, the same client repeating the same request is one job; the key with another request is simply another job, never a wrong answer."
	submit.DefaultStatus = http.StatusAccepted
	huma.Register(a.huma, submit, a.submit)
	huma.Register(a.huma, operation("GET", "/v1/status/{job_id}", "get-status", "Where a job stands", 404, 503), a.status)
	huma.Register(a.huma, operation("POST", "/v1/jobs/{job_id}/cancel", "cancel-job", "Stop a job wherever it is", 404, 409, 503, 507),
		func(ctx context.Context, in *jobInput) (*struct{ Body *spec.Status }, error) {
			st, err := a.Jobs.Cancel(ctx, in.JobID)
			a.statuses.forget(in.JobID)
			if err != nil {
				return nil, a.fault(ctx, err)
			}
			return &struct{ Body *spec.Status }{st}, nil
		})
	huma.Register(a.huma, operation("GET", "/v1/jobs", "list-jobs", "All jobs, newest first; for the operator", 401, 403, 503), a.list)
	a.raw(operation("GET", "/v1/jobs/{job_id}/events", "job-events", "The status as server-sent events, until the job has ended", 404, 429, 503),
		// OpenAPI 3.1 has no words for the shape of events.
		map[string]*huma.MediaType{eventStream: {}}, a.events, pathParam("job_id", "The id that submit answered"))
}

type submitInput struct {
	ContentType    string `header:"Content-Type" hidden:"true"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Repeating a request with the same key is one job; another request with the same key is another job"`
}

type submitOutput struct {
	Location string `header:"Location"`
	Body     *spec.Submitted
}

func (a *api) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	// Any other type would let a foreign page's plain form start jobs.
	if t, _, err := mime.ParseMediaType(in.ContentType); err != nil || t != "application/json" {
		return nil, mediaType.fault(fmt.Sprintf("The body is %q, want application/json.", in.ContentType)).with("Accept", "application/json")
	}
	req, problems := spec.ParseRequest(requestOf(ctx).Body) // bounded by limit
	if len(problems) > 0 {
		a.Metrics.Add("cityflow_submits_total", 1, "outcome", "refused")
		if req == nil { // not one JSON object at all
			return nil, malformed.fault("Nothing was started.", problems...)
		}
		_, more, err := a.Model.Check(ctx, req)
		if err != nil {
			return nil, a.fault(ctx, err)
		}
		return nil, a.fault(ctx, problems.With(more))
	}
	sub, err := a.Jobs.Submit(ctx, req, clientOf(ctx).key, in.IdempotencyKey)
	if err != nil {
		a.Metrics.Add("cityflow_submits_total", 1, "outcome", "refused")
		return nil, a.fault(ctx, err)
	}
	outcome := "started"
	if sub.Cached {
		outcome = "cached"
		a.Metrics.Add("cityflow_cache_hits_total", 1)
	}
	a.Metrics.Add("cityflow_submits_total", 1, "outcome", outcome)
	return &submitOutput{Location: "/v1/status/" + sub.JobID, Body: sub}, nil
}

type statusInput struct {
	JobID       string `path:"job_id" maxLength:"64" doc:"The id that submit answered"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (a *api) status(ctx context.Context, in *statusInput) (*statusOutput, error) {
	st, tag, err := a.statuses.get(ctx, in.JobID)
	if err != nil {
		return nil, a.fault(ctx, err)
	}
	out := &statusOutput{Status: http.StatusOK, ETag: tag, CacheControl: "no-cache", Body: st}
	if matches(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// etag is weak: compression changes the bytes, not the meaning.
func etag(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("httpapi: %T does not encode: %v", v, err))
	}
	return weak(b)
}

func weak(b []byte) string {
	sum := sha256.Sum256(b)
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}

// matches compares weakly, as If-None-Match asks.
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

type listInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next of the page before"`
}

func (a *api) list(ctx context.Context, in *listInput) (*struct {
	CacheControl string `header:"Cache-Control"`
	Body         *job.Page
}, error) {
	if err := a.operator(ctx); err != nil {
		return nil, err
	}
	page, err := a.Jobs.List(ctx, in.Limit, in.Cursor)
	if err != nil {
		return nil, a.fault(ctx, err)
	}
	return &struct {
		CacheControl string `header:"Cache-Control"`
		Body         *job.Page
	}{"no-store", page}, nil
}

type requestKey struct{}

func requestOf(ctx context.Context) *http.Request {
	return ctx.Value(requestKey{}).(*http.Request)
}

var _ huma.StatusError = (*Fault)(nil)
