package export

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/city"
)

// python runs a program of testdata in the locked environment.
func python(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	path, ok := awstest.Python()
	if !ok {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Python environment in build/venv: run `make tools`")
		}
		t.Skip("SKIPPED: no Python environment in build/venv: run `make tools`")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{filepath.Join("testdata", script)}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, &said)
	}
	return out
}

func write(t *testing.T, dir string, files []File) {
	t.Helper()
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), bytesOf(t, f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// DuckDB reads GeoParquet, and finds in it what GeoJSON says.
func TestGeoParquetOpensInDuckDB(t *testing.T) {
	each(t, func(t *testing.T, c *city.City) {
		dir := t.TempDir()
		write(t, dir, GeoParquet(c))
		write(t, dir, GeoJSON(c))
		out := python(t, "geoparquet.py", dir)
		if n := strings.Count(string(out), " rows, "); n != 4 {
			t.Errorf("%d layers read:\n%s", n, out)
		}
	})
}

// expected warnings of a feed of one day of the past, and of what the source
// wrote: see docs/exports.md.
var expected = []string{
	"WARNING expired_calendar", "WARNING feed_expiration_date7_days", "WARNING trip_coverage_not_active_for_next7_days",
	"WARNING mixed_case_recommended_field",         // Porto Alegre's stops are in capitals
	"WARNING stops_match_shape_out_of_order",       // Porto Alegre's neighbouring bays stand against the order of calls
	"INFO trip_headsign_matches_intermediate_stop", // circular lines
}

// The rules of the canonical GTFS validator, checked by a program that is not
// ours: no error, and no warning but those expected. A feed with a fault is
// found out, so that silence means something.
func TestGTFSPassesAnIndependentValidator(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, feed []byte) string {
		path := filepath.Join(dir, name+".zip")
		if err := os.WriteFile(path, feed, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	paths := []string{}
	for _, slug := range realCities {
		paths = append(paths, save(slug, zipped(t, GTFS(load(t, slug)))))
	}
	broken := save("broken", without(t, zipped(t, GTFS(awkward())), "stops.txt"))
	var said map[string]struct {
		Errors int
		Codes  []string
	}
	if err := json.Unmarshal(python(t, "gtfs.py", append(paths, broken)...), &said); err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		r, ok := said[p]
		if !ok || r.Errors != 0 {
			t.Errorf("%s: %d errors: %q", filepath.Base(p), r.Errors, r.Codes)
		}
		for _, code := range r.Codes {
			if !slices.Contains(expected, code) {
				t.Errorf("%s: %s", filepath.Base(p), code)
			}
		}
	}
	if said[broken].Errors == 0 {
		t.Errorf("a feed without stops passes: %q", said[broken].Codes)
	}
}

// without copies an archive but for one file.
func without(t *testing.T, archive []byte, name string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, f := range in.File {
		if f.Name == name {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		w, err := out.Create(f.Name)
		if err == nil {
			_, err = io.Copy(w, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
