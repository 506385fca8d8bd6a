// Command cores shows what the second core of a machine gives: how long two equal
// pieces of work take side by side, over the time of one alone. Beside the loading
// of streets and street queries stand controls that share nothing and allocate
// nothing: arithmetic in registers, and walks through memory of several sizes. A
// control's ratio is the machine's own limit for work of its kind.
//
//	go run ./bench/cores -packs build -city newport
//
// Times are processor time of the thread, of trials in which the thread was hardly
// ever off its core (wall time within 3%), so that other work on the machine is seen
// only where it slows the core down. The least of each is kept: for one alone
// that is the moment when the other core was quiet.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gocloud.dev/blob/fileblob"
	"golang.org/x/sys/unix"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// row is one kind of work. Milliseconds are the least of the trials that count.
type row struct {
	Work    string  `json:"work"`
	AloneMS float64 `json:"alone_ms"`
	BothMS  float64 `json:"side_by_side_ms"` // the slower of the two
	Ratio   float64 `json:"ratio"`
	Trials  [2]int  `json:"trials_that_count"` // alone, side by side
}

func main() {
	packs := flag.String("packs", "build", "folder of compiled cities")
	slug := flag.String("city", "newport", "city")
	seconds := flag.Float64("seconds", 4, "how long to try each kind of work")
	flag.Parse()
	rows, err := measure(*packs, *slug, *seconds)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cores:", err)
		os.Exit(1)
	}
}

func measure(packs, slug string, seconds float64) ([]row, error) {
	if runtime.GOMAXPROCS(0) < 2 {
		return nil, fmt.Errorf("one core: nothing to compare")
	}
	load, query, err := streets(packs, slug)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, w := range []struct {
		name string
		make func() func()
	}{
		{"control: arithmetic in registers", arithmetic},
		{"control: memory, 16 KiB each (first cache)", func() func() { return chase(16 << 10) }},
		{"control: memory, 512 KiB each (second cache)", func() func() { return chase(512 << 10) }},
		{"control: memory, 4 MiB each (third cache, shared)", func() func() { return chase(4 << 20) }},
		{"control: memory, 128 MiB each (no cache)", func() func() { return chase(128 << 20) }},
		{"loading: a morning of " + slug + ", every fortieth trip", load},
		{"500 street queries in " + slug, query},
	} {
		r, err := compare(w.name, w.make, seconds)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "%s: %.3f ms alone, %.3f ms side by side: %.2f (trials %v)\n", r.Work, r.AloneMS, r.BothMS, r.Ratio, r.Trials)
		rows = append(rows, r)
	}
	return rows, nil
}

// enough trials that count end the search for more; there are ten times the
// seconds to find them.
const enough = 20

// compare runs trials alone and side by side in turn.
func compare(name string, prepare func() func(), seconds float64) (row, error) {
	work := [2]func(){prepare(), prepare()}
	r := row{Work: name, AloneMS: math.Inf(1), BothMS: math.Inf(1)}
	runtime.GC()
	length := time.Duration(seconds * float64(time.Second))
	for start := time.Now(); time.Since(start) < length || (min(r.Trials[0], r.Trials[1]) < enough && time.Since(start) < 10*length); {
		if t := trial(work[:1]); t > 0 {
			r.AloneMS = min(r.AloneMS, t)
			r.Trials[0]++
		}
		if t := trial(work[:]); t > 0 {
			r.BothMS = min(r.BothMS, t)
			r.Trials[1]++
		}
	}
	if r.Trials[0] == 0 || r.Trials[1] == 0 {
		return r, fmt.Errorf("%s: no trial was left alone for its length; the machine is too busy", name)
	}
	r.Ratio = r.BothMS / r.AloneMS
	return r, nil
}

// trial starts all at one moment and gives the most milliseconds any of them took,
// 0 when one was off its core.
func trial(work []func()) float64 {
	took := make([]float64, len(work))
	var ready atomic.Int32
	var all sync.WaitGroup
	for i := range work {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for ready.Add(1); int(ready.Load()) < len(work); {
			}
			wall, cpu := time.Now(), threadTime()
			work[i]()
			used := threadTime() - cpu
			if time.Since(wall).Seconds()*1e3 <= used*1.03 {
				took[i] = used
			}
		})
	}
	all.Wait()
	most := 0.0
	for _, t := range took {
		if t == 0 {
			return 0
		}
		most = max(most, t)
	}
	return most
}

// threadTime is the processor time of this thread in milliseconds.
func threadTime() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return float64(t.Nano()) / 1e6
}

// sink keeps results, so that nothing is left out for want of use.
var sink atomic.Uint64

// arithmetic keeps three multipliers busy without touching memory.
func arithmetic() func() {
	return func() {
		a, b, c := uint64(1), uint64(2), uint64(3)
		for range 1 << 19 {
			a, b, c = a*0x9e3779b97f4a7c15+1, b*0xbf58476d1ce4e5b9+1, c*0x94d049bb133111eb+1
		}
		sink.Add(a ^ b ^ c)
	}
}

// chase follows a random ring through so many bytes, one cache line a step.
func chase(bytes int) func() {
	const line = 8 // words
	n := bytes / 8 / line
	ring := make([]uint64, n*line)
	order := rand.New(rand.NewPCG(1, 1)).Perm(n) // #nosec G404 -- any ring will do
	for i, at := range order {
		ring[at*line] = uint64(order[(i+1)%n] * line)
	}
	steps := min(1<<18, 1<<30/bytes*8) // some milliseconds
	steps = max(steps, 1<<13)
	return func() {
		at := uint64(0)
		for range steps {
			at = ring[at]
		}
		sink.Add(at)
	}
}

// streets prepares the work of the model: loading and queries, each with memory of
// its own.
func streets(packs, slug string) (load, query func() func(), err error) {
	bucket, err := fileblob.OpenBucket(packs, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, nil, err
	}
	defer bucket.Close()
	cities := catalog.Over(bucket)
	r, err := run.New(cities, spec.DefaultLimits()).FixedRoutes(context.Background(), slug, func(run.Progress) {})
	if err != nil {
		return nil, nil, err
	}
	load = func() func() {
		d := &loading.Departures{PathFirst: []uint32{0}}
		for p := 0; p < len(r.DepartS); p += 40 {
			d.DepartS = append(d.DepartS, r.DepartS[p])
			d.Size = append(d.Size, 1)
			d.Path = append(d.Path, r.Path[r.PathFirst[p]:r.PathFirst[p+1]]...)
			d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
		}
		ld := loading.New(r.Links)
		return func() { sink.Add(uint64(ld.Run(d, math.Inf(1), nil).LinkEntries)) }
	}
	pack, err := cities.Pack(context.Background(), slug)
	if err != nil {
		return nil, nil, err
	}
	c, err := city.Decode(pack)
	if err != nil {
		return nil, nil, err
	}
	free := make([]float32, c.Net.NumLinks())
	for l := range free {
		free[l] = c.Net.LengthM[l] / c.Net.SpeedMS[l]
	}
	s := routing.NewGraph(&c.Net, city.AllowCar, nil, free, nil).NewStatic(routing.NewOrder(&c.Net, city.AllowCar))
	query = func() func() {
		m, q := s.NewFitter().Fit(nil, free), s.NewQuery()
		return func() {
			rng := rand.New(rand.NewPCG(1, 1)) // #nosec G404 -- repeatable pairs
			for range 500 {
				_, ok := q.Cost(m, units.NodeID(rng.IntN(len(c.Net.NodeX))), units.NodeID(rng.IntN(len(c.Net.NodeX))))
				if ok {
					sink.Add(1)
				}
			}
		}
	}
	return load, query, nil
}
