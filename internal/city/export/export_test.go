package export

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

const citiesDir = "../../../cities"

// built compiles each city once for all tests.
var built sync.Map // slug -> func() (*city.City, error)

func load(t testing.TB, slug string) *city.City {
	t.Helper()
	dir := filepath.Join(citiesDir, slug)
	if _, err := os.Stat(filepath.Join(dir, "osm.pbf")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the data of %s is missing: %v", slug, err)
		}
		t.Skipf("SKIPPED: the data of %s is missing: %v", slug, err)
	}
	f, _ := built.LoadOrStore(slug, sync.OnceValues(func() (*city.City, error) { return build.City(os.DirFS(dir), slug, nil) }))
	c, err := f.(func() (*city.City, error))()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// each runs a test on an invented city with what is awkward, and on real ones.
func each(t *testing.T, test func(t *testing.T, c *city.City)) {
	t.Run("grid", func(t *testing.T) { test(t, awkward()) })
	for _, slug := range realCities {
		t.Run(slug, func(t *testing.T) { test(t, load(t, slug)) })
	}
}

// awkward is a small grid with a turn ban, a signal, a roundabout, names that
// need quoting, a trip past midnight, an operator without a name, an id used by
// two trips, and a street whose directions have different lines.
func awkward() *city.City {
	o := testcity.Default()
	o.N = 6
	c := testcity.Grid(o)
	n := &c.Net
	n.Names = append(n.Names, `"The" High Street, East`, " edge ")
	n.NameIdx[0], n.NameIdx[1] = uint32(len(n.Names)-2), uint32(len(n.Names)-1)
	n.NodeSignal[3], n.Roundabout[2], n.WayOSM[4] = true, true, -77
	in := n.In(7)[0]
	out, _ := n.Out(7)
	n.BanFirst = make([]uint32, n.NumLinks()+1)
	for l := int(in) + 1; l <= n.NumLinks(); l++ {
		n.BanFirst[l] = 1
	}
	n.BanTo = []units.LinkID{out}
	n.GeomLon[n.GeomFirst[5]] += 1e-5
	n.Lanes[9] = 1.5
	n.NodeHeightM, n.Grade = make([]float32, n.NumNodes()), make([]float32, n.NumLinks())
	for v := range n.NodeHeightM {
		n.NodeHeightM[v] = float32(v) / 3
	}
	for l := range n.Grade {
		n.Grade[l] = (n.NodeHeightM[n.To[l]] - n.NodeHeightM[n.From[l]]) / n.LengthM[l]
	}
	t := &c.Timetable
	t.Lines[0].Agency, t.Lines[1].Agency, t.Lines[1].Assumed = "", "Züge & Co, Ltd", true
	t.Lines[1].Name = "A name of more than twelve characters"
	t.TripID[1] = t.TripID[0]
	last := len(t.Arr) - 1
	for i := last; i > last-2; i-- {
		t.Arr[i], t.Dep[i] = t.Arr[i]+86400, t.Dep[i]+86400
	}
	t.StationID, t.StationName = []string{"whole", "half"}, []string{"Hauptbahnhof, \"Ost\"", "Halt"}
	t.StationLon, t.StationLat = []float64{t.StopLon[0], t.StopLon[2]}, []float64{t.StopLat[0], t.StopLat[2]}
	t.StopStation = make([]uint32, t.NumStops())
	for s := range t.StopStation {
		t.StopStation[s] = city.NoStation
	}
	t.StopStation[0], t.StopStation[1], t.StopStation[2] = 0, 0, 1
	t.PatternShape, t.ShapeFirst, t.ShapeM = make([]uint32, t.NumPatterns()), []uint32{0}, make([]float32, len(t.Stop))
	for p := range t.PatternShape {
		t.PatternShape[p] = city.NoShape
		if stops := t.StopsOf(units.PatternID(p)); p < 2 { // straight lines
			t.PatternShape[p] = uint32(p)
			for i, s := range stops {
				if i > 0 {
					k := t.PatternStops[p] + uint32(i)
					t.ShapeM[k] = t.ShapeM[k-1] + float32(city.DistanceM(t.StopLon[stops[i-1]], t.StopLat[stops[i-1]], t.StopLon[s], t.StopLat[s]))
				}
				t.ShapeLon, t.ShapeLat = append(t.ShapeLon, float32(t.StopLon[s])), append(t.ShapeLat, float32(t.StopLat[s]))
			}
			t.ShapeFirst = append(t.ShapeFirst, uint32(len(t.ShapeLon)))
		}
	}
	t.TransferS = make([]units.Seconds, len(t.TransferTo))
	t.TransferS[0] = 1000
	c.Info.Country, c.Info.TimeZone, c.Info.ServiceDate = "DE", "Europe/Berlin", "2024-02-29"
	if err := c.Validate(); err != nil {
		panic(err)
	}
	return c
}

func bytesOf(t testing.TB, f File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.Bytes()
}

// tables reads CSV files as another program would: cells by column name.
func tables(t testing.TB, files []File) map[string][]map[string]string {
	t.Helper()
	out := map[string][]map[string]string{}
	for _, f := range files {
		rows, err := csv.NewReader(bytes.NewReader(bytesOf(t, f))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		out[f.Name] = []map[string]string{}
		for _, row := range rows[1:] {
			cells := map[string]string{}
			for i, name := range rows[0] {
				cells[name] = row[i]
			}
			out[f.Name] = append(out[f.Name], cells)
		}
	}
	return out
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// readGMNS rebuilds the street network from GMNS tables.
func readGMNS(t testing.TB, files []File) *city.Network {
	t.Helper()
	in := tables(t, files)
	num := func(s string) float64 { return number(t, s) }
	n := &city.Network{}
	cfg := in["config.csv"][0]
	if cfg["long_length"] != "km" || cfg["speed"] != "km/h" || cfg["geometry_field_format"] != "WKT" || cfg["crs"] != "EPSG:4326" {
		t.Fatalf("config: %v", cfg)
	}
	pr := city.ProjectionOf([4]float64{num(cfg["cf_west"]), num(cfg["cf_south"]), num(cfg["cf_east"]), num(cfg["cf_north"])})
	for i, r := range in["node.csv"] {
		if r["node_id"] != strconv.Itoa(i) {
			t.Fatalf("node %d: %v", i, r)
		}
		lon, lat := num(r["x_coord"]), num(r["y_coord"])
		x, y := pr.XY(lon, lat)
		if r["z_coord"] != "" {
			n.NodeHeightM = append(n.NodeHeightM, float32(num(r["z_coord"])))
		}
		n.NodeLon, n.NodeLat, n.NodeX, n.NodeY = append(n.NodeLon, lon), append(n.NodeLat, lat), append(n.NodeX, float32(x)), append(n.NodeY, float32(y))
		n.NodeOSM, n.NodeSignal = append(n.NodeOSM, int64(num(r["cf_osm_node_id"]))), append(n.NodeSignal, r["ctrl_type"] == "signal")
	}
	shape := map[string][][2]float32{}
	for _, r := range in["geometry.csv"] {
		var pts [][2]float32
		inner := strings.TrimSuffix(strings.TrimPrefix(r["geometry"], "LINESTRING ("), ")")
		for _, p := range strings.Split(inner, ", ") {
			x, y, _ := strings.Cut(p, " ")
			lon, err1 := strconv.ParseFloat(x, 32)
			lat, err2 := strconv.ParseFloat(y, 32)
			if err1 != nil || err2 != nil {
				t.Fatalf("geometry %q", r["geometry"])
			}
			pts = append(pts, [2]float32{float32(lon), float32(lat)})
		}
		shape[r["geometry_id"]] = pts
	}
	modes := map[string]city.ModeSet{"auto": city.AllowCar, "bike": city.AllowBike, "walk": city.AllowWalk, "bus": city.AllowBus}
	if len(in["use_definition.csv"]) != len(modes) {
		t.Errorf("uses: %v", in["use_definition.csv"])
	}
	classes := map[string]city.RoadClass{}
	for k := city.Motorway; k <= city.Path; k++ {
		classes[k.String()] = k
	}
	names := map[string]uint32{"": 0}
	n.Names, n.GeomFirst = []string{""}, []uint32{0}
	for i, r := range in["link.csv"] {
		if r["link_id"] != strconv.Itoa(i) || r["directed"] != "true" {
			t.Fatalf("link %d: %v", i, r)
		}
		if _, ok := names[r["name"]]; !ok {
			names[r["name"]] = uint32(len(n.Names))
			n.Names = append(n.Names, r["name"])
		}
		n.NameIdx = append(n.NameIdx, names[r["name"]])
		n.From, n.To = append(n.From, units.NodeID(num(r["from_node_id"]))), append(n.To, units.NodeID(num(r["to_node_id"])))
		n.LengthM = append(n.LengthM, float32(num(r["length"])*1000))
		if r["grade"] != "" {
			n.Grade = append(n.Grade, float32(num(r["grade"])/100))
		}
		n.SpeedMS = append(n.SpeedMS, float32(num(r["free_speed"])/3.6))
		n.Lanes = append(n.Lanes, float32(num(r["cf_lanes"])))
		n.CapacityVS = append(n.CapacityVS, float32(num(r["cf_capacity_link"])/3600))
		n.JamVM = append(n.JamVM, float32(num(r["cf_jam_density"])/1000))
		var m city.ModeSet
		for _, u := range strings.Split(r["allowed_uses"], ",") {
			m |= modes[u]
		}
		n.Modes, n.Class = append(n.Modes, m), append(n.Class, classes[r["facility_type"]])
		n.Roundabout, n.WayOSM = append(n.Roundabout, r["cf_roundabout"] == "true"), append(n.WayOSM, int64(num(r["cf_osm_way_id"])))
		rev := units.NoLink
		if r["cf_reverse_link_id"] != "" {
			rev = units.LinkID(num(r["cf_reverse_link_id"]))
		}
		n.Reverse = append(n.Reverse, rev)
		pts := slices.Clone(shape[r["geometry_id"]])
		if r["dir_flag"] == "-1" {
			slices.Reverse(pts)
		}
		for _, p := range pts {
			n.GeomLon, n.GeomLat = append(n.GeomLon, p[0]), append(n.GeomLat, p[1])
		}
		n.GeomFirst = append(n.GeomFirst, uint32(len(n.GeomLon)))
		// The specification's own fields say the same, rounded.
		if m&city.AllowCar != 0 && math.Abs(num(r["capacity"])*num(r["lanes"])-num(r["cf_capacity_link"])) > 0.5*num(r["lanes"])+1e-6 {
			t.Errorf("link %d: %s x %s lanes is not %s", i, r["capacity"], r["lanes"], r["cf_capacity_link"])
		}
	}
	n.IndexLinks()
	may := map[[2]units.LinkID]bool{}
	for _, r := range in["movement.csv"] {
		a, b := units.LinkID(num(r["ib_link_id"])), units.LinkID(num(r["ob_link_id"]))
		may[[2]units.LinkID{a, b}] = true
		if node := units.NodeID(num(r["node_id"])); n.To[a] != node || n.From[b] != node {
			t.Errorf("movement %v", r)
		}
		if !slices.Contains([]string{"left", "right", "uturn", "thru"}, r["type"]) {
			t.Errorf("movement %v", r)
		}
	}
	n.BanFirst = []uint32{0}
	for l := range n.NumLinks() {
		first, end := n.Out(n.To[l])
		for out := first; out < end && n.Modes[l]&vehicles != 0; out++ {
			if n.Modes[out]&vehicles != 0 && !may[[2]units.LinkID{units.LinkID(l), out}] {
				n.BanTo = append(n.BanTo, out)
			}
		}
		n.BanFirst = append(n.BanFirst, uint32(len(n.BanTo)))
	}
	return n
}

// GMNS holds all of a street network but the numbering of names.
func TestGMNSReadsBackAsTheSameNetwork(t *testing.T) {
	each(t, func(t *testing.T, c *city.City) {
		got := readGMNS(t, GMNS(c))
		want := c.Net
		for l := range want.NumLinks() {
			if a, b := want.Names[want.NameIdx[l]], got.Names[got.NameIdx[l]]; a != b {
				t.Fatalf("link %d: name %q, want %q", l, b, a)
			}
		}
		opt := cmp.Options{cmpopts.IgnoreFields(city.Network{}, "Names", "NameIdx"), cmpopts.EquateEmpty()}
		if d := cmp.Diff(&want, got, opt); d != "" {
			t.Errorf("the network changed (-want +got):\n%.3000s", d)
		}
		if c.Info.Slug == "newport" && len(want.BanTo) < 50 {
			t.Errorf("only %d banned turns: nothing was tested", len(want.BanTo))
		}
	})
}

// Zones hold all residents and attractions; a stop lies at an end of a link
// that walkers may use, on the node that it is reached from.
func TestGMNSZonesAndStops(t *testing.T) {
	each(t, func(t *testing.T, c *city.City) {
		in := tables(t, GMNS(c))
		var people, work float64
		for i, r := range in["zone.csv"] {
			if r["zone_id"] != strconv.Itoa(i) || units.NodeID(number(t, r["cf_node_id"])) != c.Places.ClusterNode[i] {
				t.Fatalf("zone %d: %v", i, r)
			}
			people, work = people+number(t, r["cf_residents"]), work+number(t, r["cf_work"])
		}
		var wantPeople, wantWork float64
		for i := range c.Places.Num() {
			wantPeople, wantWork = wantPeople+float64(c.Places.Residents[i]), wantWork+float64(c.Places.Attraction[city.Work][i])
		}
		if len(in["zone.csv"]) != c.Places.NumClusters() || math.Abs(people-wantPeople) > 1e-6*wantPeople || math.Abs(work-wantWork) > 1e-6*wantWork {
			t.Errorf("%d zones, %g residents of %g, work %g of %g", len(in["zone.csv"]), people, wantPeople, work, wantWork)
		}
		if len(in["location.csv"]) != c.Timetable.NumStops() {
			t.Fatalf("%d locations, %d stops", len(in["location.csv"]), c.Timetable.NumStops())
		}
		for s, r := range in["location.csv"] {
			l, lr := units.LinkID(number(t, r["link_id"])), number(t, r["lr"])
			node := c.Net.From[l]
			if lr > 0 {
				node = c.Net.To[l]
			}
			if r["gtfs_stop_id"] != c.Timetable.StopID[s] || units.NodeID(number(t, r["ref_node_id"])) != c.Net.From[l] || node != c.Timetable.StopNode[s] ||
				lr != 0 && lr != float64(c.Net.LengthM[l]) || c.Net.Modes[l]&city.AllowWalk == 0 {
				t.Fatalf("stop %d: %v", s, r)
			}
		}
	})
}

func zipped(t testing.TB, files []File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Zip(&b, files, func(File) {}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// GTFS holds stops, lines, patterns, trips and times: what our own importer
// makes of the feed is the timetable it came from, with stations, shapes and
// fares. It does not hold walks to the streets, stop groups and the ways of
// buses through the streets, which an import makes anew; service
// that is assumed is told in words; an id that two trips have gets a number.
func TestGTFSReadsBackAsTheSameTimetable(t *testing.T) {
	each(t, func(t *testing.T, c *city.City) {
		feed := zipped(t, GTFS(c))
		day, err := time.Parse("2006-01-02", c.Info.ServiceDate)
		if err != nil {
			t.Fatal(err)
		}
		f, err := gtfs.Read(bytes.NewReader(feed), int64(len(feed)), "export", day)
		if err != nil {
			t.Fatal(err)
		}
		if f.Interpolated != [3]int{} || len(f.Skipped.Keys()) > 0 || f.TripsAnyDay != c.Timetable.NumTrips() {
			t.Errorf("%d times filled in, skipped %v, %d trips", f.Interpolated, f.Skipped, f.TripsAnyDay)
		}
		opt := gtfs.Options{BBox: [4]float64{-180, -90, 180, 90}}
		for m := range opt.FeedFare {
			opt.FeedFare[m] = true
		}
		got, _, _, err := gtfs.Compile([]*gtfs.Feed{f}, opt)
		if err != nil {
			t.Fatal(err)
		}
		want := c.Timetable
		want.Lines = slices.Clone(want.Lines)
		for i := range want.Lines {
			l := &want.Lines[i]
			l.Assumed = false
			if l.Agency == "" {
				l.Agency = unnamed
			}
		}
		want.TripID = uniqueTrips(&want)
		columns := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(city.Timetable{}, "StopNode", "StopWalkM", "StopGroup", "TransferFirst", "TransferTo", "TransferM", "TransferS",
			"HopFirst", "HopLink", "HopFrom", "HopTo", "HopMatch", "HopOffM"),
			cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "ShapeM" }, cmpopts.EquateApprox(0, 0.01))}
		if !slices.Contains(realCities, c.Info.Slug) {
			// The grid numbers stops and lines in its own order; trips are
			// compared by what they are.
			if d := cmp.Diff(runs(&want), runs(&got)); d != "" {
				t.Errorf("trips changed (-want +got):\n%.3000s", d)
			}
			return
		}
		if d := cmp.Diff(want, got, columns); d != "" {
			t.Errorf("the timetable changed (-want +got):\n%.3000s", d)
		}
	})
}

// runs are the trips in words, sorted.
func runs(t *city.Timetable) []string {
	var out []string
	for p := range t.NumPatterns() {
		for v := t.PatternTrips[p]; v < t.PatternTrips[p+1]; v++ {
			l := t.Lines[t.PatternLine[p]]
			s := fmt.Sprint(t.TripID[v], l)
			if len(t.PatternShape) > 0 {
				s += fmt.Sprint(t.Shape(units.PatternID(p)))
			}
			arr, dep := t.Times(units.PatternID(p), units.VehicleTripID(v))
			for i, stop := range t.StopsOf(units.PatternID(p)) {
				s += fmt.Sprint("|", t.StopID[stop], t.StopName[stop], t.StopLon[stop], t.StopLat[stop], arr[i], dep[i])
			}
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

// What the documentation promises of a feed, beyond what the importer reads.
func TestGTFSTells(t *testing.T) {
	c := awkward()
	in := tables(t, GTFS(c))
	if d := in["calendar_dates.txt"]; len(d) != 1 || d[0]["date"] != "20240229" || d[0]["exception_type"] != "1" {
		t.Errorf("dates: %v", d)
	}
	assumed := 0
	for _, r := range in["routes.txt"] {
		if strings.Contains(r["route_desc"], "Assumed") {
			assumed++
		}
		if r["route_short_name"] == "" && r["route_long_name"] == "" || len(r["route_short_name"]) > maxShortName {
			t.Errorf("route %v", r)
		}
	}
	if assumed != 1 {
		t.Errorf("%d lines are said to be assumed", assumed)
	}
	late := 0
	for _, r := range in["stop_times.txt"] {
		if r["arrival_time"] >= "24:00:00" {
			late++
		}
	}
	if late < 2 {
		t.Errorf("%d times past midnight", late)
	}
	for _, r := range in["agency.txt"] {
		if r["agency_timezone"] != "Europe/Berlin" || r["agency_name"] == "" || !strings.HasPrefix(r["agency_url"], "https://") {
			t.Errorf("agency %v", r)
		}
	}
	if want := len(c.Timetable.TransferTo); len(in["transfers.txt"]) != want || in["transfers.txt"][0]["min_transfer_time"] != "1000" {
		t.Errorf("%d transfers, want %d; the first takes %s s, want 1000", len(in["transfers.txt"]), want, in["transfers.txt"][0]["min_transfer_time"])
	}
	parents := map[string]int{}
	for _, r := range in["stops.txt"] {
		parents[r["location_type"]+r["parent_station"]]++
	}
	if want := map[string]int{"0whole": 2, "0half": 1, "1": 2, "0": c.Timetable.NumStops() - 3}; !maps.Equal(parents, want) {
		t.Errorf("stops by type and station: %v, want %v", parents, want)
	}
	for _, r := range in["fare_attributes.txt"] {
		if r["currency_type"] != "EUR" || r["transfers"] != "0" {
			t.Errorf("fare %v", r)
		}
	}
	if len(in["fare_rules.txt"]) != len(c.Timetable.Lines) || len(in["shapes.txt"]) != len(c.Timetable.ShapeLon) {
		t.Errorf("%d fare rules for %d lines, %d points of shapes", len(in["fare_rules.txt"]), len(c.Timetable.Lines), len(in["shapes.txt"]))
	}
}

// The same city gives the same bytes, in a folder and in an archive.
func TestSameCitySameBytes(t *testing.T) {
	c := awkward()
	for _, f := range Formats() {
		if a, b := zipped(t, f.Files(c)), zipped(t, f.Files(awkward())); !bytes.Equal(a, b) {
			t.Errorf("%s differs", f.Name)
		}
		z, err := zip.NewReader(bytes.NewReader(zipped(t, f.Files(c))), int64(len(zipped(t, f.Files(c)))))
		if err != nil {
			t.Fatal(err)
		}
		for i, file := range f.Files(c) {
			r, err := z.File[i].Open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || z.File[i].Name != file.Name || !bytes.Equal(got, bytesOf(t, file)) {
				t.Errorf("%s in the archive: %v", file.Name, err)
			}
		}
	}
}

// Tables come out alike however often they are written: parquet-go 0.27 hands
// memory from one table on to the next, and with it the last bits of flags.
func TestSameTableSameBytesAgainAndAgain(t *testing.T) {
	c := awkward()
	for _, f := range GeoParquet(c) {
		first := bytesOf(t, f)
		for range 100 {
			if !bytes.Equal(first, bytesOf(t, f)) {
				t.Fatalf("%s differs", f.Name)
			}
		}
	}
}

// A writer that fails is told.
func TestAFullDiskIsTold(t *testing.T) {
	c := awkward()
	all := SUMO(c, cars(c))
	for _, f := range Formats() {
		all = append(all, f.Files(c)...)
	}
	for _, f := range all {
		if err := f.Write(full{}); err == nil {
			t.Errorf("%s: no error", f.Name)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
