package run

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// road is one link of a test: junctions, lanes of 0.4 vehicles a second.
type road struct {
	name     string
	from, to units.NodeID
	lanes    float32
}

// jamNet is a network of roads of 1,000 m at 10 m/s: 1,440 vehicles an hour and
// 0.15 vehicles a metre on each lane. Way numbers count from 100.
func jamNet(roads []road) (*city.Network, *loading.Links) {
	n := &city.Network{Names: []string{""}}
	nodes := units.NodeID(0)
	for i, r := range roads {
		nodes = max(nodes, r.from+1, r.to+1)
		n.From, n.To, n.Lanes = append(n.From, r.from), append(n.To, r.to), append(n.Lanes, r.lanes)
		n.LengthM, n.SpeedMS, n.CapacityVS, n.JamVM = append(n.LengthM, 1000), append(n.SpeedMS, 10), append(n.CapacityVS, 0.4*r.lanes), append(n.JamVM, 0.15*r.lanes)
		n.Names, n.NameIdx = append(n.Names, r.name), append(n.NameIdx, uint32(i+1))
		n.WayOSM, n.Class = append(n.WayOSM, int64(100+i)), append(n.Class, city.Secondary)
	}
	for i := range nodes {
		n.NodeX, n.NodeY = append(n.NodeX, 1000*float32(i)), append(n.NodeY, 0)
		n.NodeLon, n.NodeLat = append(n.NodeLon, 0.01*float64(i)), append(n.NodeLat, 50)
	}
	n.GeomFirst = make([]uint32, len(roads)+1)
	return n, &loading.Links{From: n.From, To: n.To, LengthM: n.LengthM, SpeedMS: n.SpeedMS, CapacityVS: n.CapacityVS, JamVM: n.JamVM, TurnRings: true}
}

// flow sends platoons of two along a path at so many vehicles a second.
type flow struct {
	perS, untilS float64
	path         []units.LinkID
}

func jamsOf(t *testing.T, roads []road, flows []flow, until float64) *spec.FullDemand {
	t.Helper()
	net, links := jamNet(roads)
	type start struct {
		at   float64
		path []units.LinkID
	}
	var all []start
	for _, f := range flows {
		for i := 0; float64(i)*2/f.perS < f.untilS; i++ {
			all = append(all, start{float64(i) * 2 / f.perS, f.path})
		}
	}
	slices.SortStableFunc(all, func(a, b start) int { return int(math.Copysign(1, a.at-b.at)) * btoi(a.at != b.at) })
	dep := &loading.Departures{PathFirst: []uint32{0}}
	for _, s := range all {
		dep.DepartS, dep.Size = append(dep.DepartS, s.at), append(dep.Size, 2)
		dep.Path = append(dep.Path, s.path...)
		dep.PathFirst = append(dep.PathFirst, uint32(len(dep.Path)))
	}
	ld := loading.New(*links)
	tell := func() *spec.FullDemand {
		w := newJamWatch(links, dep, ld.Run(dep, until, nil).EnteredS)
		res := ld.Run(dep, until, w)
		w.end(res, until)
		return w.tell(net, res, 0, until)
	}
	out := tell()
	if again := tell(); !reflect.DeepEqual(out, again) {
		t.Errorf("told twice:\n%+v\n%+v", out, again)
	}
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Two lanes lead into one at half as much again as it takes, for an hour. As a
// fluid: 2,160 cars pass in 5,400 s instead of 3,600, so the mean delay is 900 s
// and the sum 540 vehicle-hours, wherever on the way the queue stands. A piece
// of two lanes holds 190 of the 720 cars that wait at most, so the queue reaches
// over both and to those who set out.
func TestANarrowingIsNamed(t *testing.T) {
	roads := []road{{"Long Road", 0, 1, 2}, {"Wide Road", 1, 2, 2}, {"Bridge", 2, 3, 1}, {"Beyond", 3, 4, 1}}
	f := jamsOf(t, roads, []flow{{0.6, 3600, []units.LinkID{0, 1, 2, 3}}}, 4*3600)
	if f.Vehicles != 2160 || f.Unfinished != 0 || f.RingTurns != 0 || f.Until != "04:00" || math.Abs(f.DelayH-540) > 5.4 {
		t.Errorf("%+v", f)
	}
	if len(f.Queues) != 1 || len(f.Jams) != 2 {
		t.Fatalf("queues %+v\njams %+v", f.Queues, f.Jams)
	}
	q := f.Queues[0]
	if q.Way != 102 || q.Name != "Bridge" || q.Reason != spec.NarrowingJam || q.Streets != 2 || math.Abs(q.DelayH-f.DelayH) > 1 || q.CapacityH != 1440 || q.DemandH != 2040 || q.VolumeCapacity != 1.42 || math.Abs(q.OverMin-90) > 2 ||
		q.Heading != "east" || q.Lon != 0.025 || !strings.Contains(q.Why, "from Wide Road into Bridge, 2 lanes into 1: it takes 1440 an hour, 2040 want in") {
		t.Errorf("%+v", q)
	}
	for _, j := range f.Jams {
		want := map[int64]string{100: spec.BlockedJam, 101: spec.NarrowingJam}[j.Way]
		if j.Reason != want || j.Cause.Way != 102 || j.OverMin != q.OverMin {
			t.Errorf("%+v", j)
		}
		if j.Reason == spec.BlockedJam && !strings.HasPrefix(j.Why, "Wide Road ahead is full. Cars wait to get from Wide Road into Bridge") {
			t.Errorf("%s", j.Why)
		}
	}
}

// Two streets of one lane meet in one lane: no narrowing, but more than it takes.
// Those for the side street stand in the same queue and are said to.
func TestAMergeIsDemandOverCapacity(t *testing.T) {
	roads := []road{{"North Street", 0, 2, 1}, {"South Street", 1, 2, 1}, {"Main Street", 2, 3, 1}, {"Side Street", 2, 4, 1}}
	f := jamsOf(t, roads, []flow{{0.25, 3600, []units.LinkID{0, 2}}, {0.1, 3600, []units.LinkID{0, 3}}, {0.3, 3600, []units.LinkID{1, 2}}}, 4*3600)
	if len(f.Queues) != 1 || f.Queues[0].Name != "Main Street" || f.Queues[0].Reason != spec.DemandJam || f.Queues[0].DemandH != 1926 || f.Queues[0].Streets != 2 {
		t.Fatalf("%+v", f.Queues)
	}
	for _, j := range f.Jams {
		if j.Reason != spec.DemandJam || j.Cause.Way != 102 || strings.Contains(j.Why, "71% of those before it go there") != (j.Way == 100) {
			t.Errorf("%+v", j)
		}
	}
	// More cars start in one street than it takes: they wait to set out.
	f = jamsOf(t, roads[2:3], []flow{{0.8, 1800, []units.LinkID{0}}}, 4*3600)
	if len(f.Jams) != 1 || f.Jams[0].Reason != spec.DemandJam || f.Jams[0].Cause.Way != 100 || !strings.Contains(f.Jams[0].Why, "wait to set out on Main Street") {
		t.Errorf("%+v", f.Jams)
	}
}

// Four streets in a circle, whose cars go three of them on: all fill, each waits
// for the next. Rings are named with their streets, and the reason is the ring.
// At the early end most have not arrived.
func TestARingIsNamed(t *testing.T) {
	roads := []road{{"A", 0, 1, 1}, {"B", 1, 2, 1}, {"C", 2, 3, 1}, {"D", 3, 0, 1}}
	var flows []flow
	for l := range units.LinkID(4) {
		flows = append(flows, flow{0.35, 2400, []units.LinkID{l, (l + 1) % 4, (l + 2) % 4}})
	}
	f := jamsOf(t, roads, flows, 3600)
	if f.RingTurns == 0 || len(f.Rings) == 0 || len(f.Rings[0].Streets) != 4 || len(f.Standing) != 0 || f.Unfinished == 0 || f.Unfinished >= f.Vehicles {
		t.Fatalf("%+v", f)
	}
	if len(f.Jams) != 4 || !slices.ContainsFunc(f.Jams, func(j spec.Jam) bool { return j.Reason == spec.RingJam }) {
		t.Errorf("%+v", f.Jams)
	}
}
