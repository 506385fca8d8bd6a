package build

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Every documented form holds the same two points.
func TestCountedForms(t *testing.T) {
	want := []countedPoint{{-46.5, -23.25, 1200}, {-46.625, -23.5, 7.5}}
	for name, csv := range map[string]string{
		"plain":         "lon,lat,population\n-46.5,-23.25,1200\n-46.625,-23.5,7.5\n",
		"byte mark":     "\ufefflon,lat,population\r\n-46.5,-23.25,1200\r\n-46.625,-23.5,7.5\r\n",
		"aliases":       "Residents, Latitude ,LONGITUDE\n1200,-23.25,-46.5\n7.5,-23.5,-46.625\n",
		"x and y":       "x,y,pop\n-46.5,-23.25,1.2e3\n-46.625,-23.5,7.5",
		"ids of cells":  "id,lon,lat,population,schools\n89a90129977ffff,-46.5,-23.25,1200,3\n89a901299b3ffff,-46.625,-23.5,7.5,\n",
		"quoted":        "\"name\",\"lon\",\"lat\",\"people\"\n\"Sé, centre\",-46.5,-23.25,1200\n\"a \"\"b\"\"\",-46.625,-23.5,7.5\n",
		"semicolons":    "lon;lat;population\n-46,5;-23,25;1200\n-46,625;-23,5;7,5\n",
		"tabs":          "lon\tlat\tpopulation\n-46.5\t-23.25\t1200\n-46.625\t-23.5\t7.5\n",
		"WKT":           "wkt,population\nPOINT (-46.5 -23.25),1200\nSRID=4326;point(-46.625 -23.5),7.5\n",
		"WKT, tabs":     "geometry\tpopulation\nPOINT (-46.5 -23.25)\t1200\nPOINT Z (-46.6)\tx\nPOINT(-46.625 -23.5 700)\t7.5\n",
		"bad rows pass": "lon,lat,population\n-46.5,-23.25,1200\n,,\n-46.6,-23.2,-3\n-46.6,-23.2,NaN\n-46.6,-23.2,0x10\n190,0,1\n-46.6\n-46.625,-23.5,7.5\n",
	} {
		c, err := parseCounted([]byte(csv), peopleNames...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(want, c.points, cmp.AllowUnexported(countedPoint{}), cmpopts.EquateApprox(1e-12, 0)); d != "" || !c.counts {
			t.Errorf("%s: counts %v\n%s", name, c.counts, d)
		}
		if name == "bad rows pass" && (c.bad != 6 || c.example != "line 3 has no position in degrees") {
			t.Errorf("%s: %d bad, %q", name, c.bad, c.example)
		}
	}
	c, err := parseCounted([]byte("lon,lat,weight\n1,2,3\n"), jobsNames...)
	if err != nil || c.counts || c.column != "weight" {
		t.Errorf("weights: %+v %v", c, err)
	}
	// A row is named by its id.
	if c, _ = parseCounted([]byte("id,lon,lat,jobs\nhex7,1,2,many\n"), jobsNames...); c == nil || c.bad != 1 || !strings.Contains(c.example, "line 2 (hex7) has no count in jobs") {
		t.Errorf("%+v", c)
	}
}

func TestCountedRefusals(t *testing.T) {
	for want, csv := range map[string]string{
		"header":             "",
		"UTF-8":              "\x89PNG\x00\x01\x02,,\n",
		"no position":        "population,district\n3,4\n",
		"add the middles":    "h3_address,population\n89a90129977ffff,4\n",
		"no counts: want":    "lon,lat,colour\n1,2,red\n",
		"want a column jobs": "lon,lat\n1,2\n",
	} {
		if _, err := parseCounted([]byte(csv), jobsNames...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error that says %q", csv, err, want)
		}
	}
	// Both problems of a header at once.
	if _, err := parseCounted([]byte("a,b\n"), jobsNames...); err == nil || !strings.Contains(err.Error(), "no position") || !strings.Contains(err.Error(), "no counts") {
		t.Error(err)
	}
	if _, err := parseCounted([]byte("lon,lat,jobs\n"+strings.Repeat("1,2,3\n", maxPoints+1)), jobsNames...); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

func FuzzCounted(f *testing.F) {
	for _, s := range []string{
		"lon,lat,population\n-46.5,-23.25,1200\n", "\ufeffid;x;y;weight\n\"a;b\";1,5;2;3\n", "wkt\tjobs\nPOINT (1 2)\t3\n",
		"lon,lat,jobs\n\"unclosed,1,2\n3,4,5\n", "lon,lat,lon,lat,jobs\n1,2,3,4,5\n", fmt.Sprintf("lon,lat,jobs\n%s,1,2\n", strings.Repeat("9", 400)),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseCounted(raw, jobsNames...)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v %v", c, err)
		}
		if c == nil {
			return
		}
		for _, p := range c.points {
			if !(math.Abs(p.lon) <= 180 && math.Abs(p.lat) <= 90 && p.w >= 0 && p.w <= 1e9) {
				t.Fatalf("point %+v", p)
			}
		}
		if c.bad > 0 && c.example == "" {
			t.Fatal("a bad row without an example")
		}
	})
}
