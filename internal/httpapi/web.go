package httpapi

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

// site serves the built page from a file system.
type site struct {
	files fs.FS
	tags  sync.Map // path -> ETag: hashing once is enough, the files never change
}

// webTypes are the types of the page's files. The host's own table differs
// from machine to machine.
var webTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".json": "application/json", ".geojson": "application/geo+json", ".svg": "image/svg+xml",
	".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg", ".ico": "image/x-icon", ".woff2": "font/woff2",
	".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8", ".wasm": "application/wasm",
	".webmanifest": "application/manifest+json", ".map": "application/json", ".pbf": "application/x-protobuf",
}

// notBuilt is what a binary without the page says.
const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>CityFlow</title>
<h1>CityFlow is running, but its page is not built</h1>
<p>This program was built without the web page. In the source folder run <code>make build</code>, then start it again.</p>
<p>The API works: see <a href="/v1/health">/v1/health</a> and <a href="/openapi.json">/openapi.json</a>.</p></html>
`

// SiteConfig is /web/config/site.json: where the page finds its API.
type SiteConfig struct {
	APIBaseURL   string          `json:"apiBaseUrl"`
	FilesBaseURL string          `json:"filesBaseUrl"`
	FeatureFlags map[string]bool `json:"featureFlags"`
	RUM          any             `json:"rum"`
	Version      string          `json:"version"`
}

func (a *api) webRoutes() {
	if a.Web == nil {
		return
	}
	a.web = &site{files: a.Web}
	home := http.RedirectHandler("/web/index.html", http.StatusFound)
	a.mux.Handle("GET /{$}", home)
	a.mux.Handle("GET /web", home)
	a.mux.Handle("GET /web/{$}", home)
	// Same origin: the page calls the server it came from.
	config, err := json.Marshal(SiteConfig{FilesBaseURL: "/files", FeatureFlags: map[string]bool{}, Version: a.Version})
	if err != nil {
		panic("httpapi: site.json does not encode: " + err.Error())
	}
	a.mux.HandleFunc("GET /web/config/site.json", func(w http.ResponseWriter, r *http.Request) {
		serveBytes(w, r, "application/json", "public, max-age=60", config)
	})
	a.mux.Handle("GET /web/{path...}", a.web)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("path")
	ctype, known := webTypes[path.Ext(name)]
	var b []byte
	err := fs.ErrNotExist
	if known && fs.ValidPath(name) {
		b, err = fs.ReadFile(s.files, name)
	}
	if errors.Is(err, fs.ErrNotExist) && name == "index.html" {
		w.Header().Set("Content-Type", webTypes[".html"])
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(notBuilt))
		return
	}
	if err != nil {
		notFound.fault("The page has no such file.").write(w)
		return
	}
	cache := "public, max-age=60"
	if strings.HasPrefix(name, "assets/") { // named by their content
		cache = "public, max-age=31536000, immutable"
	}
	tag, ok := s.tags.Load(name)
	if !ok {
		tag, _ = s.tags.LoadOrStore(name, weak(b))
	}
	serveTagged(w, r, ctype, cache, tag.(string), b)
}
