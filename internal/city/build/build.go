// Package build joins the parts of a city: it reads city.yaml, runs the street
// and timetable importers on the files named there, snaps stops and places to
// the streets, and returns one validated *city.City.
//
// City works on any fs.FS that holds the files of one city. The same bytes give
// the same city; what was read, kept, dropped and assumed stands in
// Info.Report in a fixed order.
package build

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/city/osm"
)

// ConfigFile is the name of the file every city folder must hold.
const ConfigFile = "city.yaml"

// maxFile bounds one source file, so that a stray disk image is refused early.
const maxFile = 2 << 30

// City compiles the city whose files lie at the root of fsys. progress, if not
// nil, is called with the share done (0 to 1) and what is going on. All
// problems of city.yaml are reported together, before anything else is read.
func City(fsys fs.FS, slug string, progress func(done float64, what string)) (*city.City, error) {
	c, _, err := CityAndSource(fsys, slug, progress)
	return c, err
}

// CityAndSource is City with the map that it read, for the basemap.
func CityAndSource(fsys fs.FS, slug string, progress func(done float64, what string)) (*city.City, *osm.Source, error) {
	if progress == nil {
		progress = func(float64, string) {}
	}
	b := &builder{fsys: fsys, slug: slug}
	steps := []struct {
		done float64
		what string
		run  func() error
	}{
		{0, "reading city.yaml", b.readConfig},
		{0.02, "reading the map", b.readMap},
		{0.30, "reading timetables", b.readTimetables},
		{0.50, "building streets", b.buildStreets},
		{0.60, "linking stops", b.linkStops},
		{0.70, "placing people and destinations", b.buildPlaces},
		{0.95, "checking", b.finish},
	}
	for _, s := range steps {
		progress(s.done, s.what)
		if err := s.run(); err != nil {
			return nil, nil, fmt.Errorf("city %s: %w", slug, err)
		}
	}
	progress(1, "done")
	return &b.city, b.source, nil
}

// builder carries the parts from step to step.
type builder struct {
	fsys    fs.FS
	slug    string
	cfg     *Config
	date    time.Time
	extra   *gtfs.Extra // what feeds tell about stops and patterns besides
	source  *osm.Source
	city    city.City
	digest  []fileDigest
	streets []city.ReportLine
	table   []city.ReportLine
	places  []city.ReportLine
	walk    *city.PointIndex
	car     *city.PointIndex
}

type fileDigest struct {
	name string
	sum  [32]byte
}

// read reads one source file and notes its digest.
func (b *builder) read(name string) ([]byte, error) {
	if !fs.ValidPath(name) || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%q is not a file name in the city's folder", name)
	}
	f, err := b.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var buf bytes.Buffer
	if st, err := f.Stat(); err == nil {
		if st.Size() > maxFile {
			return nil, fmt.Errorf("%s: %d bytes, at most %d are accepted", name, st.Size(), int64(maxFile))
		}
		buf.Grow(int(st.Size()) + bytes.MinRead)
	}
	if n, err := io.Copy(&buf, io.LimitReader(f, maxFile+1)); err != nil || n > maxFile {
		return nil, fmt.Errorf("%s: read %d bytes: %w", name, n, cmp.Or(err, errors.New("file too large")))
	}
	b.digest = append(b.digest, fileDigest{name, sha256.Sum256(buf.Bytes())})
	return buf.Bytes(), nil
}

func (b *builder) readConfig() error {
	raw, err := b.read(ConfigFile)
	if err != nil {
		return err
	}
	if b.cfg, err = parseConfig(raw); err != nil {
		return err
	}
	c := b.cfg
	b.date, _ = time.Parse("2006-01-02", c.ServiceDate)
	from, _ := parseClock(c.ServiceWindow[0])
	to, _ := parseClock(c.ServiceWindow[1])
	info := &b.city.Info
	*info = city.Info{
		Slug: b.slug, Name: c.Name, BBox: c.BBox, ServiceDate: c.ServiceDate, ServiceFrom: from, ServiceTo: to,
		Population:      city.Fact{Value: c.Population.Value, Known: true, Assumed: c.Population.Assumed, Source: c.Population.Source},
		ModeShare:       [city.NumModes]float64{city.Car: c.ModeShare.Car, city.Bike: c.ModeShare.Bike, city.Walk: c.ModeShare.Walk, city.Transit: c.ModeShare.Transit},
		ModeShareSource: c.ModeShare.Source, ModeShareAssumed: c.ModeShare.Assumed,
		Attribution: c.Attribution, Sources: c.Sources,
		DefaultName: c.Default.Name, DefaultStops: c.Default.Stops,
		Country: c.Country, TimeZone: c.TimeZone,
	}
	if c.Area != nil {
		info.AreaKM2 = city.Fact{Value: c.Area.Value, Known: true, Assumed: c.Area.Assumed, Source: c.Area.Source}
	} else {
		info.AreaKM2 = city.Fact{Value: boxKM2(c.BBox), Known: true, Source: "area of the modelled box, not of the city's boundary"}
	}
	if c.FaresSource != "" {
		info.Sources = append(slices.Clip(c.Sources), "Fares: "+c.FaresSource)
	}
	info.Observed = observed(c.Observed)
	return nil
}

func boxKM2(box [4]float64) float64 {
	p := city.ProjectionOf(box)
	x0, y0 := p.XY(box[0], box[1])
	x1, y1 := p.XY(box[2], box[3])
	return math.Round((x1-x0)*(y1-y0)/1e6*10) / 10
}

func (b *builder) readTimetables() error {
	opt := gtfs.Options{BBox: b.cfg.BBox, Assumed: map[string]bool{}}
	for name, m := range fareModes { // sets independent cells: order is no matter
		fare, set := b.cfg.Fares[name]
		opt.Fare[m], opt.FeedFare[m] = fare, !set
	}
	var feeds []*gtfs.Feed
	for _, file := range b.cfg.Files.GTFS {
		raw, err := b.read(file)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimSuffix(file, ".zip"), "gtfs-")
		feed, err := gtfs.Read(bytes.NewReader(raw), int64(len(raw)), name, b.date)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if day := b.date.Format("20060102"); !feed.Covers(day) {
			return fmt.Errorf("%s: the service date %s is outside its calendar %s to %s", file, day, feed.First, feed.Last)
		}
		opt.Assumed[name] = slices.Contains(b.cfg.Files.AssumedGTFS, file)
		feeds = append(feeds, feed)
	}
	feeds = b.withMapLines(feeds, &opt)
	if len(feeds) == 0 {
		b.table = append(b.table, city.ReportLine{Part: "timetable", What: "feeds", Detail: "none: the city has no public transport service"})
		return nil
	}
	tt, extra, report, err := gtfs.Compile(feeds, opt)
	if err != nil {
		return err
	}
	b.city.Timetable, b.extra, b.table = tt, extra, slices.Concat(b.table, report)
	return nil
}

func (b *builder) readMap() error {
	raw, err := b.read(b.cfg.Files.OSM)
	if err != nil {
		return err
	}
	if b.source, err = osm.Read(bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("%s: %w", b.cfg.Files.OSM, err)
	}
	return nil
}

func (b *builder) buildStreets() error {
	opt := osm.Options{BBox: b.cfg.BBox, Country: b.cfg.Country, When: b.when()}
	t := &b.city.Timetable
	for s := range t.StopID {
		opt.Anchors = append(opt.Anchors, [2]float64{t.StopLon[s], t.StopLat[s]})
	}
	net, report, err := osm.Streets(b.source, opt)
	if err != nil {
		return fmt.Errorf("%s: %w", b.cfg.Files.OSM, err)
	}
	b.city.Net, b.streets = net, report

	n := &b.city.Net
	walk, car := make([]bool, n.NumNodes()), make([]bool, n.NumNodes())
	for l := range n.NumLinks() {
		if n.Modes[l]&city.AllowWalk != 0 {
			walk[n.From[l]], walk[n.To[l]] = true, true
		}
	}
	// A car starts where it can stop: not on a motorway, and, so that one node
	// serves both, where a bike can start too.
	const wheels = city.AllowCar | city.AllowBike
	for v := range car {
		var out, in city.ModeSet
		for l, end := n.Out(nodeID(v)); l < end; l++ {
			if n.Class[l] > city.Motorway {
				out |= n.Modes[l]
			}
		}
		for _, l := range n.In(nodeID(v)) {
			if n.Class[l] > city.Motorway {
				in |= n.Modes[l]
			}
		}
		car[v] = out&in&wheels == wheels
	}
	const cellM = 120 // a handful of nodes per cell in a city
	b.walk = city.NewPointIndex(n.NodeX, n.NodeY, cellM, func(i int) bool { return walk[i] })
	b.car = city.NewPointIndex(n.NodeX, n.NodeY, cellM, func(i int) bool { return car[i] })
	if b.walk.Len() == 0 || b.car.Len() == 0 {
		return fmt.Errorf("no street is left that both cars and bikes, and none that walkers, can use")
	}
	return nil
}

// when is the time that restrictions by time of day are read for: the hours that
// a run starts with (scenario.Merge), two from eight, moved into the timetable.
func (b *builder) when() osm.When {
	const hours = 2 * 3600
	w := osm.DefaultWhen
	w.Day = osm.Weekday(b.date.Weekday())
	w.From = max(min(w.From, b.city.Info.ServiceTo-hours), b.city.Info.ServiceFrom)
	w.To = w.From + hours
	return w
}

// finish writes digest and report and checks everything.
func (b *builder) finish() error {
	slices.SortFunc(b.digest, func(x, y fileDigest) int { return strings.Compare(x.name, y.name) })
	h := sha256.New()
	for _, d := range b.digest {
		fmt.Fprintf(h, "%s\x00%x\n", d.name, d.sum)
	}
	info := &b.city.Info
	info.Digest = hex.EncodeToString(h.Sum(nil))
	info.Report = slices.Concat(b.streets, b.table, b.places)
	return b.city.Validate()
}

func sortedStrings(s []string) []string {
	slices.Sort(s)
	return s
}
