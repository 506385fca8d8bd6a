package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"

	"github.com/malikobaid/cityflow/internal/telemetry"
)

// pagePolicy lets the page load its own code, styles, workers and pictures and
// talk to its own server; maps draw pictures from data: and blob: addresses.
const pagePolicy = "default-src 'self'; script-src 'self'; worker-src 'self'; img-src 'self' data: blob:; " +
	"style-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// dataPolicy is for answers that are no page: should a browser show one all
// the same, it may do nothing.
const dataPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// wrap puts around the routes what every request gets, outermost first.
func (a *api) wrap(mux *http.ServeMux) http.Handler {
	gzip, err := gzhttp.NewWrapper(gzhttp.ContentTypeFilter(compressible), gzhttp.MinSize(1024), gzhttp.KeepAcceptRanges(),
		gzhttp.CompressionLevel(gzip.BestSpeed)) // a tenth larger, in a third of the time
	if err != nil {
		panic("httpapi: compression: " + err.Error())
	}
	return a.observe(a.secure(a.named(a.cors(a.throttle(a.guard(a.limit(gzip(a.route(mux)))))))))
}

// observe gives each request its id, logs and counts it, and turns a panic
// into an answer.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, id := telemetry.WithRequestID(r.Context(), r.Header.Get("X-Request-Id"))
		w.Header().Set("X-Request-Id", id)
		start, rec := time.Now(), &recorder{ResponseWriter: w, private: a.Private && !isPage(r.URL.Path)}
		info := &routeInfo{pattern: "none"} // until it is routed
		ctx = context.WithValue(ctx, routeKey{}, info)
		ctx = context.WithValue(ctx, clientCtx{}, identify(r, a.Proxies))
		ctx, end := telemetry.RootSpan(ctx, r.Header.Get("Traceparent"), r.Method)
		r = r.WithContext(ctx)
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				a.Log.ErrorContext(ctx, "panic in a handler", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
				if rec.status == 0 {
					faultOf(fmt.Errorf("panic")).write(rec)
				}
			}
			took := time.Since(start)
			level := slog.LevelInfo
			if rec.status < 400 && r.Method == http.MethodGet {
				level = slog.LevelDebug // pages poll
			}
			// The route, not the address: a job's id is a permission.
			a.Log.Log(ctx, level, "request", "route", info.pattern, "method", r.Method, "status", rec.status, "bytes", rec.bytes, "ms", took.Milliseconds())
			code := rec.status
			if code == 0 {
				code = http.StatusOK // an empty answer
			}
			a.Metrics.Add("cityflow_http_requests_total", 1, "route", info.pattern, "code", strconv.Itoa(code))
			a.Metrics.Observe("cityflow_http_request_seconds", took.Seconds(), "route", info.pattern)
			telemetry.NameSpan(ctx, info.pattern, code)
			var failed error
			if code >= 500 {
				failed = errors.New(http.StatusText(code))
			}
			end(failed)
		}()
		next.ServeHTTP(rec, r)
	})
}

type routeKey struct{}

// routeInfo carries the matched route back out to observe.
type routeInfo struct{ pattern string }

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	// private answers may be kept by the browser that asked, by nobody between.
	private bool
}

func (w *recorder) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
		if h := w.Header(); w.private {
			h.Add("Vary", "Authorization, Cookie")
			if rest, ok := strings.CutPrefix(h.Get("Cache-Control"), "public"); ok {
				h.Set("Cache-Control", "private"+rest)
			}
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Flush is for wrappers that ask for it directly instead of through Unwrap.
func (w *recorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// secure sets the headers that keep a page from being misused.
func (a *api) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", dataPolicy)
		if isPage(r.URL.Path) {
			h.Set("Content-Security-Policy", pagePolicy)
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // addresses hold job ids
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		// Other sites may not draw on what lies here; configured origins ask by
		// CORS, which this does not touch.
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Origin-Agent-Cluster", "?1")
		h.Set("X-Permitted-Cross-Domain-Policies", "none")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if clientOf(r.Context()).tls {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// cors is the one place where other origins are let in.
func (a *api) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		allowed := slices.Contains(a.Origins, origin)
		h := w.Header()
		if len(a.Origins) > 0 {
			h.Add("Vary", "Origin")
		}
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "Location, ETag, X-Request-Id, Retry-After, Content-Range, Accept-Ranges")
		}
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		if !allowed {
			forbidden.fault("This origin may not call the API.").write(w)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key, Authorization, X-Request-Id, If-None-Match, Range")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

// limit refuses large bodies before reading them, and stops reading those that
// lie about their length.
func (a *api) limit(next http.Handler) http.Handler {
	most := int64(a.Limits.MaxBodyBytes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") && r.ContentLength != 0 {
			// A few packed bytes can be gigabytes.
			w.Header().Set("Connection", "close")
			mediaType.fault("Bodies are read as they are, not compressed.").with("Accept-Encoding", "identity").write(w)
			return
		}
		if r.ContentLength > most {
			// The rest of the body is not worth waiting for.
			w.Header().Set("Connection", "close")
			tooLargeFault(most).write(w)
			return
		}
		if len(r.TransferEncoding) > 0 {
			// Such a request may also have named a length, and a proxy before us
			// may have gone by that: what follows on the connection is not to be
			// taken for a request (RFC 9112, 6.1).
			w.Header().Set("Connection", "close")
		}
		if r.ContentLength != 0 { // chunked bodies say -1
			var b bytes.Buffer
			if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, most)); err != nil {
				f := malformed.fault("The body ended too early, or is not framed as HTTP asks.")
				if g := faultOf(err); g.Status == tooLarge.status {
					f = g
				} else if errors.Is(err, os.ErrDeadlineExceeded) {
					f = tooSlow.fault("Nothing was started.")
				}
				w.Header().Set("Connection", "close")
				f.write(w)
				return
			}
			r.Body = readCloser{bytes.NewReader(b.Bytes())}
		}
		next.ServeHTTP(w, r)
	})
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func tooLargeFault(most int64) *Fault {
	return tooLarge.fault(fmt.Sprintf("A body may have %d bytes. Nothing was started.", most))
}

// route lets the mux serve, and gives its own plain-text 404 and 405 the shape
// of every other error.
func (a *api) route(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		info := r.Context().Value(routeKey{}).(*routeInfo)
		if pattern != "" {
			info.pattern = pattern
			// Handlers behind the framework see only the context.
			mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, r)))
			return
		}
		probe := &probe{header: http.Header{}}
		h.ServeHTTP(probe, r)
		if probe.status == http.StatusMethodNotAllowed {
			allow := probe.header.Get("Allow")
			badMethod.fault(r.Method+" does not work here; these do: "+allow+".").with("Allow", allow).write(w)
			return
		}
		notFound.fault("There is nothing at this address. /openapi.json lists what there is.").write(w)
	})
}

// probe takes the mux's refusal without sending it.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
