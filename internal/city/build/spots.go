package build

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// CountYAML is motor vehicles an hour, counted at a place of the streets.
type CountYAML struct {
	Way     int64  `yaml:"way"`     // OpenStreetMap's
	Heading string `yaml:"heading"` // absent: both directions together
	// At is lon, lat: which piece of the way, between two junctions. Absent, the
	// longest.
	At       []float64 `yaml:"at"`
	From     string    `yaml:"from"` // HH:MM
	To       string    `yaml:"to"`
	Vehicles *float64  `yaml:"vehicles_per_hour"`
}

const (
	countKind = "count"
	// maxCounts bounds the counts of a city; they are few hundred at most.
	maxCounts = 5000
	// mostAnHour is more than any carriageway passes (ten lanes of 2,400).
	mostAnHour = 24_000
	// countReachM is how far from its street a count's position may lie: the
	// width of a motorway with some error of the map.
	countReachM = 50
	// A direction of a street is meant by a heading up to about 67 degrees off:
	// one and a half of the eight.
	headingCos = 0.38
)

// checkCounts tells the problems of counts that show without the map.
func checkCounts(at string, counts []CountYAML, bad func(path, format string, a ...any)) {
	for i, c := range counts {
		at := fmt.Sprintf("%s.counts[%d]", at, i)
		if c.Way <= 0 {
			bad(at+".way", "%d is not the id of a way of OpenStreetMap", c.Way)
		}
		if c.Heading != "" && !slices.Contains(city.Headings[:], c.Heading) {
			bad(at+".heading", "%q is none of %s; leave it out for both directions together", c.Heading, strings.Join(city.Headings[:], ", "))
		}
		if c.At != nil && (len(c.At) != 2 || !(math.Abs(c.At[0]) <= 180) || !(math.Abs(c.At[1]) <= 90)) {
			bad(at+".at", "%v is not longitude, latitude in degrees", c.At)
		}
		from, ok1 := parseClock(c.From)
		to, ok2 := parseClock(c.To)
		if !ok1 {
			bad(at+".from", "%q is not a time like 08:00", c.From)
		}
		if !ok2 {
			bad(at+".to", "%q is not a time like 09:00", c.To)
		}
		if ok1 && ok2 && from >= to {
			bad(at+".to", "%s is not after %s", c.To, c.From)
		}
		if c.Vehicles == nil {
			bad(at+".vehicles_per_hour", "is missing")
		} else if !(*c.Vehicles >= 0 && *c.Vehicles <= mostAnHour) {
			bad(at+".vehicles_per_hour", "%g is not from 0 to %d", *c.Vehicles, mostAnHour)
		}
	}
}

// placeCounts finds the links of every count on the finished streets, and tells
// all counts that lie on none.
func (b *builder) placeCounts() error {
	var problems []error
	originals := []units.LinkID(nil) // made for the first count: most cities have none
	placed, longest := 0, 0
	for i := range b.cfg.Observed {
		o := &b.cfg.Observed[i]
		for k := range o.Counts {
			if originals == nil {
				originals = b.city.Net.Originals()
			}
			c := &o.Counts[k]
			spot, err := b.spot(c, originals)
			if err != nil {
				problems = append(problems, fmt.Errorf("city.yaml: observed[%d].counts[%d].%w", i, k, err))
				continue
			}
			b.city.Info.Observed[i].Figures = append(b.city.Info.Observed[i].Figures, city.Figure{Mode: "car", Value: *c.Vehicles, Spot: spot})
			placed++
			if c.At == nil {
				longest++
			}
		}
	}
	if placed > 0 {
		b.streets = append(b.streets, city.ReportLine{Part: "streets", What: "traffic counts placed", Count: float64(placed), Unit: "counts",
			Detail: fmt.Sprintf("%d of them without a position: on the longest piece of their way", longest)})
	}
	return errors.Join(problems...)
}

// spot finds the links of one count.
func (b *builder) spot(c *CountYAML, originals []units.LinkID) (*city.Spot, error) {
	n := &b.city.Net
	from, _ := parseClock(c.From)
	to, _ := parseClock(c.To)
	s := &city.Spot{WayOSM: c.Way, Heading: c.Heading, From: from, To: to}
	pr := city.ProjectionOf(b.cfg.BBox)
	best, rank := units.NoLink, math.Inf(1)
	for l := range n.NumLinks() {
		if n.WayOSM[l] != c.Way || n.Modes[l]&city.AllowCar == 0 || originals[l] != units.LinkID(l) {
			continue
		}
		r := -float64(n.LengthM[l])
		if c.At != nil {
			x, y := pr.XY(c.At[0], c.At[1])
			r = offM(n, units.LinkID(l), pr, x, y)
		}
		if r < rank { // of equals the first
			best, rank = units.LinkID(l), r
		}
	}
	switch {
	case best == units.NoLink:
		return nil, fmt.Errorf("way: %d is no street for cars of this city", c.Way)
	case c.At != nil && rank > countReachM:
		return nil, fmt.Errorf("at: %v is %.0f m from way %d", c.At, rank, c.Way)
	case c.At != nil:
		s.Lon, s.Lat = c.At[0], c.At[1]
	default:
		// Between the two points in the middle of its line.
		first, end := n.GeomFirst[best], n.GeomFirst[best+1]
		p, q := (first+end-1)/2, (first+end)/2
		s.Lon, s.Lat = degrees5((n.GeomLon[p]+n.GeomLon[q])/2), degrees5((n.GeomLat[p]+n.GeomLat[q])/2)
	}
	ways := []units.LinkID{best}
	if r := n.Reverse[best]; r != units.NoLink && n.Modes[r]&city.AllowCar != 0 {
		ways = append(ways, r)
	}
	if c.Heading != "" {
		toward, cos := units.NoLink, headingCos
		for _, l := range ways {
			if k := leads(n, l, c.Heading); k >= cos {
				toward, cos = l, k
			}
		}
		if toward == units.NoLink {
			var there []string
			for _, l := range ways {
				there = append(there, headingOf(n, l))
			}
			return nil, fmt.Errorf("heading: cars on way %d drive %s there, not %s", c.Way, strings.Join(there, " and "), c.Heading)
		}
		ways = []units.LinkID{toward}
	} else if len(ways) == 1 {
		s.Heading = headingOf(n, best)
	}
	for l, o := range originals {
		if slices.Contains(ways, o) {
			s.Links = append(s.Links, units.LinkID(l))
		}
	}
	return s, nil
}

func degrees5(v float32) float64 { return math.Round(float64(v)*1e5) / 1e5 }

func headingOf(n *city.Network, l units.LinkID) string {
	a, b := n.From[l], n.To[l]
	return city.Heading(float64(n.NodeX[b]-n.NodeX[a]), float64(n.NodeY[b]-n.NodeY[a]))
}

// leads is the cosine between where a link leads and a heading.
func leads(n *city.Network, l units.LinkID, heading string) float64 {
	a, b := n.From[l], n.To[l]
	x, y := float64(n.NodeX[b]-n.NodeX[a]), float64(n.NodeY[b]-n.NodeY[a])
	turn := float64(slices.Index(city.Headings[:], heading)) * math.Pi / 4
	return (x*math.Cos(turn) + y*math.Sin(turn)) / max(math.Hypot(x, y), 1e-9)
}

// offM is the distance of a point from the line of a link, in metres.
func offM(n *city.Network, l units.LinkID, pr city.Projection, x, y float64) float64 {
	best := math.Inf(1)
	first := n.GeomFirst[l]
	ax, ay := pr.XY(float64(n.GeomLon[first]), float64(n.GeomLat[first]))
	for g := first + 1; g < n.GeomFirst[l+1]; g++ {
		bx, by := pr.XY(float64(n.GeomLon[g]), float64(n.GeomLat[g]))
		dx, dy := bx-ax, by-ay
		t := 0.0
		if d := dx*dx + dy*dy; d > 0 {
			t = min(1, max(0, ((x-ax)*dx+(y-ay)*dy)/d))
		}
		best = min(best, math.Hypot(x-ax-t*dx, y-ay-t*dy))
		ax, ay = bx, by
	}
	return best
}
