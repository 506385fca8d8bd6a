package export

import (
	"bufio"
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
			return buffered(w, func(b *bufio.Writer) { geojson(b, &l) })
		}})
	}
	return out
}

func geojson(b *bufio.Writer, l *layer) {
	b.WriteString(`{"type":"FeatureCollection","features":[`)
	for i := range l.num {
		sep := "\n"
		if i > 0 {
			sep = ",\n"
		}
		b.WriteString(sep + `{"type":"Feature","id":` + strconv.Itoa(i) + `,"properties":{`)
		for k := range l.columns {
			c := &l.columns[k]
			if k > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + c.name + `":`)
			switch buf := b.AvailableBuffer(); {
			case c.integer != nil:
				b.Write(strconv.AppendInt(buf, c.integer(i), 10))
			case c.number != nil:
				b.Write(strconv.AppendFloat(buf, c.number(i), 'f', -1, 64))
			case c.truth != nil:
				b.Write(strconv.AppendBool(buf, c.truth(i)))
			default:
				quoted, _ := json.Marshal(c.text(i)) // a string always marshals
				b.Write(quoted)
			}
		}
		if l.line == nil {
			lon, lat := l.at(i)
			b.WriteString(`},"geometry":{"type":"Point","coordinates":[`)
			b.Write(strconv.AppendFloat(b.AvailableBuffer(), lon, 'f', -1, 64))
			b.WriteByte(',')
			b.Write(strconv.AppendFloat(b.AvailableBuffer(), lat, 'f', -1, 64))
			b.WriteString("]}}")
			continue
		}
		b.WriteString(`},"geometry":{"type":"LineString","coordinates":[`)
		lon, lat := l.line(i)
		for k := range lon {
			if k > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('[')
			b.Write(strconv.AppendFloat(b.AvailableBuffer(), float64(lon[k]), 'f', -1, 32))
			b.WriteByte(',')
			b.Write(strconv.AppendFloat(b.AvailableBuffer(), float64(lat[k]), 'f', -1, 32))
			b.WriteByte(']')
		}
		b.WriteString("]}}")
	}
	b.WriteString("\n]}\n")
}
