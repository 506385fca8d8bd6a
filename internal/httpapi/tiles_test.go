package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/run"
)

func TestBasemapsAreServedInRanges(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	r := newRig(t, func(o *Options) {
		o.Basemap = func(_ context.Context, slug string) ([]byte, string, error) {
			switch slug {
			case "newport":
				return []byte("PMTiles" + strings.Repeat("x", 100_000)), digest, nil
			case "broken":
				return nil, "", fmt.Errorf("the disk is on fire")
			}
			return nil, "", fmt.Errorf("%w %q", run.ErrUnknownCity, slug)
		}
	})
	const long = "public, max-age=31536000, immutable"
	for _, c := range []struct {
		path, header, value string
		status, length      int
		cache               string
	}{
		{"/tiles/newport.pmtiles", "", "", 200, 100_007, "public, max-age=3600"},
		{"/tiles/newport.pmtiles?v=0123456789ab", "Range", "bytes=0-6", 206, 7, long},
		{"/tiles/newport.pmtiles?v=0123456789ab", "Accept-Encoding", "gzip", 200, 100_007, long}, // packed inside
		{"/tiles/newport.pmtiles?v=ffffffffffff", "Range", "bytes=100000-", 206, 7, "public, max-age=3600"},
		{"/tiles/newport.pmtiles?v=", "Range", "bytes=-7", 206, 7, "public, max-age=3600"},
		{"/tiles/newport.pmtiles", "If-None-Match", `"` + digest[:24] + `"`, 304, 0, "public, max-age=3600"},
		{"/tiles/newport.pmtiles", "Range", "bytes=200000-", 416, -1, ""},
		{"/tiles/newport", "", "", 404, -1, ""},
		{"/tiles/.pmtiles", "", "", 404, -1, ""},
		{"/tiles/nowhere.pmtiles", "", "", 404, -1, ""},
		{"/tiles/..%2fnewport.pmtiles", "", "", 404, -1, ""},
		{"/tiles/newport/14/1/1.mvt", "", "", 404, -1, ""},
		{"/tiles/broken.pmtiles", "", "", 500, -1, ""},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header, c.value}
		}
		res, b := r.do("GET", c.path, "", headers...)
		if res.StatusCode != c.status || c.length >= 0 && (len(b) != c.length || res.Header.Get("Cache-Control") != c.cache) {
			t.Errorf("%s %s: %d, %d bytes, %s", c.path, c.value, res.StatusCode, len(b), res.Header.Get("Cache-Control"))
		}
		if c.status < 300 && (res.Header.Get("ETag") != `"`+digest[:24]+`"` || res.Header.Get("Content-Type") != pmtiles || res.Header.Get("Content-Encoding") != "") {
			t.Errorf("%s: %v", c.path, res.Header)
		}
		if c.status >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", c.path, b)
		}
	}
	if res, _ := r.do("POST", "/tiles/newport.pmtiles", ""); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
	none := newRig(t, nil)
	if res, _ := none.do("GET", "/tiles/newport.pmtiles", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("a host without basemaps: %d", res.StatusCode)
	}
}
