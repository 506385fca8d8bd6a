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
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/elevation"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/city/osm"
)

// ConfigFile is the name of the file every city folder must hold.
const ConfigFile = "city.yaml"

// maxFile bounds one source file, so that a stray disk image is refused early.
const maxFile = 2 << 30

// Options say what to compile.
type Options struct {
	Slug string
	// Progress, if not nil, is called with the share done (0 to 1) and what is
	// going on.
	Progress func(done float64, what string)
	// Inputs take the place of city.yaml: what they leave open is derived from
	// the files (derive.go).
	Inputs *Inputs
}

// Result is a compiled city and what is known of its making.
type Result struct {
	City *city.City
	// Config is the city.yaml it was made by: the one of the folder, or the one
	// derived, which compiled from a folder gives the same city.
	Config   []byte
	Derived  []city.Setting
	Files    []city.SourceFile // in order of name
	Source   *osm.Source       // the map, for whoever draws it
	Findings []city.Finding
}

// City compiles the city whose files lie at the root of fsys, by its city.yaml.
func City(fsys fs.FS, slug string, progress func(done float64, what string)) (*city.City, error) {
	r, err := Compile(fsys, Options{Slug: slug, Progress: progress})
	if err != nil {
		return nil, err
	}
	return r.City, nil
}

// Compile compiles a city. All problems of the settings are reported together
// before anything else is read, then all unreadable files together.
func Compile(fsys fs.FS, o Options) (*Result, error) {
	if o.Progress == nil {
		o.Progress = func(float64, string) {}
	}
	b := &builder{fsys: fsys, slug: o.Slug, inputs: o.Inputs, archives: map[string][]byte{}}
	steps := []struct {
		done float64
		what string
		run  func() error
	}{
		{0, "reading settings", b.readConfig},
		{0.02, "reading the map", b.readMap},
		{0.25, "reading counts and terrain", b.readCounts},
		{0.28, "reading timetables", b.readArchives},
		{0.30, "checking sources", b.sources},
		{0.31, "reading timetables", b.readTimetables},
		{0.50, "building streets", b.buildStreets},
		{0.57, "placing counts", b.placeCounts},
		{0.58, "measuring hills", b.climb},
		{0.60, "linking stops", b.linkStops},
		{0.70, "placing people and destinations", b.buildPlaces},
		{0.95, "checking", b.finish},
	}
	for _, s := range steps {
		o.Progress(s.done, s.what)
		if err := s.run(); err != nil {
			return nil, fmt.Errorf("city %s: %w", o.Slug, err)
		}
	}
	o.Progress(1, "done")
	r := &Result{City: &b.city, Config: b.yaml, Derived: b.derived, Findings: b.findings, Source: b.source}
	for _, d := range b.digest {
		r.Files = append(r.Files, city.SourceFile{Name: d.name, Bytes: d.bytes, SHA256: hex.EncodeToString(d.sum[:])})
	}
	return r, nil
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

	inputs   *Inputs
	yaml     []byte            // city.yaml, read or derived
	archives map[string][]byte // timetable files by name; look-ups only
	surveys  []*gtfs.Survey    // of the feeds, where the date must be chosen
	feeds    []*gtfs.Feed
	people   *counted
	work     *counted
	marks    *landmarks
	terrain  *elevation.Grid
	derived  []city.Setting
	findings []city.Finding
	bad      []error // of source files, reported together
}

// find adds a finding.
func (b *builder) find(part, kind string, s city.Severity, count int, detail, link string) {
	b.findings = append(b.findings, city.Finding{Part: part, Kind: kind, Severity: s, Count: count, Detail: detail, Link: link})
}

// line adds a line to the report's part.
func (b *builder) line(part, what string, n float64, unit, detail string) {
	l := city.ReportLine{Part: part, What: what, Count: n, Unit: unit, Detail: detail}
	switch part {
	case "streets":
		b.streets = append(b.streets, l)
	case "timetable":
		b.table = append(b.table, l)
	default:
		b.places = append(b.places, l)
	}
}

type fileDigest struct {
	name  string
	bytes int
	sum   [32]byte
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
	b.digest = append(b.digest, fileDigest{name, buf.Len(), sha256.Sum256(buf.Bytes())})
	return buf.Bytes(), nil
}

func (b *builder) readConfig() error {
	if b.inputs != nil {
		b.cfg = b.inputs.config()
		return nil
	}
	raw, err := b.read(ConfigFile)
	if err != nil {
		return err
	}
	if b.cfg, err = parseConfig(raw); err != nil {
		return err
	}
	b.yaml = raw
	b.describe()
	return nil
}

// describe copies the settings into the city.
func (b *builder) describe() {
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
	info.DefaultAlso, _ = c.defaultAlso() // read once already, by parseConfig
	info.Observed, info.CarCharges = observed(c.Observed), carCharges(c.CarCharges)
}

func boxKM2(box [4]float64) float64 {
	p := city.ProjectionOf(box)
	x0, y0 := p.XY(box[0], box[1])
	x1, y1 := p.XY(box[2], box[3])
	return math.Round((x1-x0)*(y1-y0)/1e6*10) / 10
}

// readArchives reads the timetable files: for the service date, or, where that
// is open, for which days they serve.
func (b *builder) readArchives() error {
	for _, file := range b.cfg.Files.GTFS {
		raw, err := b.read(file)
		if err != nil {
			b.bad = append(b.bad, err)
			continue
		}
		if b.inputs == nil {
			b.readFeed(file, raw)
			continue
		}
		b.archives[file] = raw
		s, err := gtfs.ReadSurvey(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			b.bad = append(b.bad, fmt.Errorf("%s: %w", file, err))
			continue
		}
		b.surveys = append(b.surveys, s)
	}
	return nil
}

// feedName is how a feed is called where ids need it.
func feedName(file string) string {
	return strings.TrimPrefix(strings.TrimSuffix(file, ".zip"), "gtfs-")
}

// readFeed reads a feed's service of the date.
func (b *builder) readFeed(file string, raw []byte) {
	feed, err := gtfs.Read(bytes.NewReader(raw), int64(len(raw)), feedName(file), b.date)
	if err != nil {
		b.bad = append(b.bad, fmt.Errorf("%s: %w", file, err))
		return
	}
	if day := b.date.Format(gtfs.DayLayout); !feed.Covers(day) {
		b.bad = append(b.bad, fmt.Errorf("%s: the service date %s is outside its calendar %s to %s", file, day, feed.First, feed.Last))
	}
	b.feeds = append(b.feeds, feed)
}

// source reads and parses a source file. What is wrong with it is reported
// together with the other files (sources).
func source[T any](b *builder, file string, parse func(raw []byte) (T, error)) (out T, ok bool) {
	raw, err := b.read(file)
	if err == nil {
		if out, err = parse(raw); err != nil {
			err = fmt.Errorf("%s: %w", file, err)
		}
	}
	if err != nil {
		b.bad = append(b.bad, err)
	}
	return out, err == nil
}

// readCounts reads people, jobs, points of interest and terrain.
func (b *builder) readCounts() error {
	f := &b.cfg.Files
	if f.Population != "" {
		b.people, _ = source(b, f.Population, func(raw []byte) (*counted, error) { return parseCounted(raw, peopleNames...) })
	}
	if f.Jobs != "" {
		b.work, _ = source(b, f.Jobs, func(raw []byte) (*counted, error) { return parseCounted(raw, jobsNames...) })
	}
	if f.PointsOfInterest != "" {
		var ok bool
		if b.marks, ok = source(b, f.PointsOfInterest, parseLandmarks); ok {
			b.kindsOfNobody(f.PointsOfInterest)
		}
	}
	if f.Elevation != "" {
		b.terrain, _ = source(b, f.Elevation, elevation.Read)
	}
	return nil
}

// kindsOfNobody reports kinds whose id no row has: a typing mistake.
func (b *builder) kindsOfNobody(file string) {
	for _, id := range slices.Sorted(maps.Keys(b.cfg.Places.Kinds)) {
		if !slices.ContainsFunc(b.marks.points, func(m landmark) bool { return m.id == id }) {
			b.bad = append(b.bad, fmt.Errorf("city.yaml: places.kinds.%s: %s has no such id", id, file))
		}
	}
}

// sources reports all unreadable files, and derives what is not set.
func (b *builder) sources() error {
	if err := errors.Join(b.bad...); err != nil {
		return err
	}
	if b.inputs == nil {
		return nil
	}
	if err := b.derive(); err != nil {
		return err
	}
	b.describe()
	return nil
}

func (b *builder) readTimetables() error {
	opt := gtfs.Options{BBox: b.cfg.BBox, Assumed: map[string]bool{}}
	for name, m := range fareModes { // sets independent cells: order is no matter
		fare, set := b.cfg.Fares[name]
		opt.Fare[m], opt.FeedFare[m] = fare, !set
	}
	for _, file := range b.cfg.Files.GTFS {
		if b.inputs != nil {
			b.readFeed(file, b.archives[file])
			delete(b.archives, file)
		}
		opt.Assumed[feedName(file)] = slices.Contains(b.cfg.Files.AssumedGTFS, file)
	}
	if err := errors.Join(b.bad...); err != nil {
		return err
	}
	feeds := b.feeds
	b.feeds = nil
	feeds = b.withMapLines(feeds, &opt)
	if len(feeds) == 0 {
		b.line("timetable", "feeds", 0, "", "none: the city has no public transport service")
		b.find("timetable", "no timetable", city.Warning, 1, "the city has no public transport service: nobody can travel by it, and a new line meets no other", "")
		b.deriveService()
		return nil
	}
	tt, extra, report, err := gtfs.Compile(feeds, opt)
	if err != nil {
		return err
	}
	b.city.Timetable, b.extra, b.table = tt, extra, slices.Concat(b.table, report)
	b.deriveService()
	return nil
}

func (b *builder) readMap() error {
	b.source, _ = source(b, b.cfg.Files.OSM, func(raw []byte) (*osm.Source, error) { return osm.Read(bytes.NewReader(raw)) })
	return nil
}

func (b *builder) buildStreets() error {
	opt := osm.Options{BBox: b.cfg.BBox, Country: b.cfg.Country, When: b.when()}
	t := &b.city.Timetable
	for s := range t.StopID {
		opt.Anchors = append(opt.Anchors, [2]float64{t.StopLon[s], t.StopLat[s]})
	}
	made, err := osm.Import(b.source, opt)
	if err != nil {
		return fmt.Errorf("%s: %w", b.cfg.Files.OSM, err)
	}
	b.city.Net, b.streets = made.Net, made.Report
	b.mapFindings(made.Findings)

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
	b.reportCharges()
	if b.inputs != nil {
		b.yaml = b.render()
		if _, err := parseConfig(b.yaml); err != nil {
			return fmt.Errorf("what was derived does not hold together; name it by flags: %w", err)
		}
		b.digest = append(b.digest, fileDigest{ConfigFile, len(b.yaml), sha256.Sum256(b.yaml)})
	}
	b.look()
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
