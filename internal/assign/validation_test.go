package assign

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/validation"
)

// published are networks with a known equilibrium. Objectives and totals are of the
// best known link flows that stand beside the networks (Transportation Networks
// for Research, commit d1639b4ef218), recomputed from them. Braess by hand: the
// two outer paths cost 92 + 1e-8 - 9e and the middle one 92 + 2e-8 - 22e when
// 2 + e trips use each outer and 2 - 2e the middle one; they are equal at
// e = 1e-8/13, where the six trips cost 552 + 24e-8/13. (At e = 0 the total would be
// 552.00000008, but the middle path 1e-8 dearer; the objective is the same to 17 digits.)
var published = []struct {
	name, dir, file  string
	weights          Weights
	objective, total float64
}{
	{"Braess", "", "Braess", Weights{}, 386.00000008, 552 + 24e-8/13},
	{"SiouxFalls", "", "SiouxFalls", Weights{}, 4231335.28710744, 7480225.344921},
	{"Anaheim", "Anaheim", "Anaheim", Weights{}, 1286032.17109603, 1419913.851059},
	{"ChicagoSketch", "Chicago-Sketch", "ChicagoSketch", Weights{Toll: .02, Distance: .04}, 17313018.73874776, 18935450.261583},
}

func readPublished(t testing.TB, dir, file string) (*Network, *Demand) {
	t.Helper()
	read := func(name string) []byte {
		if dir == "" {
			b, err := os.ReadFile("testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		b, err := io.ReadAll(validation.Open(t, "tntp", dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	n, err := ReadNetwork(read(file + "_net.tntp"))
	if err != nil {
		t.Fatal(err)
	}
	d, warnings, err := ReadTrips(read(file+"_trips.tntp"), n.Zones)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	return n, d
}

func mustSolve(t testing.TB, n *Network, d *Demand, o Options) *Result {
	t.Helper()
	r, err := Solve(context.Background(), n, d, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Converged {
		t.Fatalf("not converged: %+v", r.Iteration)
	}
	return r
}

func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s is %.12g, want %.12g: off by %.2g of it", what, got, want, math.Abs(got-want)/math.Abs(want))
	}
}

// Objectives to 12 digits, totals to 10, at gap 1e-12.
func TestPublished(t *testing.T) {
	for _, c := range published {
		t.Run(c.name, func(t *testing.T) {
			n, d := readPublished(t, c.dir, c.file)
			last := math.Inf(1)
			r := mustSolve(t, n, d, Options{Weights: c.weights, Gap: 1e-12, Report: func(i Iteration) {
				if i.Objective > last*(1+1e-13) {
					t.Errorf("the objective rises at iteration %d: %.15g after %.15g", i.Number, i.Objective, last)
				}
				last = i.Objective
			}})
			near(t, "objective", r.Objective, c.objective, 0.5e-12)
			near(t, "total cost", r.TotalCost, c.total, 0.5e-10)
			verify(t, n, d, c.weights, r, 1e-9)
			if c.dir == "" {
				return
			}
			// Link by link against the best known flows.
			lines := bufio.NewScanner(validation.Open(t, "tntp", c.dir, c.file+"_flow.tntp"))
			lines.Scan()
			for l := 0; lines.Scan(); l++ {
				f := strings.Fields(lines.Text())
				if len(f) < 4 {
					continue
				}
				if f[0] != strconv.Itoa(int(n.Tail[l])+1) || f[1] != strconv.Itoa(int(n.Head[l])+1) {
					t.Fatalf("row %d is of another link: %s", l, lines.Text())
				}
				cost, err := strconv.ParseFloat(f[3], 64)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(r.Cost[l]-cost) > 1e-8*math.Max(1, cost) {
					t.Errorf("link %s: cost %.12g, best known %.12g", n.name(l), r.Cost[l], cost)
				}
			}
		})
	}
}

// Closing the bridge of Braess's network makes everybody faster: 83 instead of 92.
func TestBraessWithoutBridge(t *testing.T) {
	n, d := readPublished(t, "", "Braess")
	for l := range n.Tail {
		if n.Tail[l] == 2 && n.Head[l] == 3 {
			for _, column := range []*[]float64{&n.Capacity, &n.FreeFlow, &n.B, &n.Power, &n.Toll, &n.Length} {
				*column = append((*column)[:l:l], (*column)[l+1:]...)
			}
			n.Tail, n.Head = append(n.Tail[:l:l], n.Tail[l+1:]...), append(n.Head[:l:l], n.Head[l+1:]...)
			break
		}
	}
	r := mustSolve(t, n, d, Options{Gap: 1e-12})
	near(t, "total cost", r.TotalCost, 498.00000006, 1e-10)
	for l, v := range r.Volume {
		near(t, "volume of link "+n.name(l), v, 3, 1e-9)
	}
}

// Trips inside a zone use no link: 123,414 of Chicago's.
func TestIntrazonal(t *testing.T) {
	n, d := readPublished(t, "Chicago-Sketch", "ChicagoSketch")
	r := mustSolve(t, n, d, Options{Weights: Weights{.02, .04}, Gap: 1e-3})
	if got := fmt.Sprintf("%.0f %.2f", r.Intrazonal, r.Assigned+r.Intrazonal); got != "123414 1260907.44" {
		t.Errorf("intrazonal and all trips: %s", got)
	}
}

// verify checks a solution against what it must be, without any code of the
// solver: volumes keep the balance of every node, costs and sums follow from
// the volumes, and what is spent is no more than gap above the least possible,
// found by Bellman and Ford's rule on the network as given.
func verify(t testing.TB, n *Network, d *Demand, w Weights, r *Result, gap float64) {
	t.Helper()
	balance := make([]float64, n.Nodes)
	trips, objective, total := 0.0, 0.0, 0.0
	for i, x := range d.Trips {
		if d.From[i] != d.To[i] {
			balance[d.From[i]] += x
			balance[d.To[i]] -= x
			trips += x
		}
	}
	for l, v := range r.Volume {
		balance[n.Tail[l]] -= v
		balance[n.Head[l]] += v
		weighed := w.Toll*n.Toll[l] + w.Distance*n.Length[l]
		cost := n.FreeFlow[l]*(1+n.B[l]*math.Pow(v/n.Capacity[l], n.Power[l])) + weighed
		if v < 0 || math.Abs(cost-r.Cost[l]) > 1e-11*math.Max(1, cost) {
			t.Errorf("link %s: volume %g, cost %.15g, want %.15g", n.name(l), v, r.Cost[l], cost)
		}
		total += v * r.Cost[l]
		p := n.Power[l] + 1
		objective += v*(n.FreeFlow[l]+weighed) + n.FreeFlow[l]*n.B[l]*math.Pow(v/n.Capacity[l], n.Power[l])*v/p
	}
	for v, b := range balance {
		if math.Abs(b) > 1e-9*math.Max(1, trips) {
			t.Errorf("node %d loses %g of %g trips", v+1, b, trips)
		}
	}
	if math.Abs(total-r.TotalCost) > 1e-10*math.Max(1, total) || math.Abs(objective-r.Objective) > 1e-10*math.Max(1, objective) {
		t.Errorf("total %.15g and objective %.15g, summed anew %.15g and %.15g", r.TotalCost, r.Objective, total, objective)
	}
	least := 0.0
	for i := 0; i < len(d.Trips); {
		o := d.From[i]
		dist := bellmanFord(n, r.Cost, o)
		for ; i < len(d.Trips) && d.From[i] == o; i++ {
			if d.To[i] != o {
				least += d.Trips[i] * dist[d.To[i]]
			}
		}
	}
	if total-least > (gap+1e-12)*math.Max(least, 1e-9) || least-total > 1e-10*math.Max(1, total) {
		t.Errorf("spent %.15g, least %.15g: gap %.3g, want at most %g", total, least, (total-least)/least, gap)
	}
}

func bellmanFord(n *Network, cost []float64, from int32) []float64 {
	dist := make([]float64, n.Nodes)
	for v := range dist {
		dist[v] = math.Inf(1)
	}
	dist[from] = 0
	for again := true; again; {
		again = false
		for l := range n.Tail {
			a, b := n.Tail[l], n.Head[l]
			if a != from && n.NoThru != nil && n.NoThru[a] {
				continue
			}
			if x := dist[a] + cost[l]; x < dist[b] {
				dist[b], again = x, true
			}
		}
	}
	return dist
}
