package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

// The command line on the real Newport: the answer on stdout, the artifacts in
// the folder, and an exit code that says which kind of end it was.
func TestSimulateNewport(t *testing.T) {
	scenario := filepath.Join(t.TempDir(), "scenario.json")
	if err := os.WriteFile(scenario, []byte(`{"city":"newport","iterations":2,"average_last":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	ask := []string{"simulate", "--scenario", scenario, "--tram-start", "Royal Gwent Hospital", "--tram-end", "Ringland Centre", "--agents", "300", "--replications", "2"}
	code, stdout, stderr := cityflow(t, append(ask, "--out", out)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var s spec.Summary
	readJSON(t, filepath.Join(out, "summary.json"), &s)
	if s.City != "newport" || s.Agents != 300 || s.Replications != 2 || s.Iterations != 2 || len(s.Verdict) < 3 || len(s.Lines) != 1 {
		t.Errorf("summary: %+v", s)
	}
	if l := s.Lines[0]; l.Stops[0].Name != "Royal Gwent Hospital" || l.Stops[len(l.Stops)-1].Name != "Ringland Centre" || l.LengthKM < 4 || l.LengthKM > 9 {
		t.Errorf("line: %+v", l)
	}
	for _, v := range s.Verdict {
		if !strings.Contains(stdout, v) {
			t.Errorf("the answer lacks %q:\n%s", v, stdout)
		}
	}
	for _, k := range s.KPIs {
		if k.Headline && !strings.Contains(stdout, k.Name) {
			t.Errorf("the table lacks %q:\n%s", k.Name, stdout)
		}
	}
	manifest(t, out)

	t.Run("json", func(t *testing.T) {
		again := filepath.Join(t.TempDir(), "again")
		code, stdout, stderr := cityflow(t, append(append([]string{"--format", "json"}, ask...), "--out", again)...)
		want, err := os.ReadFile(filepath.Join(out, "summary.json"))
		if err != nil || code != 0 {
			t.Fatal(code, err, stderr)
		}
		if stdout != string(want) {
			t.Errorf("stdout is not the summary of the equal run: %.300s", stdout)
		}
	})
	t.Run("unknown stop", func(t *testing.T) {
		code, stdout, stderr := cityflow(t, "simulate", "--city", "newport", "--tram-start", "Royal Gwent Hopital", "--tram-end", "Ringland Center", "--out", filepath.Join(t.TempDir(), "none"))
		if code != 2 || stdout != "" || !strings.Contains(stderr, "Royal Gwent Hospital") || !strings.Contains(stderr, "Ringland Centre") {
			t.Errorf("%d %q %q", code, stdout, stderr)
		}
	})
	t.Run("bad file", func(t *testing.T) {
		bad := filepath.Join(t.TempDir(), "bad.json")
		if err := os.WriteFile(bad, []byte(`{"city":"newport","agnets":3}`), 0o644); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := cityflow(t, "simulate", "--scenario", bad, "--out", t.TempDir()); code != 2 || !strings.Contains(stderr, "agents") {
			t.Errorf("%d %q", code, stderr)
		}
	})
	t.Run("nowhere to write", func(t *testing.T) {
		if code, _, stderr := cityflow(t, append(ask, "--out", filepath.Join(scenario, "out"))...); code != 1 || stderr == "" {
			t.Errorf("%d %q", code, stderr)
		}
	})
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// manifest checks a folder of artifacts against its own manifest.
func manifest(t *testing.T, dir string) {
	t.Helper()
	var m spec.Manifest
	readJSON(t, filepath.Join(dir, job.ManifestFile), &m)
	var cfg spec.Config
	readJSON(t, filepath.Join(dir, "config.json"), &cfg)
	if m.RunKey != cfg.RunKey() || m.ModelVersion != cfg.ModelVersion || m.CityDigest != cfg.CityDigest {
		t.Errorf("manifest %+v is not of config %+v", m, cfg)
	}
	named := map[string]bool{job.ManifestFile: true}
	for _, f := range m.Artifacts {
		named[f.Name] = true
		b, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Error(err)
			continue
		}
		sum := sha256.Sum256(b)
		if int64(len(b)) != f.Bytes || f.SHA256 != "" && f.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %d bytes differ from the manifest's %d", f.Name, len(b), f.Bytes)
		}
	}
	for _, name := range []string{"config.json", "summary.json", "kpis.csv", "baseline_stats.json", "scenario_stats.json", "convergence.csv", "links.geojson", "access.geojson", "insights.md", "run.log"} {
		if !named[name] {
			t.Errorf("the manifest lacks %s", name)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !named[e.Name()] {
			t.Errorf("%s is not in the manifest", e.Name())
		}
	}
}

func TestCityCommandsAndVersion(t *testing.T) {
	var infos []spec.CityInfo
	code, out, errs := cityflow(t, "--format", "json", "city", "list")
	if err := json.Unmarshal([]byte(out), &infos); code != 0 || err != nil || len(infos) != 2 || infos[0].Slug != "newport" {
		t.Errorf("%d %v %s%s", code, err, out, errs)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"city", "list"}, 0, "newport"},
		{[]string{"city", "info", "newport"}, 0, "OpenStreetMap"},
		{[]string{"city", "info", "Newport"}, 0, "Royal Gwent Hospital"},
		{[]string{"city", "info", "atlantis"}, 2, "atlantis"},
		{[]string{"version"}, 0, "model "},
		{[]string{"--format", "json", "version"}, 0, `"pack_format"`},
		{[]string{"openapi"}, 0, `"openapi": "3.1`},
		{[]string{"city", "build", "atlantis", "--sources", "."}, 2, "city.yaml"},
		{[]string{"city", "list", "--packs", "build/cities/index.json"}, 1, ""},
		{[]string{"--help"}, 0, "simulate"},
	} {
		code, out, errs := cityflow(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: exit code %d, want %d: %.400s%.400s", c.args, code, c.code, out, errs)
		}
		if (code == 0) == (out == "") {
			t.Errorf("%v: exit code %d with %d bytes on stdout", c.args, code, len(out))
		}
	}
}
