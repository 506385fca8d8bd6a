package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/malikobaid/cityflow/internal/insight"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

type simulateCmd struct {
	City         string  `placeholder:"CITY" help:"City by slug or name, see cityflow city list; or a pack file."`
	TramStart    string  `placeholder:"STOP" help:"First stop of a new tram line, by id or name."`
	TramEnd      string  `placeholder:"STOP" help:"Last stop of the new line."`
	Scenario     string  `type:"existingfile" placeholder:"FILE" help:"A run request as JSON, for everything the flags cannot say; flags win over it."`
	Agents       *int    `placeholder:"N" help:"People in the sample (default 3000)."`
	Shares       string  `placeholder:"SHARES" help:"Baseline mode shares in percent, such as drive=60,cycle=10,tram=30. Default: the city's."`
	TrafficLevel string  `placeholder:"LEVEL" help:"peak (morning) or off-peak (midday) travel (default peak)."`
	Date         string  `placeholder:"DATE" help:"Date of the timetable, YYYY-MM-DD. Default: the one day that the city holds."`
	Time         string  `placeholder:"HH:MM" help:"Start of the two hours that are looked at. Default: 08:00, off-peak 11:00, moved into the hours of the timetable."`
	Replications *int    `placeholder:"R" help:"Pairs of runs, without and with the change (default 5); more make ranges narrower."`
	Seed         *uint64 `placeholder:"S" help:"Seed of the random draws (default 1)."`
	Packs        string  `type:"path" placeholder:"DIR" help:"Folder of compiled cities. Default: build."`
	Out          string  `type:"path" placeholder:"DIR" help:"Folder for the files of the result, made if missing. Without it only the answer is printed."`
}

func (c *simulateCmd) Help() string {
	return `Runs a city as it is and as it would be, and prints who gains, by how much, and how sure that is.

  cityflow simulate --city newport --tram-start "Royal Gwent Hospital" --tram-end "Ringland Centre" --out out/

Without a line and without a scenario file the city's own what-if is run. A
scenario file can ask for everything else: to close streets, say, all day:

  {"city": "newport", "modifications": [
    {"type": "close_links", "links": [{"way": 618255556}, {"way": 5086664}]}]}

Streets are ways of OpenStreetMap. The types are new_line, change_line,
close_links, speed_limit, change_capacity and demand_scale, several together.`
}

// request joins the scenario file and the flags.
func (c *simulateCmd) request() (*spec.RunRequest, spec.Problems, error) {
	req := &spec.RunRequest{}
	var ps spec.Problems
	if c.Scenario != "" {
		f, err := os.Open(c.Scenario)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		req, ps = spec.ParseRequest(io.LimitReader(f, int64(spec.DefaultLimits().MaxBodyBytes)))
		if req == nil {
			return nil, nil, ps
		}
	}
	set := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	set(&req.City, c.City)
	set(&req.TramStart, c.TramStart)
	set(&req.TramEnd, c.TramEnd)
	set(&req.TrafficLevel, c.TrafficLevel)
	set(&req.SimDate, c.Date)
	set(&req.SimTime, c.Time)
	if c.Agents != nil {
		req.NumAgents, req.Agents = c.Agents, nil
	}
	if c.Replications != nil {
		req.Replications = c.Replications
	}
	if c.Seed != nil {
		req.Seed = c.Seed
	}
	if c.Shares != "" {
		req.AgentDistribution, req.ModeShare = map[string]float64{}, nil
		for _, part := range strings.Split(c.Shares, ",") {
			name, value, ok := strings.Cut(part, "=")
			v, err := strconv.ParseFloat(value, 64)
			if !ok || err != nil {
				return nil, nil, usagef("--shares %q: want mode=percent, such as drive=60,cycle=10,tram=30", part)
			}
			req.AgentDistribution[name] = v
		}
	}
	return req, ps, nil
}

func (c *simulateCmd) Run(e *env) error {
	req, found, err := c.request()
	if err != nil {
		return err
	}
	model, name, done, err := cityModel(e.ctx, c.Packs, req.City)
	if err != nil {
		return err
	}
	defer done()
	req.City = name
	cfg, ps, err := model.Check(e.ctx, req)
	if err != nil {
		return err
	}
	if err := found.With(ps).Err(); err != nil {
		return err
	}
	if c.Out == "" {
		c.Out, err = os.MkdirTemp("", "cityflow-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(c.Out)
	}
	// #nosec G301 -- results that the user asked for, readable as any file of theirs
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	started := time.Now()
	sink := &folder{dir: c.Out}
	bar := newBar(started)
	real, err := model.Run(e.ctx, cfg, sink, bar.show)
	bar.end()
	if err != nil {
		return err
	}
	if err := sink.Put(e.ctx, job.RunLogFile, job.ContentType(job.RunLogFile), bar.log); err != nil {
		return err
	}
	now := time.Now()
	b, err := json.MarshalIndent(spec.Manifest{
		Schema: spec.SchemaVersion, RunKey: real.RunKey(), ModelVersion: real.ModelVersion, CityDigest: real.CityDigest, Artifacts: sink.files,
		Timing: spec.Timing{StartedAt: started.UTC(), FinishedAt: now.UTC(), Seconds: now.Sub(started).Seconds(), Engine: buildVersion()},
	}, "", " ")
	if err != nil {
		return err
	}
	if err := sink.Put(e.ctx, job.ManifestFile, job.ContentType(job.ManifestFile), append(b, '\n')); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(c.Out, "summary.json"))
	if err != nil {
		return err
	}
	if e.json {
		_, err = e.stdout.Write(raw)
		return err
	}
	var s spec.Summary
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	return printSummary(e.stdout, &s)
}

// printSummary is the answer in words, then the headline table.
func printSummary(w io.Writer, s *spec.Summary) error {
	fmt.Fprintf(w, "%s, %s (%s, %s to %s, %s)\n\n", s.Title, s.CityName, s.Date, s.Window.From, s.Window.To, s.TrafficLevel)
	for _, v := range s.Verdict {
		fmt.Fprintf(w, "- %s\n", v)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "indicator\tunit\tbaseline\tscenario\tdifference\t95% interval\tverdict")
	headlines, missed := 0, 0
	for i := range s.KPIs {
		k := &s.KPIs[i]
		if !k.Headline {
			continue
		}
		headlines++
		h := (k.CI95[1] - k.CI95[0]) / 2
		interval, verdict := insight.Range(k.CI95), strings.ReplaceAll(k.Verdict, "_", " ")
		if h == 0 {
			interval = "same in every run"
		}
		if insight.NearMiss(k) {
			missed++
			verdict += " *"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Name, k.Unit, insight.Number(k.Baseline, h), insight.Number(k.Scenario, h),
			insight.Number(k.Diff, h), interval, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if missed > 0 {
		fmt.Fprintf(w, "* The interval leaves out zero, but too narrowly: the %d indicators are judged together, and with so many one does so by luck easily (Holm's rule).\n", headlines)
	}
	settled := "has settled"
	if !s.Converged {
		settled = "has not settled: read car figures with care"
	}
	fmt.Fprintf(w, "\nMean of %d paired runs of %s people standing for %s; an uncalibrated sketch: see assumptions in summary.json.\n", s.Replications, insight.Number(float64(s.Agents), 0), insight.Number(s.Population, 0))
	fmt.Fprintf(w, "Car traffic %s (in the worst run drivers could on average still save %.1f%% by changing route; relative gap %.2f%%).\n", settled, 100*s.RelativeGap/(1+s.RelativeGap), 100*s.RelativeGap)
	if len(s.Assumed) > 0 {
		fmt.Fprintf(w, "Assumed rather than observed: %s. The timetable holds %s to %s.\n", strings.Join(s.Assumed, "; "), s.ServiceWindow.From, s.ServiceWindow.To)
	}
	for _, x := range s.Warnings {
		fmt.Fprintf(w, "Warning: %s\n", x)
	}
	return nil
}

// folder is a sink that writes files by rename and remembers them.
type folder struct {
	dir   string
	files []spec.ManifestFile
}

func (f *folder) Put(_ context.Context, name, contentType string, data []byte) error {
	tmp := filepath.Join(f.dir, "."+name+".new")
	// #nosec G306 -- as above
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(f.dir, name)); err != nil {
		return err
	}
	file := spec.ManifestFile{Name: name, ContentType: contentType, Bytes: int64(len(data))}
	if name != job.RunLogFile && !strings.HasPrefix(name, "insights.") {
		sum := sha256.Sum256(data)
		file.SHA256 = hex.EncodeToString(sum[:])
	}
	f.files = append(f.files, file)
	return nil
}
