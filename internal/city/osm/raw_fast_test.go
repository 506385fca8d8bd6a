//go:build !slow

package osm_test

// How many of the shipped cities, and how many random pairs in each.
const (
	rawCitiesTested = 1
	rawPairs        = 40
)
