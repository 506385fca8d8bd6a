package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
)

// smallCity is a folder with one compiled city, its pack as a file, and a
// command line that uses them.
func smallCity(t *testing.T) (packs, file string, run func(args ...string) (int, string, string)) {
	t.Helper()
	packs = t.TempDir()
	built, err := openBuilt(packs)
	if err != nil {
		t.Fatal(err)
	}
	o := testcity.Default()
	o.N, o.Population, o.Headway = 6, 600, 1200
	c := testcity.Grid(o)
	if err := catalog.Over(built).Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "mine.pack")
	var b bytes.Buffer
	if err := city.Encode(&b, c); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return packs, file, func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := mainExit(context.Background(), args, &out, &errs)
		return code, out.String(), errs.String()
	}
}

// Every format, into a folder and into an archive, from a slug and from a pack
// file: the same files.
func TestCityExport(t *testing.T) {
	packs, file, run := smallCity(t)
	for _, f := range exportFormats() {
		t.Run(f.Format, func(t *testing.T) {
			folder, archive := filepath.Join(t.TempDir(), "new", "folder"), filepath.Join(t.TempDir(), "all.ZIP")
			code, out, errs := run("city", "export", "--packs", packs, "--city", "testcity", "--format", f.Format, "--format", "json", "--out", folder)
			var a exportAnswer
			if err := json.Unmarshal([]byte(out), &a); code != 0 || err != nil {
				t.Fatal(code, err, errs)
			}
			entries, err := os.ReadDir(folder)
			if err != nil || len(entries) != len(a.Files) || a.City != "testcity" || a.Format != f.Format {
				t.Fatalf("%v %v %+v", err, entries, a)
			}
			if (a.Work != nil) != (f.Format == sumo) || a.Work != nil && (a.Work.Trips == 0 || a.Work.LinkEntries <= a.Work.Trips) {
				t.Errorf("work: %+v", a.Work)
			}
			if code, out, errs := run("city", "export", "--packs", packs, "--city", file, "--format", f.Format, "--out", archive); code != 0 || !strings.Contains(out, a.Files[0].Name) {
				t.Fatal(code, out, errs)
			}
			z, err := zip.OpenReader(archive)
			if err != nil {
				t.Fatal(err)
			}
			defer z.Close()
			for i, listed := range a.Files {
				want, err := os.ReadFile(filepath.Join(folder, listed.Name))
				if err != nil || int64(len(want)) != listed.Bytes {
					t.Errorf("%s: %d bytes, said %d: %v", listed.Name, len(want), listed.Bytes, err)
				}
				r, err := z.File[i].Open()
				if err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				if _, err := got.ReadFrom(r); err != nil || !bytes.Equal(got.Bytes(), want) {
					t.Errorf("%s differs in the archive: %v", listed.Name, err)
				}
			}
		})
	}
}

func TestCityExportBadInput(t *testing.T) {
	packs, file, run := smallCity(t)
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.pack")
	if err := os.WriteFile(broken, []byte("PK\x03\x04 no pack at all, but long enough to look"), 0o644); err != nil {
		t.Fatal(err)
	}
	folderZip := filepath.Join(dir, "folder.zip")
	if err := os.Mkdir(folderZip, 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--city", "testcity"}, []string{"--out is missing", "--format is missing", "gmns"}},
		{[]string{"--format", "gmns"}, []string{"--city is missing", "--out is missing"}},
		{[]string{"--city", "testcity", "--format", "shapefile", "--out", out}, []string{"shapefile", "geojson, geoparquet, gmns, gtfs, sumo"}},
		{[]string{"--city", "nowhere", "--format", "gmns", "--out", out}, []string{"nowhere"}},
		{[]string{"--city", "nowhere", "--format", "sumo", "--out", out}, []string{"nowhere"}},
		{[]string{"--city", filepath.Join(dir, "none.pack"), "--format", "gmns", "--out", out}, []string{"none.pack"}},
		{[]string{"--city", broken, "--format", "gmns", "--out", out}, []string{"broken.pack", "not a city pack"}},
		{[]string{"--city", broken, "--format", "sumo", "--out", out}, []string{"broken.pack", "not a city pack"}},
		{[]string{"--city", file, "--format", "gmns", "--out", folderZip}, []string{"is a folder"}},
		{[]string{"--city", file, "--format", "gmns", "--out", broken}, []string{"is a file"}},
		{[]string{"--city", file, "--format", "gmns", "--out", filepath.Join(broken, "x")}, []string{"not a directory"}},
	} {
		code, stdout, stderr := run(append([]string{"city", "export", "--packs", packs}, c.args...)...)
		if code != 2 || stdout != "" {
			t.Errorf("%v: exit code %d, %s", c.args, code, stdout)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%v: %q lacks %q", c.args, stderr, w)
			}
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("bad input left a folder behind")
	}
	// Elsewhere --format is text or json alone.
	if code, _, errs := run("city", "list", "--packs", packs, "--format", "gmns"); code != 2 || !strings.Contains(errs, "want text or json") {
		t.Error(code, errs)
	}
	// Without anything it lists formats.
	code, stdout, _ := run("city", "export", "--format", "json")
	var list []formatLine
	if err := json.Unmarshal([]byte(stdout), &list); code != 0 || err != nil || len(list) != 5 || list[4].Format != sumo {
		t.Errorf("%d %v %s", code, err, stdout)
	}
	if code, stdout, _ := run("city", "export"); code != 0 || strings.Count(stdout, "\n") != 6 {
		t.Errorf("%d %s", code, stdout)
	}
}

func TestCityValidate(t *testing.T) {
	packs, file, run := smallCity(t)
	for _, name := range []string{"testcity", file} {
		if code, out, errs := run("city", "validate", "--packs", packs, name); code != 0 || !strings.Contains(out, "nothing wrong") {
			t.Error(code, out, errs)
		}
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := city.Decode(good)
	if err != nil {
		t.Fatal(err)
	}
	// A corner that cars enter and never leave: valid columns, broken promise.
	for l := range c.Net.NumLinks() {
		if c.Net.From[l] == 0 {
			c.Net.Modes[l] &^= city.AllowCar
		}
	}
	var b bytes.Buffer
	if err := city.Encode(&b, c); err != nil {
		t.Fatal(err)
	}
	trap, damaged := filepath.Join(t.TempDir(), "trap.pack"), filepath.Join(t.TempDir(), "damaged.pack")
	if err := os.WriteFile(trap, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, good[:len(good)-7], 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{trap: "cars cannot drive", damaged: "city pack"} {
		code, out, errs := run("city", "validate", "--format", "json", name)
		var v validation
		if err := json.Unmarshal([]byte(out), &v); code != 1 || err != nil || len(v.Problems) == 0 || !strings.Contains(v.Problems[0], want) {
			t.Errorf("%s: %d %v %s %s", name, code, err, out, errs)
		}
		if code, out, _ := run("city", "validate", name); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
	if code, _, errs := run("city", "validate", "--packs", packs, "nowhere"); code != 2 || !strings.Contains(errs, "nowhere") {
		t.Error(code, errs)
	}
}

// --city takes a pack file wherever it takes a slug, and means the same city.
func TestPackFileAsCity(t *testing.T) {
	packs, file, run := smallCity(t)
	_, want, _ := run("city", "info", "--packs", packs, "testcity")
	if code, got, errs := run("city", "info", "--packs", packs, file); code != 0 || got != want || want == "" {
		t.Errorf("city info: %d %s %s", code, got, errs)
	}
	strip := func(s string) string { // seconds differ
		var lines []string
		for _, l := range strings.Split(s, "\n") {
			if !strings.Contains(l, " s") {
				lines = append(lines, l)
			}
		}
		return strings.Join(lines, "\n")
	}
	_, want, _ = run("assign", "--packs", packs, "--city", "testcity")
	if code, got, errs := run("assign", "--packs", packs, "--city", file); code != 0 || strip(got) != strip(want) || want == "" {
		t.Errorf("assign: %d %s %s", code, got, errs)
	}
	summaries := map[string]string{}
	for _, name := range []string{"testcity", file} {
		out := filepath.Join(t.TempDir(), "out")
		code, got, errs := run("simulate", "--packs", packs, "--city", name, "--agents", "300", "--replications", "2", "--format", "json", "--out", out)
		if code != 0 || got == "" {
			t.Fatal(code, errs)
		}
		summaries[name] = got
	}
	if summaries["testcity"] != summaries[file] {
		t.Error("the pack file gives another answer than the city it is of")
	}
}
