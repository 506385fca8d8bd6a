package web

import (
	"bytes"
	"io/fs"
	"testing"
)

func TestFSHoldsTheKeptFile(t *testing.T) {
	if _, err := fs.Stat(FS(), ".keep"); err != nil {
		t.Fatal(err)
	}
}

// A binary that carries pages carries all of them, each with the navigation in
// its delivered HTML.
func TestBuiltPagesCarryTheNavigation(t *testing.T) {
	if !Built() {
		t.Skip("the pages are not built: run `npm ci && npm run build` in web/")
	}
	for _, page := range []string{"index", "plan", "results", "jobs", "api", "about"} {
		b, err := fs.ReadFile(FS(), page+".html")
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Contains(b, []byte(`<nav aria-label="Pages">`)) {
			t.Errorf("%s.html has no navigation", page)
		}
	}
	if _, err := fs.Stat(FS(), "config/site.json"); err != nil {
		t.Error(err)
	}
}
