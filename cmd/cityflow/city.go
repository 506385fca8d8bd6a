package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/internal/city/tiles"
	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/spec"
)

type cityCmd struct {
	List  cityListCmd  `cmd:"" help:"List the compiled cities."`
	Info  cityInfoCmd  `cmd:"" help:"Show what is known of one city, and what its import read, kept and dropped."`
	Build cityBuildCmd `cmd:"" help:"Compile cities from their source folders."`

	Export   cityExportCmd   `cmd:"" help:"Write a city for other programs: GMNS, GTFS, GeoJSON, GeoParquet, SUMO."`
	Validate cityValidateCmd `cmd:"" help:"Check every promise that a compiled city makes."`

	Publish cityPublishCmd `cmd:"" help:"Copy the compiled cities into a store, for the API and workers that use it."`
}

type packsFlag struct {
	Packs string `type:"path" placeholder:"DIR" help:"Folder of compiled cities. Default: build."`
}

type cityListCmd struct{ packsFlag }

func (c *cityListCmd) Run(e *env) error {
	model, _, done, err := localModel(c.Packs)
	if err != nil {
		return err
	}
	defer done()
	cities, err := model.Cities(e.ctx)
	if err != nil {
		return err
	}
	if e.json {
		return printJSON(e, cities)
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "city\tname\tpeople\tkm2\ttimetable\tservice")
	for _, i := range cities {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", i.Slug, i.Name, fact(i.Facts.Population), fact(i.Facts.AreaKM2), i.ServiceDate, strings.Join(i.Modes, ", "))
	}
	return t.Flush()
}

func fact(v *float64) string {
	if v == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f", *v)
}

type cityInfoCmd struct {
	packsFlag
	City string `arg:"" help:"City by slug or name, or a pack file."`
}

func (c *cityInfoCmd) Run(e *env) error {
	model, name, done, err := cityModel(e.ctx, c.Packs, c.City)
	if err != nil {
		return err
	}
	defer done()
	d, err := model.City(e.ctx, name)
	if err != nil {
		return usageError{err}
	}
	if e.json {
		return printJSON(e, d)
	}
	printCity(e, d)
	return nil
}

func printCity(e *env, d *spec.CityDetail) {
	p := func(format string, a ...any) { fmt.Fprintf(e.stdout, format+"\n", a...) }
	assumed := ""
	if d.Facts.Assumed {
		assumed = " (assumed)"
	}
	p("%s (%s)", d.Name, d.Slug)
	p("  people     %s%s: %s", fact(d.Facts.Population), assumed, d.Facts.Source)
	p("  area       %s km2", fact(d.Facts.AreaKM2))
	p("  timetable  %s, %s to %s, %s", d.ServiceDate, d.ServiceWindow.From, d.ServiceWindow.To, strings.Join(d.Modes, ", "))
	p("  stops      %d", len(d.Stops))
	p("  shares     car %g%%, bike %g%%, walk %g%%, transit %g%%: %s", d.Share.Car, d.Share.Bike, d.Share.Walk, d.Share.Transit, d.ShareOf)
	p("  what-if    %s", d.Default.Name)
	p("")
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, r := range d.Report {
		fmt.Fprintf(t, "  %s\t%s\t%s %s\t%s\n", r.Part, r.What, insight.Number(r.Count, 0), r.Unit, r.Detail)
	}
	_ = t.Flush() // as all printing: a closed pipe is the reader's choice
	p("")
	p("%s", d.Attribution)
}

type cityBuildCmd struct {
	Slugs   []string `arg:"" optional:"" help:"Cities to compile; default: every folder with a city.yaml."`
	Sources string   `default:"cities" type:"existingdir" placeholder:"DIR" help:"Folder that holds one folder per city."`
	Out     string   `default:"build" type:"path" placeholder:"DIR" help:"Where packs go."`
	Settle  []string `placeholder:"CITY,..." help:"Also compute the settled morning of these cities, from which their runs start; without it the first run does."`
}

func (c *cityBuildCmd) Run(e *env) error {
	if len(c.Slugs) == 0 {
		found, err := filepath.Glob(filepath.Join(c.Sources, "*", build.ConfigFile))
		if err != nil {
			return err
		}
		for _, f := range found {
			c.Slugs = append(c.Slugs, filepath.Base(filepath.Dir(f)))
		}
	}
	if len(c.Slugs) == 0 {
		return usagef("no city.yaml below %s", c.Sources)
	}
	for _, slug := range c.Settle {
		if !slices.Contains(c.Slugs, slug) {
			return usagef("--settle %s: not among the cities to compile, %s", slug, strings.Join(c.Slugs, ", "))
		}
	}
	bucket, err := openBuilt(c.Out)
	if err != nil {
		return err
	}
	defer bucket.Close()
	cities := catalog.Over(bucket)
	for _, slug := range c.Slugs {
		if err := c.one(e, cities, slug); err != nil {
			return err
		}
	}
	return nil
}

func (c *cityBuildCmd) one(e *env, cities *catalog.Catalog, slug string) error {
	dir := filepath.Join(c.Sources, slug)
	if _, err := os.Stat(filepath.Join(dir, build.ConfigFile)); err != nil {
		return usagef("%s has no %s", dir, build.ConfigFile)
	}
	progress := func(done float64, what string) {
		e.log.Debug("building", "city", slug, "done", done, "what", what)
	}
	ct, source, err := build.CityAndSource(os.DirFS(dir), slug, progress)
	if err != nil {
		return err
	}
	basemap, err := tiles.Build(source, tiles.Options{Box: ct.Info.BBox, Name: ct.Info.Name, Attribution: ct.Info.Attribution, Progress: progress})
	if err != nil {
		return fmt.Errorf("city %s: %w", slug, err)
	}
	// Compiling takes about a second, so it is never skipped: a pack is always
	// what this program makes of these sources.
	if err := cities.Add(e.ctx, ct); err != nil {
		return err
	}
	if err := cities.AddBasemap(e.ctx, slug, basemap.Archive); err != nil {
		return err
	}
	e.log.Debug("basemap", "city", slug, "bytes", len(basemap.Archive), "tiles", basemap.Tiles, "features", basemap.Summary(), "broken", basemap.Broken, "left_out", basemap.Left)
	fmt.Fprintf(e.stdout, "%s: %d links, %d stops, %d vehicle trips, %d places\n", slug, ct.Net.NumLinks(), ct.Timetable.NumStops(), ct.Timetable.NumTrips(), ct.Places.Num())
	if !slices.Contains(c.Settle, slug) {
		return nil
	}
	model, _, done, err := localModel(c.Out)
	if err != nil {
		return err
	}
	defer done()
	return model.Prepare(e.ctx, slug)
}

type cityPublishCmd struct {
	packsFlag
	Store string `required:"" env:"CITYFLOW_STORE" placeholder:"URL" help:"Where to: file:///folder or s3://bucket."`
}

// Run copies what is missing, the index last. Where nothing is missing nothing
// is written.
func (c *cityPublishCmd) Run(e *env) error {
	_, built, done, err := localModel(c.Packs)
	if err != nil {
		return err
	}
	defer done()
	u, open, err := driver(stores, "--store", c.Store, "")
	if err != nil {
		return err
	}
	store, err := open(e.ctx, u)
	if err != nil {
		return err
	}
	defer store.Bucket.Close()
	wrote, err := catalog.Over(store.Bucket).Seed(e.ctx, built)
	if err != nil {
		return err
	}
	if e.json {
		return printJSON(e, map[string]any{"wrote": append([]string{}, wrote...)})
	}
	for _, key := range wrote {
		fmt.Fprintln(e.stdout, key)
	}
	if len(wrote) == 0 {
		fmt.Fprintln(e.stdout, "nothing to do: the store has all of it")
	}
	return nil
}

func printJSON(e *env, v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	if e.json {
		return printJSON(e, versions())
	}
	v := versions()
	_, err := fmt.Fprintf(e.stdout, "cityflow %s (model %s, pack format %v)\n", v["version"], v["model"], v["pack_format"])
	return err
}
