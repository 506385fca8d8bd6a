// Package validation finds the reference data that tests and benchmarks
// compare against. It is imported by tests alone: the data is not shipped.
package validation

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Open opens one file of the validation data: the folder named by
// VALIDATION_DATA, or ../shared/data/validation beside the repository. Where
// the data is absent the test is skipped, saying so; with CI=true it fails.
func Open(t testing.TB, elem ...string) *os.File {
	t.Helper()
	_, self, _, _ := runtime.Caller(0)
	dir := os.Getenv("VALIDATION_DATA")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(self), "..", "..", "..", "shared", "data", "validation")
	}
	f, err := os.Open(filepath.Join(append([]string{dir}, elem...)...))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("VALIDATION DATA ABSENT: %v", err)
		}
		t.Skipf("VALIDATION DATA ABSENT (set VALIDATION_DATA): %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
