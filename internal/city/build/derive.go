package build

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/units"
)

// Inputs are the files of a city that has no city.yaml, and what the user says
// about it. Whatever is left empty is derived from the files; what cannot be
// derived is assumed. Both are listed in Result.Derived and written, with the
// reason, into Result.Config: a city.yaml to start from.
type Inputs struct {
	// Names of files at the root of the file system; OSM is needed.
	OSM                         string
	GTFS                        []string
	Population, Jobs, Elevation string
	Name, Country, TimeZone     string
	Date                        string      // of the timetable
	BBox                        *[4]float64 // west, south, east, north
	People                      float64     // residents
}

// Slug is the form of a city's short name.
var Slug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Check names every problem that shows before a file is opened.
func (in *Inputs) Check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if in.OSM == "" {
		bad("the map is missing: an OpenStreetMap file (.osm.pbf or .osm)")
	}
	if b := in.BBox; b != nil {
		if !boxOK(*b) {
			bad("the box %v is not west, south, east, north in degrees", *b)
		} else if b[2]-b[0] > maxBoxDeg || b[3]-b[1] > maxBoxDeg {
			bad("the box %v is larger than five degrees: a city is meant", *b)
		}
	}
	if in.Date != "" {
		if _, err := time.Parse("2006-01-02", in.Date); err != nil {
			bad("the date %q is not one like 2023-06-13", in.Date)
		}
	}
	if in.Country != "" && !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(in.Country) {
		bad("the country %q is not a two-letter code like GB", in.Country)
	}
	if in.TimeZone != "" {
		if _, err := time.LoadLocation(in.TimeZone); err != nil {
			bad("the time zone %q is not an IANA time zone like Europe/London", in.TimeZone)
		}
	}
	if in.People != 0 && !(in.People >= 1 && in.People <= 1e8) {
		bad("%g residents: want 1 to 100 million", in.People)
	}
	return errors.Join(errs...)
}

func (in *Inputs) config() *Config {
	c := &Config{Name: in.Name, Country: in.Country, TimeZone: in.TimeZone, ServiceDate: in.Date}
	if in.BBox != nil {
		c.BBox = *in.BBox
	}
	c.Files.OSM, c.Files.GTFS, c.Files.Population, c.Files.Jobs, c.Files.Elevation = in.OSM, in.GTFS, in.Population, in.Jobs, in.Elevation
	return c
}

// guess notes a derived setting.
func (b *builder) guess(key, value, from string, assumed bool) {
	b.derived = append(b.derived, city.Setting{Key: key, Value: value, From: from, Assumed: assumed})
}

// derive fills what the settings leave open, up to what needs the timetable
// (deriveService) and the homes (assumePopulation).
func (b *builder) derive() error {
	c := b.cfg
	if b.inputs.BBox == nil {
		box, from, err := b.streetBox()
		if err != nil {
			return err
		}
		c.BBox = box
		b.guess("bbox", fmt.Sprintf("%v", box), from, false)
	}
	b.deriveName()
	b.derivePlace()
	if err := b.deriveDate(); err != nil {
		return err
	}
	if b.inputs.People > 0 {
		c.Population = FactYAML{Value: b.inputs.People, Source: "as stated by whoever built the city"}
	} else if b.people != nil && b.people.counts {
		total := 0.0
		for _, p := range b.people.points {
			if city.InBox(c.BBox, p.lon, p.lat) {
				total += p.w
			}
		}
		if total > 0 {
			c.Population = FactYAML{Value: math.Round(total), Source: fmt.Sprintf("sum of the column %s of %s inside the box", b.people.column, c.Files.Population)}
			b.guess("population", strconv.FormatFloat(c.Population.Value, 'f', -1, 64), c.Population.Source, false)
		}
	}
	b.deriveHomes()
	b.deriveAttribution()
	c.ServiceWindow = wholeDay // until the timetable is read
	return nil
}

// wholeDay is the hours of service where no timetable tells (assumed).
var wholeDay = [2]string{"05:00", "24:00"}

// sharesByDensity are mode shares of a city of which nothing is known: the more
// people live on a square kilometre of the box, the fewer go by car (Newman and
// Kenworthy, Cities and Automobile Dependence, 1989). The figures themselves are
// assumed, in the range of city surveys.
var sharesByDensity = []struct {
	below                    float64 // residents per km2
	car, bike, walk, transit float64
}{
	{1500, 58, 4, 26, 12},
	{4000, 45, 5, 30, 20},
	{8000, 30, 5, 33, 32},
	{math.Inf(1), 18, 4, 38, 40},
}

// deriveShares assumes how people travel, once their number is known.
func (b *builder) deriveShares() {
	density := b.cfg.Population.Value / max(0.1, boxKM2(b.cfg.BBox)) // areas have one decimal, and a hamlet 0.0
	for _, s := range sharesByDensity {
		if density >= s.below {
			continue
		}
		m := &b.cfg.ModeShare
		m.Car, m.Bike, m.Walk, m.Transit = s.car, s.bike, s.walk, s.transit
		if len(b.city.Timetable.Lines) == 0 {
			m.Car, m.Walk, m.Transit = s.car+s.transit/2, s.walk+s.transit/2, 0
		}
		m.Source, m.Assumed = fmt.Sprintf("assumed from %.0f residents per km2 of the box; no survey: replace it with one of the city", density), true
		b.guess("mode_share", fmt.Sprintf("car %g, bike %g, walk %g, transit %g", m.Car, m.Bike, m.Walk, m.Transit), fmt.Sprintf("from %.0f residents per km2 of the box; no survey", density), true)
		b.describe()
		return
	}
}

// maxBoxDeg is the largest extent of a city.
const maxBoxDeg = 5

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
	if box[2]-box[0] > maxBoxDeg || box[3]-box[1] > maxBoxDeg || !boxOK(box) {
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

// Which days stand for the others.
const (
	// ordinaryWithin: days whose service is this close to the median are no
	// holidays and no days of a special timetable (assumed).
	ordinaryWithin = 0.05
	// recentDays: a calendar may reach back for decades; its last year is what
	// the streets of today go with (assumed).
	recentDays = 366
)

// deriveDate chooses the service date: of the Tuesdays to Thursdays that all
// feeds serve, neutral days in traffic counting (TAG unit M1.2), one with the
// most vehicle trips that is not out of the ordinary, nearest the middle of
// the last year of the feeds' common calendar.
func (b *builder) deriveDate() error {
	c := b.cfg
	if c.ServiceDate == "" && len(b.surveys) == 0 {
		c.ServiceDate = "2024-01-16"
		b.guess("service_date", c.ServiceDate, "a label: there is no timetable", true)
	}
	if c.ServiceDate != "" {
		b.date, _ = time.Parse("2006-01-02", c.ServiceDate)
		return nil
	}
	total, feeds := map[string]int{}, map[string]int{} // look-ups, then sorted
	var spans []string
	for i, s := range b.surveys {
		for _, d := range s.Days {
			total[d.Date] += d.Trips
			feeds[d.Date]++
		}
		if len(s.Days) > 0 {
			spans = append(spans, fmt.Sprintf("%s from %s to %s", c.Files.GTFS[i], s.Days[0].Date, s.Days[len(s.Days)-1].Date))
		} else {
			spans = append(spans, c.Files.GTFS[i]+" on no day")
		}
	}
	var common []gtfs.Day
	for d, n := range total { // sorted below
		if feeds[d] == len(b.surveys) {
			common = append(common, gtfs.Day{Date: d, Trips: n})
		}
	}
	slices.SortFunc(common, func(x, y gtfs.Day) int { return strings.Compare(x.Date, y.Date) })
	if len(common) == 0 {
		return fmt.Errorf("no day is served by all timetables (%s): take feeds of one time", strings.Join(spans, ", "))
	}
	last, _ := time.Parse("20060102", common[len(common)-1].Date)
	since := last.AddDate(0, 0, -recentDays).Format("20060102")
	common = slices.DeleteFunc(common, func(d gtfs.Day) bool { return d.Date < since })
	best, why := ordinary(common)
	b.date, _ = time.Parse("20060102", best.Date)
	c.ServiceDate = b.date.Format("2006-01-02")
	b.guess("service_date", c.ServiceDate, fmt.Sprintf("%s of the feeds' common calendar (%d vehicle trips)", why, best.Trips), false)
	return nil
}

// ordinary picks from days, which are sorted and not empty.
func ordinary(days []gtfs.Day) (gtfs.Day, string) {
	why := ""
	var pool []gtfs.Day
	for _, k := range []struct {
		what string
		on   []time.Weekday
	}{
		{"busiest ordinary Tuesday to Thursday", []time.Weekday{time.Tuesday, time.Wednesday, time.Thursday}},
		{"busiest ordinary Monday or Friday", []time.Weekday{time.Monday, time.Friday}},
		{"busiest day", []time.Weekday{time.Saturday, time.Sunday}},
	} {
		for _, d := range days {
			t, _ := time.Parse("20060102", d.Date)
			if slices.Contains(k.on, t.Weekday()) {
				pool = append(pool, d)
			}
		}
		if why = k.what; len(pool) > 0 {
			break
		}
	}
	trips := make([]int, len(pool))
	for i, d := range pool {
		trips[i] = d.Trips
	}
	slices.Sort(trips)
	most := float64(trips[len(trips)/2]) * (1 + ordinaryWithin)
	first, _ := time.Parse("20060102", days[0].Date)
	last, _ := time.Parse("20060102", days[len(days)-1].Date)
	middle := first.Add(last.Sub(first) / 2)
	best, far := -1, 0.0
	for i, d := range pool {
		if float64(d.Trips) > most {
			continue
		}
		t, _ := time.Parse("20060102", d.Date)
		away := math.Abs(t.Sub(middle).Hours())
		if best < 0 || d.Trips > pool[best].Trips || d.Trips == pool[best].Trips && away < far {
			best, far = i, away
		}
	}
	return pool[best], why
}

// pauseH is the hours without service that a day may have in its middle, as in
// the country (assumed).
const pauseH = 3

// windowShare: hours in which fewer vehicle trips start than this part of the
// busiest hour's are the edges of service or of the feed (assumed).
const windowShare = 0.2

// deriveService sets the hours that the timetable can be trusted for, and the
// city's own what-if.
func (b *builder) deriveService() {
	if b.inputs == nil {
		return
	}
	defer b.describe()
	c, t := b.cfg, &b.city.Timetable
	var hours [24]float64 // vehicle trips by hour of their start
	for p := range t.NumPatterns() {
		for v := t.PatternTrips[p]; v < t.PatternTrips[p+1]; v++ {
			_, dep := t.Times(units.PatternID(p), units.VehicleTripID(v))
			if h := int(dep[0]) / 3600; h >= 0 && h < len(hours) {
				hours[h]++
			}
		}
	}
	peak := slices.Max(hours[:])
	if peak == 0 {
		b.guess("service_window", "05:00 to 24:00", "no service runs: the hours are those of an ordinary day", true)
		return
	}
	// Outwards from the busiest hour; a pause at noon does not end the day, the
	// small hours do.
	full := func(h int) bool { return h >= 0 && h < len(hours) && hours[h] >= windowShare*peak }
	from := slices.Index(hours[:], peak)
	to := from + 1
	for gap := 1; gap <= pauseH; gap++ {
		if full(from - gap) {
			from, gap = from-gap, 0
		}
	}
	for gap := 0; gap < pauseH; gap++ {
		if full(to + gap) {
			to, gap = to+gap+1, -1
		}
	}
	c.ServiceWindow = [2]string{fmt.Sprintf("%02d:00", from), fmt.Sprintf("%02d:00", to)}
	b.guess("service_window", c.ServiceWindow[0]+" to "+c.ServiceWindow[1], "hours in which a fifth or more of the busiest hour's vehicle trips start", true)
	if to-from < 12 {
		b.find("timetable", "short day", city.Warning, to-from, fmt.Sprintf("the timetable has full service only from %s to %s: runs outside are refused", c.ServiceWindow[0], c.ServiceWindow[1]), "")
	}
	b.deriveLine()
	if !slices.ContainsFunc(t.Lines, func(l city.Line) bool { return l.Fare > 0 }) {
		c.FaresSource = "assumed: no fare is known, so boarding costs nothing"
		b.guess("fares", "none", "no fare is known, so boarding costs nothing", true)
		b.find("settings", "fares", city.Note, 1, "no fares are given: boarding costs nothing in this city (fares in city.yaml)", "")
	}
}
