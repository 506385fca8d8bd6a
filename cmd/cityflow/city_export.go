package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/export"
)

type cityExportCmd struct {
	packsFlag
	City string `placeholder:"CITY" help:"City by slug or name, or a pack file."`
	Out  string `type:"path" placeholder:"PATH" help:"A folder, made if missing, or an archive to make, if it ends in .zip."`
}

func (c *cityExportCmd) Help() string {
	return `Writes a city for other programs: streets as GMNS, the timetable as GTFS, both and the places as GeoJSON or GeoParquet, or streets
and the default morning with fixed routes for SUMO. Without a format it lists them; --format json besides prints the answer as JSON.
docs/exports.md says what each format holds and what it loses.

  cityflow city export --city newport --format gmns --out newport-gmns/
  cityflow city export --city newport --format gtfs --out newport.zip
  cityflow city export --city newport --format sumo --out newport-sumo/`
}

const sumo = "sumo"

type formatLine struct {
	Format string `json:"format"`
	Holds  string `json:"holds"`
}

// exportFormats are the names that --format takes here.
func exportFormats() []formatLine {
	var out []formatLine
	for _, f := range export.Formats() {
		out = append(out, formatLine{f.Name, f.About})
	}
	return append(out, formatLine{sumo, "streets and the cars of the default morning with fixed routes (SUMO plain XML)"})
}

type exportAnswer struct {
	City   string         `json:"city"`
	Format string         `json:"format"`
	Out    string         `json:"out"`
	Files  []exportedFile `json:"files"`
	// Work is what a simulator must report for the SUMO export.
	Work *export.Work `json:"work,omitempty"`
}

type exportedFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

func (c *cityExportCmd) Run(e *env) error {
	if e.export == "" && c.City == "" && c.Out == "" {
		return c.list(e)
	}
	var bad []error
	if c.City == "" {
		bad = append(bad, errors.New("--city is missing"))
	}
	if c.Out == "" {
		bad = append(bad, errors.New("--out is missing: a folder, or a file ending in .zip"))
	}
	if e.export == "" {
		bad = append(bad, errors.New("--format is missing: one of "+formatNames()))
	}
	zip := strings.EqualFold(filepath.Ext(c.Out), ".zip")
	if info, err := os.Stat(c.Out); err == nil && info.IsDir() == zip {
		bad = append(bad, fmt.Errorf("--out %s: %s", c.Out, map[bool]string{true: "is a folder, not an archive", false: "is a file; want a folder, or a name ending in .zip"}[zip]))
	}
	if err := errors.Join(bad...); err != nil {
		return usageError{err}
	}
	started := newBar(time.Now())
	defer started.end()
	ct, files, work, err := c.files(e, started)
	if err != nil {
		return err
	}
	a := exportAnswer{City: ct.Info.Slug, Format: e.export, Out: c.Out, Work: work}
	if a.Files, err = c.write(files, zip, started); err != nil {
		return err
	}
	started.end()
	if e.json {
		return printJSON(e, a)
	}
	fmt.Fprintf(e.stdout, "%s as %s in %s:\n", ct.Info.Name, a.Format, a.Out)
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range a.Files {
		fmt.Fprintf(t, "%d\t bytes  %s\n", f.Bytes, f.Name)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if work != nil {
		fmt.Fprintf(e.stdout, "%d trips, %d link entries; %d trips more use no street\n", work.Trips, work.LinkEntries, work.NoStreet)
	}
	_, err = fmt.Fprintf(e.stdout, "\n%s\n", ct.Info.Attribution)
	return err
}

func (c *cityExportCmd) list(e *env) error {
	if e.json {
		return printJSON(e, exportFormats())
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "format\tholds")
	for _, f := range exportFormats() {
		fmt.Fprintf(t, "%s\t%s\n", f.Format, f.Holds)
	}
	return t.Flush()
}

func formatNames() string {
	var names []string
	for _, f := range exportFormats() {
		names = append(names, f.Format)
	}
	return strings.Join(names, ", ")
}

// files opens the city and prepares its files; for SUMO a morning is run first.
func (c *cityExportCmd) files(e *env, b *bar) (*city.City, []export.File, *export.Work, error) {
	if e.export != sumo {
		pack, err := loadPack(e.ctx, c.Packs, c.City)
		if err != nil {
			return nil, nil, nil, err
		}
		ct, err := decodePack(c.City, pack)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, f := range export.Formats() {
			if f.Name == e.export {
				return ct, f.Files(ct), nil, nil
			}
		}
		return nil, nil, nil, usagef("--format %s: want one of %s", e.export, formatNames())
	}
	model, slug, done, err := cityModel(e.ctx, c.Packs, c.City)
	if err != nil {
		return nil, nil, nil, err
	}
	defer done()
	r, err := model.FixedRoutes(e.ctx, slug, b.show)
	if err != nil {
		return nil, nil, nil, err
	}
	v := &export.Vehicles{DepartS: r.DepartS, PathFirst: r.PathFirst, Path: r.Path, NoStreet: r.NoStreet}
	work := export.WorkOf(r.City, v)
	return r.City, export.SUMO(r.City, v), &work, nil
}

// write puts all files in place, or none.
func (c *cityExportCmd) write(files []export.File, zip bool, b *bar) (list []exportedFile, err error) {
	folder := c.Out
	if zip {
		folder = filepath.Dir(c.Out)
	}
	// #nosec G301 -- results that the user asked for, readable as any file of theirs
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, usageError{err}
	}
	var out outputs
	defer out.drop()
	if zip {
		w := out.open(c.Out)
		if err := errors.Join(out.bad...); err != nil {
			return nil, usageError{err}
		}
		// Sizes are those of the files, not of the archive.
		counted := make([]export.File, len(files))
		list = make([]exportedFile, len(files))
		for i, f := range files {
			counted[i] = export.File{Name: f.Name, Write: func(w io.Writer) error {
				n := &counter{w: w}
				err := f.Write(n)
				list[i] = exportedFile{f.Name, n.n}
				return err
			}}
		}
		done := 0
		out.fail(export.Zip(w, counted, func(f export.File) { done++; b.wrote(f.Name, done, len(files)) }))
		return list, out.keep()
	}
	for i, f := range files {
		w := out.open(filepath.Join(folder, f.Name))
		if err := errors.Join(out.bad...); err != nil {
			return nil, usageError{err}
		}
		n := &counter{w: w}
		if err := f.Write(n); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		list = append(list, exportedFile{f.Name, n.n})
		b.wrote(f.Name, i+1, len(files))
	}
	return list, out.keep()
}

// counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
