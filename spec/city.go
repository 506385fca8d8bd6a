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
	Stops   []Stop      `json:"stops"`
	Default Default     `json:"default"`
	Share   ModeShare   `json:"mode_share"`
	ShareOf string      `json:"mode_share_source"`
	Streets string      `json:"streets_url"` // GeoJSON of drawable streets
	Sources []string    `json:"sources"`
	Report  []ReportRow `json:"report"`
	Limits  Limits      `json:"limits"`
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

// Default is the city's ready what-if.
type Default struct {
	Name  string   `json:"name"`
	Stops []string `json:"stops"`
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
