package city

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/malikobaid/cityflow/internal/units"
)

var classNames = [...]string{
	Motorway: "motorway", Trunk: "trunk", Primary: "primary", Secondary: "secondary", Tertiary: "tertiary",
	Unclassified: "unclassified", Residential: "residential", Service: "service", Path: "path",
}

// String is the OSM highway value that stands for the class.
func (c RoadClass) String() string { return classNames[c] }

// StreetsGeoJSON is the street network for a map: a FeatureCollection with one
// LineString per street (both directions and copies once) and the properties class, way
// and, where there is one, name. Coordinates have five decimals (about one
// metre), and points that then coincide are left out. The bytes depend on the
// city alone.
func StreetsGeoJSON(c *City) []byte {
	n := &c.Net
	out := make([]byte, 0, 128*n.NumLinks())
	out = append(out, `{"type":"FeatureCollection","features":[`...)
	some := false
	of := n.Originals()
	for l := range n.NumLinks() {
		if r := n.Reverse[l]; r != units.NoLink && int(r) < l || of[l] != units.LinkID(l) {
			continue
		}
		if some {
			out = append(out, ',')
		}
		some = true
		out = append(out, `{"type":"Feature","properties":{"class":"`...)
		out = append(out, n.Class[l].String()...)
		out = append(out, '"')
		if name := n.Names[n.NameIdx[l]]; name != "" {
			quoted, _ := json.Marshal(name) // a string always marshals
			out = append(out, `,"name":`...)
			out = append(out, quoted...)
		}
		out = append(out, `,"way":`...)
		out = strconv.AppendInt(out, n.WayOSM[l], 10)
		out = append(out, `},"geometry":{"type":"LineString","coordinates":[`...)
		out = appendLine(out, n.GeomLon[n.GeomFirst[l]:n.GeomFirst[l+1]], n.GeomLat[n.GeomFirst[l]:n.GeomFirst[l+1]])
		out = append(out, `]}}`...)
	}
	return append(out, "]}\n"...)
}

func appendLine(out []byte, lon, lat []float32) []byte {
	const scale = 1e5
	var px, py int64
	written := 0
	for i := range lon {
		x, y := int64(math.Round(float64(lon[i])*scale)), int64(math.Round(float64(lat[i])*scale))
		// A line needs two points, so the last is written even where it
		// coincides with the only one before.
		if written > 0 && x == px && y == py && !(i == len(lon)-1 && written == 1) {
			continue
		}
		if written > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		out = appendFixed5(out, x)
		out = append(out, ',')
		out = appendFixed5(out, y)
		out = append(out, ']')
		px, py = x, y
		written++
	}
	return out
}

// appendFixed5 writes v/1e5 without trailing zeros.
func appendFixed5(out []byte, v int64) []byte {
	return strconv.AppendFloat(out, float64(v)/1e5, 'f', -1, 64)
}
