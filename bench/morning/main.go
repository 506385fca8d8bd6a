// Command morning loads the default morning of a city with fixed routes,
// vehicle by vehicle, and prints what that took: the same work that SUMO does on
// `city export --format sumo`. Reading and making of the routes is not timed.
//
//	go run ./bench/morning -packs build -city newport -runs 5
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

type answer struct {
	Trips       int       `json:"trips"`
	Completed   int       `json:"completed"`
	LinkEntries uint64    `json:"link_entries"`
	MeanS       float64   `json:"mean_travel_time_s"`
	LastS       float64   `json:"last_arrival_s"`
	Seconds     []float64 `json:"seconds"`
}

func main() {
	packs := flag.String("packs", "build", "folder of compiled cities")
	slug := flag.String("city", "newport", "city")
	runs := flag.Int("runs", 5, "how often")
	flag.Parse()
	if err := measure(*packs, *slug, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "morning:", err)
		os.Exit(1)
	}
}

func measure(packs, slug string, runs int) error {
	bucket, err := fileblob.OpenBucket(packs, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return err
	}
	defer bucket.Close()
	e := run.New(catalog.Over(bucket), spec.DefaultLimits())
	r, err := e.FixedRoutes(context.Background(), slug, func(run.Progress) {})
	if err != nil {
		return err
	}
	d := &loading.Departures{DepartS: r.DepartS, PathFirst: r.PathFirst, Path: r.Path, Size: make([]float32, len(r.DepartS))}
	for i := range d.Size {
		d.Size[i] = 1
	}
	a := answer{Trips: len(d.DepartS)}
	for range runs {
		ld := loading.New(r.Links)
		start := time.Now()
		res := ld.Run(d, math.Inf(1), nil)
		a.Seconds = append(a.Seconds, time.Since(start).Seconds())
		a.Completed, a.LinkEntries, a.MeanS, a.LastS = len(res.ArriveS)-len(res.Unfinished), uint64(res.LinkEntries), 0, 0
		for i, at := range res.ArriveS {
			if !math.IsInf(at, 1) {
				a.MeanS += (at - d.DepartS[i]) / float64(a.Completed)
				a.LastS = max(a.LastS, at)
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}
