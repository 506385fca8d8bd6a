package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
)

// ObservedYAML is one observed fact about the real city. With a kind it has the
// figures of one year, by mode, for "all" or counted at places of the streets,
// which are shown beside the model's; without one it is words: what, value and
// source.
type ObservedYAML struct {
	Kind   string             `yaml:"kind"`
	What   string             `yaml:"what"`
	Value  string             `yaml:"value"` // a remark beside the figures, or all there is
	Source string             `yaml:"source"`
	Year   int                `yaml:"year"`
	Values map[string]float64 `yaml:"values"`
	Counts []CountYAML        `yaml:"counts"` // of the kind count
}

// figureModes in the order that figures are shown in.
var figureModes = []string{"car", "bike", "walk", "transit", "all"}

// observedKinds: unit, limit of one value and what a kind may be told of.
var observedKinds = map[string]struct {
	unit  string
	most  float64
	modes []string
}{
	"mode_share":  {"percent", 100, figureModes[:4]},
	"trip_rate":   {"trips per person and day", 20, figureModes[4:]},
	"trip_length": {"km", 1000, figureModes},
	"travel_time": {"minutes", 600, figureModes},
}

const kindNames = "mode_share, trip_rate, trip_length, travel_time, count"

// Shares of one survey may exceed 100% together by what rounding adds.
const roundedShares = 102

// checkObserved tells every problem of city.yaml's observed entries.
func checkObserved(all []ObservedYAML, bad func(path, format string, a ...any)) {
	counts := 0
	for i, o := range all {
		counts += len(o.Counts)
		at := fmt.Sprintf("observed[%d]", i)
		if strings.TrimSpace(o.What) == "" {
			bad(at+".what", "is empty")
		}
		if strings.TrimSpace(o.Source) == "" {
			bad(at+".source", "is empty: name the survey or the count")
		}
		if o.Kind == "" {
			if strings.TrimSpace(o.Value) == "" {
				bad(at+".value", "is empty")
			}
			if len(o.Values) > 0 || len(o.Counts) > 0 || o.Year != 0 {
				bad(at+".kind", "is missing: values, counts and year are of %s", kindNames)
			}
			continue
		}
		kind, ok := observedKinds[o.Kind]
		if !ok && o.Kind != countKind {
			bad(at+".kind", "%q is none of %s", o.Kind, kindNames)
			continue
		}
		if o.Year < 1900 || o.Year > 2100 {
			bad(at+".year", "%d is not a year", o.Year)
		}
		if o.Kind == countKind {
			if len(o.Values) > 0 {
				bad(at+".values", "are by mode: the kind count has counts")
			}
			if len(o.Counts) == 0 {
				bad(at+".counts", "is empty: way, from, to and vehicles_per_hour of each")
			}
			checkCounts(at, o.Counts, bad)
			continue
		}
		if len(o.Counts) > 0 {
			bad(at+".counts", "are of the kind count")
		}
		if len(o.Values) == 0 {
			bad(at+".values", "is empty: %s by %s", kind.unit, strings.Join(kind.modes, ", "))
		}
		sum := 0.0
		for _, mode := range slices.Sorted(maps.Keys(o.Values)) {
			v := o.Values[mode]
			sum += v
			if !slices.Contains(kind.modes, mode) {
				bad(at+".values."+mode, "is none of %s", strings.Join(kind.modes, ", "))
			} else if !(v > 0 && v <= kind.most) {
				bad(at+".values."+mode, "%g is not more than 0 and up to %g %s", v, kind.most, kind.unit)
			}
		}
		if o.Kind == "mode_share" && sum > roundedShares {
			bad(at+".values", "sum to %g percent", sum)
		}
	}
	if counts > maxCounts {
		bad("observed", "%d counts, at most %d are accepted", counts, maxCounts)
	}
}

// observed is the checked entries as a city keeps them; placeCounts adds the
// counts once there are streets.
func observed(all []ObservedYAML) []city.Observation {
	var out []city.Observation
	for _, o := range all {
		seen := city.Observation{What: o.What, Value: o.Value, Source: o.Source, Kind: o.Kind, Year: o.Year}
		for _, mode := range figureModes {
			if v, ok := o.Values[mode]; ok {
				seen.Figures = append(seen.Figures, city.Figure{Mode: mode, Value: v})
			}
		}
		out = append(out, seen)
	}
	return out
}
