package export

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/malikobaid/cityflow/internal/city"
)

// GeoParquet is one table per layer, after the GeoParquet specification 1.1.0:
// geometry as WKB in a column of that name, described under the key "geo".
func GeoParquet(c *city.City) []File {
	var out []File
	for _, l := range layers(c) {
		out = append(out, File{l.name + ".parquet", func(w io.Writer) error { return l.parquet(w) }})
	}
	return out
}

// rowGroup is the number of rows in a group, and how many are handed over at
// once.
const (
	rowGroup  = 1 << 16
	rowsAHead = 1 << 10
)

func (l *layer) parquet(w io.Writer) error {
	group := parquet.Group{"geometry": parquet.Leaf(parquet.ByteArrayType)}
	for k := range l.columns {
		c := &l.columns[k]
		switch {
		case c.integer != nil:
			group[c.name] = parquet.Int(64)
		case c.number != nil:
			group[c.name] = parquet.Leaf(parquet.DoubleType)
		case c.truth != nil:
			group[c.name] = parquet.Leaf(parquet.BooleanType)
		default:
			group[c.name] = parquet.String()
		}
	}
	schema := parquet.NewSchema(l.name, group)
	// The library sorts columns by name.
	order := make([]*column, 0, len(group)) // nil: geometry
	for _, path := range schema.Columns() {
		var found *column
		for k := range l.columns {
			if l.columns[k].name == path[0] {
				found = &l.columns[k]
			}
		}
		order = append(order, found)
	}
	// Names of version and build are left out: another build of the program
	// must give the same bytes.
	p := parquet.NewWriter(w, schema, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(rowGroup),
		parquet.CreatedBy("CityFlow", "0", "0"), parquet.KeyValueMetadata("geo", l.geo()))
	rows := make([]parquet.Row, 0, rowsAHead)
	for i := range l.num {
		row := make(parquet.Row, len(order))
		for k, c := range order {
			var v parquet.Value
			switch {
			case c == nil:
				v = parquet.ByteArrayValue(l.wkb(i))
			case c.integer != nil:
				v = parquet.Int64Value(c.integer(i))
			case c.number != nil:
				v = parquet.DoubleValue(c.number(i))
			case c.truth != nil:
				v = parquet.BooleanValue(c.truth(i))
			default:
				v = parquet.ByteArrayValue([]byte(c.text(i)))
			}
			row[k] = v.Level(0, 0, k)
		}
		if rows = append(rows, row); len(rows) == rowsAHead || i == l.num-1 {
			if _, err := p.WriteRows(rows); err != nil {
				return fmt.Errorf("row %d: %w", i, err)
			}
			rows = rows[:0]
		}
	}
	return p.Close()
}

// wkb is the geometry of a feature as ISO WKB, little-endian.
func (l *layer) wkb(i int) []byte {
	le := binary.LittleEndian
	if l.line == nil {
		lon, lat := l.at(i)
		b := le.AppendUint32([]byte{1}, 1)
		b = le.AppendUint64(b, math.Float64bits(lon))
		return le.AppendUint64(b, math.Float64bits(lat))
	}
	lon, lat := l.line(i)
	b := le.AppendUint32(make([]byte, 1, 9+16*len(lon)), 2)
	b[0] = 1
	b = le.AppendUint32(b, uint32(len(lon)))
	for k := range lon {
		b = le.AppendUint64(b, math.Float64bits(shortest(lon[k])))
		b = le.AppendUint64(b, math.Float64bits(shortest(lat[k])))
	}
	return b
}

// shortest is the float64 of the fewest digits that name a float32: what
// GeoJSON says, so that both formats hold the same numbers.
func shortest(v float32) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64) // what was just printed parses
	return f
}

// geo is the metadata of the table. The CRS is longitude and latitude on WGS 84
// in that order (OGC:CRS84), written out for readers that look for it.
func (l *layer) geo() string {
	kind := "Point"
	if l.line != nil {
		kind = "LineString"
	}
	meta := map[string]any{
		"encoding": "WKB", "geometry_types": []string{kind}, "edges": "planar", "crs": json.RawMessage(crs84),
	}
	if l.num > 0 {
		meta["bbox"] = l.bounds()
	}
	b, err := json.Marshal(map[string]any{"version": "1.1.0", "primary_column": "geometry", "columns": map[string]any{"geometry": meta}})
	if err != nil {
		panic(fmt.Sprintf("export: metadata does not encode: %v", err)) // numbers are finite: city.Validate
	}
	return string(b)
}

func (l *layer) bounds() [4]float64 {
	box := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	add := func(lon, lat float64) {
		box = [4]float64{min(box[0], lon), min(box[1], lat), max(box[2], lon), max(box[3], lat)}
	}
	for i := range l.num {
		if l.line == nil {
			add(l.at(i))
			continue
		}
		lon, lat := l.line(i)
		for k := range lon {
			add(shortest(lon[k]), shortest(lat[k]))
		}
	}
	return box
}

// crs84 is PROJJSON 0.7 of OGC:CRS84.
const crs84 = `{"$schema":"https://proj.org/schemas/v0.7/projjson.schema.json","type":"GeographicCRS","name":"WGS 84 (CRS84)",` +
	`"datum_ensemble":{"name":"World Geodetic System 1984 ensemble","members":[{"name":"World Geodetic System 1984 (Transit)"},{"name":"World Geodetic System 1984 (G2139)"}],` +
	`"ellipsoid":{"name":"WGS 84","semi_major_axis":6378137,"inverse_flattening":298.257223563},"accuracy":"2.0"},` +
	`"coordinate_system":{"subtype":"ellipsoidal","axis":[{"name":"Geodetic longitude","abbreviation":"Lon","direction":"east","unit":"degree"},` +
	`{"name":"Geodetic latitude","abbreviation":"Lat","direction":"north","unit":"degree"}]},"id":{"authority":"OGC","code":"CRS84"}}`
