package assign

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
)

// The same bytes at any number of processors, and twice.
func TestDeterministic(t *testing.T) {
	n, d := readPublished(t, "", "SiouxFalls")
	var first []byte
	for _, procs := range []int{1, 2, 8, 1} {
		old := runtime.GOMAXPROCS(procs)
		var b bytes.Buffer
		r := mustSolve(t, n, d, Options{Gap: 1e-12})
		if err := errors.Join(WriteFlows(&b, n, r), WritePaths(&b, n, d, r)); err != nil {
			t.Fatal(err)
		}
		runtime.GOMAXPROCS(old)
		if first == nil {
			first = b.Bytes()
		} else if !bytes.Equal(first, b.Bytes()) {
			t.Errorf("other bytes at %d processors", procs)
		}
	}
}

func TestPathsOfPublished(t *testing.T) {
	for _, name := range []string{"Braess", "SiouxFalls"} {
		n, d := readPublished(t, "", name)
		r := mustSolve(t, n, d, Options{Gap: 1e-12})
		checkPaths(t, n, d, r)
	}
	n, d := readPublished(t, "Anaheim", "Anaheim")
	checkPaths(t, n, d, mustSolve(t, n, d, Options{Gap: 1e-12}))
}

// The loops of an iteration allocate nothing once their buffers have grown.
func TestInnerLoopsDoNotAllocate(t *testing.T) {
	n, d := readPublished(t, "", "SiouxFalls")
	s := mustSolve(t, n, d, Options{Gap: 1e-12}).solver
	ctx := context.Background()
	// In this order: a pass rewrites its bush, so that pairs noted before it no
	// longer fit; equalise notes them anew before they are swept.
	for _, loop := range []struct {
		name string
		work func()
	}{
		{"scan", func() { s.bushes[3].scan(&s.lb, s.c) }},
		{"pass", func() { s.pass(3, &s.bushes[3], nil) }},
		{"equalise", func() { _ = s.equalise(ctx) }},
		{"sweep", func() { s.sweep(&s.pairs) }},
		{"tree", func() { s.search.tree(s.g.origin[3], s.c) }},
		{"measure", func() { _, _ = s.measure(ctx, 1) }},
	} {
		if got := testing.AllocsPerRun(20, loop.work); got != 0 {
			t.Errorf("%s: %v allocations", loop.name, got)
		}
	}
}

func TestCancel(t *testing.T) {
	n, d := readPublished(t, "", "SiouxFalls")
	for stop := range 4 {
		ctx, cancel := context.WithCancel(context.Background())
		if stop == 0 {
			cancel()
		}
		r, err := Solve(ctx, n, d, Options{Gap: 1e-15, Report: func(i Iteration) {
			if i.Number == stop-1 {
				cancel()
			}
		}})
		cancel()
		if r != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at %d: %v, %v", stop, r, err)
		}
	}
}

// A cap of iterations is kept and said; the answer up to there is given.
func TestIterationCap(t *testing.T) {
	n, d := readPublished(t, "", "SiouxFalls")
	r, err := Solve(context.Background(), n, d, Options{Gap: 1e-12, MaxIterations: 2})
	if err != nil || r.Converged || r.Floor || r.Number != 2 || !(r.RelativeGap > 1e-12) || len(r.Volume) != 76 {
		t.Errorf("%+v, %v", r.Iteration, err)
	}
}

func TestSum(t *testing.T) {
	var s sum
	for _, x := range []float64{1, 1e100, 1, -1e100} {
		s.add(x)
	}
	if s.value() != 2 {
		t.Errorf("compensated sum is %g, want 2", s.value())
	}
}

// Slope and integral of every kind of cost are those of its values.
func TestCost(t *testing.T) {
	for _, power := range []float64{0, 1, 1.5, 2, 4, 7.25} {
		n := &Network{Capacity: []float64{3}, FreeFlow: []float64{2}, B: []float64{0.4}, Power: []float64{power}, Toll: []float64{5}, Length: []float64{7}}
		c := newCost(n, 0, Weights{0.1, 0.2})
		const v, h = 4.0, 1e-5
		c.volume = v
		near(t, "cost", c.now(), 2*(1+0.4*math.Pow(v/3, power))+0.5+1.4, 1e-14)
		slope := (c.at(v+h) - c.at(v-h)) / (2 * h)
		if math.Abs(c.slope-slope) > 1e-8 {
			t.Errorf("power %g: slope %g, want %g", power, c.slope, slope)
		}
		integral := 0.0 // midpoint rule
		for i := range 100000 {
			integral += c.at(v*(float64(i)+0.5)/100000) * v / 100000
		}
		near(t, "integral", c.integral(), integral, 1e-8)
	}
}

func TestWrite(t *testing.T) {
	n, d := readPublished(t, "", "Braess")
	r := mustSolve(t, n, d, Options{Gap: 1e-12})
	var flows, paths bytes.Buffer
	if err := errors.Join(WriteFlows(&flows, n, r), WritePaths(&paths, n, d, r)); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(flows.String(), "\n")
	if rows[0] != "tail,head,volume,cost" || !strings.HasPrefix(rows[1], "1,3,3.99999999") || len(rows) != 7 {
		t.Errorf("flows:\n%s", flows.String())
	}
	for _, want := range []string{"origin,destination,flow,cost,nodes\n", ",1 3 4 2\n", ",1 3 2\n", ",1 4 2\n"} {
		if !strings.Contains(paths.String(), want) {
			t.Errorf("paths lack %q:\n%s", want, paths.String())
		}
	}
}
