package run

import (
	"fmt"
	"strings"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
)

// charges is what drivers pay at the destination of each tour, money per car,
// whatever the hour: nil where the city knows none. It bears on the choice of
// the mode alone; who drives through an area pays nothing.
func charges(c *city.City, t *demand.Trips) []float64 {
	all := c.Info.CarCharges
	if len(all) == 0 {
		return nil
	}
	pl := &c.Places
	covered := make([][]bool, len(all))
	for i := range all {
		covered[i] = make([]bool, pl.Num())
		for p := range covered[i] {
			covered[i][p] = all[i].Covers(pl.Lon[p], pl.Lat[p])
		}
	}
	out := make([]float64, t.NumTours())
	for tour := range out {
		home, trip := t.TourHome[tour], t.TourFirst[tour]
		there := t.Dest[trip]
		if there == home { // the way out was before the period
			there = t.Origin[trip]
		}
		for i := range all {
			if covered[i][there] && !(all[i].SparesResidents && covered[i][home]) {
				out[tour] += all[i].Amounts[t.TourPurpose[tour]]
			}
		}
	}
	return out
}

// chargesInWords are sentences for a reader of the results.
func chargesInWords(c *city.City, m choice.Money) []string {
	var out []string
	for _, k := range c.Info.CarCharges {
		var amounts []string
		for p, v := range k.Amounts {
			if v > 0 {
				amounts = append(amounts, fmt.Sprintf("%s %.2f", city.Purpose(p), v))
			}
		}
		if len(amounts) == 0 {
			continue
		}
		mark := ""
		if k.Assumed {
			mark = ", assumed"
		}
		out = append(out, fmt.Sprintf("%s: who drives there pays %s a visit, per car: %s (%s%s). It bears on the choice of the mode alone.", k.What, m.Currency, strings.Join(amounts, ", "), k.Source, mark))
	}
	return out
}
