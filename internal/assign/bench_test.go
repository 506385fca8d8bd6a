package assign

import (
	"fmt"
	"testing"
)

// BenchmarkSolve: seconds and memory by network and gap; bench/run.py keeps
// them. Reading the files is not part of it, setting up is.
func BenchmarkSolve(b *testing.B) {
	for _, c := range published {
		for _, gap := range []float64{1e-4, 1e-6, 1e-12} {
			b.Run(fmt.Sprintf("%s/%.0e", c.name, gap), func(b *testing.B) {
				n, d := readPublished(b, c.dir, c.file)
				b.ReportAllocs()
				b.ResetTimer()
				iterations := 0
				for b.Loop() {
					iterations = mustSolve(b, n, d, Options{Weights: c.weights, Gap: gap}).Number
				}
				b.ReportMetric(float64(iterations), "iterations")
			})
		}
	}
}
