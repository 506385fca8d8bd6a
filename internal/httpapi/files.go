package httpapi

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// fileTime bounds the sending of one file: a city's links over a slow line.
const fileTime = 15 * time.Minute

// filePolicy is for artifacts that a browser shows: report.html carries its
// own styles and pictures and may do nothing else.
const filePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

func (a *api) fileRoutes() {
	op := operation("GET", "/files/jobs/{job_id}/{artifact}", "get-file", "A file of a job; Range requests work", 404, 503)
	a.raw(op, "application/octet-stream", a.file, pathParam("job_id", "The id that submit answered"), pathParam("artifact", "The name of the file, as the status lists it"))
	responses := a.huma.OpenAPI().Paths[op.Path].Get.Responses
	responses["206"] = &huma.Response{Description: http.StatusText(206)}
	responses["304"] = &huma.Response{Description: http.StatusText(304)}
	responses["416"] = &huma.Response{Description: http.StatusText(416)}
}

func (a *api) file(w http.ResponseWriter, r *http.Request) {
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
	http.ServeContent(w, r, "", f.ModTime, f.ReadSeekCloser)
}

// serveBytes answers with a body that is at hand whole.
func serveBytes(w http.ResponseWriter, r *http.Request, contentType, cache string, b []byte) {
	serveTagged(w, r, contentType, cache, weak(b), b)
}

func serveTagged(w http.ResponseWriter, r *http.Request, contentType, cache, tag string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", cache)
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
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
