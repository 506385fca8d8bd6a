package choice

import (
	"math"

	"github.com/malikobaid/cityflow/internal/city"
)

// Weights of generalised time. Walk, wait and interchange are the middle of
// the ranges of DfT TAG unit M3.2 (walk 1.5-2.0, wait 1.5-2.5, interchange
// 2-10 minutes). The rest is assumed.
const (
	WalkWeight     = 1.75
	WaitWeight     = 2.0
	InterchangeMin = 5.0
	// People do not stand at a stop for an hour: the first wait beyond
	// LongWaitMin is spent elsewhere and counts less (assumed).
	LongWaitMin    = 10.0
	LongWaitWeight = 0.7
	// CarAccessMin is walking to and from the car and looking for a place.
	CarAccessMin = 3.0
	// WalkMS and BikeMS: 4.8 and 16 km/h, BikeParkMin 5 minutes (DfT Journey
	// Time Statistics, notes and definitions).
	WalkMS      = city.WalkMS
	BikeMS      = 16 / 3.6
	BikeParkMin = 5.0
)

// Scales of the logit per equivalent minute, assumed: with them the fare
// elasticity of transit at a fare of 2.0 lies inside -0.12 to -0.85 (TCRP 95
// chapter 12).
const (
	ScaleTop    = 0.04
	ScaleActive = 0.06
)

// Money turns money into minutes.
type Money struct {
	Currency string
	// Value of time in money per hour.
	Commute, Other float64
	// CarPerKM is the running cost of a car.
	CarPerKM float64
}

// PerMinute is the value of one minute for a purpose.
func (m Money) PerMinute(p city.Purpose) float64 {
	if p == city.Work {
		return m.Commute / 60
	}
	return m.Other / 60
}

// TransitParts are the measured parts of one transit journey.
type TransitParts struct {
	AccessS, WaitS, InVehicleS, TransferWalkS, TransferWaitS, EgressS float32
	Boardings                                                         float32
	Fare                                                              float32
}

// TotalS is door to door.
func (p *TransitParts) TotalS() float64 {
	return float64(p.AccessS) + float64(p.WaitS) + float64(p.InVehicleS) + float64(p.TransferWalkS) + float64(p.TransferWaitS) + float64(p.EgressS)
}

// TransitTimeMin is the generalised time without the fare.
func TransitTimeMin(p *TransitParts) float64 {
	wait := float64(p.WaitS) / 60
	return float64(p.InVehicleS)/60 +
		WalkWeight*float64(p.AccessS+p.EgressS+p.TransferWalkS)/60 +
		WaitWeight*(min(wait, LongWaitMin)+float64(p.TransferWaitS)/60) +
		LongWaitWeight*max(0, wait-LongWaitMin) +
		InterchangeMin*max(0, float64(p.Boardings)-1)
}

// TransitMin is the generalised cost in minutes for a purpose.
func TransitMin(p *TransitParts, purpose city.Purpose, m Money) float64 {
	return TransitTimeMin(p) + float64(p.Fare)/m.PerMinute(purpose)
}

// CarMin is the generalised cost of a car trip; persons share the running
// cost.
func CarMin(seconds, metres float64, purpose city.Purpose, occupancy float64, m Money) float64 {
	return seconds/60 + CarAccessMin + metres/1000*m.CarPerKM/occupancy/m.PerMinute(purpose)
}

// ChargeMin is an amount per car, such as parking, in minutes; persons share it.
func ChargeMin(amount float64, purpose city.Purpose, occupancy float64, m Money) float64 {
	return amount / occupancy / m.PerMinute(purpose)
}

// BikeMin and WalkMin are the costs of going all the way by own force.
func BikeMin(metres float64) float64 { return metres/BikeMS/60 + BikeParkMin }

// WalkMin weighs walking as TAG does.
func WalkMin(metres float64) float64 { return WalkWeight * metres / WalkMS / 60 }

// Unavailable is the cost of an alternative that does not exist.
var Unavailable = math.Inf(1)

// MoneyOf is how people of a country value time and driving.
//
// GB: DfT TAG data book table A1.3.1, market prices 2010: 9.95 to work, 4.54
// other, pounds per hour, times 1.45 for prices and growth to 2023; car running
// cost after A1.3.8-15. The table could not be read here, so all is assumed;
// so are the other countries, scaled by income and prices.
func MoneyOf(country string) Money {
	switch country {
	case "DE":
		return Money{Currency: "EUR", Commute: 13, Other: 6.5, CarPerKM: 0.15}
	case "BR":
		return Money{Currency: "BRL", Commute: 14, Other: 7, CarPerKM: 0.60}
	}
	return Money{Currency: "GBP", Commute: 14.4, Other: 6.6, CarPerKM: 0.13}
}
