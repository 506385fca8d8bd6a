package spec

// CityInfo is one entry of GET /v1/cities.
type CityInfo struct {
	Slug          string     `json:"slug"`
	Name          string     `json:"name"`
	Enabled       bool       `json:"enabled"`
	Facts         CityFacts  `json:"facts"`
	Bounds        [4]float64 `json:"bounds"` // west, south, east, north
	Modes         []string   `json:"modes"`  // with service
	ServiceDate   string     `json:"service_date"`
	ServiceWindow Window     `json:"service_window"`
	Attribution   string     `json:"attribution"`
	Digest        string     `json:"digest"`
	Uncalibrated  bool       `json:"uncalibrated"`
	// Assumed names what of the city's data nobody observed, a few words each.
	Assumed []string `json:"assumed"`
	// Tiles is the address of the basemap, a PMTiles archive, beside the files
	// of jobs; absent where a city was compiled without one.
	Tiles string `json:"tiles_url,omitempty"`
}

// CityFacts are null where unknown, and then Source gives the reason.
type CityFacts struct {
	Population *float64 `json:"population"`
	AreaKM2    *float64 `json:"area_km2"`
	DensityKM2 *float64 `json:"density_km2"`
	Source     string   `json:"source"`
	Assumed    bool     `json:"assumed"`
}

// CityDetail is GET /v1/cities/{slug}.
type CityDetail struct {
	CityInfo
	Stops   []Stop    `json:"stops"`
	Default Default   `json:"default"`
	Share   ModeShare `json:"mode_share"`
	ShareOf string    `json:"mode_share_source"`
	// ShareAssumed says that no survey stands behind the shares.
	ShareAssumed bool        `json:"mode_share_assumed"`
	Streets      string      `json:"streets_url"` // GeoJSON of drawable streets
	Sources      []string    `json:"sources"`
	Report       []ReportRow `json:"report"`
	// Observed is evidence about the real city; Baseline the model's figures to
	// hold against it, null until the city's default morning has been settled.
	Observed []Observation `json:"observed"`
	Baseline *Baseline     `json:"baseline"`
	Limits   Limits        `json:"limits"`
}

// Kinds of figures. An observation of another kind is words alone.
const (
	ModeShareFigure  = "mode_share"  // percent of trips
	TripRateFigure   = "trip_rate"   // trips per person and day
	TripLengthFigure = "trip_length" // km
	TravelTimeFigure = "travel_time" // minutes, door to door
	CountFigure      = "count"       // motor vehicles an hour at a place of the streets; of the model, its cars
)

// AllModes stands for every mode together in Figure.Mode.
const AllModes = "all"

// Figure is one number about how people travel: of car, bike, walk, transit, or
// all. A count is of the mode car and has a spot; observation and model tell the
// same one.
type Figure struct {
	Kind  string  `json:"kind" enum:"mode_share,trip_rate,trip_length,travel_time,count"`
	Mode  string  `json:"mode" enum:"car,bike,walk,transit,all"`
	Value float64 `json:"value"`
	Spot  *Spot   `json:"spot,omitempty"`
}

// Spot is where and when vehicles are counted.
type Spot struct {
	Way     int64   `json:"way"`     // OpenStreetMap's
	Name    string  `json:"name"`    // of the street, "" where it has none
	Heading string  `json:"heading"` // "north", "north-east"...; "": both directions together
	Lon     float64 `json:"lon"`
	Lat     float64 `json:"lat"`
	Window
}

// Observation is one observed fact: Figures where it is one that the model has,
// too, else Value in words.
type Observation struct {
	What    string   `json:"what"`
	Value   string   `json:"value"`
	Source  string   `json:"source"`
	Year    int      `json:"year,omitempty"`
	Figures []Figure `json:"figures"`
}

// Baseline is the model's city without any change: the settled default morning
// of a sample of persons. Shares, lengths and times are of trips that depart in
// the window, the trip rate is of the whole day. Of the observed counts those
// have a figure whose hours lie inside the window.
type Baseline struct {
	Date         string   `json:"date"`
	Window       Window   `json:"window"`
	TrafficLevel string   `json:"traffic_level"`
	ModelVersion string   `json:"model_version"`
	Persons      int      `json:"persons"`
	Converged    bool     `json:"converged"`
	RelativeGap  float64  `json:"relative_gap"`
	Figures      []Figure `json:"figures"`
	// FullDemand is where the morning jams; null where an earlier version kept
	// the baseline.
	FullDemand *FullDemand `json:"full_demand"`
}

// Stop is one boarding place.
type Stop struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Lon   float64  `json:"lon"`
	Lat   float64  `json:"lat"`
	Modes []string `json:"modes"`
	Group int      `json:"group"`
}

// Default is the city's ready what-if: what a request without stops and
// modifications of its own runs.
type Default struct {
	Name  string   `json:"name"`
	Stops []string `json:"stops"`
	// Also is what changes beside the line, as the run's Config will have it.
	Also []Modification `json:"also"`
}

// ReportRow is one counted outcome of the import.
type ReportRow struct {
	Part   string  `json:"part"`
	What   string  `json:"what"`
	Count  float64 `json:"count"`
	Unit   string  `json:"unit"`
	Detail string  `json:"detail,omitempty"`
}

// Limits are what one request may ask of this host.
type Limits struct {
	MaxAgents        int `json:"max_agents"`
	MaxReplications  int `json:"max_replications"`
	MaxModifications int `json:"max_modifications"`
	MaxBodyBytes     int `json:"max_body_bytes"`
	MaxWindowHours   int `json:"max_window_hours"`
	// RateSubmit and RateRead are requests of one client, such as "10/m"; ""
	// means that nobody counts.
	RateSubmit string `json:"rate_submit"`
	RateRead   string `json:"rate_read"`
}

// DefaultLimits are the limits of a laptop.
func DefaultLimits() Limits {
	return Limits{MaxAgents: 200_000, MaxReplications: 50, MaxModifications: 50, MaxBodyBytes: 256 << 10, MaxWindowHours: 24}
}
