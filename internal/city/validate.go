package city

import (
	"errors"
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/units"
)

// checker collects what is wrong with a city; it stops at a few, since one
// broken column breaks many.
type checker struct{ errs []error }

const maxProblems = 20

func (k *checker) fail(format string, a ...any) {
	if len(k.errs) < maxProblems {
		k.errs = append(k.errs, fmt.Errorf(format, a...))
	}
}

func (k *checker) length(name string, got, want int) {
	if got != want {
		k.fail("%s has %d values, want %d", name, got, want)
	}
}

// csr checks that first is a monotone index of n ranges into a column of size m.
func (k *checker) csr(name string, first []uint32, n, m int) bool {
	if len(first) != n+1 {
		k.fail("%s has %d values, want %d", name, len(first), n+1)
		return false
	}
	if first[0] != 0 || int(first[n]) != m {
		k.fail("%s runs from %d to %d, want 0 to %d", name, first[0], first[n], m)
		return false
	}
	for i := range n {
		if first[i] > first[i+1] {
			k.fail("%s falls from %d to %d at %d", name, first[i], first[i+1], i)
			return false
		}
	}
	return true
}

// ids checks that every id of a column is below n, or the "none" value if
// that is allowed.
func ids[T word](k *checker, name string, col []T, n int, none bool) bool {
	for i, v := range col {
		if u := uint32(v); uint64(u) >= uint64(n) && !(none && u == math.MaxUint32) {
			k.fail("%s[%d] is %d, there are %d", name, i, u, n)
			return false
		}
	}
	return true
}

type float interface{ ~float32 | ~float64 }

// finite checks that every value lies in [lo, hi].
func finite[T float](k *checker, name string, col []T, lo, hi float64) {
	for i, v := range col {
		if f := float64(v); !(f >= lo && f <= hi) {
			k.fail("%s[%d] is %g, want %g to %g", name, i, f, lo, hi)
			return
		}
	}
}

// Validate checks every promise of the columns that can be checked in one
// pass: lengths, indices in range, sorted and monotone CSR, positive and finite
// quantities. It returns the first few problems joined, nil if there is none.
func (c *City) Validate() error {
	k := &checker{}
	c.Net.validate(k)
	if len(k.errs) == 0 {
		c.Timetable.validate(k, c.Net.NumNodes())
		if len(k.errs) == 0 {
			c.Timetable.validateWays(k, &c.Net)
		}
		c.Places.validate(k, c.Net.NumNodes())
		c.Info.validateSpots(k, &c.Net)
	}
	b := c.Info.BBox
	if !(b[0] < b[2] && b[1] < b[3] && b[0] >= -180 && b[2] <= 180 && b[1] >= -90 && b[3] <= 90) {
		k.fail("Info.BBox is %v, want west, south, east, north", b)
	}
	return errors.Join(k.errs...)
}

// validateSpots checks where vehicles were counted.
func (i *Info) validateSpots(k *checker, n *Network) {
	for o := range i.Observed {
		for f := range i.Observed[o].Figures {
			s := i.Observed[o].Figures[f].Spot
			if s == nil {
				continue
			}
			at := fmt.Sprintf("Info.Observed[%d].Figures[%d].Spot", o, f)
			if len(s.Links) == 0 || s.From < 0 || s.From >= s.To {
				k.fail("%s has %d links, from %d to %d s", at, len(s.Links), s.From, s.To)
			}
			if !ids(k, at+".Links", s.Links, n.NumLinks(), false) {
				continue
			}
			for _, l := range s.Links {
				if n.Modes[l]&AllowCar == 0 || n.WayOSM[l] != s.WayOSM {
					k.fail("%s: link %d is not of way %d, or not for cars", at, l, s.WayOSM)
				}
			}
		}
	}
}

func (n *Network) validate(k *checker) {
	nodes, links := n.NumNodes(), n.NumLinks()
	k.length("Net.NodeLat", len(n.NodeLat), nodes)
	k.length("Net.NodeX", len(n.NodeX), nodes)
	k.length("Net.NodeY", len(n.NodeY), nodes)
	k.length("Net.NodeOSM", len(n.NodeOSM), nodes)
	k.length("Net.NodeSignal", len(n.NodeSignal), nodes)
	for _, col := range []struct {
		name string
		n    int
	}{
		{"To", len(n.To)}, {"LengthM", len(n.LengthM)}, {"SpeedMS", len(n.SpeedMS)}, {"Lanes", len(n.Lanes)},
		{"CapacityVS", len(n.CapacityVS)}, {"JamVM", len(n.JamVM)}, {"Modes", len(n.Modes)}, {"Class", len(n.Class)},
		{"Roundabout", len(n.Roundabout)},
		{"WayOSM", len(n.WayOSM)}, {"NameIdx", len(n.NameIdx)}, {"Reverse", len(n.Reverse)}, {"InLink", len(n.InLink)},
	} {
		k.length("Net."+col.name, col.n, links)
	}
	k.length("Net.GeomLat", len(n.GeomLat), len(n.GeomLon))
	if len(n.NodeHeightM)+len(n.Grade) > 0 { // all of both, or none
		k.length("Net.NodeHeightM", len(n.NodeHeightM), nodes)
		k.length("Net.Grade", len(n.Grade), links)
	}
	if len(k.errs) > 0 {
		return
	}
	finite(k, "Net.NodeLon", n.NodeLon, -180, 180)
	finite(k, "Net.NodeLat", n.NodeLat, -90, 90)
	finite(k, "Net.NodeX", n.NodeX, -1e7, 1e7)
	finite(k, "Net.NodeY", n.NodeY, -1e7, 1e7)
	finite(k, "Net.GeomLon", n.GeomLon, -181, 181)
	finite(k, "Net.GeomLat", n.GeomLat, -91, 91)
	finite(k, "Net.NodeHeightM", n.NodeHeightM, -1000, 10000)
	finite(k, "Net.Grade", n.Grade, -1, 1)
	finite(k, "Net.LengthM", n.LengthM, math.SmallestNonzeroFloat32, 1e6)
	finite(k, "Net.SpeedMS", n.SpeedMS, 0.1, 100)
	finite(k, "Net.Lanes", n.Lanes, 0, 20)
	finite(k, "Net.CapacityVS", n.CapacityVS, 0, 100)
	finite(k, "Net.JamVM", n.JamVM, 0, 100)
	okEnds := ids(k, "Net.From", n.From, nodes, false) && ids(k, "Net.To", n.To, nodes, false)
	ids(k, "Net.NameIdx", n.NameIdx, len(n.Names), false)
	ids(k, "Net.BanTo", n.BanTo, links, false)
	okRev := ids(k, "Net.Reverse", n.Reverse, links, true)
	okIn := ids(k, "Net.InLink", n.InLink, links, false)
	okOut := k.csr("Net.FirstOut", n.FirstOut, nodes, links)
	okIn = k.csr("Net.FirstIn", n.FirstIn, nodes, links) && okIn
	if k.csr("Net.GeomFirst", n.GeomFirst, links, len(n.GeomLon)) {
		for l := range links {
			if n.GeomFirst[l+1]-n.GeomFirst[l] < 2 {
				k.fail("Net.GeomFirst: link %d has fewer than two points", l)
				break
			}
		}
	}
	if k.csr("Net.BanFirst", n.BanFirst, links, len(n.BanTo)) {
		for l := range links {
			for i := n.BanFirst[l] + 1; i < n.BanFirst[l+1]; i++ {
				if n.BanTo[i-1] >= n.BanTo[i] {
					k.fail("Net.BanTo of link %d is not sorted", l)
				}
			}
		}
	}
	if !okEnds || !okRev || !okIn || !okOut {
		return
	}
	for v := range nodes {
		for l := n.FirstOut[v]; l < n.FirstOut[v+1]; l++ {
			if int(n.From[l]) != v {
				k.fail("Net.FirstOut: link %d leaves node %d, not %d", l, n.From[l], v)
				return
			}
		}
		for i := n.FirstIn[v]; i < n.FirstIn[v+1]; i++ {
			if l := n.InLink[i]; int(n.To[l]) != v {
				k.fail("Net.InLink: link %d enters node %d, not %d", l, n.To[l], v)
				return
			}
		}
	}
	for l := range links {
		if n.From[l] == n.To[l] {
			k.fail("Net: link %d starts and ends at node %d", l, n.From[l])
			return
		}
		if n.Class[l] > Path {
			k.fail("Net.Class[%d] is %d", l, n.Class[l])
			return
		}
		if n.Roundabout[l] && n.Class[l] == Path {
			k.fail("Net.Roundabout[%d]: a path is no roundabout", l)
			return
		}
		if n.Modes[l] == 0 || n.Modes[l]&AllowCar != 0 && (n.CapacityVS[l] <= 0 || n.JamVM[l] <= 0 || n.Lanes[l] <= 0) {
			k.fail("Net: link %d has modes %b, capacity %g, jam density %g, lanes %g", l, n.Modes[l], n.CapacityVS[l], n.JamVM[l], n.Lanes[l])
			return
		}
		if r := n.Reverse[l]; r != units.NoLink && (n.Reverse[r] != units.LinkID(l) || n.From[r] != n.To[l] || n.To[r] != n.From[l]) {
			k.fail("Net.Reverse: links %d and %d are not opposite", l, r)
			return
		}
	}
}

func (t *Timetable) validate(k *checker, nodes int) {
	stops, patterns, trips := t.NumStops(), t.NumPatterns(), t.NumTrips()
	before := len(k.errs)
	k.length("Timetable.StopName", len(t.StopName), stops)
	k.length("Timetable.StopLon", len(t.StopLon), stops)
	k.length("Timetable.StopLat", len(t.StopLat), stops)
	k.length("Timetable.StopNode", len(t.StopNode), stops)
	k.length("Timetable.StopWalkM", len(t.StopWalkM), stops)
	k.length("Timetable.StopGroup", len(t.StopGroup), stops)
	k.length("Timetable.TripCapacity", len(t.TripCapacity), trips)
	k.length("Timetable.Dep", len(t.Dep), len(t.Arr))
	k.length("Timetable.TransferM", len(t.TransferM), len(t.TransferTo))
	finite(k, "Timetable.StopLon", t.StopLon, -180, 180)
	finite(k, "Timetable.StopLat", t.StopLat, -90, 90)
	finite(k, "Timetable.StopWalkM", t.StopWalkM, 0, 1e6)
	finite(k, "Timetable.TripCapacity", t.TripCapacity, 0, 1e5)
	finite(k, "Timetable.TransferM", t.TransferM, 0, 1e6)
	ids(k, "Timetable.StopNode", t.StopNode, nodes, false)
	ids(k, "Timetable.PatternLine", t.PatternLine, len(t.Lines), false)
	ids(k, "Timetable.Stop", t.Stop, stops, false)
	ids(k, "Timetable.TransferTo", t.TransferTo, stops, false)
	for i, l := range t.Lines {
		if l.Mode > Ferry || !(l.Fare >= 0 && l.Fare < 1e6) {
			k.fail("Timetable.Lines[%d]: mode %d, fare %g", i, l.Mode, l.Fare)
			break
		}
	}
	groups := uint32(0)
	for s, g := range t.StopGroup {
		if g > groups {
			k.fail("Timetable.StopGroup[%d] is %d, want at most %d", s, g, groups)
			break
		}
		groups = max(groups, g+1)
	}
	if stops > 0 || len(t.TransferFirst) > 0 {
		k.csr("Timetable.TransferFirst", t.TransferFirst, stops, len(t.TransferTo))
	}
	if patterns == 0 && trips == 0 && len(t.Arr) == 0 {
		return
	}
	ok := k.csr("Timetable.PatternStops", t.PatternStops, patterns, len(t.Stop))
	ok = k.csr("Timetable.PatternTrips", t.PatternTrips, patterns, trips) && ok
	ok = k.csr("Timetable.TimeFirst", t.TimeFirst, patterns, len(t.Arr)) && ok
	if !ok || len(k.errs) > before {
		return
	}
	for p := range patterns {
		n := int(t.PatternStops[p+1] - t.PatternStops[p])
		m := int(t.PatternTrips[p+1] - t.PatternTrips[p])
		if n < 2 || int(t.TimeFirst[p+1]-t.TimeFirst[p]) != n*m {
			k.fail("Timetable: pattern %d has %d stops, %d trips, %d times", p, n, m, t.TimeFirst[p+1]-t.TimeFirst[p])
			return
		}
		for j := range m {
			at := int(t.TimeFirst[p]) + j*n
			for i := at; i < at+n; i++ {
				bad := t.Arr[i] < 0 || t.Dep[i] < t.Arr[i] || t.Dep[i] >= units.Never || i > at && t.Arr[i] < t.Dep[i-1]
				overtakes := j > 0 && (t.Arr[i] < t.Arr[i-n] || t.Dep[i] < t.Dep[i-n])
				if bad || overtakes {
					k.fail("Timetable: trip %d of pattern %d at stop %d: times run backwards or overtake", j, p, i-at)
					return
				}
			}
		}
	}
}

// validateWays checks stations, shapes, hops and least transfer times, all of
// which may be absent.
func (t *Timetable) validateWays(k *checker, n *Network) {
	if len(t.TransferS) > 0 {
		k.length("Timetable.TransferS", len(t.TransferS), len(t.TransferTo))
		for i, s := range t.TransferS {
			if s < 0 || s >= units.Never {
				k.fail("Timetable.TransferS[%d] is %d", i, s)
				break
			}
		}
	}
	stations := len(t.StationID)
	k.length("Timetable.StationName", len(t.StationName), stations)
	k.length("Timetable.StationLon", len(t.StationLon), stations)
	k.length("Timetable.StationLat", len(t.StationLat), stations)
	finite(k, "Timetable.StationLon", t.StationLon, -180, 180)
	finite(k, "Timetable.StationLat", t.StationLat, -90, 90)
	if len(t.StopStation) > 0 {
		k.length("Timetable.StopStation", len(t.StopStation), t.NumStops())
		ids(k, "Timetable.StopStation", t.StopStation, stations, true)
	}
	k.length("Timetable.ShapeLat", len(t.ShapeLat), len(t.ShapeLon))
	finite(k, "Timetable.ShapeLon", t.ShapeLon, -181, 181)
	finite(k, "Timetable.ShapeLat", t.ShapeLat, -91, 91)
	if len(t.PatternShape) > 0 {
		k.length("Timetable.PatternShape", len(t.PatternShape), t.NumPatterns())
		k.length("Timetable.ShapeM", len(t.ShapeM), len(t.Stop))
		finite(k, "Timetable.ShapeM", t.ShapeM, 0, 1e7)
		if len(t.ShapeFirst) == 0 {
			k.fail("Timetable.ShapeFirst is empty")
			return
		}
		k.csr("Timetable.ShapeFirst", t.ShapeFirst, len(t.ShapeFirst)-1, len(t.ShapeLon))
		ids(k, "Timetable.PatternShape", t.PatternShape, len(t.ShapeFirst)-1, true)
	} else if len(t.ShapeLon) > 0 {
		k.fail("Timetable.PatternShape is empty, but there are shapes")
	}
	hops := 0
	if len(t.HopFirst) > 0 {
		hops = len(t.Stop)
	}
	k.length("Timetable.HopFrom", len(t.HopFrom), hops)
	k.length("Timetable.HopTo", len(t.HopTo), hops)
	k.length("Timetable.HopMatch", len(t.HopMatch), hops)
	k.length("Timetable.HopOffM", len(t.HopOffM), hops)
	finite(k, "Timetable.HopFrom", t.HopFrom, 0, 1)
	finite(k, "Timetable.HopTo", t.HopTo, 0, 1)
	finite(k, "Timetable.HopOffM", t.HopOffM, 0, 1e6)
	if len(k.errs) > 0 || !ids(k, "Timetable.HopLink", t.HopLink, n.NumLinks(), false) {
		return
	}
	if hops == 0 {
		k.length("Timetable.HopLink", len(t.HopLink), 0)
		return
	}
	if !k.csr("Timetable.HopFirst", t.HopFirst, hops, len(t.HopLink)) {
		return
	}
	for i := range hops {
		links := t.HopLink[t.HopFirst[i]:t.HopFirst[i+1]]
		if t.HopMatch[i] > HopShortest || (t.HopMatch[i] == HopNone) != (len(links) == 0) {
			k.fail("Timetable: hop %d was found by way %d and has %d links", i, t.HopMatch[i], len(links))
			return
		}
		if len(links) == 1 && t.HopTo[i] < t.HopFrom[i] {
			k.fail("Timetable: hop %d runs back on its only link, from %g to %g", i, t.HopFrom[i], t.HopTo[i])
			return
		}
		for j := 1; j < len(links); j++ {
			if n.To[links[j-1]] != n.From[links[j]] {
				k.fail("Timetable: hop %d: link %d does not follow link %d", i, links[j], links[j-1])
				return
			}
		}
	}
	for p := range t.NumPatterns() {
		if last := t.PatternStops[p+1] - 1; t.HopFirst[last] != t.HopFirst[last+1] {
			k.fail("Timetable: pattern %d goes on after its last stop", p)
			return
		}
	}
}

func (p *Places) validate(k *checker, nodes int) {
	n := p.Num()
	k.length("Places.Lat", len(p.Lat), n)
	k.length("Places.CarNode", len(p.CarNode), n)
	k.length("Places.WalkNode", len(p.WalkNode), n)
	k.length("Places.AccessM", len(p.AccessM), n)
	k.length("Places.Residents", len(p.Residents), n)
	k.length("Places.Cluster", len(p.Cluster), n)
	k.length("Places.AreaOf", len(p.AreaOf), n)
	for a := range p.Attraction {
		k.length("Places.Attraction", len(p.Attraction[a]), n)
		finite(k, "Places.Attraction", p.Attraction[a], 0, 1e9)
	}
	finite(k, "Places.Lon", p.Lon, -180, 180)
	finite(k, "Places.Lat", p.Lat, -90, 90)
	finite(k, "Places.AccessM", p.AccessM, 0, 1e6)
	finite(k, "Places.Residents", p.Residents, 0, 1e8)
	ids(k, "Places.CarNode", p.CarNode, nodes, false)
	ids(k, "Places.WalkNode", p.WalkNode, nodes, false)
	ids(k, "Places.Cluster", p.Cluster, p.NumClusters(), false)
	ids(k, "Places.ClusterNode", p.ClusterNode, nodes, false)
	for i, a := range p.AreaOf {
		if int(a) >= len(p.AreaName) {
			k.fail("Places.AreaOf[%d] is %d, there are %d", i, a, len(p.AreaName))
			return
		}
	}
}
