package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWhatKilledWritersLeftIsRemovedOnceItIsOld(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{"run.log.18ea.tmp": 2 * time.Hour, "kpis.csv.18eb.tmp": time.Minute, "kpis.csv": 2 * time.Hour} {
		path := filepath.Join(dir, "jobs", "a", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	removeCutOff(t.Context(), dir, now.Add(-cutOffAge))
	left, err := filepath.Glob(filepath.Join(dir, "jobs", "a", "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "kpis.csv" || filepath.Base(left[1]) != "kpis.csv.18eb.tmp" {
		t.Fatal(left, err)
	}
}
