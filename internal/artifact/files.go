package artifact

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/spec"
)

// JSON is indented, with a final newline, so that people can read and diff it.
func JSON(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode artifact: %w", err)
	}
	return append(b, '\n'), nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// KPIs is the KPI table as CSV. What all rows rest on stands in each: a table is
// cut and pasted by the row.
func KPIs(kpis []spec.KPI, basis spec.Basis) ([]byte, error) {
	rows := [][]string{{"id", "name", "unit", "headline", "baseline", "scenario", "diff", "ci95_low", "ci95_high", "verdict", "window", "service_window", "uncalibrated", "assumed"}}
	hours := func(w spec.Window) string { return w.From + "-" + w.To }
	rests := []string{hours(basis.Window), hours(basis.ServiceWindow), strconv.FormatBool(basis.Uncalibrated), strings.Join(basis.Assumed, "; ")}
	for _, k := range kpis {
		rows = append(rows, append([]string{k.ID, k.Name, k.Unit, strconv.FormatBool(k.Headline), number(k.Baseline), number(k.Scenario), number(k.Diff), number(k.CI95[0]), number(k.CI95[1]), k.Verdict}, rests...))
	}
	return table(rows)
}

// Iteration is one row of convergence.csv.
type Iteration struct {
	Replication, Iteration int
	Arm                    string
	// RelativeGap is that of the drivers who looked for a better route, GapHalf the
	// half-width of its 95% interval; Tenth the
	// part of it that lies with the tenth of them who lose most; Surprise by how
	// much link times differed from those expected, of the time driven; Looked,
	// Moved and Switched shares: drivers who looked, those of them who changed
	// route, tours that chose again and changed mode.
	RelativeGap, GapHalf, Tenth, Surprise, Looked, Moved, Switched, CarMinute float64
	Unfinished                                                                int
}

// Convergence is the table of iterations as CSV.
func Convergence(its []Iteration) ([]byte, error) {
	rows := [][]string{{"replication", "arm", "iteration", "relative_gap", "gap_of_worst_tenth", "time_surprise", "share_looked_at", "share_moved", "share_switched_mode", "mean_car_min", "unfinished_platoons", "gap_half_width_95"}}
	for _, i := range its {
		rows = append(rows, []string{strconv.Itoa(i.Replication), i.Arm, strconv.Itoa(i.Iteration), number(i.RelativeGap), number(i.Tenth), number(i.Surprise), number(i.Looked), number(i.Moved), number(i.Switched), number(i.CarMinute), strconv.Itoa(i.Unfinished), number(i.GapHalf)})
	}
	return table(rows)
}

func table(rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("encode table: %w", err)
	}
	return b.Bytes(), nil
}

// Feature is one GeoJSON feature.
type Feature struct {
	Type       string   `json:"type"`
	Geometry   Geometry `json:"geometry"`
	Properties any      `json:"properties"`
}

// Geometry is a GeoJSON Point or LineString.
type Geometry struct {
	Type        string `json:"type"`
	Coordinates any    `json:"coordinates"`
}

// collection has a member of our own, which RFC 7946 (6.1) permits.
type collection struct {
	Type     string     `json:"type"`
	Basis    spec.Basis `json:"basis"`
	Features []Feature  `json:"features"`
}

// Degree rounds to 6 decimals (0.1 m): more digits are noise and bytes.
func Degree(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// Point makes a point feature.
func Point(lon, lat float64, properties any) Feature {
	return Feature{"Feature", Geometry{"Point", [2]float64{Degree(lon), Degree(lat)}}, properties}
}

// LineString makes a line feature.
func LineString(lon, lat []float64, properties any) Feature {
	c := make([][2]float64, len(lon))
	for i := range lon {
		c[i] = [2]float64{Degree(lon[i]), Degree(lat[i])}
	}
	return Feature{"Feature", Geometry{"LineString", c}, properties}
}

// GeoJSON is a feature collection, compact, that says what its figures rest on.
func GeoJSON(features []Feature, basis spec.Basis) ([]byte, error) {
	if features == nil {
		features = []Feature{}
	}
	b, err := json.Marshal(collection{"FeatureCollection", basis, features})
	if err != nil {
		return nil, fmt.Errorf("encode map: %w", err)
	}
	return append(b, '\n'), nil
}
