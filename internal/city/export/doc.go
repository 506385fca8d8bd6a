// Package export writes a city in the formats of other programs: GMNS, GTFS,
// GeoJSON, GeoParquet and SUMO's plain XML. What each format holds, and what it
// cannot hold, is listed in docs/exports.md.
//
// It knows columns and io.Writer only: the caller decides whether files go into
// a folder or an archive. The same city gives the same bytes.
package export

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"strconv"

	"github.com/malikobaid/cityflow/internal/city"
)

// File is one file of an export, written on demand.
type File struct {
	Name  string
	Write func(w io.Writer) error
}

// Format is one way to write a city.
type Format struct {
	Name, About string
	// Files are the files of a city, in a fixed order.
	Files func(c *city.City) []File
}

// Formats are those that need a city alone, by name. SUMO needs departures
// too, see SUMO.
func Formats() []Format {
	return []Format{
		{"geojson", "links, nodes, stops and places with their attributes (RFC 7946)", GeoJSON},
		{"geoparquet", "the same layers as tables (GeoParquet 1.1)", GeoParquet},
		{"gmns", "the street network (General Modeling Network Specification 0.96)", GMNS},
		{"gtfs", "the timetable of the service date (GTFS Schedule)", GTFS},
	}
}

// Zip writes files as one archive without dates, so that equal files give equal
// archives.
func Zip(w io.Writer, files []File, done func(File)) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		out, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate})
		if err == nil {
			err = f.Write(out)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		done(f)
	}
	return z.Close()
}

// buffered runs f on a buffer over w and gives the first error of either.
func buffered(w io.Writer, f func(b buffer)) error {
	b := bufio.NewWriterSize(w, 1<<16)
	f(buffer{b})
	return b.Flush()
}

// buffer writes without an answer: the writer below keeps its first error until
// the end.
type buffer struct{ w *bufio.Writer }

func (b buffer) text(s string) { _, _ = b.w.WriteString(s) }
func (b buffer) char(c byte)   { _ = b.w.WriteByte(c) }
func (b buffer) put(p []byte)  { _, _ = b.w.Write(p) }
func (b buffer) spare() []byte { return b.w.AvailableBuffer() }

// table writes a CSV file row by row.
type table struct {
	b     buffer
	begun bool
}

// csvFile is a CSV file (RFC 4180, lines end with CR LF) with a header.
func csvFile(name, header string, rows func(t *table)) File {
	return File{name, func(w io.Writer) error {
		return buffered(w, func(b buffer) {
			b.text(header)
			b.text("\r\n")
			rows(&table{b: b})
		})
	}}
}

func (t *table) sep() {
	if t.begun {
		t.b.char(',')
	}
	t.begun = true
}

// text writes a cell, quoted where it must be. Control characters would break
// readers that go line by line; names have none, but a pack is not ours alone.
func (t *table) text(s string) {
	t.sep()
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == ',' || s[i] < ' ' {
			plain = false
		}
	}
	if plain && (s == "" || s[0] != ' ' && s[len(s)-1] != ' ') {
		t.b.text(s)
		return
	}
	t.b.char('"')
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			t.b.text(`""`)
		case s[i] < ' ':
			t.b.char(' ')
		default:
			t.b.char(s[i])
		}
	}
	t.b.char('"')
}

func (t *table) int(v int64) { t.sep(); t.b.put(strconv.AppendInt(t.b.spare(), v, 10)) }

// float writes the shortest digits that read back as the same float64, and
// float32 the same float32.
func (t *table) float(v float64) {
	t.sep()
	t.b.put(strconv.AppendFloat(t.b.spare(), v, 'f', -1, 64))
}

func (t *table) float32(v float32) {
	t.sep()
	t.b.put(strconv.AppendFloat(t.b.spare(), float64(v), 'f', -1, 32))
}

func (t *table) end() {
	t.b.text("\r\n")
	t.begun = false
}
