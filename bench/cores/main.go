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
// only where it slows the core down. Work is cut into pieces of some milliseconds,
// done again and again; the least of each piece counts (for one alone that is when the
// other core was quiet), summed over the pieces that were seen both ways.
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

// work does its pieces in turn: 0 to pieces-1, then 0 again.
type work struct {
	pieces int
	do     func(piece int)
}

// row is one kind of work.
type row struct {
	Work    string  `json:"work"`
	AloneMS float64 `json:"alone_ms"`
	BothMS  float64 `json:"side_by_side_ms"` // the slower of the two
	Ratio   float64 `json:"ratio"`           // 0: the machine was too busy for a trial that counts
	Pieces  int     `json:"pieces"`
	Seen    int     `json:"pieces_seen_both_ways"`
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
		make func() work
	}{
		{"control: arithmetic in registers", arithmetic},
		{"control: memory, 16 KiB each (first cache)", func() work { return chase(16<<10, 1<<18) }},
		{"control: memory, 512 KiB each (second cache)", func() work { return chase(512<<10, 1<<17) }},
		{"control: memory, 4 MiB each (third cache, shared)", func() work { return chase(4<<20, 1<<16) }},
		{"control: memory, 128 MiB each (no cache)", func() work { return chase(128<<20, 1<<13) }},
		{"loading: the morning of " + slug, load},
		{"500 street queries in " + slug, query},
	} {
		r := compare(w.name, w.make, seconds)
		fmt.Fprintf(os.Stderr, "%s: %.3f ms alone, %.3f ms side by side: %.2f (%d of %d pieces)\n", r.Work, r.AloneMS, r.BothMS, r.Ratio, r.Seen, r.Pieces)
		rows = append(rows, r)
	}
	return rows, nil
}

// compare does every piece alone and side by side in turn, at least twice over.
func compare(name string, prepare func() work, seconds float64) row {
	one, two, three := prepare(), prepare(), prepare()
	r := row{Work: name, Pieces: one.pieces}
	alone, both := make([]float64, r.Pieces), make([]float64, r.Pieces)
	runtime.GC()
	length := time.Duration(seconds * float64(time.Second))
	start := time.Now()
	for round := 0; round < 2 || time.Since(start) < length; round++ {
		for i := range r.Pieces {
			alone[i] = least(alone[i], trial(i, one))
			both[i] = least(both[i], trial(i, two, three))
		}
	}
	for i := range alone {
		if alone[i] > 0 && both[i] > 0 {
			r.Seen++
			r.AloneMS += alone[i]
			r.BothMS += both[i]
		}
	}
	if r.Seen > 0 {
		r.Ratio = r.BothMS / r.AloneMS
	}
	return r
}

// least of two times, of which 0 is none.
func least(a, b float64) float64 {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// trial starts a piece of all at one moment and gives the most milliseconds any took,
// 0 when one was off its core.
func trial(piece int, works ...work) float64 {
	took := make([]float64, len(works))
	var ready atomic.Int32
	var all sync.WaitGroup
	for i := range works {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for ready.Add(1); int(ready.Load()) < len(works); {
			}
			wall, cpu := time.Now(), threadTime()
			works[i].do(piece)
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
func arithmetic() work {
	return work{1, func(int) {
		a, b, c := uint64(1), uint64(2), uint64(3)
		for range 1 << 19 {
			a, b, c = a*0x9e3779b97f4a7c15+1, b*0xbf58476d1ce4e5b9+1, c*0x94d049bb133111eb+1
		}
		sink.Add(a ^ b ^ c)
	}}
}

// chase follows a random ring through so many bytes, one cache line a step.
func chase(bytes, steps int) work {
	const line = 8 // words
	n := bytes / 8 / line
	ring := make([]uint64, n*line)
	order := rand.New(rand.NewPCG(1, 1)).Perm(n) // #nosec G404 -- any ring will do
	for i, at := range order {
		ring[at*line] = uint64(order[(i+1)%n] * line)
	}
	at := uint64(0)
	return work{1, func(int) {
		for range steps {
			at = ring[at]
		}
		sink.Add(at)
	}}
}

// streets prepares the work of the model: loading and queries, each with memory of
// its own.
func streets(packs, slug string) (load, query func() work, err error) {
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
	if len(r.DepartS) == 0 {
		return nil, nil, fmt.Errorf("no trips in %s", slug)
	}
	load = func() work {
		const pieces = 300
		ld := loading.New(r.Links)
		m := &morning{r: r}
		from := r.DepartS[0]
		step := (r.DepartS[len(r.DepartS)-1] - from) / pieces
		return work{pieces, func(piece int) {
			if piece == 0 {
				m.next = 0
				ld.Begin([]loading.Source{m}, m, m, nil, 1, 1)
			}
			ld.Advance(from + float64(piece+1)*step)
			if piece == pieces-1 {
				sink.Add(uint64(ld.Close().LinkEntries))
			}
		}}
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
	query = func() work {
		m, q := s.NewFitter().Fit(nil, free), s.NewQuery()
		return work{1, func(int) {
			rng := rand.New(rand.NewPCG(1, 1)) // #nosec G404 -- repeatable pairs
			for range 500 {
				if _, ok := q.Cost(m, units.NodeID(rng.IntN(len(c.Net.NodeX))), units.NodeID(rng.IntN(len(c.Net.NodeX)))); ok {
					sink.Add(1)
				}
			}
		}}
	}
	return load, query, nil
}

// morning gives the trips of fixed routes as vehicles, and leads them along.
type morning struct {
	r    *run.FixedRoutes
	next int
}

func (m *morning) Peek() float64 {
	if m.next == len(m.r.DepartS) {
		return math.Inf(1)
	}
	return m.r.DepartS[m.next]
}

func (m *morning) Take() loading.Departure {
	p := uint32(m.next)
	m.next++
	word := m.r.PathFirst[p]
	d := loading.Departure{Platoon: p, Word: word, First: units.NoLink, Size: 1}
	if word != m.r.PathFirst[p+1] {
		d.First = m.r.Path[word]
	}
	return d
}

func (m *morning) Next(p, word uint32, _ units.LinkID) (units.LinkID, uint32) {
	if word++; word == m.r.PathFirst[p+1] {
		return units.NoLink, word
	}
	return m.r.Path[word], word
}

func (m *morning) Entered(uint32, float64)                        {}
func (m *morning) Arrived(uint32, units.LinkID, float32, float64) {}
