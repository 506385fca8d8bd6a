package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city/report"
	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/spec"
)

type cityCmd struct {
	List  cityListCmd  `cmd:"" help:"List the compiled cities."`
	Info  cityInfoCmd  `cmd:"" help:"Show what is known of one city, and what its import read, kept and dropped."`
	Build cityBuildCmd `cmd:"" help:"Compile cities: from their source folders, or any city from an OpenStreetMap file."`

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
	fmt.Fprintln(t, "city\tname\tpeople\tkm2\ttimetable\tservice\tassumed")
	for _, i := range cities {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s %s-%s\t%s\t%s\n", i.Slug, i.Name, fact(i.Facts.Population), fact(i.Facts.AreaKM2), i.ServiceDate, i.ServiceWindow.From, i.ServiceWindow.To,
			strings.Join(i.Modes, ", "), cmp.Or(strings.Join(i.Assumed, "; "), "nothing"))
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
	totals, err := c.totals(e)
	if err != nil {
		return err
	}
	if e.json {
		return printJSON(e, struct {
			*spec.CityDetail
			Totals []report.Total `json:"totals"`
		}{d, totals})
	}
	printCity(e, d, totals)
	return nil
}

// totals are the figures of the quality report that are in the pack.
func (c *cityInfoCmd) totals(e *env) ([]report.Total, error) {
	pack, err := loadPack(e.ctx, c.Packs, c.City)
	if err != nil {
		return nil, err
	}
	ct, err := decodePack(c.City, pack)
	if err != nil {
		return nil, err
	}
	return report.Of(ct, report.Making{}).Totals, nil
}

func printCity(e *env, d *spec.CityDetail, totals []report.Total) {
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
	p("  assumed    %s", cmp.Or(strings.Join(d.Assumed, "; "), "nothing of this"))
	p("  what-if    %s", d.Default.Name)
	for _, m := range d.Default.Also {
		p("             with it: %s", cmp.Or(m.Name, m.Type))
	}
	p("  streets    %s", fullDemand(d.Baseline))
	p("")
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, r := range totals {
		fmt.Fprintf(t, "  total\t%s\t%s %s\t%s\n", r.What, insight.Number(r.Value, 0), r.Unit, r.Detail)
	}
	for _, r := range d.Report {
		fmt.Fprintf(t, "  %s\t%s\t%s %s\t%s\n", r.Part, r.What, insight.Number(r.Count, 0), r.Unit, r.Detail)
	}
	_ = t.Flush() // as all printing: a closed pipe is the reader's choice
	p("")
	p("%s", d.Attribution)
}

// fullDemand is a line on how the streets bear the whole morning.
func fullDemand(b *spec.Baseline) string {
	if b == nil || b.FullDemand == nil {
		return "full demand not computed yet: city build --settle, or the first run, does"
	}
	f, settled := b.FullDemand, "settled"
	if !b.Converged {
		settled = "not settled"
	}
	s := fmt.Sprintf("full demand %s (gap %.3g%%), %s vehicle-hours of delay, %s unfinished trips, rings of full streets rolled on: %d", settled, 100*b.RelativeGap,
		insight.Number(f.DelayH, 0), insight.Number(f.Unfinished, 0), f.RingTurns)
	if len(f.Standing) > 0 {
		s += fmt.Sprintf(", %d stand for good", len(f.Standing))
	}
	if len(f.Queues) > 0 {
		q := &f.Queues[0]
		s += fmt.Sprintf("; the longest queue begins before %s (way %d, %s): %s vehicle-hours", cmp.Or(q.Name, "a street without a name"), q.Way, q.Reason, insight.Number(q.DelayH, 0))
	}
	return s
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
