package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// kind is one kind of error as a client sees it.
type kind struct {
	name   string
	status int
	title  string
}

// The table of all errors. A client tells them apart by type, a person by
// title and detail.
var (
	malformed    = kind{"malformed", http.StatusBadRequest, "The request cannot be read"}
	unauthorized = kind{"unauthorized", http.StatusUnauthorized, "A token is needed"}
	forbidden    = kind{"forbidden", http.StatusForbidden, "Not allowed"}
	notFound     = kind{"not-found", http.StatusNotFound, "There is no such thing"}
	badMethod    = kind{"method", http.StatusMethodNotAllowed, "The method does not fit the address"}
	tooSlow      = kind{"too-slow", http.StatusRequestTimeout, "The request took too long to arrive"}
	ended        = kind{"ended", http.StatusConflict, "The job has ended"}
	notComplete  = kind{"not-complete", http.StatusConflict, "The job is not complete"}
	precondition = kind{"precondition", http.StatusPreconditionFailed, "The file is not the one that was meant"}
	tooLarge     = kind{"too-large", http.StatusRequestEntityTooLarge, "The request is too large"}
	mediaType    = kind{"media-type", http.StatusUnsupportedMediaType, "The content type does not fit"}
	range416     = kind{"range", http.StatusRequestedRangeNotSatisfiable, "The file has no such range"}
	misdirected  = kind{"misdirected", http.StatusMisdirectedRequest, "The request is for another server"}
	invalid      = kind{"invalid", http.StatusUnprocessableEntity, "The request is not valid"}
	tooMany      = kind{"too-many", http.StatusTooManyRequests, "Too many requests"}
	internal     = kind{"internal", http.StatusInternalServerError, "The server made a mistake"}
	unavailable  = kind{"unavailable", http.StatusServiceUnavailable, "Something the server needs is not working"}
	full         = kind{"storage-full", http.StatusInsufficientStorage, "There is no space left"}
	// These two are for what stands around the handler; see Refuse.
	late       = kind{"late", http.StatusServiceUnavailable, "The answer took too long"}
	answerSize = kind{"answer-too-large", http.StatusNotAcceptable, "The answer is too large for this host"}
)

var kinds = []kind{malformed, unauthorized, forbidden, notFound, badMethod, tooSlow, ended, notComplete, precondition, tooLarge, mediaType, range416, misdirected, invalid, tooMany, internal, unavailable, full, late, answerSize}

// Fault is an RFC 9457 problem document.
type Fault struct {
	Type   string `json:"type" doc:"Which kind of error, as a URI reference" example:"/problems/invalid"`
	Title  string `json:"title" doc:"The kind in words"`
	Status int    `json:"status" doc:"The HTTP status"`
	Detail string `json:"detail,omitempty" doc:"What happened this time"`
	// Errors lists every invalid field.
	Errors spec.Problems `json:"errors,omitempty" doc:"Every invalid field with its JSON path and what would be valid"`

	header http.Header
}

func (k kind) fault(detail string, errs ...spec.Problem) *Fault {
	return &Fault{Type: "/problems/" + k.name, Title: k.title, Status: k.status, Detail: detail, Errors: errs}
}

func (f *Fault) with(header, value string) *Fault {
	if f.header == nil {
		f.header = http.Header{}
	}
	f.header.Set(header, value)
	return f
}

// Error implements error.
func (f *Fault) Error() string { return f.Title + ": " + f.Detail }

// GetStatus implements huma.StatusError.
func (f *Fault) GetStatus() int { return f.Status }

// GetHeaders implements huma.HeadersError.
func (f *Fault) GetHeaders() http.Header { return f.header }

// ContentType implements huma.ContentTypeFilter.
func (f *Fault) ContentType(string) string { return "application/problem+json" }

func (f *Fault) write(w http.ResponseWriter) {
	b, err := json.Marshal(f)
	if err != nil {
		panic("httpapi: a fault does not encode: " + err.Error())
	}
	for k, vs := range f.header {
		w.Header()[k] = vs
	}
	w.Header().Set("Content-Type", f.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(f.Status)
	_, _ = w.Write(append(b, '\n'))
}

// Refuse answers with a kind of the table, by its name, for what stands around
// the handler and must refuse by itself: a gateway.
func Refuse(w http.ResponseWriter, name, detail string) {
	for _, k := range kinds {
		if k.name == name {
			f := k.fault(detail)
			if k.status == http.StatusServiceUnavailable {
				f.with("Retry-After", "10")
			}
			f.write(w)
			return
		}
	}
	panic("httpapi: no kind of error is named " + name)
}

// init makes the framework's own errors (a bad query parameter) look like
// ours. The hook is global by the framework's design.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		f := byStatus(status).fault(msg)
		f.Status = status
		for _, e := range errs {
			var d *huma.ErrorDetail
			if errors.As(e, &d) {
				f.Errors.Add(d.Location, d.Message)
			}
		}
		return f
	}
}

func byStatus(status int) kind {
	for _, k := range kinds {
		if k.status == status {
			return k
		}
	}
	if status >= 500 || status == 0 {
		return internal
	}
	return malformed
}

// mostErrors bounds the answer to one bad request.
const mostErrors = 100

// faultOf maps what the rooms below return to the table. Errors it does not
// know are ours: the client learns nothing about them but the request id.
func faultOf(err error) *Fault {
	var f *Fault
	var ps spec.Problems
	var tooBig *http.MaxBytesError
	var budget *job.BudgetError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &ps):
		detail := "See errors for every field and what would be valid. Nothing was started."
		if len(ps) > mostErrors {
			detail = fmt.Sprintf("See errors for the first %d of %d invalid fields and what would be valid. Nothing was started.", mostErrors, len(ps))
			ps = ps[:mostErrors]
		}
		return invalid.fault(detail, ps...)
	case errors.As(err, &tooBig):
		return tooLargeFault(tooBig.Limit)
	case errors.Is(err, job.ErrNotFound):
		return notFound.fault("There is no such job or file. Job ids are 26 letters and digits; old jobs may have been removed.")
	case errors.Is(err, job.ErrEnded):
		return ended.fault("It cannot be cancelled any more.")
	case errors.Is(err, job.ErrNotComplete):
		return notComplete.fault("Its results are not there yet: ask for its status.")
	case errors.Is(err, run.ErrUnknownCity):
		return notFound.fault("There is no such city: GET /v1/cities lists them.")
	case errors.As(err, &budget):
		wait := max(1, int(math.Ceil(time.Until(budget.Reset).Seconds())))
		return tooMany.fault("The computing time of today is used up. Results that are already there stay available; new runs are possible again from "+
			budget.Reset.Format(time.RFC3339)+".").with("Retry-After", strconv.Itoa(wait))
	case errors.Is(err, job.ErrFull):
		return full.fault("The store is full: nothing new can be kept until its operator makes space. Nothing was lost; try again later.").with("Retry-After", "60")
	case errors.Is(err, job.ErrReadOnly):
		return unavailable.fault("The store cannot be written at the moment: nothing new can be kept until its operator repairs that. Nothing was lost; try again later.").with("Retry-After", "60")
	case errors.Is(err, job.ErrStore):
		return unavailable.fault("The store does not work at the moment. Nothing was lost; try again.").with("Retry-After", "10")
	}
	return internal.fault("The server's log has the details under the request id in X-Request-Id.")
}
