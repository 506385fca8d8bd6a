package build

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	tags "github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/osm"
)

// A file of points of interest names destinations that the map lacks: id, lon,
// lat and, where it has one, kind, an OpenStreetMap tag such as
// amenity=university. places.kinds in city.yaml gives the kinds of a file
// without that column.

// landmarkShare is what the points of the file together draw of each purpose
// that one of them serves; the other places keep the rest (assumed). They are
// measured as a share because other destinations come in jobs, departures or
// floor, whatever the city has.
const landmarkShare = 0.1

// maxLandmarks bounds a file of points of interest.
const maxLandmarks = 100_000

// landmark is a row: kind is "" where the file has none.
type landmark struct {
	id, kind string
	lon, lat float64
}

// landmarks is a file of points of interest.
type landmarks struct {
	points []landmark
	bad    int
}

func parseLandmarks(raw []byte) (*landmarks, error) {
	r, err := openSheet(raw)
	if err != nil {
		return nil, err
	}
	id, lon, lat, kind := r.column(idNames...), r.column(lonNames...), r.column(latNames...), r.column("kind")
	if id < 0 || lon < 0 || lat < 0 {
		return nil, fmt.Errorf("header %q: want the columns id, lon and lat", r.header())
	}
	cell := func(row []string, i int) string {
		if i < 0 || i >= len(row) {
			return ""
		}
		return strings.Clone(strings.TrimSpace(row[i]))
	}
	out := &landmarks{}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return out, nil
		}
		var malformed *csv.ParseError
		if err != nil && !errors.As(err, &malformed) {
			return nil, err
		}
		if len(out.points)+out.bad >= maxLandmarks {
			return nil, fmt.Errorf("more than %d rows", maxLandmarks)
		}
		p := landmark{id: cell(row, id), kind: cell(row, kind), lon: r.number(row, lon), lat: r.number(row, lat)}
		if err != nil || p.id == "" || !(math.Abs(p.lon) <= 180) || !(math.Abs(p.lat) <= 90) {
			out.bad++
			continue
		}
		out.points = append(out.points, p)
	}
}

// landmarkUse is the use of a kind and its floor in m2.
func landmarkUse(kind string) (use osm.Use, floor float64) {
	key, value, _ := strings.Cut(kind, "=")
	t := tags.Tags{{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)}}
	if use = osm.PointUse(t); use == osm.NoUse {
		return use, 0
	}
	return use, osm.NominalFloorM2(t, use)
}

// landmarks gives the points of the file their share of the destinations.
// Where jobs are is for other sources to say.
func (p *placer) landmarks() {
	file, marks := p.b.cfg.Files.PointsOfInterest, p.b.marks
	if marks == nil {
		return
	}
	var found []place
	var drawn [city.NumPurposes]float64
	outside, unknown := 0, 0
	pr := p.b.city.Projection()
	for _, m := range marks.points {
		kind := m.kind
		if k := p.b.cfg.Places.Kinds[m.id]; k != "" {
			kind = k
		}
		use, floor := landmarkUse(kind)
		switch {
		case use == osm.NoUse:
			unknown++
			continue
		case !city.InBox(p.b.cfg.BBox, m.lon, m.lat):
			outside++
			continue
		}
		q := place{use: use}
		q.x, q.y = pr.XY(m.lon, m.lat)
		for k, w := range use.Weights() {
			if city.Purpose(k) != city.Work {
				q.attract[k] = w * floor
			}
		}
		found = append(found, q)
	}
	found = p.snapped(found)
	for i := range found {
		for k, w := range found[i].attract {
			drawn[k] += w
		}
	}
	for k := range drawn {
		total := 0.0
		for i := range p.places {
			total += p.places[i].attract[k]
		}
		if drawn[k] == 0 || total == 0 { // with nothing to share with, floor it is
			continue
		}
		for i := range p.places {
			p.places[i].attract[k] *= 1 - landmarkShare
		}
		for i := range found {
			found[i].attract[k] *= landmarkShare * total / drawn[k]
		}
	}
	p.places = append(p.places, found...)
	p.b.line("places", "points of "+file, float64(len(found)), "points",
		fmt.Sprintf("together a tenth of each purpose they serve, by kind (assumed); %d without a kind that draws visitors, %d outside the box, %d unreadable", unknown, outside, marks.bad))
}
