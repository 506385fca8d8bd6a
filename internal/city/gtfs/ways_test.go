package gtfs

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// shapedFeed is a feed of one trip whose shape goes from A past C, round a block and
// back to C, then D: 0.001 degrees are 111 m.
func shapedFeed(times string, more ...string) []string {
	tables := append(standard("", ""), "shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"+
		"s,0,0.001,1\ns,0,0.004,2\ns,0.003,0.004,3\ns,0.003,0.0045,7\ns,0,0.0045,8\ns,0,0.005,9\nother,1,1,1\n")
	tables[slices.Index(tables, "trips.txt")+1] = "route_id,service_id,trip_id,shape_id\nr1,wd,x,s\n"
	tables[slices.Index(tables, "stop_times.txt")+1] = timesHead + times
	return append(tables, more...)
}

// In steps of 111 m: A to C are three; C to D are three north, half a step east,
// three south and half a step more, seven in all. The time goes with the way,
// not with the straight line.
func TestBlankTimesFollowTheShape(t *testing.T) {
	f := read(t, shapedFeed("x,08:00:00,08:00:00,A,1\nx,,,C,2\nx,08:10:00,08:10:00,D,3\n")...)
	if at, want := f.Trips[0].Calls[1].Arr, units.Seconds(8*3600+180); at != want {
		t.Errorf("C at %s, want %s", clock(at), clock(want))
	}
	if f.Interpolated != [3]int{byShape: 1} {
		t.Errorf("filled in %v", f.Interpolated)
	}
	tt, _ := compile(t, f)
	lon, lat := tt.Shape(0)
	if len(lon) != 6 || lon[0] != 0.001 || lon[5] != 0.005 || lat[2] != 0.003 {
		t.Errorf("shape %v %v", lon, lat)
	}
	step := 0.001 * city.EarthRadiusM * math.Pi / 180
	for i, want := range []float64{0, 3 * step, 10 * step} {
		if got := float64(tt.ShapeM[i]); math.Abs(got-want) > 0.5 {
			t.Errorf("stop %d lies %g m along, want %g", i, got, want)
		}
	}
}

// The shape of another route is not followed, neither by times nor on the map.
func TestShapesOfOtherRoutesAreRefused(t *testing.T) {
	tables := shapedFeed("x,08:00:00,08:00:00,A,1\nx,,,B,2\nx,08:08:00,08:08:00,D,3\n")
	tables[slices.Index(tables, "shapes.txt")+1] = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,0.002,0.001,1\ns,0.002,0.002,2\ns,0.002,0.005,3\ns,x,0,4\n"
	f := read(t, tables...)
	if at := f.Trips[0].Calls[1].Arr; clock(at) != "08:02:00" || f.Interpolated != [3]int{byStraightLines: 1} {
		t.Errorf("B at %s, filled in %v", clock(at), f.Interpolated)
	}
	tt, report := compile(t, f)
	if lon, _ := tt.Shape(0); lon != nil || counted(report, "patterns whose shape is not theirs") != 1 {
		t.Errorf("shape %v", lon)
	}
	if f.Skipped.Examples("shapes.txt: no valid position") != "line 5" {
		t.Errorf("skipped %v at %q", f.Skipped.Keys(), f.Skipped.Examples("shapes.txt: no valid position"))
	}
}

// Bays called at against their order along the shape: no time stands still, and
// places along the shape rise.
func TestBaysAgainstTheShape(t *testing.T) {
	tables := shapedFeed("x,08:00:00,08:00:00,A,1\nx,,,B2,2\nx,,,B,3\nx,08:09:00,08:09:00,C,4\n")
	tables[slices.Index(tables, "stops.txt")+1] = stopsTxt + "B2,Beta,0,0.0023,\n"
	f := read(t, tables...)
	c := f.Trips[0].Calls
	if !(c[0].Dep < c[1].Arr && c[1].Arr < c[2].Arr && c[2].Arr < c[3].Arr) {
		t.Errorf("times %v", c)
	}
	tt, _ := compile(t, f)
	for i := range 3 {
		if tt.ShapeM[i+1]-tt.ShapeM[i] < 1 {
			t.Errorf("places %v", tt.ShapeM)
		}
	}
}

func TestTransfersAreRead(t *testing.T) {
	tables := standard("r1,wd,x\n", "x,08:00:00,08:00:00,A,1\nx,08:01:00,08:01:00,B,2\nx,08:02:00,08:02:00,C,3\nx,08:03:00,08:03:00,D,4\n",
		"transfers.txt", "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_trip_id\n"+
			"A,D,2,300,\nA,S,3,,\nD,A,,,\nD,B,1,,\nD,E,0,,\n"+ // E has no service in the box
			"A,Nowhere,0,,\nA,B,4,,\nA,B,0,,x\nA,B,2,soon,\nA,B,9,,\n")
	tables[1] = "stop_id,stop_name,stop_lat,stop_lon,parent_station,location_type\nA,Alpha,0,0.001,,\nB,Beta,0,0.002,S,0\nC,Gamma,0,0.004,S,\nD,Delta,0,0.005,,\nE,Far,0,0.5,,\nS,Station,0,0.003,,1\n"
	f := read(t, tables...)
	tt, extra, report, err := Compile([]*Feed{f}, Options{BBox: box})
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{{0, 3, MinimumTime, 300}, {0, 1, NotPossible, 0}, {0, 2, NotPossible, 0}, {3, 0, Recommended, 0}, {3, 1, Timed, 0}}
	if d := cmp.Diff(want, extra.Rules); d != "" {
		t.Error(d)
	}
	var skipped []string
	for _, l := range report {
		if l.What == "rows skipped" {
			skipped = append(skipped, l.Detail)
		}
	}
	wantSkipped := []string{
		"test: transfers.txt: minimum time cannot be read (line 10)", "test: transfers.txt: rules for single routes or trips are not modelled (line 9)",
		"test: transfers.txt: stop does not exist (line 7)", "test: transfers.txt: unknown transfer type (line 11)",
		"test: transfers.txt: vehicles that go on as another trip are not modelled (line 8)",
	}
	if d := cmp.Diff(wantSkipped, skipped); d != "" {
		t.Error(d)
	}
	if !slices.Equal(tt.StationID, []string{"S"}) || tt.StationName[0] != "Station" || !slices.Equal(tt.StopStation, []uint32{city.NoStation, 0, 0, city.NoStation}) {
		t.Errorf("stations %v, of stops %v", tt.StationID, tt.StopStation)
	}
}

// Platform A, stairs down to a hall, from there a lift to platform B and the
// street; the way out of B is an exit only.
func TestPathwaysLeadThroughStations(t *testing.T) {
	tables := standard("r1,wd,x\n", "x,08:00:00,08:00:00,A,1\nx,08:01:00,08:01:00,B,2\n",
		"pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,traversal_time,length,stair_count\n"+
			"1,area,hall,2,1,,,60\n2,hall,B,5,1,45,,\n3,hall,door,1,1,,40,\n4,B,exit,7,0,20,,\n5,A,A,1,1,,,\n6,S,A,1,1,9,,\n")
	tables[1] = "stop_id,stop_name,stop_lat,stop_lon,parent_station,location_type\nA,Alpha,0,0.001,S,0\nB,Beta,0,0.002,S,0\narea,,,,A,4\nhall,,,,S,3\n" +
		"door,,0,0.0015,S,2\nexit,,0,0.003,S,2\nS,Station,0,0.003,,1\n"
	f := read(t, tables...)
	_, extra, _, err := Compile([]*Feed{f}, Options{BBox: box})
	if err != nil {
		t.Fatal(err)
	}
	// 60 steps at half a second are 30 s; 40 m at 4.8 km/h are 30 s.
	if d := cmp.Diff([]Inner{{0, 1, 75}, {1, 0, 75}}, extra.Inner); d != "" {
		t.Error(d)
	}
	wantDoors := [][]Door{{{0.0015, 0, 60}, {0.003, 0, 95}}, {{0.003, 0, 20}, {0.0015, 0, 75}}}
	if d := cmp.Diff(wantDoors, extra.Doors); d != "" {
		t.Error(d)
	}
	if got := strings.Join(f.Skipped.Keys(), "; "); got != "pathways.txt: leads to a station as a whole; pathways.txt: stop does not exist" {
		t.Errorf("skipped %s", got)
	}
}

// The same trip in two feeds is one trip, the same pole with two ids is one
// stop; the other kerb and the underground station of the same name are not.
func TestWhatTwoFeedsShare(t *testing.T) {
	one := read(t, standard("r1,wd,x\nr1,wd,only\n", "x,08:00:00,08:00:00,A,1\nx,08:05:00,08:05:00,B,2\nonly,09:00:00,09:00:00,A,1\nonly,09:05:00,09:05:00,B,2\n")...)
	tables := standard("line,wd,y\nline,wd,z\nmetro,wd,m\n",
		"y,08:00:00,08:00:00,100,1\ny,08:05:00,08:05:00,200,2\nz,08:10:00,08:10:00,200,1\nz,08:15:00,08:15:00,101,2\nm,08:00:00,08:00:00,100m,1\nm,08:05:00,08:05:00,200m,2\n")
	tables[slices.Index(tables, "stops.txt")+1] = "stop_id,stop_name,stop_lat,stop_lon\n100,ALPHA,0.00005,0.001\n101,Alpha,0.00012,0.001\n200,beta,0,0.00205\n100m,Alpha,0,0.001\n200m,Beta,0,0.002\n"
	tables[slices.Index(tables, "routes.txt")+1] = "route_id,route_short_name,route_type\nline,1,3\nmetro,1,1\n"
	two := read(t, tables...)
	one.Name, two.Name = "one", "two"
	for _, feeds := range [][]*Feed{{one, two}, {two, one}} {
		tt, report := compile(t, feeds...)
		if len(tt.TripID) != 4 || counted(report, "trips in two feeds, one removed") != 1 || counted(report, "stops that feeds share") != 2 {
			t.Errorf("trips %v, %g removed, %g stops shared", tt.TripID, counted(report, "trips in two feeds, one removed"), counted(report, "stops that feeds share"))
		}
		if tt.NumStops() != 5 {
			t.Errorf("stops %v", tt.StopID)
		}
		if slices.Contains(tt.TripID, "y") || !slices.Contains(tt.TripID, "x") {
			t.Errorf("the feed first in order of name does not keep the trip: %v", tt.TripID)
		}
	}
}

func TestFlatFares(t *testing.T) {
	f := read(t, standard("r1,wd,x\nr2,wd,y\n", "x,08:00:00,08:00:00,A,1\nx,08:05:00,08:05:00,B,2\ny,08:00:00,08:00:00,A,1\ny,08:05:00,08:05:00,B,2\n",
		"fare_attributes.txt", "fare_id,price,currency_type,payment_method,transfers\nbus,2.5,EUR,0,0\nchild,1,EUR,0,0\nzone,9,EUR,0,0\n",
		"fare_rules.txt", "fare_id,route_id,origin_id\nbus,r1,\nchild,r1,\nzone,r2,7\n")...)
	for _, own := range []bool{false, true} {
		opt := Options{BBox: box}
		opt.Fare[city.Bus], opt.FeedFare[city.Bus], opt.FeedFare[city.Tram] = 4, own, own
		tt, _, _, err := Compile([]*Feed{f}, opt)
		if err != nil {
			t.Fatal(err)
		}
		want := []float32{4, 0}
		if own {
			want = []float32{2.5, 0}
		}
		if got := []float32{tt.Lines[0].Fare, tt.Lines[1].Fare}; !slices.Equal(got, want) {
			t.Errorf("fares %v, want %v", got, want)
		}
	}
}
