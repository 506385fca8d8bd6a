package assign

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const head = `<NUMBER OF ZONES> 2
<NUMBER OF NODES> 3
<FIRST THRU NODE> 1
<NUMBER OF LINKS> 2
<END OF METADATA>
`

const twoLinks = head + `~ init term capacity length time b power speed toll type ;
	1	3	10	1	2	0.15	4	0	0	1	;
	3	2	10	1	2	0.15	4	0	0	1	;
`

func TestReadNetwork(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"plain", twoLinks},
		{"carriage returns", strings.ReplaceAll(twoLinks, "\n", "\r\n")},
		{"byte order mark", "\ufeff" + twoLinks},
		{"no semicolons, no last newline, comments behind", head + "1 3 10 1 2 .15 4 0 0 1 ~ the first\n3 2 1e1 1 2 .15 4 0 0 1"},
		{"other tags and blank lines", "\n<ORIGINAL HEADER>~ Init node ;\n<NOTE> x\n" + twoLinks},
	} {
		n, err := ReadNetwork([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if n.Zones != 2 || n.Nodes != 3 || n.NumLinks() != 2 || n.Tail[1] != 2 || n.Head[1] != 1 || n.Capacity[1] != 10 || n.B[0] != .15 || n.NoThru != nil {
			t.Errorf("%s: read %+v", c.name, n)
		}
	}
	n, err := ReadNetwork([]byte(strings.Replace(twoLinks, "THRU NODE> 1", "THRU NODE> 3", 1)))
	if err != nil || !n.NoThru[0] || !n.NoThru[1] || n.NoThru[2] {
		t.Errorf("first through node 3: %v, %v", n, err)
	}
}

// Everything that is wrong comes at once, each with its line.
func TestReadNetworkProblems(t *testing.T) {
	row := func(s string) string { return head + s + "\n3 2 10 1 2 .15 4 0 0 1 ;\n" }
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "there is no <END OF METADATA>\nthere is no <NUMBER OF ZONES>\nthere is no <NUMBER OF NODES>\nthere is no <FIRST THRU NODE>\nthere is no <NUMBER OF LINKS>"},
		{"no metadata", "1 3 10 1 2 .15 4 0 0 1 ;", "line 1: \"1 3 10 1 2 .15 4 0 0 1 ;\" before <END OF METADATA>"},
		{"bad counts", "<NUMBER OF ZONES> -1\n<NUMBER OF NODES> many\n<FIRST THRU NODE> 1.5\n<NUMBER OF LINKS> 99999999999999999999\n<END OF METADATA>",
			"line 1: <NUMBER OF ZONES> \"-1\": want a whole number from 0 to 8388608\nline 2: <NUMBER OF NODES> \"many\": want a whole number from 0 to 8388608\nline 3: <FIRST THRU NODE> \"1.5\": want a whole number from 0 to 8388608\nline 4: <NUMBER OF LINKS>"},
		{"twice", "<NUMBER OF ZONES> 1\n" + twoLinks, "line 2: <NUMBER OF ZONES> is given twice"},
		{"more zones than nodes", strings.Replace(twoLinks, "ZONES> 2", "ZONES> 4", 1), "4 zones of 3 nodes"},
		{"link count", strings.Replace(twoLinks, "LINKS> 2", "LINKS> 3", 1), "<NUMBER OF LINKS> is 3, the file holds 2"},
		{"fields", row("1 3 10 1 2 .15 4 0 0 ;"), "line 6: 9 figures, want 10: init_node term_node capacity"},
		{"behind the end", row("1 3 10 1 2 .15 4 0 0 1 ; 7"), "line 6: \"7\" behind the ;"},
		{"not numbers", row("1 x NaN 1 +Inf 0x 4 fast 0 1 ;"), "line 6: term_node \"x\" is not a finite number\nline 6: capacity \"NaN\" is not a finite number\nline 6: free_flow_time \"+Inf\" is not a finite number\nline 6: b \"0x\" is not a finite number\nline 6: speed \"fast\" is not a finite number"},
		{"overflow", row("1 3 1e999 1 2 .15 4 0 0 1 ;"), "line 6: capacity \"1e999\" is not a finite number"},
		{"nodes", row("0 3.5 10 1 2 .15 4 0 0 1 ;"), "line 6: init_node \"0\": the network has nodes 1 to 3\nline 6: term_node \"3.5\": the network has nodes 1 to 3"},
		{"zero capacity and negatives", row("1 3 0 -1 -2 -.15 4 0 -5 1 ;"), "line 6: capacity 0: want above 0 (take a closed link out)\nline 6: length -1: want 0 or more\nline 6: free-flow time -2: want 0 or more\nline 6: B -0.15: want 0 or more\nline 6: toll -5: want 0 or more"},
		{"power below 1", row("1 3 10 1 2 .15 .5 0 0 1 ;"), "line 6: power 0.5: want 0 (constant time) or 1 to 64 (below 1 the slope at no flow is infinite)"},
		{"power above all", row("1 3 10 1 2 .15 65 0 0 1 ;"), "line 6: power 65"},
		{"two lines", head + "1 3 10 1 2 .15 4 0 0 ;\n3 2 10 1 2 .15 -4 0 0 1 ;\n", "line 6: 9 figures"},
		{"two lines", head + "1 3 10 1 2 .15 4 0 0 ;\n3 2 10 1 2 .15 -4 0 0 1 ;\n", "line 7: power -4"},
	} {
		_, err := ReadNetwork([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got\n%v\nwant\n%s", c.name, err, c.want)
		}
	}
	_, err := ReadNetwork([]byte(head + strings.Repeat("x\n", 5000)))
	var ps Problems
	if !errors.As(err, &ps) || len(ps.list) != maxProblems || !strings.HasSuffix(err.Error(), "and 4900 more") {
		t.Errorf("5,000 bad lines: %.200s", err)
	}
}

const tripHead = "<NUMBER OF ZONES> 3\n<END OF METADATA>\n"

func TestReadTrips(t *testing.T) {
	d, warnings, err := ReadTrips([]byte("<NUMBER OF ZONES> 3\n<TOTAL OD FLOW> 15.5\n<END OF METADATA>\n~ c\n\nOrigin \t2 \n 3 : 4.5; 1 : 0.0;\n 2:1 ;\nOrigin 1\n 3 : 1e1;"), 3)
	if err != nil || len(warnings) > 0 || fmt.Sprint(d.From, d.To, d.Trips) != "[0 1 1] [2 1 2] [10 1 4.5]" {
		t.Errorf("%+v %v %v", d, warnings, err)
	}
	_, warnings, err = ReadTrips([]byte("<NUMBER OF ZONES> 3\n<TOTAL OD FLOW> 15\n<END OF METADATA>\nOrigin 1\n2:1;"), 0)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], `says "15", the entries sum to 1`) {
		t.Errorf("stated total: %v %v", warnings, err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "there is no <NUMBER OF ZONES>"},
		{"<NUMBER OF ZONES> 4\n<END OF METADATA>\n", "<NUMBER OF ZONES> is 4, the network has 3"},
		{tripHead + "1 : 5;", `line 3: "1 : 5;" before the first Origin`},
		{tripHead + "Origin 4\n1 : 5;\nOrigin x\n", "line 3: Origin \"4\": want a zone from 1 to 3\nline 5: Origin \"x\""},
		{tripHead + "Origin 1\n 2 5; 9 : 1; 3 : -1; 2 : NaN; 3 : Inf; 3 : ;", "line 4: \"2 5\": want destination : trips ;\nline 4: destination \"9\": want a zone from 1 to 3\nline 4: trips \"-1\": want a finite number, 0 or more\nline 4: trips \"NaN\""},
		{tripHead + "Origin 1\n2 : 5;\nOrigin 2\n1:1;\nOrigin 1\n2 : 6;", "line 8: trips from 1 to 2 are given twice, first on line 4"},
	} {
		if _, _, err := ReadTrips([]byte(c.text), 3); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got\n%v\nwant\n%s", c.text, err, c.want)
		}
	}
}

// Counts in a header reserve nothing.
func TestHeaderReservesNothing(t *testing.T) {
	text := []byte("<NUMBER OF ZONES> 4000000\n<NUMBER OF NODES> 4000000\n<FIRST THRU NODE> 1\n<NUMBER OF LINKS> 8000000\n<END OF METADATA>\n")
	if got := testing.AllocsPerRun(1, func() { _, _ = ReadNetwork(text) }); got > 100 {
		t.Errorf("%v allocations", got)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = ReadNetwork(text)
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<16 {
		t.Errorf("%d bytes for no link", bytes)
	}
}

func TestHostileProblems(t *testing.T) {
	base := func() *Network {
		n, err := ReadNetwork([]byte(twoLinks))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	one := &Demand{From: []int32{0}, To: []int32{1}, Trips: []float64{5}}
	for _, c := range []struct {
		name string
		edit func(*Network, *Demand, *Options)
		want string
	}{
		{"no path", func(n *Network, d *Demand, _ *Options) { d.From[0], d.To[0] = 1, 0 }, "1 origin-destination pairs with 5 trips have no path: 2 to 1 (5)"},
		{"a zone in the way", func(n *Network, _ *Demand, _ *Options) { n.NoThru = []bool{true, true, true} }, "have no path: 1 to 2 (5)"},
		{"an isolated zone", func(n *Network, d *Demand, _ *Options) { n.Zones, d.To[0] = 3, 2; n.Head[0], n.Tail[1] = 1, 1 }, "no path: 1 to 3"},
		{"zero capacity", func(n *Network, _ *Demand, _ *Options) { n.Capacity[1] = 0 }, "link 2 (3 to 2): capacity 0"},
		{"steep", func(n *Network, d *Demand, _ *Options) { n.Power[0], d.Trips[0] = 60, 1e6 }, "too much to compute with"},
		{"negative demand", func(_ *Network, d *Demand, _ *Options) { d.Trips[0] = -1 }, "demand from zone 1 to zone 2 is -1"},
		{"NaN demand", func(_ *Network, d *Demand, _ *Options) { d.Trips[0] = math.NaN() }, "is NaN"},
		{"unknown zone", func(_ *Network, d *Demand, _ *Options) { d.To[0] = 2 }, "demand from zone 1 to zone 3: the network has zones 1 to 2"},
		{"weights and gap", func(_ *Network, _ *Demand, o *Options) {
			o.Weights = Weights{-1, math.NaN()}
			o.Gap = 1e-16
			o.MaxIterations = -1
		},
			"toll weight -1: want 0 or more\ndistance weight NaN: want 0 or more\ngap 1e-16: want at least 1e-15 (what rounding leaves) and below 1\niterations -1: want at least 1"},
	} {
		n, d, o := base(), &Demand{append([]int32(nil), one.From...), append([]int32(nil), one.To...), append([]float64(nil), one.Trips...)}, Options{}
		c.edit(n, d, &o)
		if _, err := Solve(context.Background(), n, d, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	var e *Disconnected
	n := base()
	n.Zones, n.Nodes = 60, 60
	d := &Demand{}
	for o := range int32(60) {
		for z := range int32(60) {
			d.From, d.To, d.Trips = append(d.From, o), append(d.To, z), append(d.Trips, 1)
		}
	}
	if _, err := Solve(context.Background(), n, d, Options{}); !errors.As(err, &e) || e.Count != 60*59-3 || len(e.Pairs) != maxProblems || len(err.Error()) > 600 {
		t.Errorf("disconnected everywhere: %v", err)
	}
}

// Links without time, of constant time and without delay are sound input.
func TestDocumentedTreatments(t *testing.T) {
	n := &Network{Zones: 2, Nodes: 2, Tail: []int32{0, 0, 0}, Head: []int32{1, 1, 0}}
	n.Capacity, n.FreeFlow, n.B = []float64{1, 1, 1}, []float64{2, 1, 0}, []float64{0.5, 1, 0}
	n.Power, n.Toll, n.Length = []float64{0, 1, 4}, []float64{0, 0, 0}, []float64{0, 0, 0}
	d := &Demand{From: []int32{0, 0}, To: []int32{0, 1}, Trips: []float64{9, 5}}
	r := mustSolve(t, n, d, Options{Gap: 1e-12})
	// Power 0 is the constant time 2 x 1.5; the parallel link 1 + v fills up to it.
	if r.Volume[2] != 0 || r.Intrazonal != 9 || r.Assigned != 5 {
		t.Errorf("%+v", r)
	}
	near(t, "constant", r.Cost[0], 3, 1e-12)
	near(t, "parallel", r.Volume[1], 2, 1e-9)
	near(t, "rest", r.Volume[0], 3, 1e-9)
	empty := mustSolve(t, n, &Demand{}, Options{})
	if empty.Objective != 0 || empty.RelativeGap != 0 {
		t.Errorf("no demand: %+v", empty.Iteration)
	}
}

func seeds(f *testing.F, kind string) {
	for _, name := range []string{"Braess", "SiouxFalls"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+"_"+kind+".tntp"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// Whatever is read as a network can be solved, or is refused with a reason.
func FuzzReadNetwork(f *testing.F) {
	seeds(f, "net")
	f.Add([]byte(twoLinks))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ReadNetwork(b)
		if err != nil {
			if err.Error() == "" {
				t.Error("no reason")
			}
			return
		}
		if n.Nodes > 50 || n.NumLinks() > 200 {
			return
		}
		d := &Demand{}
		for z := 1; z < n.Zones; z++ {
			d.From, d.To, d.Trips = append(d.From, 0), append(d.To, int32(z)), append(d.Trips, 7)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r, err := Solve(ctx, n, d, Options{MaxIterations: 20})
		if err == nil && math.IsNaN(r.Objective+r.TotalCost+r.RelativeGap) {
			t.Errorf("%+v", r.Iteration)
		}
	})
}

func FuzzReadTrips(f *testing.F) {
	seeds(f, "trips")
	f.Add([]byte(tripHead + "Origin 1\n2 : 5;"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, _, err := ReadTrips(b, 0)
		if err != nil {
			return
		}
		for i, x := range d.Trips {
			if !(x > 0) || math.IsInf(x, 0) || i > 0 && (d.From[i] < d.From[i-1] || d.From[i] == d.From[i-1] && d.To[i] <= d.To[i-1]) {
				t.Fatalf("row %d: %d %d %g", i, d.From[i], d.To[i], x)
			}
		}
	})
}
