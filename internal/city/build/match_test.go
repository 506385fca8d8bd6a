package build

import (
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Where buses run, on real data. What is missing lies at the edge of the box,
// where streets are cut off (Newport and Heidelberg), beyond the southern edge
// of the map (Porto Alegre) or outside the mapped borough (London).
func TestBusesRunOnStreets(t *testing.T) {
	for _, tc := range []struct {
		slug                     string
		onStreets, shaped, meanM float64 // at least; at least, of hops with a shape; at most
		shapes                   int     // patterns with one
	}{
		{"newport", 89, 85, 3, 20}, // 401 of 1,343 trips of the feed have a shape
		{"heidelberg", 95, 0, 0, 0},
		{"porto-alegre", 94, 92, 7, 184}, // of 17 more patterns a stop lies over 100 m from the shape
		{"london-camden", 74, 0, 0, 0},
	} {
		c := load(t, tc.slug)
		tt := &c.Timetable
		hops, on, shapes, withShape, matched := 0.0, 0.0, 0, 0.0, 0.0
		offM, lengthM := 0.0, 0.0
		for p := range units.PatternID(tt.NumPatterns()) {
			lon, _ := tt.Shape(p)
			if lon != nil {
				shapes++
			}
			mode := tt.Lines[tt.PatternLine[p]].Mode
			for i := range tt.StopsOf(p)[1:] {
				links, _, _, how := tt.Hop(p, i)
				if mode != city.Bus && mode != city.Coach {
					if how != city.HopNone {
						t.Fatalf("%s: a %s drives on streets", tc.slug, mode)
					}
					continue
				}
				hops++
				if how != city.HopNone {
					on++
				}
				if lon == nil {
					continue
				}
				withShape++
				if how == city.HopShape {
					matched++
					for _, l := range links {
						offM += float64(c.Net.LengthM[l]) * float64(tt.HopOffM[int(tt.PatternStops[p])+i])
						lengthM += float64(c.Net.LengthM[l])
					}
				}
				for _, l := range links {
					if c.Net.Modes[l]&city.AllowBus == 0 {
						t.Fatalf("%s: a bus drives on link %d, which is closed to buses", tc.slug, l)
					}
				}
			}
		}
		t.Logf("%s: %.1f %% of %.0f bus hops on streets; %d patterns with a shape, %.1f %% of their hops matched, %.1f m off",
			tc.slug, 100*on/hops, hops, shapes, 100*matched/max(withShape, 1), offM/max(lengthM, 1))
		if 100*on < tc.onStreets*hops {
			t.Errorf("%s: %.1f %% of the hops are on streets, want %g", tc.slug, 100*on/hops, tc.onStreets)
		}
		if 100*matched < tc.shaped*withShape || offM > tc.meanM*lengthM || shapes != tc.shapes && tc.shapes > 0 || shapes > 0 && tc.shapes == 0 {
			t.Errorf("%s: %d patterns with a shape, want %d; %.1f %% of their hops matched, want %g; %.1f m off, at most %g",
				tc.slug, shapes, tc.shapes, 100*matched/max(withShape, 1), tc.shaped, offM/max(lengthM, 1), tc.meanM)
		}
	}
}
