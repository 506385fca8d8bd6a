package demand

import (
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Version names the set of behavioural constants below; it is part of the
// model version.
const Version = "demand-1"

// tourRate is one kind of tour a person of a kind may make on a weekday.
//
// All figures of this file are assumed: they are round values in the spirit of
// the English National Travel Survey 2019 (about 2.6 trips per person and day;
// tables NTS0303, NTS0502 for the time of day), which could not be read here.
// They are shown to users by Assumptions.
type tourRate struct {
	purpose city.Purpose
	// rate is tours per person and weekday of that kind (at most 1).
	rate float64
	// Departure from home: a mixture of normals in hours.
	leave []component
	// Time from leaving home to leaving for home, hours.
	stay, staySD float64
}

type component struct{ share, mean, sd float64 }

type kind uint8

const (
	worker kind = iota
	student
	other
	numKinds
)

// kindShare: workers 46%, pupils and students 17% of residents; the 2011
// census of England and Wales has about 46% of all residents in employment
// and 17% aged 5 to 18 (assumed).
var kindShare = [numKinds]float64{0.46, 0.17, 0.37}

var tours = [numKinds][]tourRate{
	worker: {
		{city.Work, 0.72, []component{{0.72, 7.9, 0.75}, {0.18, 9.6, 1.3}, {0.10, 13.5, 2.0}}, 8.2, 1.4},
		{city.Shopping, 0.18, []component{{0.4, 11.5, 2.0}, {0.6, 18.0, 1.2}}, 0.9, 0.4},
		{city.Leisure, 0.30, []component{{0.3, 8.4, 0.4}, {0.2, 12.5, 2.0}, {0.5, 18.6, 1.3}}, 1.4, 0.8},
	},
	student: {
		{city.Education, 0.88, []component{{0.92, 8.35, 0.35}, {0.08, 10.5, 1.5}}, 6.7, 0.7},
		{city.Shopping, 0.10, []component{{1, 16.5, 1.2}}, 0.8, 0.3},
		{city.Leisure, 0.30, []component{{1, 16.9, 1.5}}, 1.5, 0.7},
	},
	other: {
		{city.Shopping, 0.42, []component{{0.7, 10.9, 1.5}, {0.3, 14.3, 1.6}}, 1.0, 0.4},
		{city.Leisure, 0.55, []component{{0.25, 8.7, 0.5}, {0.5, 11.3, 1.7}, {0.25, 15.5, 2.2}}, 1.3, 0.7},
	},
}

// kindStream spreads the tours of the three kinds over distinct random keys.
const kindStream = 8

// CarAvailable is the share of persons who can travel by car, as driver or
// passenger. Assumed: the 2011 census of Wales counts 77% of households with a
// car or van.
const CarAvailable = 0.77

// Occupancy is persons per car by purpose. Assumed, in the spirit of the
// English National Travel Survey 2019, table NTS0905 (all purposes 1.5).
var Occupancy = [city.NumPurposes]float64{1.2, 2.0, 1.6, 1.7}

// deterrence of one purpose: f(d) = exp(-beta d), d in straight km.
//
// Work is fitted on the observed commuting of Greater Manchester, census 2011,
// trips up to 12 km, half of the zones (TestWorkDeterrence shows the fit and
// its error on the other half). The others are assumed: shorter by the ratio
// of mean lengths usual in the English National Travel Survey.
var deterrence = [city.NumPurposes]float64{0.33, 0.85, 0.7, 0.45}

// Level is a demand profile.
type Level uint8

// Demand profiles: the window starts at the profile's own clock time (anchor),
// whatever the start time asked for.
const (
	Peak Level = iota
	OffPeak
)

// Anchor is the clock time of a profile that stands at the window's start.
func (l Level) Anchor() units.Seconds {
	if l == Peak {
		return 8 * 3600
	}
	return 11 * 3600
}

func (l Level) String() string {
	if l == Peak {
		return "peak"
	}
	return "off-peak"
}

// TripRate is trips per person and weekday: tours, out and back.
func TripRate() float64 {
	rate := 0.0
	for k, share := range kindShare {
		for i := range tours[k] {
			rate += 2 * share * tours[k][i].rate
		}
	}
	return rate
}

// Assumptions are sentences for a reader of the results.
func Assumptions() []string {
	return []string{
		"Trip rates, tour times, car availability (77%) and car occupancy are assumed, in the spirit of the English National Travel Survey 2019; departure times do not react to the change.",
		"Destinations follow a gravity model (commuting distances fitted on Greater Manchester, census 2011) and do not react to the change. Trips into, out of and through the city, goods traffic and trains are not modelled yet.",
	}
}
