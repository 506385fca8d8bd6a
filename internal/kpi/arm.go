package kpi

import "github.com/malikobaid/cityflow/internal/city"

// Arm is what one arm of one replication came to, averaged over the last
// iterations. All trips are expanded to the population.
type Arm struct {
	// Expected is trips by mode that depart in the window, by the probabilities
	// of the choice model.
	Expected [city.NumModes]float64
	// Trips are those that Min is summed over: the drawn and loaded car trips,
	// the expected trips of the other modes.
	Trips [city.NumModes]float64
	Min   [city.NumModes]float64 // summed door-to-door minutes
	KM    [city.NumModes]float64 // summed person-km (street modes; transit in vehicle time only)
	// Cars.
	VehicleKM   float64
	CarDelayMin float64 // summed person-minutes above an empty street
	// Transit.
	WaitMin     float64 // first and transfer waits
	WalkMin     float64
	Boardings   float64
	LeftBehind  float64 // persons who could not board the vehicle they wanted
	Transferred float64 // trips with two or more boardings
	// Stuck is trips not finished at the horizon.
	Stuck float64
	// Access: means over residents by transit or on foot.
	Jobs30, Jobs45 float64
	JobsMin        float64 // mean minutes to jobs, capped
	// Lines, by line of the arm's timetable that has service in the window.
	Lines []LineUse
	// Links: vehicles entering in the window.
	LinkVolume []float32
	// Areas: trips starting there.
	AreaTrips, AreaMin []float64
	AreaJobs30         []float64
	// GridlockLinks counts rings of full links that never dissolved, RingTurns
	// how often such a ring had to roll on.
	GridlockLinks int
	RingTurns     float64
	RelativeGap   float64
}

// LineUse is the use of one line inside the window.
type LineUse struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Mode      string  `json:"mode"`
	Departs   int     `json:"vehicle_trips"`
	Boardings float64 `json:"boardings"`
	MaxLoad   float64 `json:"max_load"`
}

// Pair is what can only be said of both arms of a replication together.
type Pair struct {
	// Shift is trips by baseline and scenario mode; rows sum to the expected
	// trips of the baseline, columns to those of the scenario.
	Shift [city.NumModes][city.NumModes]float64
	// BenefitH is user benefit in equivalent hours: the change of the logsum of
	// the choice model, which the rule of a half approximates and which also
	// holds where an alternative is new to someone.
	BenefitH float64
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// meanMin is the mean over all modes, each weighted by its expected trips.
func meanMin(a *Arm) float64 {
	total := 0.0
	for m, trips := range a.Expected {
		total += trips * ratio(a.Min[m], a.Trips[m])
	}
	return ratio(total, sum(a.Expected))
}

func sum(v [city.NumModes]float64) float64 { return v[0] + v[1] + v[2] + v[3] }
