// Package random gives keyed random numbers: a draw is a pure function of
// (seed, who, what for), never of the order of calls. Two runs that differ in
// one place therefore differ only where that place bites, and any number of
// goroutines may draw at once.
//
// The mixer is SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable
// pseudorandom number generators"), applied to the seed and each key in turn.
package random

import "math"

// Purpose separates the streams of one person.
type Purpose uint64

// Streams. The numbers are part of the model: changing one changes results.
const (
	Home Purpose = iota + 1
	Kind
	CarAvailable
	TourMade
	Destination
	Place
	Departure
	Duration
	Gumbel
	Replan
	Replication
	Taste
	RouteDraw
	RouteNoise
)

// Key is a stream of a seed.
type Key uint64

// New is the stream of a seed for one purpose.
func New(seed uint64, p Purpose) Key { return Key(mix(mix(seed) ^ uint64(p))) }

// At narrows a stream by one more key.
func (k Key) At(i uint64) Key { return Key(mix(uint64(k) ^ mix(i+0x9e3779b97f4a7c15))) }

// Uniform is in (0, 1), never the ends, so that logarithms are finite.
func (k Key) Uniform() float64 {
	return (float64(mix(uint64(k))>>11) + 0.5) / (1 << 53)
}

// Gumbel is a standard Gumbel draw (location 0, scale 1).
func (k Key) Gumbel() float64 { return -math.Log(-math.Log(k.Uniform())) }

// Normal is a standard normal draw by the inverse error function.
func (k Key) Normal() float64 { return math.Sqrt2 * math.Erfinv(2*k.Uniform()-1) }

// stratum is how many consecutive numbers of Even share the interval.
const stratum = 16

// Even is the i-th number of a stream in (0, 1), spread evenly over neighbours:
// each block of sixteen consecutive i has one number in every sixteenth of the
// interval, in random order (stratified, as in a Latin hypercube; McKay,
// Beckman and Conover 1979). Each number alone is uniform; sums over neighbours
// vary far less than those of independent draws. Streams of different keys are
// independent.
func (k Key) Even(i uint64) float64 {
	block := k.At(i / stratum)
	mine := block.At(i % stratum)
	rank := 0
	for j := range uint64(stratum) {
		if block.At(j) < mine {
			rank++
		}
	}
	return (float64(rank) + mine.At(stratum).Uniform()) / stratum
}

// Quantile is the standard normal quantile of u.
func Quantile(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

// Seed derives the seed of one replication.
func Seed(seed uint64, replication int) uint64 {
	return uint64(New(seed, Replication).At(uint64(replication)))
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
