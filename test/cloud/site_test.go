//go:build slow

package cloud

import (
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"
)

// site is the part that CloudFront plays: the page out of its own bucket, whose
// keys are the paths, and below /files/ the jobs of the artifacts bucket and
// nothing else of it. It asks nothing of the API.
type site struct {
	url  string
	page *blob.Bucket
	jobs *blob.Bucket
}

func newSite(t testing.TB, d *deployment) *site {
	s := &site{page: memblob.OpenBucket(nil), jobs: d.bucket}
	mux := http.NewServeMux()
	home := http.RedirectHandler("/web/index.html", http.StatusFound)
	mux.Handle("GET /{$}", home)
	mux.Handle("GET /web", home)
	mux.Handle("GET /web/{$}", home)
	mux.HandleFunc("GET /web/{path...}", func(w http.ResponseWriter, r *http.Request) { serve(w, r, s.page, "web/"+r.PathValue("path")) })
	mux.HandleFunc("GET /files/{path...}", func(w http.ResponseWriter, r *http.Request) {
		if key := r.PathValue("path"); publicFile.MatchString(key) {
			serve(w, r, s.jobs, key)
			return
		}
		http.Error(w, "AccessDenied", http.StatusForbidden) // by the bucket's policy
	})
	srv := httptest.NewServer(mux)
	s.url = srv.URL
	t.Cleanup(func() { srv.Close(); _ = s.page.Close() })
	return s
}

var publicFile = regexp.MustCompile(`^jobs/[^/]+/[^/]+$`)

func serve(w http.ResponseWriter, r *http.Request, b *blob.Bucket, key string) {
	obj, err := b.NewReader(r.Context(), key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		http.Error(w, "AccessDenied", http.StatusForbidden) // what S3 says to one who may not list
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer obj.Close()
	w.Header().Set("Content-Type", obj.ContentType())
	http.ServeContent(w, r, "", obj.ModTime(), obj)
}

// upload puts the built page into its bucket, with the settings that a
// deployment writes.
func (s *site) upload(d *deployment) {
	d.Helper()
	dist := filepath.Join(root, "web", "dist")
	if _, err := os.Stat(filepath.Join(dist, "index.html")); err != nil {
		d.Fatalf("the page is not built, run `make build`: %v", err)
	}
	put := func(key string, b []byte) error {
		ctype := mime.TypeByExtension(path.Ext(key))
		return s.page.WriteAll(d.Context(), key, b, &blob.WriterOptions{ContentType: ctype})
	}
	err := fs.WalkDir(os.DirFS(dist), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(os.DirFS(dist), name)
		if err != nil {
			return err
		}
		return put("web/"+name, b)
	})
	if err != nil {
		d.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"apiBaseUrl": d.apiURL, "filesBaseUrl": "/files", "featureFlags": map[string]bool{}, "version": "test",
		"rum": map[string]any{"app_monitor_id": "00000000-0000-0000-0000-000000000000", "identity_pool_id": "eu-west-2:00000000-0000-0000-0000-000000000000", "region": "eu-west-2",
			"sample_rate": 1, "endpoint": "https://dataplane.rum.eu-west-2.amazonaws.com"}})
	if err != nil {
		d.Fatal(err)
	}
	if err := put("web/config/site.json", config); err != nil {
		d.Fatal(err)
	}
}
