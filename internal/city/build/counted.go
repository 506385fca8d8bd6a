package build

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// pointNames are headers of positions as well-known text.
var pointNames = []string{"wkt", "geometry", "geom", "point"}

// maxPoints bounds a file of counts: a country's census points fit.
const maxPoints = 2_000_000

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
	r, err := openSheet(raw)
	if err != nil {
		return nil, err
	}
	c := &counted{}
	lon, lat, point, id, weight := r.column(lonNames...), r.column(latNames...), r.column(pointNames...), r.column(idNames...), r.column(counts...)
	if c.counts = weight >= 0; !c.counts {
		weight = r.column("weight")
	}
	var missing []error
	if (lon < 0 || lat < 0) && point < 0 {
		hint := ""
		if id >= 0 {
			hint = "; ids of cells alone do not say where they are: add the middles of the cells (docs/places.md shows how for H3)"
		}
		missing = append(missing, fmt.Errorf("no position: want the columns lon and lat (or longitude and latitude, or x and y, in degrees), or wkt with POINT (lon lat)%s", hint))
	}
	if weight < 0 {
		missing = append(missing, fmt.Errorf("no counts: want a column %s, or weight", strings.Join(counts[:min(len(counts), 3)], ", ")))
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("header %q: %w", r.header(), errors.Join(missing...))
	}
	c.column = strings.TrimSpace(r.head[weight])
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
			p.lon, p.lat, ok = r.number(row, lon), r.number(row, lat), true
		} else {
			p.lon, p.lat, ok = wktPoint(row, point)
		}
		p.w = r.number(row, weight)
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
	return number(parts[0]), number(parts[1]), true
}
