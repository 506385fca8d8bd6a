package build

import (
	"encoding/binary"
	"fmt"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/mapmatch"
	"github.com/malikobaid/cityflow/internal/units"
)

// matchStreets gives the buses and coaches of the timetable their way through
// the streets, so that a run can let them meet its traffic. Trams keep to their
// tracks, which are not streets here.
func (b *builder) matchStreets() {
	t := &b.city.Timetable
	m := mapmatch.New(&b.city.Net, b.city.Projection())
	done := map[string][]mapmatch.Hop{} // look-ups only
	var count [3]int
	var offM, lengthM float64
	t.HopFirst = []uint32{0}
	for p := range units.PatternID(t.NumPatterns()) {
		stops := t.StopsOf(p)
		hops := make([]mapmatch.Hop, len(stops))
		if mode := t.Lines[t.PatternLine[p]].Mode; mode == city.Bus || mode == city.Coach {
			var k []byte
			for _, s := range stops {
				k = binary.LittleEndian.AppendUint32(k, uint32(s))
			}
			if len(t.PatternShape) > 0 {
				k = binary.LittleEndian.AppendUint32(k, t.PatternShape[p])
			}
			got, ok := done[string(k)]
			if !ok {
				r := mapmatch.Route{}
				for _, s := range stops {
					r.StopLon, r.StopLat = append(r.StopLon, t.StopLon[s]), append(r.StopLat, t.StopLat[s])
				}
				if r.ShapeLon, r.ShapeLat = t.Shape(p); r.ShapeLon != nil {
					for _, m := range t.ShapeM[t.PatternStops[p]:t.PatternStops[p+1]] {
						r.At = append(r.At, float64(m))
					}
				}
				got = m.Match(r)
				done[string(k)] = got
				for _, h := range got[:len(got)-1] {
					count[h.How]++
					if h.How == city.HopShape {
						offM += float64(h.OffM) * h.LengthM
						lengthM += h.LengthM
					}
				}
			}
			hops = got
		}
		for _, h := range hops {
			t.HopLink = append(t.HopLink, h.Links...)
			t.HopFirst = append(t.HopFirst, uint32(len(t.HopLink)))
			t.HopFrom, t.HopTo = append(t.HopFrom, h.From), append(t.HopTo, h.To)
			t.HopMatch, t.HopOffM = append(t.HopMatch, h.How), append(t.HopOffM, h.OffM)
		}
	}
	all := count[city.HopNone] + count[city.HopShape] + count[city.HopShortest]
	if all == 0 {
		t.HopFirst, t.HopFrom, t.HopTo, t.HopMatch, t.HopOffM = nil, nil, nil, nil, nil
		return
	}
	mean := ""
	if lengthM > 0 {
		mean = fmt.Sprintf("the feed's shape, %.1f m away from it on average", offM/lengthM)
	}
	share := func(k city.HopMatch) float64 { return 100 * float64(count[k]) / float64(all) }
	b.line("timetable", "bus hops on streets", share(city.HopShape)+share(city.HopShortest), "%", fmt.Sprintf("of %d ways from stop to stop", all))
	b.line("timetable", "bus hops matched to shapes", share(city.HopShape), "%", mean)
	b.line("timetable", "bus hops on the quickest way", share(city.HopShortest), "%", "no shape, or none that fits the streets (assumed)")
	b.line("timetable", "bus hops without streets", share(city.HopNone), "%", "outside the street network, or the only way is one that no bus would go")
}
