package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
)

// CarChargeYAML is what driving to a part of the city costs besides the way
// there, such as a congestion charge or parking.
type CarChargeYAML struct {
	What string `yaml:"what"`
	// Amounts are money per car and visit, by purpose; others cost nothing.
	Amounts map[string]float64 `yaml:"amounts"`
	// Area is the corners of the area: longitude, latitude.
	Area            [][2]float64 `yaml:"area"`
	SparesResidents bool         `yaml:"spares_residents"`
	Source          string       `yaml:"source"`
	Assumed         bool         `yaml:"assumed"`
}

// Bounds of city.yaml's charges: every home and destination is held against
// every corner.
const (
	maxCharges = 20
	maxCorners = 1000
	mostCharge = 1e6 // any currency
)

// checkCharges tells every problem of city.yaml's car_charges entries.
func checkCharges(all []CarChargeYAML, bad func(path, format string, a ...any)) {
	if len(all) > maxCharges {
		bad("car_charges", "has %d entries, at most %d", len(all), maxCharges)
		return
	}
	for i, c := range all {
		at := fmt.Sprintf("car_charges[%d]", i)
		if strings.TrimSpace(c.What) == "" {
			bad(at+".what", "is empty")
		}
		if strings.TrimSpace(c.Source) == "" {
			bad(at+".source", "is empty: name it or say that it is an assumption")
		}
		if len(c.Amounts) == 0 {
			bad(at+".amounts", "is empty: money per car and visit for work, education, shopping or leisure")
		}
		for _, name := range slices.Sorted(maps.Keys(c.Amounts)) {
			if _, ok := purposeOf(name); !ok {
				bad(at+".amounts."+name, "is none of work, education, shopping, leisure")
			} else if v := c.Amounts[name]; !(v >= 0 && v <= mostCharge) {
				bad(at+".amounts."+name, "%g is not an amount from 0 to %g", v, mostCharge)
			}
		}
		if n := len(c.Area); n < 3 || n > maxCorners {
			bad(at+".area", "has %d corners, want 3 to %d", n, maxCorners)
		}
		for j, p := range c.Area {
			if !(p[0] >= -180 && p[0] <= 180 && p[1] >= -90 && p[1] <= 90) {
				bad(fmt.Sprintf("%s.area[%d]", at, j), "%v is not longitude, latitude", p)
			}
		}
	}
}

func purposeOf(name string) (city.Purpose, bool) {
	for p := range city.Purpose(city.NumPurposes) {
		if p.String() == name {
			return p, true
		}
	}
	return 0, false
}

// carCharges is the checked entries as a city keeps them.
func carCharges(all []CarChargeYAML) []city.CarCharge {
	var out []city.CarCharge
	for _, c := range all {
		charge := city.CarCharge{What: c.What, Area: c.Area, SparesResidents: c.SparesResidents, Source: c.Source, Assumed: c.Assumed}
		for _, name := range slices.Sorted(maps.Keys(c.Amounts)) {
			p, _ := purposeOf(name)
			charge.Amounts[p] = c.Amounts[name]
		}
		out = append(out, charge)
	}
	return out
}

// reportCharges counts the places where drivers pay.
func (b *builder) reportCharges() {
	p := &b.city.Places
	for i := range b.city.Info.CarCharges {
		c := &b.city.Info.CarCharges[i]
		n := 0
		for k := range p.Num() {
			if c.Covers(p.Lon[k], p.Lat[k]) {
				n++
			}
		}
		detail := "who drives there pays: " + c.Source
		if c.Assumed {
			detail += " (assumed)"
		}
		b.line("places", c.What, float64(n), "places", detail)
	}
}
