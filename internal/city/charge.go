package city

// CarCharge is what driving to some part of a city costs besides the way there:
// a fee to enter a zone, or a place to park. It is paid once a tour by who goes
// to a place in the area.
type CarCharge struct {
	What string
	// Amounts are per car and visit by purpose, in the city's money.
	Amounts [NumPurposes]float64
	// Area is a ring of lon, lat; its end joins its beginning.
	Area [][2]float64
	// SparesResidents: who lives in the area does not pay.
	SparesResidents bool `json:",omitempty"`
	Source          string
	Assumed         bool `json:",omitempty"`
}

// Covers tells whether a point lies in the area: a ray from it to the east
// crosses the ring an odd number of times.
func (c *CarCharge) Covers(lon, lat float64) bool {
	in := false
	for i, a := range c.Area {
		b := c.Area[(i+1)%len(c.Area)]
		if (a[1] > lat) != (b[1] > lat) && lon < a[0]+(lat-a[1])/(b[1]-a[1])*(b[0]-a[0]) {
			in = !in
		}
	}
	return in
}
