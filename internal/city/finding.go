package city

import "fmt"

// Severity is how much a finding matters to what is computed from a city.
type Severity string

// Severities from least to greatest.
const (
	// Note is worth knowing; nothing needs to be done.
	Note Severity = "note"
	// Warning may bend results; somebody should look.
	Warning Severity = "warning"
	// Severe bends results unless it is mended.
	Severe Severity = "severe"
)

// Finding is something in the sources, or in what was made of them, that
// somebody should know. Findings stand in the quality report of an import, not
// in the pack.
type Finding struct {
	Part     string   `json:"part"` // "settings", "streets", "timetable", "places"
	Kind     string   `json:"kind"` // groups equal findings
	Severity Severity `json:"severity"`
	// Count is how many things it is about, at least 1.
	Count  int    `json:"count"`
	Detail string `json:"detail"`
	// Link is where to look at it or mend it, "" if nowhere.
	Link string `json:"link,omitempty"`
}

// MapLink is a page of openstreetmap.org that marks a position.
func MapLink(lon, lat float64) string {
	return fmt.Sprintf("https://www.openstreetmap.org/?mlat=%.5f&mlon=%.5f#map=18/%.5f/%.5f", lat, lon, lat, lon)
}

// OSMLink is the page of openstreetmap.org where an object ("way", "node" or
// "relation") can be seen and mended.
func OSMLink(kind string, id int64) string {
	return fmt.Sprintf("https://www.openstreetmap.org/%s/%d", kind, id)
}

// Setting is one setting of a city that nobody gave.
type Setting struct {
	Key   string `json:"key"` // of city.yaml
	Value string `json:"value"`
	From  string `json:"from"`
	// Assumed tells a guess from a reading of the files.
	Assumed bool `json:"assumed"`
}

// SourceFile is a file that a city was made of.
type SourceFile struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}
