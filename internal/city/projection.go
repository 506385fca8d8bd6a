package city

import "math"

// EarthRadiusM is the mean earth radius R1 of the IUGG, in metres.
const EarthRadiusM = 6371008.8

// Projection maps degrees to metres east and north of a centre. It is the
// equirectangular projection with the centre's parallel true to length: over a
// city of 20 km its distances are off by less than 0.1 %, and it needs no
// trigonometry per point, which is what indexes and snapping want.
type Projection struct {
	Lon0, Lat0 float64 // degrees
	kx, ky     float64 // metres per degree
}

// ProjectionOf is the projection centred on a box (west, south, east, north).
func ProjectionOf(box [4]float64) Projection {
	lon, lat := (box[0]+box[2])/2, (box[1]+box[3])/2
	perDegree := EarthRadiusM * math.Pi / 180
	return Projection{Lon0: lon, Lat0: lat, kx: perDegree * math.Cos(lat*math.Pi/180), ky: perDegree}
}

// Projection is the one the city's NodeX and NodeY were made with.
func (c *City) Projection() Projection { return ProjectionOf(c.Info.BBox) }

// XY is the position of a point in metres east and north of the centre.
func (p Projection) XY(lon, lat float64) (x, y float64) {
	return (lon - p.Lon0) * p.kx, (lat - p.Lat0) * p.ky
}

// LonLat is the inverse of XY.
func (p Projection) LonLat(x, y float64) (lon, lat float64) {
	return p.Lon0 + x/p.kx, p.Lat0 + y/p.ky
}

// Headings are the names that Heading gives, from the east against the clock.
var Headings = [...]string{"east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east"}

// Heading is the nearest of eight directions of the wind.
func Heading(east, north float64) string {
	return Headings[(int(math.Round(math.Atan2(north, east)/(math.Pi/4)))+len(Headings))%len(Headings)]
}

// DistanceM is the great-circle distance between two points in metres
// (haversine formula, which stays exact for short distances).
func DistanceM(lon1, lat1, lon2, lat2 float64) float64 {
	const rad = math.Pi / 180
	sLat := math.Sin((lat2 - lat1) * rad / 2)
	sLon := math.Sin((lon2 - lon1) * rad / 2)
	h := sLat*sLat + math.Cos(lat1*rad)*math.Cos(lat2*rad)*sLon*sLon
	return 2 * EarthRadiusM * math.Asin(math.Sqrt(min(h, 1)))
}

// InBox tells whether a point lies in a box (west, south, east, north), its
// border included.
func InBox(box [4]float64, lon, lat float64) bool {
	return lon >= box[0] && lon <= box[2] && lat >= box[1] && lat <= box[3]
}
