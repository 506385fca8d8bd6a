package traffic_test

import (
	"github.com/malikobaid/cityflow/internal/traffic"
	"testing"
)

func BenchmarkChicago(b *testing.B) {
	s := scenario(b, "chicago_sketch")
	for b.Loop() {
		run(b, s, traffic.Options{Platoon: 1, UntilS: 10000, Seed: 1})
	}
}
func BenchmarkChicago30(b *testing.B) {
	s := scenario(b, "chicago_sketch")
	for b.Loop() {
		run(b, s, traffic.Options{Platoon: 30, UntilS: 10000, Seed: 1})
	}
}
