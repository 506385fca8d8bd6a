package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/internal/city/report"
	"github.com/malikobaid/cityflow/internal/city/tiles"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/spec"
)

type cityBuildCmd struct {
	Cities  []string `arg:"" optional:"" help:"Cities to compile, by slug below --sources or by folder; default: every folder with a city.yaml."`
	Sources string   `default:"cities" type:"path" placeholder:"DIR" help:"Folder that holds one folder per city (default cities)."`
	Out     string   `default:"build" type:"path" placeholder:"PATH" help:"Where the compiled city goes: a folder of cities (the one that serve and simulate look in), or one file if it ends in .pack (default build)."`
	Settle  []string `placeholder:"CITY,..." help:"Also compute the settled morning of these cities, from which their runs start; without it the first run does."`
	Report  string   `type:"path" placeholder:"DIR" help:"Where the quality report goes, as report.html and report.json. Default: beside the pack."`

	OSM        string   `name:"osm" placeholder:"FILE" group:"any" help:"Map of a city that has no folder: OpenStreetMap as .osm.pbf or .osm."`
	GTFS       []string `name:"gtfs" placeholder:"FILE" group:"any" sep:"none" help:"Timetable as GTFS; may be given again for more feeds."`
	Population string   `placeholder:"FILE" group:"any" help:"Residents as CSV: lon, lat and population (or weight)."`
	Jobs       string   `placeholder:"FILE" group:"any" help:"Jobs as CSV: lon, lat and jobs (or weight)."`
	Elevation  string   `placeholder:"FILE" group:"any" help:"Terrain heights as GeoTIFF in longitude and latitude, for cycling."`
	Slug       string   `placeholder:"SLUG" group:"any" help:"Short name of the new city: small letters, digits and hyphens."`
	Name       string   `placeholder:"NAME" group:"any" help:"Its name. Default: from the map."`
	BBox       string   `name:"bbox" placeholder:"W,S,E,N" group:"any" help:"Box to model, in degrees. Default: the extent of the streets."`
	Date       string   `placeholder:"DATE" group:"any" help:"Day of the timetable, YYYY-MM-DD. Default: a busy ordinary weekday of all feeds."`
	People     float64  `placeholder:"N" group:"any" help:"Residents in the box. Default: the sum of the population file, else assumed."`
	Country    string   `placeholder:"CC" group:"any" help:"Two-letter country code, for default speeds. Default: from the timetable, addresses or position."`
	TimeZone   string   `name:"timezone" placeholder:"ZONE" group:"any" help:"IANA time zone. Default: that of the timetable."`
}

func (c *cityBuildCmd) Help() string {
	return `Compiles cities from their folders (cities/<slug>/city.yaml says what is in one), or any city from files:

  cityflow city build newport
  cityflow city build --osm centre.osm.pbf --gtfs feed.zip --population people.csv --slug my-city
  cityflow city build --osm centre.osm.pbf --slug my-city --out my-city.pack

What is not said is derived from the files, and assumed where they are silent. The quality report beside the pack names all of it, with what
was read, kept and dropped and what to look at; city.yaml beside it is a start for a folder of your own. docs/your-city.md is a guide.`
}

// cityJob is one city to compile.
type cityJob struct {
	slug   string
	files  fs.FS
	inputs *build.Inputs
}

// builtCity is what the command prints of a city.
type builtCity struct {
	City     string         `json:"city"`
	Name     string         `json:"name"`
	Links    int            `json:"links"`
	Stops    int            `json:"stops"`
	Trips    int            `json:"vehicle_trips"`
	Places   int            `json:"places"`
	Pack     string         `json:"pack"`
	Basemap  string         `json:"basemap,omitempty"` // beside a pack file
	Report   string         `json:"report"`
	Findings report.Verdict `json:"findings"`
	Seconds  float64        `json:"seconds"`
	MaxRSS   int64          `json:"max_rss_bytes,omitempty"`
}

func (c *cityBuildCmd) Run(e *env) error {
	jobs, err := c.jobs()
	if err != nil {
		return usageError{err}
	}
	var out []builtCity
	for _, j := range jobs {
		b, err := c.one(e, j)
		if err != nil {
			return err
		}
		if !e.json {
			fmt.Fprintf(e.stdout, "%s: %d links, %d stops, %d vehicle trips, %d places\n", b.City, b.Links, b.Stops, b.Trips, b.Places)
			fmt.Fprintf(e.stdout, "  pack    %s\n", b.Pack)
			if b.Basemap != "" {
				fmt.Fprintf(e.stdout, "  map     %s\n", b.Basemap)
			}
			fmt.Fprintf(e.stdout, "  report  %s: %s\n", b.Report, said(b.Findings))
		}
		out = append(out, *b)
	}
	if e.json {
		return printJSON(e, out)
	}
	return nil
}

func said(v report.Verdict) string {
	if v == (report.Verdict{}) {
		return "nothing to look at"
	}
	return fmt.Sprintf("%d severe, %d warnings, %d notes", v.Severe, v.Warnings, v.Notes)
}

// jobs checks all that can be checked before a file is read.
func (c *cityBuildCmd) jobs() ([]cityJob, error) {
	var jobs []cityJob
	var bad []error
	if c.any() {
		job, err := c.fromFiles()
		jobs, bad = append(jobs, job), append(bad, err)
		if len(c.Cities) > 0 {
			bad = append(bad, fmt.Errorf("%s beside --osm: either a folder or files", strings.Join(c.Cities, ", ")))
		}
	} else {
		folders := c.Cities
		if len(folders) == 0 {
			found, err := filepath.Glob(filepath.Join(c.Sources, "*", build.ConfigFile))
			if err != nil || len(found) == 0 {
				return nil, errors.Join(err, fmt.Errorf("no city.yaml below %s: name a folder of cities (--sources), or files (--osm FILE --slug SLUG)", c.Sources))
			}
			for _, f := range found {
				folders = append(folders, filepath.Base(filepath.Dir(f)))
			}
		}
		for _, f := range folders {
			dir := filepath.Join(c.Sources, f)
			if _, err := os.Stat(filepath.Join(dir, build.ConfigFile)); err != nil {
				dir = filepath.Clean(f)
			}
			if _, err := os.Stat(filepath.Join(dir, build.ConfigFile)); err != nil {
				bad = append(bad, fmt.Errorf("%s: neither %s nor %s holds a %s", f, filepath.Join(c.Sources, f), dir, build.ConfigFile))
				continue
			}
			abs, err := filepath.Abs(dir)
			if err != nil {
				return nil, err
			}
			slug := filepath.Base(abs)
			if !build.Slug.MatchString(slug) {
				bad = append(bad, fmt.Errorf("%s: the folder's name is the city's slug; want small letters, digits and hyphens", f))
			}
			jobs = append(jobs, cityJob{slug: slug, files: os.DirFS(dir)})
		}
	}
	for _, slug := range c.Settle {
		if !slices.ContainsFunc(jobs, func(j cityJob) bool { return j.slug == slug }) {
			bad = append(bad, fmt.Errorf("--settle %s: not among the cities to compile", slug))
		}
	}
	if c.onePack() {
		if len(jobs) > 1 {
			bad = append(bad, fmt.Errorf("--out %s is one file, there are %d cities to compile", c.Out, len(jobs)))
		}
		if len(c.Settle) > 0 {
			bad = append(bad, errors.New("--settle keeps its morning in a folder of cities, not in a .pack file"))
		}
	}
	return jobs, errors.Join(bad...)
}

func (c *cityBuildCmd) onePack() bool { return strings.EqualFold(filepath.Ext(c.Out), ".pack") }

// one compiles a city and puts pack and report in place.
func (c *cityBuildCmd) one(e *env, j cityJob) (*builtCity, error) {
	started := time.Now()
	bar := newBar(started)
	defer bar.end()
	r, err := build.Compile(j.files, build.Options{Slug: j.slug, Inputs: j.inputs, Progress: func(done float64, what string) {
		if bar.terminal {
			bar.show(run.Progress{Stage: what, Done: done, Message: j.slug + ": " + what})
		} else if done < 1 {
			fmt.Fprintf(e.stderr, "%s: %s\n", j.slug, what)
		}
	}})
	if err != nil {
		return nil, usageError{err}
	}
	ct := r.City
	if bad := unsoundDefault(ct); len(bad) > 0 {
		return nil, usageError{fmt.Errorf("city %s: %w", j.slug, errors.Join(bad...))}
	}
	b := &builtCity{City: j.slug, Name: ct.Info.Name, Links: ct.Net.NumLinks(), Stops: ct.Timetable.NumStops(), Trips: ct.Timetable.NumTrips(), Places: ct.Places.Num()}
	files := map[string][]byte{} // each to its own file
	base := filepath.Join(c.Out, "cities", j.slug) + string(filepath.Separator)
	var morning *spec.Baseline
	var unsettled error
	if c.onePack() {
		base = strings.TrimSuffix(c.Out, filepath.Ext(c.Out)) + "."
		var pack bytes.Buffer
		if err := city.Encode(&pack, ct); err != nil {
			return nil, err
		}
		files[c.Out], b.Pack = pack.Bytes(), c.Out
		basemap, err := c.basemap(e, r, bar)
		if err != nil {
			return nil, err
		}
		// A pack holds the city, not its picture.
		b.Basemap = base + "pmtiles"
		files[b.Basemap] = basemap
		b.Seconds = time.Since(started).Seconds()
	} else {
		if b.Pack, err = c.into(e, r, bar); err != nil {
			return nil, err
		}
		b.Seconds = time.Since(started).Seconds()
		// A city that cannot be settled has its report all the same.
		morning, unsettled = c.settle(e, j.slug)
	}
	rep := report.Of(ct, report.Making{Settings: r.Derived, Files: r.Files, Findings: r.Findings, Config: r.Config, Morning: morning})
	b.Findings = rep.Verdict
	html, err := rep.HTML()
	if err != nil {
		return nil, err
	}
	js, err := rep.JSON()
	if err != nil {
		return nil, err
	}
	if j.inputs != nil {
		files[base+build.ConfigFile] = r.Config
	}
	if c.Report != "" {
		base = c.Report + string(filepath.Separator)
	}
	b.Report = base + "report.html"
	files[b.Report], files[base+"report.json"] = html, js
	var out outputs
	defer out.drop()
	for name, data := range files {
		// #nosec G301 -- results that the user asked for, readable as any file of theirs
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, usageError{err}
		}
		if w := out.open(name); w != nil {
			_, err := w.Write(data)
			out.fail(err)
		}
	}
	if err := errors.Join(out.bad...); err != nil {
		return nil, usageError{err}
	}
	if err := out.keep(); err != nil {
		return nil, err
	}
	b.MaxRSS = maxRSS()
	return b, unsettled
}

// unsoundDefault is what is wrong with the changes beside the line of the
// city's own what-if, by place in city.yaml.
func unsoundDefault(c *city.City) []error {
	var bad []error
	for _, p := range scenario.CheckDefault(c) {
		bad = append(bad, fmt.Errorf("%s: %s", build.ConfigFile, p))
	}
	return bad
}

// into adds the city to a folder of cities, with its basemap. Compiling takes about a second, so
// it is never skipped: a pack is always what this program makes of its sources.
func (c *cityBuildCmd) into(e *env, r *build.Result, b *bar) (string, error) {
	slug := r.City.Info.Slug
	basemap, err := c.basemap(e, r, b)
	if err != nil {
		return "", err
	}
	bucket, err := openBuilt(c.Out)
	if err != nil {
		return "", err
	}
	defer bucket.Close()
	cities := catalog.Over(bucket)
	if err := cities.Add(e.ctx, r.City); err != nil {
		return "", err
	}
	if err := cities.AddBasemap(e.ctx, slug, basemap); err != nil {
		return "", err
	}
	return filepath.Join(c.Out, filepath.FromSlash(catalog.PackKey(r.City))), nil
}

// basemap draws the city's map as a PMTiles archive.
func (c *cityBuildCmd) basemap(e *env, r *build.Result, b *bar) ([]byte, error) {
	info := &r.City.Info
	slug := info.Slug
	basemap, err := tiles.Build(r.Source, tiles.Options{Box: info.BBox, Name: info.Name, Attribution: info.Attribution, Progress: func(done float64, what string) {
		b.show(run.Progress{Stage: what, Done: done, Message: slug + ": " + what})
	}})
	if err != nil {
		return nil, fmt.Errorf("city %s: %w", slug, err)
	}
	e.log.Debug("basemap", "city", slug, "bytes", len(basemap.Archive), "tiles", basemap.Tiles, "features", basemap.Summary(), "broken", basemap.Broken, "left_out", basemap.Left)
	return basemap.Archive, nil
}

// settle computes the settled morning of a city that was asked for, and gives
// the one there is: of an earlier build or a run of the same city, else nil.
func (c *cityBuildCmd) settle(e *env, slug string) (*spec.Baseline, error) {
	model, _, done, err := localModel(c.Out)
	if err != nil {
		return nil, err
	}
	defer done()
	if slices.Contains(c.Settle, slug) {
		if err := model.Prepare(e.ctx, slug); err != nil {
			return nil, err
		}
	}
	d, err := model.City(e.ctx, slug)
	if err != nil {
		return nil, err
	}
	return d.Baseline, nil
}
