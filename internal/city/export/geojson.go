package export

import (
	"encoding/json"
	"io"
	"strconv"

	"github.com/malikobaid/cityflow/internal/city"
)

// GeoJSON is one FeatureCollection per layer. Coordinates have the digits that
// the city has: lines those of float32, about a metre east and west.
func GeoJSON(c *city.City) []File {
	var out []File
	for _, l := range layers(c) {
		out = append(out, File{l.name + ".geojson", func(w io.Writer) error {
			return buffered(w, func(b buffer) { geojson(b, &l) })
		}})
	}
	return out
}

func geojson(b buffer, l *layer) {
	b.text(`{"type":"FeatureCollection","features":[`)
	for i := range l.num {
		sep := "\n"
		if i > 0 {
			sep = ",\n"
		}
		b.text(sep + `{"type":"Feature","id":` + strconv.Itoa(i) + `,"properties":{`)
		for k := range l.columns {
			c := &l.columns[k]
			if k > 0 {
				b.char(',')
			}
			b.text(`"` + c.name + `":`)
			switch buf := b.spare(); {
			case c.integer != nil:
				b.put(strconv.AppendInt(buf, c.integer(i), 10))
			case c.number != nil:
				b.put(strconv.AppendFloat(buf, c.number(i), 'f', -1, 64))
			case c.truth != nil:
				b.put(strconv.AppendBool(buf, c.truth(i)))
			default:
				quoted, _ := json.Marshal(c.text(i)) // a string always marshals
				b.put(quoted)
			}
		}
		if l.line == nil {
			lon, lat := l.at(i)
			b.text(`},"geometry":{"type":"Point","coordinates":[`)
			b.put(strconv.AppendFloat(b.spare(), lon, 'f', -1, 64))
			b.char(',')
			b.put(strconv.AppendFloat(b.spare(), lat, 'f', -1, 64))
			b.text("]}}")
			continue
		}
		b.text(`},"geometry":{"type":"LineString","coordinates":[`)
		lon, lat := l.line(i)
		for k := range lon {
			if k > 0 {
				b.char(',')
			}
			b.char('[')
			b.put(strconv.AppendFloat(b.spare(), float64(lon[k]), 'f', -1, 32))
			b.char(',')
			b.put(strconv.AppendFloat(b.spare(), float64(lat[k]), 'f', -1, 32))
			b.char(']')
		}
		b.text("]}}")
	}
	b.text("\n]}\n")
}
