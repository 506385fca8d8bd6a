package gtfs

import (
	"math"
	"strconv"
	"strings"
)

// readFares reads the flat price of a boarding by route from fare_attributes.txt
// and fare_rules.txt (GTFS fares, version 1). A fare without any rule holds on
// all routes; prices by zone are left out, for the model has one price per
// boarding. Where several fares hold, the dearest counts: the others are for
// some people only.
func (f *Feed) readFares(a *archive, routes map[string]int32) error {
	price := map[string]float64{} // look-ups only
	var order []string
	err := a.rows("fare_attributes.txt", true, []string{"fare_id", "price"}, func(t *table) {
		id := strings.Clone(t.get("fare_id"))
		p, err := strconv.ParseFloat(t.get("price"), 64)
		if _, dup := price[id]; dup || id == "" || err != nil || !(p >= 0 && p < 1e6) {
			t.skip("no id, an id twice or no price")
			return
		}
		price[id] = p
		order = append(order, id)
	})
	if err != nil || len(order) == 0 {
		return err
	}
	set := func(r int32, p float64) {
		if old := f.Routes[r].Fare; math.IsNaN(old) || p > old {
			f.Routes[r].Fare = p
		}
	}
	ruled := map[string]bool{} // look-ups only
	err = a.rows("fare_rules.txt", true, []string{"fare_id"}, func(t *table) {
		id := strings.Clone(t.get("fare_id"))
		p, ok := price[id]
		if !ok {
			t.skip("fare does not exist")
			return
		}
		ruled[id] = true
		if t.get("origin_id") != "" || t.get("destination_id") != "" || t.get("contains_id") != "" {
			t.skip("prices by zone are not modelled")
			return
		}
		switch r, ok := routes[t.get("route_id")]; {
		case ok:
			set(r, p)
		case t.get("route_id") == "":
			for i := range f.Routes {
				set(int32(i), p)
			}
		default:
			t.skip("route does not exist")
		}
	})
	for _, id := range order {
		if !ruled[id] {
			for i := range f.Routes {
				set(int32(i), price[id])
			}
		}
	}
	return err
}
