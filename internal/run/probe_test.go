package run

import (
	"context"
	"fmt"
	"os"
	"sort"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/spec"
)

func TestProbe(t *testing.T) {
	slug := os.Getenv("PROBE")
	if slug == "" {
		t.Skip("no probe")
	}
	b, _ := os.ReadFile("/tmp/" + slug + ".pack")
	c, err := city.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	none := []spec.Modification{}
	cfg, ps := scenario.Merge(&spec.RunRequest{City: slug, Modifications: &none}, c, spec.DefaultLimits(), "x")
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	p := &prepared{city: c, states: map[string]*State{}}
	p.money.Commute, p.money.Other, p.money.CarPerKM = 14.4, 6.6, 0.13
	ctx := context.Background()
	if err := p.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	w, _ := newWorld(ctx, c, demand.NoScale())
	fmt.Println("world", time.Since(t0), c.Net.NumNodes(), c.Net.NumLinks(), c.Places.Num(), c.Places.NumClusters())
	period := periodOf(cfg)
	probeArm = func(a *arm) {
		type row struct {
			l     int
			delay float64
			vol   float64
		}
		var rows []row
		var byClass [16]float64
		net := &c.Net
		for l := range net.NumLinks() {
			d, v := 0.0, 0.0
			for b := range a.rec.bins {
				i := l*a.rec.bins + b
				d += a.rec.spent[i] - float64(w.free[l])*a.rec.count[i]
				v += a.rec.count[i]
			}
			rows = append(rows, row{l, d / 3600, v})
			byClass[net.Class[l]] += d / 3600
		}
		sort.Slice(rows, func(i, j int) bool { return rows[i].delay > rows[j].delay })
		fmt.Println("delay veh-h by class", byClass)
		for _, r := range rows[:20] {
			fmt.Printf("link %d way %d %q class %d len %.0f speed %.0f lanes %.0f cap %.0f/h delay %.0f h vol %.0f %v,%v\n", r.l, net.WayOSM[r.l], net.Names[net.NameIdx[r.l]], net.Class[r.l], net.LengthM[r.l], net.SpeedMS[r.l]*3.6, net.Lanes[r.l], net.CapacityVS[r.l]*3600, r.delay, r.vol, net.NodeLat[net.To[r.l]], net.NodeLon[net.To[r.l]])
		}
		var origin float64
		for p, e := range a.result.EnteredS {
			origin += (min(e, float64(period.To+horizonS)) - a.fleet.dep.DepartS[p]) * float64(a.fleet.dep.Size[p]) / 3600
		}
		fmt.Println("origin queue h", origin, "mean", a.carMinutes(), "stuck", len(a.result.Unfinished), "grid", len(a.result.Gridlock), "trips", len(a.result.ArriveS))
		for _, g := range a.result.Gridlock[:min(5, len(a.result.Gridlock))] {
			fmt.Print("  ring since ", scenario.Clock(0), g.SinceS/3600, ":")
			for _, l := range g.Links {
				fmt.Printf(" %d(%q c%d L%.0f cap%.0f)", net.WayOSM[l], net.Names[net.NameIdx[l]], net.Class[l], net.LengthM[l], net.CapacityVS[l]*3600)
			}
			fmt.Println()
		}
	}
	st, err := settle(ctx, w, p.demand, cfg, period, p.money, func(f float64) { fmt.Printf("%.2f %.1fs\n", f, time.Since(t0).Seconds()) })
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(st.Constants, st.Shares, st.Gap, st.P95Min)
}
