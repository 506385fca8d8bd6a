package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/malikobaid/cityflow/internal/job"
)

// fileTime bounds the sending of one file: a city's links over a slow line.
const fileTime = 15 * time.Minute

// filePolicy is for artifacts that a browser shows: report.html carries its
// own styles and pictures and may do nothing else.
const filePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

func (a *api) fileRoutes() {
	op := operation("GET", "/files/jobs/{job_id}/{artifact}", "get-file", "A file of a job; Range requests work", 404, 406, 503)
	content := map[string]*huma.MediaType{}
	for _, ext := range []string{"json", "geojson", "csv", "md", "html", "log", "zip", "parquet", "bin"} {
		t := job.ContentType("x." + ext)
		if content[t] = (&huma.MediaType{}); t == geoJSON {
			content[t].Schema = featureCollection
		}
	}
	a.raw(op, content, a.file, pathParam("job_id", "The id that submit answered"), pathParam("artifact", "The name of the file, as the status lists it"))
	a.huma.OpenAPI().Paths[op.Path].Get.Responses["302"] = &huma.Response{Description: "The files are served at another address: see Location"}
}

func (a *api) file(w http.ResponseWriter, r *http.Request) {
	if a.RedirectFiles {
		a.fileElsewhere(w, r)
		return
	}
	f, err := a.Jobs.Open(r.Context(), r.PathValue("job_id"), r.PathValue("artifact"))
	if err != nil {
		faultOf(a.fault(r.Context(), err)).write(w)
		return
	}
	defer f.Close()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(fileTime))
	h := w.Header()
	h.Set("Content-Type", f.ContentType)
	h.Set("Cache-Control", f.Cache)
	h.Set("Content-Security-Policy", filePolicy)
	if f.SHA256 != "" {
		tag := `"` + f.SHA256[:24] + `"`
		if compressible(f.ContentType) {
			tag = "W/" + tag
		}
		h.Set("ETag", tag)
	}
	serveContent(w, r, f.ModTime, f.ReadSeekCloser)
}

// fileElsewhere sends a client on. Only names that a public file can have are
// let into the address, and nothing is looked up: the other host says 404.
func (a *api) fileElsewhere(w http.ResponseWriter, r *http.Request) {
	id, name := r.PathValue("job_id"), r.PathValue("artifact")
	if kind, ok := job.KindOf(job.Key(id, name)); !job.ValidID(id) || !ok || !kind.Public {
		faultOf(job.ErrNotFound).write(w)
		return
	}
	w.Header().Set("Location", a.Jobs.FilesBase+"/"+job.Key(id, name))
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.WriteHeader(http.StatusFound)
}

// serveContent is http.ServeContent with errors as documents. One range is
// served; several are ignored, as RFC 9110 allows, and the whole is sent: each
// range costs a seek, which on an object store is a request, and a header has
// room for thousands of them.
func serveContent(w http.ResponseWriter, r *http.Request, mod time.Time, content io.ReadSeeker) {
	if strings.Contains(r.Header.Get("Range"), ",") || len(r.Header.Values("Range")) > 1 {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	if last, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=-"); ok && last != "" && strings.Trim(last, "0") == "" {
		// The last no bytes: the library would send an impossible range.
		r = r.Clone(r.Context())
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", math.MaxInt64))
	}
	http.ServeContent(&contentWriter{ResponseWriter: w}, r, "", mod, content)
}

// contentWriter replaces the plain-text errors of http.ServeContent.
type contentWriter struct {
	http.ResponseWriter
	failed bool
}

func (w *contentWriter) WriteHeader(code int) {
	if code < 400 {
		w.ResponseWriter.WriteHeader(code)
		return
	}
	w.failed = true
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		h.Del(name)
	}
	f := internal.fault("The file cannot be read.")
	switch code {
	case http.StatusRequestedRangeNotSatisfiable:
		// Content-Range, which is set already, says how long the file is.
		f = range416.fault("Content-Range says how many bytes there are.")
	case http.StatusPreconditionFailed:
		f = precondition.fault("It has changed since, or was never that one.")
	}
	f.write(w.ResponseWriter)
}

func (w *contentWriter) Write(b []byte) (int, error) {
	if w.failed {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *contentWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serveBytes answers with a body that is at hand whole.
func serveBytes(w http.ResponseWriter, r *http.Request, contentType, cache string, b []byte) {
	serveTagged(w, r, contentType, cache, weak(b), b)
}

func serveTagged(w http.ResponseWriter, r *http.Request, contentType, cache, tag string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", cache)
	h.Set("ETag", tag)
	serveContent(w, r, time.Time{}, bytes.NewReader(b))
}

// compressible says which types are worth compressing.
func compressible(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	switch {
	case t == "text/event-stream":
		return false // each event must leave at once
	case strings.HasPrefix(t, "text/"), strings.HasSuffix(t, "json"), strings.HasSuffix(t, "+xml"):
		return true
	}
	return t == "application/wasm"
}
