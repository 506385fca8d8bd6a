// Command streets times street queries from point to point and checks every
// answer against a plain Dijkstra search in the same run.
//
//	go run ./bench/streets -grid 200 -banned 0.02
//	go run ./bench/streets -packs build -city newport
//
// The grid has blocks of about 100 m, lengths varied, every tenth street twice as
// fast, and a share of its turns banned. Costs are free-flow seconds. Pairs are
// drawn over all nodes that have streets for cars, with seed 1; each query is
// timed alone, in three rounds over all pairs of which each pair's least counts, so
// that other work on the machine shows less (Dijkstra: one round). It fails when any of the costs differs, or when the links of a path
// are no legal chain of that cost.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// spread is what single queries took, in microseconds.
type spread struct {
	Median float64 `json:"median_us"`
	P99    float64 `json:"p99_us"`
	Mean   float64 `json:"mean_us"`
}

type answer struct {
	Network   string  `json:"network"`
	Nodes     int     `json:"nodes"`
	Links     int     `json:"links"`
	Bans      int     `json:"banned_turns"`
	Pairs     int     `json:"pairs"`
	Reachable int     `json:"pairs_with_a_path"`
	Equal     int     `json:"costs_equal_to_dijkstra"`
	Legal     int     `json:"paths_legal_and_of_that_cost"`
	OrderMS   float64 `json:"order_ms"`     // once per city
	BuildMS   float64 `json:"build_ms"`     // once per graph
	FitMS     float64 `json:"fit_ms"`       // per set of costs; the least of seven
	Cost      spread  `json:"cost"`         // two nodes
	Path      spread  `json:"path"`         // and the links
	To        spread  `json:"to"`           // one to many, each
	All       spread  `json:"all"`          // one to all
	Plain     spread  `json:"dijkstra"`     // from point to point
	PlainAll  spread  `json:"dijkstra_all"` // one to all
}

func main() {
	side := flag.Int("grid", 0, "nodes along each side of a made-up grid; 0: a city")
	banned := flag.Float64("banned", 0, "share of the grid's turns that are banned")
	packs := flag.String("packs", "build", "folder of compiled cities")
	slug := flag.String("city", "newport", "city")
	pairs := flag.Int("pairs", 10000, "how many queries")
	flag.Parse()
	a, err := measure(*side, *banned, *packs, *slug, *pairs)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(a)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "streets:", err)
		os.Exit(1)
	}
}

func measure(side int, banned float64, packs, slug string, pairs int) (*answer, error) {
	var net *city.Network
	name := fmt.Sprintf("%d x %d grid, %g%% of turns banned", side, side, 100*banned)
	if side > 0 {
		net = grid(side, banned)
	} else {
		bucket, err := fileblob.OpenBucket(packs, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
		if err != nil {
			return nil, err
		}
		defer bucket.Close()
		pack, err := catalog.Over(bucket).Pack(context.Background(), slug)
		if err != nil {
			return nil, err
		}
		c, err := city.Decode(pack)
		if err != nil {
			return nil, err
		}
		net, name = &c.Net, slug
	}
	free := make([]float32, net.NumLinks())
	var nodes []units.NodeID // with streets for cars
	for l := range free {
		free[l] = net.LengthM[l] / net.SpeedMS[l]
		if net.Modes[l]&city.AllowCar != 0 {
			nodes = append(nodes, net.From[l], net.To[l])
		}
	}
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	if len(nodes) == 0 || pairs < 1 {
		return nil, errors.New("no streets for cars, or no pairs")
	}
	a := &answer{Network: name, Nodes: net.NumNodes(), Links: net.NumLinks(), Bans: len(net.BanTo), Pairs: pairs}
	start := time.Now()
	order := routing.NewOrder(net, city.AllowCar|city.AllowBike|city.AllowWalk)
	a.OrderMS = ms(start)
	g := routing.NewGraph(net, city.AllowCar, order, free, nil)
	start = time.Now()
	static := g.NewStatic(order)
	a.BuildMS = ms(start)
	fitter, q := static.NewFitter(), static.NewQuery()
	m := fitter.Fit(nil, free)
	for i := range 7 {
		start = time.Now()
		fitter.Fit(m, free)
		if took := ms(start); i == 0 || took < a.FitMS {
			a.FitMS = took
		}
	}

	rng := rand.New(rand.NewPCG(1, 1)) // #nosec G404 -- repeatable pairs are the point
	from, to := make([]units.NodeID, pairs), make([]units.NodeID, pairs)
	for i := range pairs {
		from[i], to[i] = nodes[rng.IntN(len(nodes))], nodes[rng.IntN(len(nodes))]
	}
	cost := make([]float64, pairs)
	a.Cost = timed(pairs, rounds, func(i int) {
		s, ok := q.Cost(m, from[i], to[i])
		if cost[i] = s; !ok {
			cost[i] = -1
		}
	})
	buf := make([]units.LinkID, 0, 4096)
	a.Path = timed(pairs, rounds, func(i int) { q.Path(m, from[i], to[i], buf) })
	q.From(m, from[0])
	a.To = timed(pairs, rounds, func(i int) { q.To(to[i]) })
	all := make([]float32, net.NumNodes())
	a.All = timed(100, rounds, func(i int) { q.From(m, from[i%pairs]); q.All(all) })

	d := newPlain(net, free)
	plain := make([]int64, pairs)
	a.Plain = timed(pairs, 1, func(i int) { plain[i] = d.search(from[i], int(to[i])) })
	a.PlainAll = timed(100, 1, func(i int) { d.search(from[i%pairs], -1) })
	for i, c := range cost {
		if c >= 0 {
			a.Reachable++
		}
		if want := plain[i]; (want < 0) == (c < 0) && (c < 0 || int64(c*perSecond+0.5) == want) {
			a.Equal++
		}
		path, _, ok := q.Path(m, from[i], to[i], buf)
		if sum, legal := d.chain(path, from[i], to[i]); ok != (c >= 0) || (ok && (!legal || sum != plain[i])) {
			continue
		}
		a.Legal++
	}
	if a.Equal != pairs || a.Legal != pairs {
		return a, fmt.Errorf("%s: of %d pairs %d cost what a plain search says, %d paths are legal and of that cost", name, pairs, a.Equal, a.Legal)
	}
	return a, nil
}

func ms(start time.Time) float64 { return time.Since(start).Seconds() * 1e3 }

// rounds of our own queries.
const rounds = 3

// timed calls query for 0 to n-1, several times over, each call timed alone.
func timed(n, rounds int, query func(i int)) spread {
	took := make([]float64, n)
	for r := range rounds {
		for i := range n {
			start := time.Now()
			query(i)
			if t := time.Since(start).Seconds() * 1e6; r == 0 || t < took[i] {
				took[i] = t
			}
		}
	}
	slices.Sort(took)
	sum := 0.0
	for _, t := range took {
		sum += t
	}
	return spread{took[n/2], took[n*99/100], sum / float64(n)}
}

// grid is a town of side x side junctions.
func grid(side int, banned float64) *city.Network {
	rng := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a repeatable town is the point
	net := &city.Network{FirstOut: []uint32{0}, BanFirst: []uint32{0}}
	for v := range side * side {
		x, y := v%side, v/side
		net.NodeX, net.NodeY = append(net.NodeX, float32(100*x)), append(net.NodeY, float32(100*y))
		net.NodeLon, net.NodeLat = append(net.NodeLon, 0), append(net.NodeLat, 0)
		for _, d := range [][2]int{{0, -1}, {-1, 0}, {1, 0}, {0, 1}} {
			i, j := x+d[0], y+d[1]
			if i < 0 || j < 0 || i >= side || j >= side {
				continue
			}
			speed := float32(8)
			if (d[0] == 0 && x%10 == 0) || (d[1] == 0 && y%10 == 0) {
				speed = 16
			}
			net.From, net.To = append(net.From, units.NodeID(v)), append(net.To, units.NodeID(j*side+i))
			net.LengthM, net.SpeedMS = append(net.LengthM, 80+40*rng.Float32()), append(net.SpeedMS, speed)
			net.Modes = append(net.Modes, city.AllowCar)
		}
		net.FirstOut = append(net.FirstOut, uint32(len(net.From)))
	}
	for l := range net.From {
		for n := net.FirstOut[net.To[l]]; n < net.FirstOut[net.To[l]+1]; n++ {
			if rng.Float64() < banned {
				net.BanTo = append(net.BanTo, units.LinkID(n))
			}
		}
		net.BanFirst = append(net.BanFirst, uint32(len(net.BanTo)))
	}
	return net
}
