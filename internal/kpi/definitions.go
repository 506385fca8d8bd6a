package kpi

import "github.com/malikobaid/cityflow/internal/city"

// Definition is one indicator.
type Definition struct {
	ID, Name, Unit string
	// Headline indicators carry verdicts under Holm's rule; at most ten.
	Headline bool
	// Better is "up", "down" or "".
	Better string
	// Value reads an arm; nil for indicators of a pair (baseline 0).
	Value func(*Arm) float64
	Pair  func(*Pair) float64
}

// Definitions lists the indicators in the order they are shown.
var Definitions = []Definition{
	{ID: "transit_trips", Name: "Public transport trips", Unit: "trips", Headline: true, Better: "up",
		Value: func(a *Arm) float64 { return a.Expected[city.Transit] }},
	{ID: "car_trips", Name: "Car trips (persons)", Unit: "trips", Headline: true, Better: "down",
		Value: func(a *Arm) float64 { return a.Expected[city.Car] }},
	{ID: "mean_time", Name: "Mean travel time, all trips", Unit: "min", Headline: true, Better: "down",
		Value: meanMin},
	{ID: "transit_time", Name: "Mean public transport travel time", Unit: "min", Headline: true, Better: "down",
		Value: func(a *Arm) float64 { return ratio(a.Min[city.Transit], a.Trips[city.Transit]) }},
	{ID: "car_delay", Name: "Delay per car trip", Unit: "min", Headline: true, Better: "down",
		Value: func(a *Arm) float64 { return ratio(a.CarDelayMin, a.Trips[city.Car]) }},
	{ID: "vehicle_km", Name: "Car traffic", Unit: "vehicle-km", Headline: true, Better: "down",
		Value: func(a *Arm) float64 { return a.VehicleKM }},
	{ID: "jobs_30", Name: "Jobs within 30 min by public transport or on foot", Unit: "% of jobs", Headline: true, Better: "up",
		Value: func(a *Arm) float64 { return a.Jobs30 }},
	{ID: "user_benefit", Name: "User benefit", Unit: "equivalent hours", Headline: true, Better: "up",
		Pair: func(p *Pair) float64 { return p.BenefitH }},
	{ID: "left_behind", Name: "People left behind by full vehicles", Unit: "persons", Headline: true, Better: "down",
		Value: func(a *Arm) float64 { return a.LeftBehind }},

	{ID: "bike_trips", Name: "Bicycle trips", Unit: "trips", Value: func(a *Arm) float64 { return a.Expected[city.Bike] }},
	{ID: "walk_trips", Name: "Trips on foot", Unit: "trips", Value: func(a *Arm) float64 { return a.Expected[city.Walk] }},
	{ID: "transit_share", Name: "Public transport share of trips", Unit: "%", Better: "up",
		Value: func(a *Arm) float64 { return 100 * ratio(a.Expected[city.Transit], sum(a.Expected)) }},
	{ID: "car_share", Name: "Car share of trips", Unit: "%", Better: "down",
		Value: func(a *Arm) float64 { return 100 * ratio(a.Expected[city.Car], sum(a.Expected)) }},
	{ID: "car_time", Name: "Mean car travel time", Unit: "min", Better: "down",
		Value: func(a *Arm) float64 { return ratio(a.Min[city.Car], a.Trips[city.Car]) }},
	{ID: "transit_wait", Name: "Wait per public transport trip", Unit: "min", Better: "down",
		Value: func(a *Arm) float64 { return ratio(a.WaitMin, a.Trips[city.Transit]) }},
	{ID: "transit_walk", Name: "Walk per public transport trip", Unit: "min", Better: "down",
		Value: func(a *Arm) float64 { return ratio(a.WalkMin, a.Trips[city.Transit]) }},
	{ID: "boardings", Name: "Boardings", Unit: "persons", Value: func(a *Arm) float64 { return a.Boardings }},
	{ID: "transfers", Name: "Trips with a transfer", Unit: "trips", Better: "down",
		Value: func(a *Arm) float64 { return a.Transferred }},
	{ID: "jobs_45", Name: "Jobs within 45 min by public transport or on foot", Unit: "% of jobs", Better: "up",
		Value: func(a *Arm) float64 { return a.Jobs45 }},
	{ID: "unfinished", Name: "Car trips not finished 3 h after the window", Unit: "trips", Better: "down",
		Value: func(a *Arm) float64 { return a.Stuck }},
}
