package traffic_test

import (
	"fmt"
	"testing"

	"github.com/malikobaid/cityflow/internal/traffic"
)

// BenchmarkChicago is the run of bench/traffic.py without the program around it.
func BenchmarkChicago(b *testing.B) {
	s := scenario(b, "chicago_sketch")
	for _, platoon := range []int{30, 5, 1} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("platoon=%d/threads=%d", platoon, threads), func(b *testing.B) {
				entries := 0
				for b.Loop() {
					entries = run(b, s, traffic.Options{Platoon: platoon, UntilS: 10000, Threads: threads, Seed: 1}).LinkEntries
				}
				b.ReportMetric(float64(entries), "entries")
			})
		}
	}
}
