package build

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/units"
)

// feedCounts is what a README says of a feed.
type feedCounts struct {
	AnyDay, Routes, Stops int // in the file
	OnDate                int // trips on the recommended date
	Blanks                int
	InBox                 map[string]int // trips by mode with two or more stops in the box, duplicates and nights out
	Lines                 map[string]int // with such a trip
	Served                int            // stops in the box with such a trip
}

// Every feed by itself, against the counts of its README. Where ours differ the
// reason stands beside.
func TestFeedsMatchTheReadme(t *testing.T) {
	for _, tc := range []struct {
		slug, file string
		want       feedCounts
	}{
		{"newport", "gtfs-newport.zip", feedCounts{
			AnyDay: 1343, Routes: 85, Stops: 3601, OnDate: 1343,
			// 943 without duplicates. README: 70 bus routes, by name; two names
			// are used by two operators each.
			InBox: map[string]int{"bus": 943}, Lines: map[string]int{"bus": 72},
			// README 542: one is called at only by a trip with no second stop in
			// the box.
			Served: 541,
		}},
		{"heidelberg", "gtfs-rnv.zip", feedCounts{
			AnyDay: 3779, Routes: 32, Stops: 557, OnDate: 2610,
			InBox: map[string]int{"bus": 1397, "tram": 1213}, Lines: map[string]int{"bus": 23, "tram": 8},
			Served: 556, // one of the 557 has no service on the date
		}},
		{"porto-alegre", "gtfs-eptc.zip", feedCounts{
			AnyDay: 2374, Routes: 115, Stops: 3986, OnDate: 2374, Blanks: 125271,
			InBox: map[string]int{"bus": 2352}, Lines: map[string]int{"bus": 115}, Served: 2448,
		}},
		{"porto-alegre", "gtfs-trensurb.zip", feedCounts{
			AnyDay: 1248, Routes: 2, Stops: 24, OnDate: 529,
			InBox: map[string]int{"rail": 287}, Lines: map[string]int{"rail": 1}, Served: 4,
		}},
		{"london-camden", "gtfs-tfl-bus.zip", feedCounts{
			AnyDay: 144, Routes: 75, Stops: 420, OnDate: 4646,
			// README: 4,542 departures before ten; a pattern's service runs four
			// hours from its first departure, so some leave later. Six more are
			// exact duplicates of others; some stops lie beyond the box.
			InBox: map[string]int{"bus": 4613}, Lines: map[string]int{"bus": 74}, Served: 406,
		}},
		{"london-camden", "gtfs-tfl-tube.zip", feedCounts{
			AnyDay: 60, Routes: 7, Stops: 37, OnDate: 1127,
			// README: 1,099 departures before ten, as above.
			InBox: map[string]int{"metro": 1121}, Lines: map[string]int{"metro": 7}, Served: 34,
		}},
	} {
		t.Run(tc.file, func(t *testing.T) {
			dir := filepath.Join(citiesDir, tc.slug)
			raw, err := os.ReadFile(filepath.Join(dir, tc.file))
			if err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skipf("SKIPPED: %v", err)
			}
			yaml, err := os.ReadFile(filepath.Join(dir, ConfigFile))
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := parseConfig(yaml)
			if err != nil {
				t.Fatal(err)
			}
			date, _ := time.Parse("2006-01-02", cfg.ServiceDate)
			f, err := gtfs.Read(bytes.NewReader(raw), int64(len(raw)), "feed", date)
			if err != nil {
				t.Fatal(err)
			}
			tt, _, report, err := gtfs.Compile([]*gtfs.Feed{f}, gtfs.Options{BBox: cfg.BBox})
			if err != nil {
				t.Fatal(err)
			}
			got := feedCounts{AnyDay: f.TripsAnyDay, Routes: len(f.Routes), Stops: len(f.Stops), InBox: map[string]int{}, Lines: map[string]int{}, Served: tt.NumStops()}
			for _, l := range report {
				switch l.What {
				case "trips on the service date":
					got.OnDate = int(l.Count)
				case "blank stop times filled in":
					got.Blanks = int(l.Count)
				case "rows skipped":
					t.Errorf("rows skipped: %g, %s", l.Count, l.Detail)
				}
			}
			lines := map[units.LineID]bool{}
			for p, l := range tt.PatternLine {
				mode := tt.Lines[l].Mode.String()
				for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
					if id := tt.TripID[v]; len(id) < 4 || id[len(id)-4:] != "@-1d" {
						got.InBox[mode]++
						if !lines[l] {
							lines[l] = true
							got.Lines[mode]++
						}
					}
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
