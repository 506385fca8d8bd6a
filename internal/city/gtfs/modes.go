package gtfs

import "github.com/malikobaid/cityflow/internal/city"

// transitMode maps a route_type, basic (0-12) or extended (100-1700), to a
// mode, after "Extended GTFS Route Types" of Google's transit documentation.
// Types without a vehicle we know count as bus, with ok false.
func transitMode(t int) (m city.TransitMode, ok bool) {
	switch {
	case t == 0 || t == 5 || t >= 900 && t < 1000: // tram, cable tram
		return city.Tram, true
	case t == 1 || t == 12 || t >= 400 && t < 700: // metro, monorail
		return city.Metro, true
	case t == 2 || t >= 100 && t < 200:
		return city.Rail, true
	case t == 3 || t == 11 || t >= 700 && t < 900: // bus, trolleybus
		return city.Bus, true
	case t == 4 || t >= 1000 && t < 1100 || t == 1200:
		return city.Ferry, true
	case t >= 200 && t < 300:
		return city.Coach, true
	case t == 7 || t == 1400: // funicular: a short railway
		return city.Tram, true
	}
	return city.Bus, false
}

// Capacity is the persons one vehicle takes, seated and standing. All assumed:
// a 12 m bus, a 30-40 m tram, a suburban train of four cars, a metro train, a
// seated coach, a small ferry. Feeds do not tell.
func Capacity(m city.TransitMode) float32 {
	return [...]float32{city.Bus: 70, city.Tram: 200, city.Rail: 400, city.Metro: 700, city.Coach: 50, city.Ferry: 200}[m]
}
