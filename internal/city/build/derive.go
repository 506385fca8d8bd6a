package build

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
)

// Inputs are the files of a city that has no city.yaml, and what the user says
// about it. Whatever is left empty is derived from the files; what cannot be
// derived is assumed. Both are listed in Result.Derived and written, with the
// reason, into Result.Config: a city.yaml to start from.
type Inputs struct {
	// Names of files at the root of the file system; OSM is needed.
	OSM                         string
	GTFS                        []string
	Population, Jobs, Elevation string
	Name, Country, TimeZone     string
	Date                        string      // of the timetable
	BBox                        *[4]float64 // west, south, east, north
	People                      float64     // residents
}

// Slug is the form of a city's short name.
var Slug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Check names every problem that shows before a file is opened.
func (in *Inputs) Check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if in.OSM == "" {
		bad("the map is missing: an OpenStreetMap file (.osm.pbf or .osm)")
	}
	if b := in.BBox; b != nil {
		if !boxOK(*b) {
			bad("the box %v is not west, south, east, north in degrees", *b)
		} else if tooLarge(*b) {
			bad("the box %v is larger than five degrees: a city is meant", *b)
		}
	}
	if in.Date != "" {
		if _, err := time.Parse("2006-01-02", in.Date); err != nil {
			bad("the date %q is not one like 2023-06-13", in.Date)
		}
	}
	if in.Country != "" && !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(in.Country) {
		bad("the country %q is not a two-letter code like GB", in.Country)
	}
	if in.TimeZone != "" {
		if _, err := time.LoadLocation(in.TimeZone); err != nil {
			bad("the time zone %q is not an IANA time zone like Europe/London", in.TimeZone)
		}
	}
	if in.People != 0 && !(in.People >= 1 && in.People <= 1e8) {
		bad("%g residents: want 1 to 100 million", in.People)
	}
	return errors.Join(errs...)
}

func (in *Inputs) config() *Config {
	c := &Config{Name: in.Name, Country: in.Country, TimeZone: in.TimeZone, ServiceDate: in.Date}
	if in.BBox != nil {
		c.BBox = *in.BBox
	}
	c.Files.OSM, c.Files.GTFS, c.Files.Population, c.Files.Jobs, c.Files.Elevation = in.OSM, in.GTFS, in.Population, in.Jobs, in.Elevation
	return c
}

// guess notes a derived setting.
func (b *builder) guess(key, value, from string, assumed bool) {
	b.derived = append(b.derived, city.Setting{Key: key, Value: value, From: from, Assumed: assumed})
}

// derive fills what the settings leave open, up to what needs the timetable
// (deriveService) and the homes (assumePopulation).
func (b *builder) derive() error {
	c := b.cfg
	if b.inputs.BBox == nil {
		box, from, err := b.streetBox()
		if err != nil {
			return err
		}
		c.BBox = box
		b.guess("bbox", fmt.Sprintf("%v", box), from, false)
	}
	b.deriveName()
	b.derivePlace()
	if err := b.deriveDate(); err != nil {
		return err
	}
	if b.inputs.People > 0 {
		c.Population = FactYAML{Value: b.inputs.People, Source: "as stated by whoever built the city"}
	} else if b.people != nil && b.people.counts {
		total := 0.0
		for _, p := range b.people.points {
			if city.InBox(c.BBox, p.lon, p.lat) {
				total += p.w
			}
		}
		if total > 0 {
			c.Population = FactYAML{Value: math.Round(total), Source: fmt.Sprintf("sum of the column %s of %s inside the box", b.people.column, c.Files.Population)}
			b.guess("population", strconv.FormatFloat(c.Population.Value, 'f', -1, 64), c.Population.Source, false)
		}
	}
	b.deriveHomes()
	b.deriveAttribution()
	c.ServiceWindow = wholeDay // until the timetable is read
	return nil
}

// deriveAttribution credits what the files name.
func (b *builder) deriveAttribution() {
	c := b.cfg
	c.Attribution = "© OpenStreetMap contributors (ODbL)."
	c.Sources = []string{"Streets, buildings, land use: OpenStreetMap (" + c.Files.OSM + "), ODbL 1.0"}
	var names []string
	for i, s := range b.surveys {
		n := s.Publisher
		if n == "" {
			n = strings.Join(s.Agencies[:min(len(s.Agencies), 5)], ", ")
		}
		if n == "" {
			n = "unnamed publisher"
		}
		if n = clipped(n, 200); !slices.Contains(names, n) {
			names = append(names, n)
		}
		c.Sources = append(c.Sources, fmt.Sprintf("Timetable: %s (%s); its licence is not in the file", n, c.Files.GTFS[i]))
	}
	if len(names) > 0 {
		c.Attribution += " Public transport: " + strings.Join(names, "; ") + "."
	}
	for _, f := range []struct{ what, file string }{{"Population", c.Files.Population}, {"Jobs", c.Files.Jobs}, {"Terrain", c.Files.Elevation}} {
		if f.file != "" {
			c.Sources = append(c.Sources, f.what+": "+f.file+"; its licence is not in the file")
		}
	}
	b.guess("attribution", c.Attribution, "names found in the files: check each licence before you publish", true)
	if len(c.Sources) > 1 {
		b.find("settings", "licences", city.Note, len(c.Sources)-1, "files do not say under which licence they are: look it up before you publish results, and write it into city.yaml", "")
	}
}
