//go:build slow

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/spec"
)

var (
	measure = flag.String("measure", "", "measure the function, and write the figures to this file")
	packs   = flag.String("packs", "../../build", "compiled cities to measure with")
)

const coldStarts = 10

type memory struct {
	After   string  `json:"after"`
	PeakMB  float64 `json:"peak_rss_mb"`
	Seconds float64 `json:"seconds"`
}

type figures struct {
	Go           string    `json:"go"`
	Machine      string    `json:"machine"`
	FunctionMB   int       `json:"function_memory_mb"`
	BinaryMB     float64   `json:"binary_mb"`
	ColdStartMS  []float64 `json:"cold_start_ms"`
	ColdMedianMS float64   `json:"cold_start_median_ms"`
	WarmMedianMS float64   `json:"warm_health_median_ms"`
	Memory       []memory  `json:"memory"`
}

// peak is the most memory that the only process of the function ever held.
func (r *rig) peak() float64 {
	r.Helper()
	pids := r.function.PIDs()
	if len(pids) != 1 {
		r.Fatalf("%d processes", len(pids))
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pids[0]))
	if err != nil {
		r.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			if err != nil {
				r.Fatal(err)
			}
			return kb / 1024
		}
	}
	r.Fatal("no VmHWM")
	return 0
}

func median(v []float64) float64 {
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}

// TestMeasure is `make bench-lambda`: cold start and memory of the deployed
// program with the real cities.
func TestMeasure(t *testing.T) {
	if *measure == "" {
		t.Skip("only on demand: make bench-lambda")
	}
	built, err := fileblob.OpenBucket(*packs, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer built.Close()
	cities, err := catalog.Over(built).Cities(t.Context())
	if err != nil || len(cities) == 0 {
		t.Fatalf("no compiled cities in %s: %v", *packs, err)
	}
	path, err := bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	out := figures{Go: runtime.Version(), Machine: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()), FunctionMB: 512, BinaryMB: float64(info.Size()) / 1e6}
	timed := func(r *rig, method, url, body string) float64 {
		begun := time.Now()
		if res, b := r.do(method, url, body); res.StatusCode/100 != 2 {
			r.Fatalf("%s %s: %d %.300s", method, url, res.StatusCode, b)
		}
		return time.Since(begun).Seconds()
	}
	seeded := func(t *testing.T) *rig {
		r := newRig(t, "CITYFLOW_RATE_SUBMIT=none")
		if _, err := catalog.Over(r.bucket).Seed(t.Context(), catalog.Over(built)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for range coldStarts {
		t.Run("cold", func(t *testing.T) {
			r := seeded(t)
			out.ColdStartMS = append(out.ColdStartMS, 1000*timed(r, "GET", "/v1/health", ""))
		})
	}
	out.ColdMedianMS = median(out.ColdStartMS)
	submit := func(c spec.CityInfo) string { return `{"city":"` + c.Slug + `"}` }
	for _, c := range cities {
		t.Run(c.Slug, func(t *testing.T) {
			r := seeded(t)
			s := timed(r, "POST", "/v1/submit", submit(c))
			out.Memory = append(out.Memory, memory{"first submit for " + c.Slug, r.peak(), s})
		})
	}
	t.Run("all", func(t *testing.T) {
		r := seeded(t)
		total := 0.0
		for _, c := range cities {
			total += timed(r, "GET", "/v1/cities/"+c.Slug, "")
		}
		out.Memory = append(out.Memory, memory{"the details of all cities", r.peak(), total})
		var warm []float64
		for range 20 {
			warm = append(warm, 1000*timed(r, "GET", "/v1/health", ""))
		}
		out.WarmMedianMS = median(warm)
		total = 0
		for range 3 {
			for _, c := range cities {
				total += timed(r, "POST", "/v1/submit", submit(c))
			}
		}
		out.Memory = append(out.Memory, memory{"submits for all cities in turn, three times", r.peak(), total})
		total = 0
		for _, c := range cities {
			total += timed(r, "GET", "/v1/cities/"+c.Slug+"/streets.geojson", "")
		}
		out.Memory = append(out.Memory, memory{"then the streets of all cities", r.peak(), total})
	})
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*measure, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", b)
}
