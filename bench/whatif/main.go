// Command whatif runs the default what-if of a city in this process and prints
// what it took, stage by stage, and how well it settled.
//
//	go run ./bench/whatif -packs build -city newport -agents 10000 -replications 1
//	go run ./bench/whatif -agents 3000 -cpuprofile /tmp/cpu.prof && go tool pprof -top /tmp/cpu.prof
//
// The city is decoded and its morning settled in a run that is not counted, as
// for everybody's second run.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

type stage struct {
	Stage string  `json:"stage"`
	Wall  float64 `json:"wall_s"`
	CPU   float64 `json:"cpu_s"`
}

type level struct {
	ID       string     `json:"id"`
	Baseline float64    `json:"baseline"`
	Diff     float64    `json:"diff"`
	CI95     [2]float64 `json:"ci95"`
}

type answer struct {
	Agents       int     `json:"agents"`
	Replications int     `json:"replications"`
	Iterations   int     `json:"iterations"`
	Wall         float64 `json:"wall_s"`
	CPU          float64 `json:"cpu_s"`
	MaxRSS       int64   `json:"max_rss_bytes"`
	Stages       []stage `json:"stages"`
	// RelativeGap is the greatest of all replications and arms.
	RelativeGap float64  `json:"relative_gap"`
	Levels      []level  `json:"levels,omitempty"`
	Warnings    []string `json:"warnings,omitempty"`
}

type files map[string][]byte

func (f files) Put(_ context.Context, name, _ string, data []byte) error {
	f[name] = bytes.Clone(data)
	return nil
}

func main() {
	packs := flag.String("packs", "build", "folder of compiled cities")
	slug := flag.String("city", "newport", "city")
	agents := flag.Int("agents", 10000, "persons in the sample")
	replications := flag.Int("replications", 1, "paired runs")
	iterations := flag.Int("iterations", 0, "iterations, 0: the default")
	seed := flag.Uint64("seed", 1, "seed")
	cold := flag.Bool("cold", false, "count the run that decodes the city, too")
	levels := flag.Bool("levels", false, "print indicators and warnings")
	profile := flag.String("cpuprofile", "", "file to write a processor profile to")
	keep := flag.String("keep", "", "file to write convergence.csv to")
	flag.Parse()
	a, err := measure(*packs, *slug, *agents, *replications, *iterations, *seed, *cold, *levels, *profile, *keep)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(a)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "whatif:", err)
		os.Exit(1)
	}
}

// spent is processor seconds of this process so far.
func spent() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func measure(packs, slug string, agents, replications, iterations int, seed uint64, cold, levels bool, profile, keep string) (*answer, error) {
	bucket, err := fileblob.OpenBucket(packs, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, err
	}
	defer bucket.Close()
	ctx := context.Background()
	e := run.New(catalog.Over(bucket), spec.DefaultLimits())
	one := func(agents, replications int, report func(run.Progress)) (files, *spec.Config, error) {
		req := &spec.RunRequest{City: slug, NumAgents: &agents, Replications: &replications, Seed: &seed}
		if iterations > 0 {
			req.Iterations = &iterations
		}
		cfg, ps, err := e.Check(ctx, req)
		if err == nil {
			err = ps.Err()
		}
		if err != nil {
			return nil, nil, err
		}
		out := files{}
		_, err = e.Run(ctx, cfg, out, report)
		return out, cfg, err
	}
	if !cold {
		if _, _, err := one(300, 2, func(run.Progress) {}); err != nil {
			return nil, err
		}
	}
	if profile != "" {
		f, err := os.Create(profile) // #nosec G304 -- the file that whoever runs this names
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	a := &answer{Agents: agents, Replications: replications}
	start, cpu := time.Now(), spent()
	last := stage{}
	lastWall, lastCPU := start, cpu
	turn := func(to string) {
		if to == last.Stage {
			return
		}
		now, nowCPU := time.Now(), spent()
		if last.Stage != "" {
			last.Wall, last.CPU = now.Sub(lastWall).Seconds(), nowCPU-lastCPU
			a.Stages = append(a.Stages, last)
		}
		last, lastWall, lastCPU = stage{Stage: to}, now, nowCPU
	}
	out, cfg, err := one(agents, replications, func(p run.Progress) { turn(p.Stage) })
	turn("end")
	if err != nil {
		return nil, err
	}
	a.Iterations = cfg.Iterations
	a.Wall, a.CPU = time.Since(start).Seconds(), spent()-cpu
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err == nil {
		a.MaxRSS = u.Maxrss * 1024
	}
	var s spec.Summary
	if err := json.Unmarshal(out["summary.json"], &s); err != nil {
		return nil, err
	}
	a.RelativeGap = s.RelativeGap
	if levels {
		for _, k := range s.KPIs {
			a.Levels = append(a.Levels, level{k.ID, k.Baseline, k.Diff, k.CI95})
		}
		a.Warnings = slices.Clone(s.Warnings)
	}
	if keep != "" {
		return a, os.WriteFile(keep, out["convergence.csv"], 0o600)
	}
	return a, nil
}
