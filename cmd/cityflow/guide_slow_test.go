//go:build slow

package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city/report"
	shared "github.com/malikobaid/cityflow/internal/validation"
	"github.com/malikobaid/cityflow/spec"
)

// TestTheGuide does what docs/your-city.md tells a new user, command by
// command, on São Paulo's centre: from the files to a baseline, a what-if, a
// corrected city and an export.
func TestTheGuide(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "your-city.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 6 {
		t.Fatalf("%d blocks of commands in the guide", len(blocks))
	}
	dir := t.TempDir()
	for _, name := range []string{"osm.pbf", "gtfs.zip", "population.csv", "jobs.csv"} {
		from := shared.Open(t, "sao-paulo", name)
		to, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(to, from); err != nil {
			t.Fatal(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "cityflow"), []byte("#!/bin/sh\nexec '"+self+"' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		c := exec.CommandContext(t.Context(), "sh", "-eu", "-c", b[1])
		c.Dir = dir
		c.Env = append(os.Environ(), asCityflow+"="+realEngine, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := c.CombinedOutput()
		t.Logf("%s\n%s", b[1], out)
		if err != nil {
			t.Fatalf("%s: %v", b[1], err)
		}
	}

	read := func(into any, elem ...string) {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(append([]string{dir}, elem...)...))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	var rep report.Report
	read(&rep, "build", "cities", "sao-paulo", "report.json")
	if rep.City.Name != "São Paulo, centre" || rep.City.Country != "BR" || len(rep.Totals) == 0 {
		t.Errorf("%+v", rep.City)
	}
	for _, total := range rep.Totals {
		// The README of the data: population 517,570, jobs 625,298.
		if want := map[string]float64{"residents": 517570, "jobs": 625298}[total.What]; want > 0 && (total.Value < 0.99*want || total.Value > 1.001*want) {
			t.Errorf("%g %s, want %g", total.Value, total.What, want)
		}
	}
	for folder, changes := range map[string]bool{"baseline": false, "what-if": true} {
		var s spec.Summary
		read(&s, folder, "summary.json")
		moved := false
		for _, k := range s.KPIs {
			moved = moved || k.Diff != 0
			// 18 % by car of half a million people: cars move.
			if k.ID == "car_delay" && k.Baseline > 30 {
				t.Errorf("%s: %g min of delay per car trip: gridlock", folder, k.Baseline)
			}
		}
		if len(s.Verdict) == 0 || moved != changes {
			t.Errorf("%s: %d sentences, something changed: %v", folder, len(s.Verdict), moved)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "sao-paulo-gmns.zip")); err != nil {
		t.Error(err)
	}
	if strings.Contains(rep.Config, "Derived by") != true {
		t.Error("the corrected city.yaml lost its comments")
	}
}
