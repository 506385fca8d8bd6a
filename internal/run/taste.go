package run

import (
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/random"
)

// People do not weigh streets alike: the same street feels up to tasteSpread
// longer to some than to others, drawn once per street (by name, else by OSM
// way) and kept for good. This makes the equilibrium stochastic (Daganzo and
// Sheffi 1977): near-equal routes share their traffic instead of swapping it
// from one iteration to the next. The spread is assumed; on a route of a few
// kilometres over half a dozen streets it amounts to some 3% of the time.
const tasteSpread = 0.25

// tastes is the number of different tastes; a person keeps one of them. Each is
// one set of link costs for a hierarchy of paths: few, so that the fit of one
// serves many searches.
const tastes = 8

// newTastes draws the factors of every taste by link. They depend on the city
// alone, so both arms and all replications share them.
func newTastes(net *city.Network) [][]float32 {
	out := make([][]float32, tastes)
	base := random.New(stateSeed, random.Taste)
	for i := range out {
		key := base.At(uint64(i))
		f := make([]float32, net.NumLinks())
		for l := range f {
			street := uint64(net.WayOSM[l])
			if name := net.NameIdx[l]; name != 0 {
				street = uint64(name) | 1<<63
			}
			f[l] = float32(1 + tasteSpread*key.At(street).Uniform())
		}
		out[i] = f
	}
	return out
}

// tasteOf is the taste of a person of a sample.
func tasteOf(seed uint64, person uint32) int {
	return int(uint64(random.New(seed, random.Taste).At(uint64(person))) % tastes)
}
