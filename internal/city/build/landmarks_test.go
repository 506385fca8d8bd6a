package build

import (
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/malikobaid/cityflow/internal/city"
)

// A university and a mall beside jobs on one block: the university takes a
// tenth of education, the mall a tenth of shopping and, with its cafes, of
// leisure; work stays where the jobs are.
func TestLandmarksTakeTheirShare(t *testing.T) {
	files := func(marks, kinds string) fstest.MapFS {
		yaml := strings.Replace(goodYAML, "osm: osm.pbf", "osm: osm.pbf, jobs: j.csv, points_of_interest: m.csv", 1)
		return fstest.MapFS{
			"city.yaml": {Data: []byte(strings.Replace(yaml, "homes: streets", "homes: streets, kinds: {"+kinds+"}", 1))},
			"osm.pbf":   {Data: []byte(square("residential"))},
			"j.csv":     {Data: []byte("lon,lat,jobs\n0.003,0.001,100\n")},
			"m.csv":     {Data: []byte(marks)},
		}
	}
	const marks = "id,lon,lat,kind\nuni,0.001,0.001,\nmall,0.005,0.005,shop=mall\nplain,0.001,0.005,\nfar,1,1,shop=mall\nbad,x,y,shop=mall\n"
	c, err := City(files(marks, "uni: amenity=university"), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &c.Places
	total, at := [city.NumPurposes]float64{}, map[string][city.NumPurposes]float64{}
	for i := range p.Num() {
		for k := range total {
			total[k] += float64(p.Attraction[k][i])
		}
		for name, lonLat := range map[string][2]float64{"uni": {0.001, 0.001}, "mall": {0.005, 0.005}} {
			if math.Abs(p.Lon[i]-lonLat[0])+math.Abs(p.Lat[i]-lonLat[1]) < 1e-7 {
				at[name] = [city.NumPurposes]float64{float64(p.Attraction[0][i]), float64(p.Attraction[1][i]), float64(p.Attraction[2][i]), float64(p.Attraction[3][i])}
			}
		}
	}
	want := map[string][city.NumPurposes]float64{"uni": {0, 10, 0, 0}, "mall": {0, 0, 10, 10}}
	for name, w := range want {
		for k := range w {
			if math.Abs(at[name][k]-w[k]) > 1e-3 || math.Abs(total[k]-100) > 1e-3 {
				t.Errorf("%s draws %v of %v, want %v of 100 each", name, at[name], total, w)
				break
			}
		}
	}
	said := ""
	for _, l := range c.Info.Report {
		if l.What == "points of m.csv" {
			said = l.Detail
		}
	}
	if !strings.Contains(said, "1 without a kind that draws visitors, 1 outside the box, 1 unreadable") {
		t.Errorf("report: %q", said)
	}

	for _, x := range []struct{ marks, kinds, want string }{
		{marks, "nobody: amenity=university", "places.kinds.nobody: m.csv has no such id"},
		{marks, "uni: amenity=universty", `places.kinds.uni: "amenity=universty" is not a tag of a destination`},
		{"name,where\n", "", "m.csv: header"},
		{"", "", "m.csv: header"},
		{"id,lon\x00,lat\n", "", "m.csv: not a CSV file"},
	} {
		if _, err := City(files(x.marks, x.kinds), "t", nil); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q %q: %v, want %q", x.marks, x.kinds, err, x.want)
		}
	}
}

func FuzzLandmarks(f *testing.F) {
	for _, s := range []string{"id,lon,lat\na,1,2\n", "\ufeffName;Longitude;Latitude;Kind\nx;1,5;2;shop=mall\n", "id,lon,lat,kind\n\"open,1,2\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseLandmarks(raw)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v %v", m, err)
		}
		if m == nil {
			return
		}
		for _, p := range m.points {
			if !(math.Abs(p.lon) <= 180 && math.Abs(p.lat) <= 90) || p.id == "" {
				t.Fatalf("point %+v", p)
			}
			landmarkUse(p.kind)
		}
	})
}
