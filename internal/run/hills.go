package run

import (
	"math"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/routing"
)

// Speed by bicycle on hills, relative to the flat: Parkin and Rotheram, Design
// speeds and acceleration characteristics of bicycle traffic for use in
// planning, design and appraisal, Transport Policy 17 (2010): 6.01 m/s on the
// flat, 0.4002 m/s less for each per cent uphill, 0.2379 m/s more for each per
// cent downhill, observed from -15 to 12 %; no faster than 35 km/h. MATSim's
// BikeTravelTime uses the same figures and scales them to another speed on the
// flat, as is done here. Where riding would be slower than walking, the bicycle
// is pushed.
const (
	flatMS    = 6.01
	uphillMS  = 0.4002
	downMS    = 0.2379
	fastestMS = 35 / 3.6
)

// hillFactor is the time that a metre of a grade takes, in times of one on the
// flat.
func hillFactor(grade float64) float64 {
	v := flatMS - uphillMS*100*grade
	if grade < 0 {
		v = math.Min(flatMS-downMS*100*grade, fastestMS)
	}
	return math.Min(flatMS/math.Max(v, 1e-3), choice.BikeMS/choice.WalkMS)
}

// newHills measures ways by bicycle in metres of flat road; nil without
// heights, and then bikeFlatM stays bikeM.
func newHills(base *city.Network, order routing.Order) *routing.Distances {
	if len(base.Grade) == 0 {
		return nil
	}
	net := *base // its other columns are shared
	net.LengthM = make([]float32, len(base.LengthM))
	for l, m := range base.LengthM {
		net.LengthM[l] = m * float32(hillFactor(float64(base.Grade[l])))
	}
	return routing.NewDistances(&net, city.AllowBike, order, false)
}
