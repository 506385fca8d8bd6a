package spec

// Modification types.
const (
	NewLine        = "new_line"
	ChangeLine     = "change_line"
	CloseLinks     = "close_links"
	SpeedLimit     = "speed_limit"
	ChangeCapacity = "change_capacity"
	Toll           = "toll"
	DemandScale    = "demand_scale"
)

// Modification is one change to a city: a union told apart by Type. Fields
// that a type does not know are problems when they are set.
type Modification struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`

	// new_line
	Mode          string    `json:"mode,omitempty"`
	Stops         []StopRef `json:"stops,omitempty"`
	Alignment     string    `json:"alignment,omitempty"` // own_way | street
	Lane          string    `json:"lane,omitempty"`      // shared | dedicated
	Headways      []Headway `json:"headways,omitempty"`
	SpeedKMH      float64   `json:"speed_kmh,omitempty"`
	DwellS        float64   `json:"dwell_s,omitempty"`
	Capacity      float64   `json:"capacity,omitempty"` // persons per vehicle
	Fare          *float64  `json:"fare,omitempty"`
	Bidirectional *bool     `json:"bidirectional,omitempty"`

	// change_line: one of Remove and Headways. Line is a route id, or a name as
	// it stands in the timetable, with the mode where that tells lines apart.
	Line   string `json:"line,omitempty"`
	Remove bool   `json:"remove,omitempty"`

	// close_links, speed_limit, change_capacity, toll
	Links  []LinkRef `json:"links,omitempty"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
	KMH    float64   `json:"kmh,omitempty"`
	Lanes  float64   `json:"lanes,omitempty"`
	Gives  string    `json:"gives,omitempty"`
	Amount float64   `json:"amount,omitempty"`

	// demand_scale
	Factor  *float64 `json:"factor,omitempty"`
	Purpose string   `json:"purpose,omitempty"`
}

// StopRef names a stop: a string (feed id or name), or a point with a name.
// In a merged Config ID is always set for existing stops.
type StopRef struct {
	ID   string
	Name string
	Lon  *float64
	Lat  *float64
	// Chosen marks a stop that was added between the requested ends.
	Chosen bool
}

// Headway is service every EveryMin minutes from From until before To.
type Headway struct {
	From     string  `json:"from"`
	To       string  `json:"to"`
	EveryMin float64 `json:"every_min"`
}

// LinkRef names streets: all links of an OSM way, those between two of its
// nodes (From to To, both OSM ids), or those along a snapped line.
type LinkRef struct {
	Way  int64        `json:"way,omitempty"`
	From int64        `json:"from,omitempty"`
	To   int64        `json:"to,omitempty"`
	Line [][2]float64 `json:"line,omitempty"`
}
