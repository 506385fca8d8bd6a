package build

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
)

// tooLarge: no city reaches over five degrees.
func tooLarge(b [4]float64) bool { return b[2]-b[0] > 5 || b[3]-b[1] > 5 }

func boxOK(b [4]float64) bool {
	return b[0] < b[2] && b[1] < b[3] && b[0] >= -180 && b[2] <= 180 && b[1] >= -85 && b[3] <= 85
}

// longTail: a cut along complete ways has tails of single streets. Where the
// outermost thousandth of the street points on a side reaches further out than
// this part of the others' extent, it is left out there (assumed).
const longTail = 0.15

// streetBox is the extent of the streets without long tails.
func (b *builder) streetBox() (box [4]float64, from string, err error) {
	s := b.source
	on := make([]bool, len(s.NodeID))
	for i := range s.Ways {
		switch s.Ways[i].Tags.Find("highway") {
		case "", "proposed", "construction", "razed", "abandoned":
			continue
		}
		for _, n := range s.Ways[i].Nodes {
			if n >= 0 {
				on[n] = true
			}
		}
	}
	var lon, lat []float64
	for n, yes := range on {
		if yes {
			lon, lat = append(lon, s.Lon[n]), append(lat, s.Lat[n])
		}
	}
	if len(lon) < 2 {
		return box, "", fmt.Errorf("%s: holds no streets (ways tagged highway)", b.cfg.Files.OSM)
	}
	slices.Sort(lon)
	slices.Sort(lat)
	for i, sorted := range [2][]float64{lon, lat} {
		last, tail := len(sorted)-1, len(sorted)/1000
		least, most := sorted[tail], sorted[last-tail]
		allowed := longTail * (most - least)
		if least-sorted[0] <= allowed {
			least = sorted[0]
		}
		if sorted[last]-most <= allowed {
			most = sorted[last]
		}
		box[i], box[i+2] = math.Floor(least*1e4)/1e4, math.Ceil(most*1e4)/1e4
	}
	if tooLarge(box) || !boxOK(box) {
		return box, "", fmt.Errorf("%s: its streets reach over %v, more than a city: name the box (--bbox west,south,east,north) or cut the file", b.cfg.Files.OSM, box)
	}
	return box, "extent of the streets in " + b.cfg.Files.OSM + ", long tails left out", nil
}

// deriveName takes the name of the largest place of the map that lies in the
// box, else the slug.
func (b *builder) deriveName() {
	c := b.cfg
	if c.Name != "" {
		return
	}
	rank := map[string]int{"city": 2, "town": 1}
	best, most := "", -1.0
	for _, n := range b.source.TaggedNodes() {
		t := b.source.NodeTags[n]
		if name := t.Find("name"); name != "" && rank[t.Find("place")] > 0 && city.InBox(c.BBox, b.source.Lon[n], b.source.Lat[n]) {
			people, _ := strconv.ParseFloat(t.Find("population"), 64)
			if v := float64(rank[t.Find("place")])*1e10 + max(people, 0); v > most {
				best, most = name, v
			}
		}
	}
	from := "place of the map inside the box"
	if best == "" {
		words := strings.FieldsFunc(b.slug, func(r rune) bool { return r == '-' })
		for i, w := range words {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		best, from = strings.Join(words, " "), "the slug: the map names no city or town in the box"
	}
	c.Name = best
	b.guess("name", best, from, false)
}

//go:embed zone.tab
var zoneTab string

// zone is a line of zone.tab.
type zone struct {
	country, name string
	lon, lat      float64
}

func zones() (out []zone) {
	for line := range strings.Lines(zoneTab) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(f) != 3 {
			continue
		}
		i := 1 + strings.IndexAny(f[1][1:], "+-")
		out = append(out, zone{f[0], f[2], iso6709(f[1][i:], 3), iso6709(f[1][:i], 2)})
	}
	return out
}

// iso6709 reads a sign, degrees of so many digits, minutes and perhaps seconds.
func iso6709(s string, digits int) float64 {
	part := func(from, to int) float64 {
		if to > len(s) {
			return 0
		}
		v, _ := strconv.ParseFloat(s[from:to], 64)
		return v
	}
	v := part(1, 1+digits) + part(1+digits, 3+digits)/60 + part(3+digits, 5+digits)/3600
	if s[0] == '-' {
		return -v
	}
	return v
}

// derivePlace finds country and time zone: what feeds and addresses say, and
// only without both the nearest of the world's principal places.
func (b *builder) derivePlace() {
	c := b.cfg
	all := zones()
	lon, lat := (c.BBox[0]+c.BBox[2])/2, (c.BBox[1]+c.BBox[3])/2
	nearest := func(country string) (best zone) {
		least := math.Inf(1)
		for _, z := range all {
			if country != "" && z.country != country {
				continue
			}
			if d := city.DistanceM(lon, lat, z.lon, z.lat); d < least {
				best, least = z, d
			}
		}
		return best
	}
	feedZone := ""
	for i, s := range b.surveys {
		if s.TimeZone == "" {
			continue
		}
		if _, err := time.LoadLocation(s.TimeZone); err != nil {
			b.find("timetable", "time zone", city.Warning, 1, fmt.Sprintf("%s names the time zone %q, which does not exist", c.Files.GTFS[i], clipped(s.TimeZone, 60)), "")
			continue
		}
		if feedZone == "" {
			feedZone = s.TimeZone
		} else if s.TimeZone != feedZone {
			b.find("timetable", "time zone", city.Warning, 1, fmt.Sprintf("%s is in the time zone %s, another feed in %s: all times are taken as they are", c.Files.GTFS[i], s.TimeZone, feedZone), "")
		}
	}
	if c.Country == "" {
		from, assumed := "", false
		if i := slices.IndexFunc(all, func(z zone) bool { return z.name == feedZone }); i >= 0 {
			c.Country, from = all[i].country, "the time zone of the timetable, "+feedZone
		} else if cc, n := b.addressCountry(); cc != "" {
			c.Country, from = cc, fmt.Sprintf("%d addresses of the map (addr:country)", n)
		} else {
			c.Country, from, assumed = nearest("").country, "the nearest principal place of a time zone ("+nearest("").name+"): near a border this can be wrong", true
			b.find("settings", "country", city.Warning, 1, "the country "+c.Country+" is a guess from the position alone; it sets untagged speed limits: name it with --country", "")
		}
		b.guess("country", c.Country, from, assumed)
	}
	if c.TimeZone == "" {
		if feedZone != "" {
			c.TimeZone = feedZone
			b.guess("timezone", feedZone, "agency.txt of the timetable", false)
			return
		}
		z := nearest(c.Country)
		if z.name == "" {
			z = nearest("")
		}
		c.TimeZone = z.name
		b.guess("timezone", z.name, "the principal place of the country nearest to the box", true)
	}
}

// addressCountry is the country that most tagged addresses name.
func (b *builder) addressCountry() (country string, count int) {
	seen := map[string]int{} // the largest is taken, of equal ones the first by name
	note := func(cc string) {
		if len(cc) == 2 {
			seen[strings.ToUpper(cc)]++
		}
	}
	for _, n := range b.source.TaggedNodes() {
		note(b.source.NodeTags[n].Find("addr:country"))
	}
	for i := range b.source.Ways {
		note(b.source.Ways[i].Tags.Find("addr:country"))
	}
	for cc, n := range seen { // ties are broken by name
		if n > count || n == count && cc < country {
			country, count = cc, n
		}
	}
	return country, count
}
