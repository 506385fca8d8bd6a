package build

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Forms of a file of counted people or jobs (docs/places.md shows them). All
// names are compared without case, spaces around them and a byte order mark.
var (
	lonNames   = []string{"lon", "lng", "long", "longitude", "x"}
	latNames   = []string{"lat", "latitude", "y"}
	pointNames = []string{"wkt", "geometry", "geom", "point"}
	idNames    = []string{"id", "h3", "h3_address", "hex", "hex_id", "cell", "code", "name"}
)

// maxCSV and maxPoints bound a file of counts: a country's census points fit.
const (
	maxCSV    = 256 << 20
	maxPoints = 2_000_000
)

// countedPoint is a row: a position in degrees and a count or weight.
type countedPoint struct{ lon, lat, w float64 }

// counted is a file of people or jobs.
type counted struct {
	points []countedPoint
	// column is the header of the weights; true counts sum to a total, bare
	// weights do not.
	column string
	counts bool
	// bad counts unreadable rows, the first of which is named by example.
	bad     int
	example string
}

// parseCounted reads a CSV of points. counts are the headers of true counts,
// "weight" besides is one of relative weights.
func parseCounted(raw []byte, counts ...string) (*counted, error) {
	if len(raw) > maxCSV {
		return nil, fmt.Errorf("%d bytes, at most %d are accepted", len(raw), maxCSV)
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	if !utf8.Valid(first) || bytes.IndexByte(first, 0) >= 0 {
		return nil, errors.New("not a CSV file in UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord, r.ReuseRecord, r.Comma = -1, true, delimiter(first)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	find := func(names []string) int {
		for _, n := range names {
			if i := slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), n) }); i >= 0 {
				return i
			}
		}
		return -1
	}
	c := &counted{}
	lon, lat, point, id, weight := find(lonNames), find(latNames), find(pointNames), find(idNames), find(counts)
	if c.counts = weight >= 0; !c.counts {
		weight = find([]string{"weight"})
	}
	var missing []error
	if (lon < 0 || lat < 0) && point < 0 {
		hint := ""
		if id >= 0 {
			hint = "; ids of cells alone do not say where they are: add the middles of the cells"
		}
		missing = append(missing, fmt.Errorf("no position: want the columns lon and lat (or longitude and latitude, or x and y, in degrees), or wkt with POINT (lon lat)%s", hint))
	}
	if weight < 0 {
		missing = append(missing, fmt.Errorf("no counts: want a column %s, or weight", strings.Join(counts[:min(len(counts), 3)], ", ")))
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("header %q: %w", clipped(strings.Join(head, string(r.Comma)), 200), errors.Join(missing...))
	}
	c.column = strings.TrimSpace(head[weight])
	comma := r.Comma != ','
	for n := 2; ; n++ {
		row, err := r.Read()
		if err == io.EOF {
			return c, nil
		}
		var malformed *csv.ParseError
		if errors.As(err, &malformed) {
			c.refuse(n, "is not CSV")
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(c.points)+c.bad >= maxPoints {
			return nil, fmt.Errorf("more than %d rows: cut the file to the city", maxPoints)
		}
		var p countedPoint
		ok := true
		if lon >= 0 && lat >= 0 {
			p.lon, p.lat, ok = number(row, lon, comma), number(row, lat, comma), true
		} else {
			p.lon, p.lat, ok = wktPoint(row, point)
		}
		p.w = number(row, weight, comma)
		what := fmt.Sprintf("line %d", n)
		if id >= 0 && id < len(row) {
			what += fmt.Sprintf(" (%s)", clipped(row[id], 40))
		}
		switch {
		case !ok || !(math.Abs(p.lon) <= 180) || !(math.Abs(p.lat) <= 90):
			c.refuseRow(what, "has no position in degrees")
		case !(p.w >= 0 && p.w <= 1e9):
			c.refuseRow(what, fmt.Sprintf("has no count in %s from 0 to a billion", c.column))
		default:
			c.points = append(c.points, p)
		}
	}
}

func (c *counted) refuse(line int, why string) { c.refuseRow(fmt.Sprintf("line %d", line), why) }

func (c *counted) refuseRow(what, why string) {
	if c.bad++; c.bad == 1 {
		c.example = what + " " + why
	}
}

// delimiter is the one of comma, semicolon and tab that the header holds most.
func delimiter(head []byte) rune {
	best, most := ',', bytes.Count(head, []byte(","))
	for _, d := range []rune{';', '\t'} {
		if n := bytes.Count(head, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}

// number is a cell as a number, NaN where it is none. Where the comma is no
// delimiter it may be the decimal point, as spreadsheets in many countries
// write it.
func number(row []string, i int, comma bool) float64 {
	if i >= len(row) {
		return math.NaN()
	}
	s := strings.TrimSpace(row[i])
	if comma {
		s = strings.Replace(s, ",", ".", 1)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "xXpP_") { // no hexadecimal here
		return math.NaN()
	}
	return f
}

// wktPoint reads POINT (lon lat), an SRID before it ignored.
func wktPoint(row []string, i int) (lon, lat float64, ok bool) {
	if i >= len(row) {
		return 0, 0, false
	}
	s := strings.ToUpper(strings.TrimSpace(row[i]))
	if srid, rest, found := strings.Cut(s, ";"); found && strings.HasPrefix(srid, "SRID=") {
		s = strings.TrimSpace(rest)
	}
	s, ok = strings.CutPrefix(s, "POINT")
	if !ok {
		return 0, 0, false
	}
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")") {
		return 0, 0, false
	}
	parts := strings.Fields(s[1 : len(s)-1])
	if len(parts) < 2 || len(parts) > 3 {
		return 0, 0, false
	}
	return number(parts, 0, false), number(parts, 1, false), true
}

func clipped(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
