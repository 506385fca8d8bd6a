package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// response is the answer in payload format 2.0. Values of one header are
// joined; cookies have a place of their own because they cannot be.
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Cookies    []string          `json:"cookies,omitempty"`
	Body       string            `json:"body"`
	Base64     bool              `json:"isBase64Encoded"`
}

// recorder keeps an answer. After close it takes nothing more: the handler may
// still be running.
type recorder struct {
	mu     sync.Mutex
	head   bool
	header http.Header // the handler's, its own until it writes
	sent   http.Header // as they were when the status was written
	status int
	body   bytes.Buffer
	over   bool // the body grew past MaxResponse
	closed bool
}

func newRecorder(head bool) *recorder { return &recorder{head: head, header: http.Header{}} }

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.write(status)
}

func (w *recorder) write(status int) {
	if w.closed || w.status != 0 || status < 200 { // informational ones cannot be passed on
		return
	}
	w.status, w.sent = status, w.header.Clone()
}

func (w *recorder) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.write(http.StatusOK)
	switch {
	case w.closed:
		return 0, http.ErrHandlerTimeout
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case w.body.Len()+len(b) > MaxResponse:
		w.over = true
		return 0, errTooLarge
	}
	return w.body.Write(b)
}

// Flush has nobody to send to: the answer leaves whole.
func (w *recorder) Flush() { w.WriteHeader(http.StatusOK) }

// close ends the answer. An unfinished one is dropped: its headers may still be
// in use.
func (w *recorder) close(finished bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if finished {
		w.write(http.StatusOK)
	}
	w.closed = true
}

// keep takes over the headers of another answer that do not describe its body.
func (w *recorder) keep(h http.Header) {
	for name, values := range h {
		if !strings.HasPrefix(name, "Content-") && name != "Etag" && name != "Last-Modified" && name != "Accept-Ranges" && name != "Set-Cookie" || name == "Content-Security-Policy" {
			w.header[name] = slices.Clone(values)
		}
	}
}

// result encodes the answer; errTooLarge when it has more than limit bytes.
// prefix is put before a Location on this host, which cannot know of it.
func (w *recorder) result(prefix string, limit int) ([]byte, error) {
	w.close(true)
	if w.over {
		return nil, errTooLarge
	}
	out := response{StatusCode: w.status, Headers: map[string]string{}, Cookies: w.sent["Set-Cookie"]}
	body := w.body.Bytes()
	if _, typed := w.sent["Content-Type"]; !typed && len(body) > 0 && w.sent.Get("Content-Encoding") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(body))
	}
	for name, values := range w.sent {
		if name != "Set-Cookie" && !slices.Contains(hop, name) && len(values) > 0 {
			out.Headers[name] = strings.Join(values, ", ")
		}
	}
	if l := out.Headers["Location"]; prefix != "" && strings.HasPrefix(l, "/") && !strings.HasPrefix(l, "//") {
		out.Headers["Location"] = prefix + l
	}
	switch {
	case w.head:
		if out.Headers["Content-Length"] == "" && len(body) > 0 {
			out.Headers["Content-Length"] = strconv.Itoa(len(body))
		}
	case w.sent.Get("Content-Encoding") != "" || !utf8.Valid(body):
		out.Body, out.Base64 = base64.StdEncoding.EncodeToString(body), true
	default:
		out.Body = string(body)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // one byte stays one byte
	if err := enc.Encode(out); err != nil {
		return nil, err
	}
	if b.Len() > limit {
		return nil, errTooLarge
	}
	return b.Bytes(), nil
}
