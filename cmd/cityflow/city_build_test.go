package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city/report"
	"github.com/malikobaid/cityflow/spec"
)

// townFiles writes the files of an invented town: eight by eight streets 200 m
// apart, a bus through the middle, people and jobs.
func townFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	const n = 9
	node := func(i, j int) int { return 1 + j*n + i }
	var m bytes.Buffer
	m.WriteString(`<osm version="0.6">`)
	for j := range n {
		for i := range n {
			fmt.Fprintf(&m, `<node id="%d" lat="%.5f" lon="%.5f"/>`, node(i, j), 48+float64(j)*0.0018, 16+float64(i)*0.0027)
		}
	}
	way := 1000
	for k := range n {
		kind := "residential"
		if k == n/2 {
			kind = "secondary"
		}
		for _, across := range []bool{true, false} {
			way++
			fmt.Fprintf(&m, `<way id="%d">`, way)
			for i := range n {
				if across {
					fmt.Fprintf(&m, `<nd ref="%d"/>`, node(i, k))
				} else {
					fmt.Fprintf(&m, `<nd ref="%d"/>`, node(k, i))
				}
			}
			fmt.Fprintf(&m, `<tag k="highway" v="%s"/><tag k="name" v="Street %d"/></way>`, kind, way)
		}
	}
	m.WriteString(`</osm>`)
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	for name, text := range map[string]string{
		"agency.txt":     "agency_name,agency_timezone,agency_url\nTown Bus,Europe/Vienna,x\n",
		"stops.txt":      "stop_id,stop_name,stop_lat,stop_lon\na,West,48.0072,16\nb,Middle,48.0072,16.0108\nc,East,48.0072,16.0216\n",
		"routes.txt":     "route_id,route_short_name,route_type\n1,1,3\n",
		"calendar.txt":   "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nw,1,1,1,1,1,0,0,20240401,20240430\n",
		"trips.txt":      "route_id,service_id,trip_id\n1,w,x\n1,w,y\n",
		"stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nx,06:00:00,06:00:00,a,1\nx,06:04:00,06:04:00,b,2\nx,06:08:00,06:08:00,c,3\ny,06:00:00,06:00:00,c,1\ny,06:04:00,06:04:00,b,2\ny,06:08:00,06:08:00,a,3\n",
		"frequencies.txt": "trip_id,start_time,end_time,headway_secs\nx,05:00:00,23:00:00,600\n" +
			"y,05:00:00,23:00:00,600\n",
	} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"town.osm": m.Bytes(), "bus.zip": z.Bytes(),
		"people.csv": []byte("id;longitude;latitude;residents\nh1;16,004;48,004;900\nh2;16,015;48,01;600\n"),
		"jobs.csv":   []byte("lon,lat,jobs\n16.0108,48.0072,700\n16.02,48.012,200\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A city from files, as a pack file and in a folder of cities: the same pack,
// a report beside it, and a city.yaml from which the same city is built again.
func TestCityBuildFromFiles(t *testing.T) {
	dir := townFiles(t)
	_, _, run := smallCity(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	flags := []string{"city", "build", "--osm", in("town.osm"), "--gtfs", in("bus.zip"), "--population", in("people.csv"), "--jobs", in("jobs.csv"), "--slug", "my-town", "--format", "json"}
	pack, packs := filepath.Join(dir, "out", "town.pack"), filepath.Join(dir, "packs")
	var made [2][]builtCity
	for i, out := range []string{pack, packs} {
		code, stdout, stderr := run(append(flags, "--out", out)...)
		if err := json.Unmarshal([]byte(stdout), &made[i]); code != 0 || err != nil || len(made[i]) != 1 {
			t.Fatal(code, err, stderr)
		}
		if !strings.Contains(stderr, "my-town: building streets\n") {
			t.Errorf("progress without a terminal: %q", stderr)
		}
	}
	one, two := made[0][0], made[1][0]
	if one.Pack != pack || one.Links != two.Links || one.Findings != two.Findings || one.Report != filepath.Join(dir, "out", "town.report.html") {
		t.Errorf("%+v\n%+v", one, two)
	}
	a, err1 := os.ReadFile(one.Pack)
	b, err2 := os.ReadFile(two.Pack)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("the pack file and the pack in the folder differ: %v %v", err1, err2)
	}
	drawn, err1 := os.ReadFile(filepath.Join(dir, "out", "town.pmtiles"))
	served, err2 := os.ReadFile(filepath.Join(packs, "cities", "my-town", "basemap.pmtiles"))
	if err1 != nil || err2 != nil || !bytes.Equal(drawn, served) || one.Basemap != filepath.Join(dir, "out", "town.pmtiles") || two.Basemap != "" {
		t.Errorf("the map beside the pack file: %v %v, %q, %q", err1, err2, one.Basemap, two.Basemap)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "out", "town.report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rep report.Report
	if err := json.Unmarshal(raw, &rep); err != nil {
		t.Fatal(err)
	}
	if rep.City.ServiceDate != "2024-04-16" || len(rep.Derived) < 8 || len(rep.Files) != 5 || !strings.Contains(rep.Config, "ASSUMED") || rep.Verdict != one.Findings {
		t.Errorf("%+v", rep)
	}
	page, err := os.ReadFile(one.Report)
	if err != nil || !bytes.Contains(page, []byte("Settings that nobody gave")) {
		t.Errorf("%v", err)
	}

	// The derived city.yaml beside the sources is a folder to build.
	folder := filepath.Join(dir, "cities", "my-town")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"town.osm", "bus.zip", "people.csv", "jobs.csv"} {
		if err := os.Rename(in(name), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "out", "town.city.yaml"), filepath.Join(folder, "city.yaml")); err != nil {
		t.Fatal(err)
	}
	reports := filepath.Join(dir, "reports")
	for _, args := range [][]string{{"--sources", filepath.Join(dir, "cities"), "my-town"}, {"--sources", filepath.Join(dir, "cities")}, {folder}} {
		again := filepath.Join(dir, "again.pack")
		if code, _, stderr := run(append(append([]string{"city", "build"}, args...), "--out", again, "--report", reports)...); code != 0 {
			t.Fatal(code, stderr)
		}
		if c, err := os.ReadFile(again); err != nil || !bytes.Equal(a, c) {
			t.Errorf("%v: the derived city.yaml gives another pack: %v", args, err)
		}
	}
	if _, err := os.Stat(filepath.Join(reports, "report.json")); err != nil {
		t.Error(err)
	}

	// What changes beside the line of the city's what-if is part of the pack;
	// an unsound one is told in full, and no pack is made.
	yaml, err := os.ReadFile(filepath.Join(folder, "city.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	calmer := "\ndefault:\n  name: Tram to the east\n  stops: [a, c]\n  also:\n    - {type: speed_limit, name: Slow streets, kmh: 20, links: [{way: 1001}]}\n"
	also := filepath.Join(dir, "also.pack")
	for _, x := range []struct {
		old, new string
		code     int
		says     []string
	}{
		{"1001", "7}, {way: 8", 2, []string{"default.also[0].links[0].way: way 7 is not", "default.also[0].links[1].way: way 8 is not"}},
		{"speed_limit", "monorail", 2, []string{"city.yaml: default.also[0].type:"}},
		{"", "", 0, nil},
	} {
		if err := os.WriteFile(filepath.Join(folder, "city.yaml"), []byte(string(yaml)+strings.Replace(calmer, x.old, x.new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := run("city", "build", folder, "--out", also)
		_, err := os.Stat(also)
		if code != x.code || (err == nil) != (code == 0) {
			t.Errorf("%s: %d, %v, %s", x.new, code, err, stderr)
		}
		for _, want := range x.says {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %q is not in %s", x.new, want, stderr)
			}
		}
	}
	var calm spec.CityDetail
	if code, stdout, stderr := run("city", "info", also, "--format", "json"); json.Unmarshal([]byte(stdout), &calm) != nil || code != 0 || len(calm.Default.Also) != 1 || calm.Default.Also[0].ID != "speed-limit-1" || calm.Default.Also[0].KMH != 20 {
		t.Error(code, stderr, calm.Default)
	}
	if code, stdout, _ := run("city", "info", also); code != 0 || !strings.Contains(stdout, "with it: Slow streets") {
		t.Error(code, stdout)
	}

	// A pack by another name is a pack; another file is none, and it says so.
	other := filepath.Join(dir, "town.city")
	if err := os.WriteFile(other, a, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := run("city", "info", other); code != 0 || !strings.Contains(stdout, "My Town") {
		t.Error(code, stderr)
	}
	for _, c := range []struct{ file, want string }{
		{filepath.Join(folder, "town.osm"), "looks like a map: cityflow city build --osm " + filepath.Join(folder, "town.osm")},
		{filepath.Join(folder, "jobs.csv"), "jobs.csv is no compiled city"},
		{filepath.Join(dir, "none.pack"), "no such file"},
	} {
		for _, args := range [][]string{{"city", "info", c.file}, {"city", "export", "--city", c.file, "--format", "gmns", "--out", filepath.Join(dir, "x")}, {"simulate", "--city", c.file, "--out", filepath.Join(dir, "x")}} {
			if code, stdout, stderr := run(args...); code != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "no compiled cities") {
				t.Errorf("%v: %d, %s", args, code, stderr)
			}
		}
	}

	// And it is a city like any other.
	code, stdout, stderr := run("city", "validate", pack)
	if code != 0 || !strings.Contains(stdout, "nothing wrong") {
		t.Error(code, stdout, stderr)
	}
	code, stdout, stderr = run("city", "info", pack, "--format", "json")
	var info struct {
		Name   string
		Totals []report.Total
	}
	if err := json.Unmarshal([]byte(stdout), &info); code != 0 || err != nil || info.Name != "My Town" || len(info.Totals) == 0 {
		t.Error(code, err, stderr, info)
	}
	if code, stdout, _ = run("city", "info", "--packs", packs, "my-town"); code != 0 || !strings.Contains(stdout, "open to cars") {
		t.Error(code, stdout)
	}
	code, stdout, stderr = run("simulate", "--city", pack, "--tram-start", "West", "--tram-end", "East", "--agents", "200", "--replications", "2", "--out", filepath.Join(dir, "result"), "--format", "json")
	if code != 0 || !strings.Contains(stdout, `"verdict"`) {
		t.Error(code, stderr)
	}
}

func TestCityBuildBadInput(t *testing.T) {
	dir := townFiles(t)
	_, _, run := smallCity(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	out := filepath.Join(dir, "out.pack")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--osm", in("none.pbf"), "--gtfs", in("none.zip"), "--bbox", "1,2,x", "--date", "tomorrow", "--slug", "My Town", "--country", "Austria", "newport"},
			[]string{"none.pbf", "none.zip", "--bbox", "tomorrow", "My Town", "AUSTRIA", "newport beside --osm"}},
		{[]string{"--population", in("people.csv")}, []string{"the map is missing", "--slug is missing"}},
		{[]string{"--osm", in("bus.zip"), "--gtfs", in("town.osm"), "--jobs", in("people.csv"), "--elevation", in("people.csv"), "--slug", "t"},
			[]string{"bus.zip: osm", "town.osm: gtfs", "people.csv: header", "not a TIFF"}},
		{[]string{"--osm", in("town.osm"), "--bbox", "10,10,11,11", "--slug", "t"}, []string{"no street"}},
		{[]string{"--osm", in("town.osm"), "--gtfs", in("bus.zip"), "--date", "2031-01-01", "--slug", "t"}, []string{"20310101 is outside its calendar"}},
		{[]string{"nowhere", "elsewhere"}, []string{"nowhere: neither", "elsewhere: neither"}},
		{[]string{"--sources", dir}, []string{"no city.yaml below"}},
		{[]string{"--osm", in("town.osm"), "--slug", "t", "--settle", "t"}, []string{"--settle keeps its morning in a folder"}},
	} {
		code, stdout, stderr := run(append([]string{"city", "build", "--out", out}, c.args...)...)
		if code != 2 || stdout != "" {
			t.Errorf("%v: exit code %d, %s", c.args, code, stdout)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%v: %q lacks %q", c.args, stderr, w)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "out*")); len(left) > 0 {
		t.Errorf("bad input left %v behind", left)
	}
}
