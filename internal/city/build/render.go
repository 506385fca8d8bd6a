package build

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// render writes the settings as a city.yaml, each derived one with its reason.
// Strings are JSON strings, which YAML reads as they are.
func (b *builder) render() []byte {
	var w strings.Builder
	p := func(format string, a ...any) { fmt.Fprintf(&w, format+"\n", a...) }
	c := b.cfg
	why := func(key string) {
		for _, d := range b.derived {
			if d.Key == key {
				note := "derived: " + d.From
				if d.Assumed {
					note = "ASSUMED: " + d.From
				}
				p("# %s", strings.Map(printable, note))
			}
		}
	}
	p("# Derived by cityflow city build. Correct what you know better, put this file and")
	p("# the sources into one folder below cities/, and build that folder.")
	why("name")
	p("name: %s", quoted(c.Name))
	why("country")
	p("country: %s", quoted(c.Country))
	why("timezone")
	p("timezone: %s", quoted(c.TimeZone))
	why("bbox")
	p("bbox: [%s, %s, %s, %s] # west, south, east, north", plain(c.BBox[0]), plain(c.BBox[1]), plain(c.BBox[2]), plain(c.BBox[3]))
	why("service_date")
	p("service_date: %s", quoted(c.ServiceDate))
	why("service_window")
	p("service_window: [%s, %s]", quoted(c.ServiceWindow[0]), quoted(c.ServiceWindow[1]))
	p("population:\n  value: %s\n  source: %s\n  assumed: %v", plain(c.Population.Value), quoted(c.Population.Source), c.Population.Assumed)
	m := c.ModeShare
	p("mode_share: # percent\n  car: %s\n  bike: %s\n  walk: %s\n  transit: %s\n  source: %s\n  assumed: %v", plain(m.Car), plain(m.Bike), plain(m.Walk), plain(m.Transit), quoted(m.Source), m.Assumed)
	if c.FaresSource != "" {
		p("# fares: {bus: 2.00, tram: 2.00, rail: 2.00, metro: 2.00} # per boarding, in the city's money")
		p("fares_source: %s", quoted(c.FaresSource))
	}
	why("attribution")
	p("attribution: %s", quoted(c.Attribution))
	p("sources:")
	for _, s := range c.Sources {
		p("  - %s", quoted(s))
	}
	if len(c.Default.Stops) > 0 {
		why("default")
		p("default:\n  name: %s\n  stops:", quoted(c.Default.Name))
		for _, s := range c.Default.Stops {
			p("    - %s", quoted(s))
		}
	}
	p("files:\n  osm: %s", quoted(c.Files.OSM))
	if len(c.Files.GTFS) > 0 {
		p("  gtfs:")
		for _, f := range c.Files.GTFS {
			p("    - %s", quoted(f))
		}
	}
	for _, f := range []struct{ key, file string }{{"population", c.Files.Population}, {"jobs", c.Files.Jobs}, {"elevation", c.Files.Elevation}} {
		if f.file != "" {
			p("  %s: %s", f.key, quoted(f.file))
		}
	}
	why("places.homes")
	p("places:\n  homes: %s", quoted(c.Places.Homes))
	return []byte(w.String())
}

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // strings always marshal
	}
	return string(b)
}

// printable keeps names from the files from ending a comment.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
		return ' '
	}
	return r
}
