package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones must resolve on machines that have no zone files

	"github.com/goccy/go-yaml"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/osm"
	"github.com/malikobaid/cityflow/internal/units"
)

// Config is city.yaml: what the source files cannot say about a city. Unknown
// keys are errors, so that a typing mistake is not silently a default.
type Config struct {
	Name        string     `yaml:"name"`
	Country     string     `yaml:"country"` // ISO 3166 alpha-2: speed defaults
	TimeZone    string     `yaml:"timezone"`
	BBox        [4]float64 `yaml:"bbox"` // west, south, east, north
	ServiceDate string     `yaml:"service_date"`
	// ServiceWindow is the hours the timetable can be trusted for, "HH:MM".
	ServiceWindow [2]string `yaml:"service_window"`
	Population    FactYAML  `yaml:"population"`
	// Area is in km2; absent, the area of the box is taken and says so.
	Area      *FactYAML `yaml:"area"`
	ModeShare struct {
		Car, Bike, Walk, Transit float64
		Source                   string
		Assumed                  bool
	} `yaml:"mode_share"`
	// Fares are per boarding in the city's currency; absent modes are free.
	Fares       map[string]float32 `yaml:"fares"`
	FaresSource string             `yaml:"fares_source"`
	// CarCharges are fees for driving to a part of the city, and parking there.
	CarCharges  []CarChargeYAML `yaml:"car_charges"`
	Attribution string          `yaml:"attribution"`
	Sources     []string        `yaml:"sources"`
	Observed    []ObservedYAML  `yaml:"observed"`
	Default     struct {
		Name  string   `yaml:"name"`
		Stops []string `yaml:"stops"`
		// Also is what changes beside the line, each in the form of a request's
		// modification; what such a form holds is checked by whoever reads
		// requests.
		Also []map[string]any `yaml:"also"`
	} `yaml:"default"`
	Files struct {
		OSM  string   `yaml:"osm"`
		GTFS []string `yaml:"gtfs"`
		// AssumedGTFS are the feeds whose service is not a published timetable.
		AssumedGTFS []string `yaml:"assumed_gtfs"`
		// OSMRoutes are the modes whose lines are taken from route relations of
		// the map, at assumed headways. Absent, a city without feeds takes all.
		OSMRoutes  []string `yaml:"osm_routes"`
		Population string   `yaml:"population"`
		Jobs       string   `yaml:"jobs"`
		Elevation  string   `yaml:"elevation"` // GeoTIFF of heights, for cycling
		// PointsOfInterest are destinations besides those of the map.
		PointsOfInterest string `yaml:"points_of_interest"`
	} `yaml:"files"`
	Places struct {
		// Homes says what residents are spread over: "buildings" (residential
		// floor area) or "streets" (metres of residential street).
		Homes string `yaml:"homes"`
		// Kinds are OpenStreetMap tags of points of interest, by id.
		Kinds map[string]string `yaml:"kinds"`
	} `yaml:"places"`
}

// FactYAML is a figure with its source.
type FactYAML struct {
	Value   float64 `yaml:"value"`
	Source  string  `yaml:"source"`
	Assumed bool    `yaml:"assumed"`
}

var fareModes = map[string]city.TransitMode{
	"bus": city.Bus, "tram": city.Tram, "rail": city.Rail, "metro": city.Metro, "coach": city.Coach, "ferry": city.Ferry,
}

// parseConfig reads city.yaml and returns every problem at once.
func parseConfig(b []byte) (*Config, error) {
	c := &Config{}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(c); err != nil {
		return nil, fmt.Errorf("city.yaml: %w", err)
	}
	var errs []error
	bad := func(path, format string, a ...any) {
		errs = append(errs, fmt.Errorf("city.yaml: %s: %s", path, fmt.Sprintf(format, a...)))
	}
	if strings.TrimSpace(c.Name) == "" {
		bad("name", "is empty")
	}
	if len(c.Country) != 2 {
		bad("country", "%q is not a two-letter country code", c.Country)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "" {
		bad("timezone", "%q is not an IANA time zone", c.TimeZone)
	}
	if !boxOK(c.BBox) {
		bad("bbox", "%v is not west, south, east, north in degrees", c.BBox)
	} else if tooLarge(c.BBox) {
		bad("bbox", "%v is larger than five degrees: cut the sources to one city", c.BBox)
	}
	if _, err := time.Parse("2006-01-02", c.ServiceDate); err != nil {
		bad("service_date", "%q is not a date like 2023-06-13", c.ServiceDate)
	}
	from, ok1 := parseClock(c.ServiceWindow[0])
	to, ok2 := parseClock(c.ServiceWindow[1])
	if !ok1 || !ok2 || from >= to {
		bad("service_window", "%v is not two times like 05:00, 24:00", c.ServiceWindow)
	}
	if !(c.Population.Value > 0) || c.Population.Source == "" {
		bad("population", "needs a positive value and a source")
	}
	m := c.ModeShare
	if sum := m.Car + m.Bike + m.Walk + m.Transit; sum < 99.95 || sum > 100.05 || min(m.Car, m.Bike, m.Walk, m.Transit) < 0 {
		bad("mode_share", "car, bike, walk and transit sum to %g, want 100", sum)
	}
	if m.Source == "" {
		bad("mode_share.source", "is empty: name the survey or say that it is an assumption")
	}
	for _, n := range slices.Sorted(maps.Keys(c.Fares)) {
		if _, ok := fareModes[n]; !ok || c.Fares[n] < 0 {
			bad("fares."+n, "is not a fare of a known mode")
		}
	}
	if c.Attribution == "" {
		bad("attribution", "is empty: the sources' licences ask for it")
	}
	if c.Files.OSM == "" {
		bad("files.osm", "is empty")
	}
	if len(c.Default.Also) > 0 && len(c.Default.Stops) < 2 {
		bad("default.also", "there is no line of two stops or more (default.stops) beside which this changes")
	}
	if _, err := c.defaultAlso(); err != nil {
		bad("default.also", "%v", err)
	}
	checkObserved(c.Observed, bad)
	checkCharges(c.CarCharges, bad)
	for i, n := range c.Files.OSMRoutes {
		if _, ok := fareModes[n]; !ok {
			bad(fmt.Sprintf("files.osm_routes[%d]", i), "%q is not a mode: bus, tram, rail, metro, coach or ferry", n)
		}
	}
	if c.Places.Homes != "buildings" && c.Places.Homes != "streets" {
		bad("places.homes", "%q is neither buildings nor streets", c.Places.Homes)
	}
	if len(c.Places.Kinds) > 0 && c.Files.PointsOfInterest == "" {
		bad("places.kinds", "there is no files.points_of_interest whose kinds these are")
	}
	for _, id := range slices.Sorted(maps.Keys(c.Places.Kinds)) {
		if use, _ := landmarkUse(c.Places.Kinds[id]); use == osm.NoUse {
			bad("places.kinds."+id, "%q is not a tag of a destination, such as amenity=university", c.Places.Kinds[id])
		}
	}
	return c, errors.Join(errs...)
}

// defaultAlso is Default.Also as JSON; nil when there is nothing.
func (c *Config) defaultAlso() (json.RawMessage, error) {
	if len(c.Default.Also) == 0 {
		return nil, nil
	}
	return json.Marshal(c.Default.Also) // keys in order: the same bytes every time
}

func parseClock(s string) (units.Seconds, bool) {
	var h, m int
	if n, err := fmt.Sscanf(s, "%d:%d", &h, &m); n != 2 || err != nil || h < 0 || h > 48 || m < 0 || m > 59 {
		return 0, false
	}
	return units.Seconds(h*3600 + m*60), true
}
