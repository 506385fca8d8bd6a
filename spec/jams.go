package spec

// FullDemand is where the streets of a city jam at its full demand, and why:
// the last morning of the settling, before anything is changed.
type FullDemand struct {
	Vehicles float64 `json:"vehicles"` // that set out
	// DelayH is vehicle-hours beyond those of empty streets, the wait to set out
	// included, until everybody arrived or the clock showed Until.
	DelayH float64 `json:"delay_h"`
	Until  string  `json:"until"` // HH:MM
	// Unfinished is vehicles on their way at Until.
	Unfinished float64 `json:"unfinished"`
	// RingTurns is how often a ring of full streets closed and rolled on; Rings
	// names the places, at most 32. Standing are rings that stood at the end.
	RingTurns int       `json:"ring_turns"`
	Rings     []JamRing `json:"rings"`
	Standing  []JamRing `json:"standing"`
	// Queues are where queues begin, at most 10; Jams are the streets on which
	// most time is lost, at most 20. Most delay first, each with at least one
	// vehicle-hour.
	Queues []JamQueue `json:"queues"`
	Jams   []Jam      `json:"jams"`
}

// Reasons of a jam.
const (
	// NarrowingJam: the street ahead takes less than this one brings.
	NarrowingJam = "narrowing"
	// DemandJam: more cars want into a street than it takes, and no narrowing.
	DemandJam = "demand over capacity"
	// BlockedJam: the street ahead is full; the queue begins further on.
	BlockedJam = "blocked from downstream"
	// RingJam: following the full streets leads back here.
	RingJam = "ring"
)

// JamStreet is one direction of a piece of street, between two junctions.
type JamStreet struct {
	Way     int64   `json:"way"`     // OpenStreetMap's
	Name    string  `json:"name"`    // "" where it has none
	Class   string  `json:"class"`   // of OpenStreetMap's highway classes
	Heading string  `json:"heading"` // where it leads: "north", "north-east"...
	Lon     float64 `json:"lon"`     // of its middle
	Lat     float64 `json:"lat"`
	Lanes   float64 `json:"lanes"`
	// CapacityH is vehicles an hour. DemandH is how many would enter in the
	// busiest hour if there were no queue anywhere; VolumeCapacity is DemandH /
	// CapacityH.
	CapacityH      float64 `json:"capacity_h"`
	DemandH        float64 `json:"demand_h"`
	VolumeCapacity float64 `json:"volume_capacity"`
}

// Jam is a street on which cars lose time.
type Jam struct {
	JamStreet
	DelayH float64 `json:"delay_h"` // vehicle-hours
	Reason string  `json:"reason" enum:"narrowing,demand over capacity,blocked from downstream,ring"`
	// Cause is the street that cars queue for: its end, or the head of the queue
	// that reaches back to here. May be the street itself, where it passes all
	// it can or cars that start in it wait to set out.
	Cause JamStreet `json:"cause"`
	// OverMin is for how many minutes Cause took in all it can while cars waited.
	OverMin float64 `json:"over_min"`
	Why     string  `json:"why"` // a sentence
}

// JamQueue is the street that a queue begins before.
type JamQueue struct {
	JamStreet
	// DelayH is the delay of all streets whose cars wait for this one, near or
	// far, and Streets how many pieces of street these are.
	DelayH  float64 `json:"delay_h"`
	Streets int     `json:"streets"`
	Reason  string  `json:"reason" enum:"narrowing,demand over capacity,ring"`
	OverMin float64 `json:"over_min"` // as in Jam
	Why     string  `json:"why"`      // a sentence
}

// JamRing is full streets of which each waits for the next and the last for the
// first.
type JamRing struct {
	At      string      `json:"at"` // HH:MM, the first time
	Streets []JamStreet `json:"streets"`
}
