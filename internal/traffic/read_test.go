package traffic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/traffic"
)

var names = traffic.Files{Nodes: "nodes.csv", Links: "links.csv", Demand: "demand.csv"}

func read(nodes, links, demand string) (*traffic.Scenario, error) {
	return traffic.Read(names, strings.NewReader(nodes), strings.NewReader(links), strings.NewReader(demand))
}

const (
	threeNodes = "name,x,y\na,0,0\nb,1,0\nc,2,0\n"
	twoLinks   = "name,start,end,length,u,kappa,merge_priority\nab,a,b,1000,20,0.2,1\nbc,b,c,1000,20,0.2,1\n"
	someDemand = "orig,dest,start_t,end_t,q\na,c,0,500,0.5\n"
)

// All spellings of the headers give the same scenario.
func TestHeadersMayBeSpeltBothWays(t *testing.T) {
	one, err := read(threeNodes, twoLinks, someDemand)
	if err != nil {
		t.Fatal(err)
	}
	two, err := read("\ufeffname\na\nb\nc\n", "name,start_node,end_node,length,free_flow_speed,number_of_lanes,capacity_out,capacity_in\nab,a,b,1000,20,,,\nbc,b,c,1000,20,,,\n",
		"orig,dest,t_start,t_end,flow,volume\na,c,0,500,-1,250\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*traffic.Scenario{one, two} {
		// w = 1/(1 s x 0.2/m) = 5 m/s; C = 20*5*0.2/25 = 0.8/s.
		if s.Vehicles != 250 || s.Net.CapacityVS[1] != 0.8 || s.Net.JamVM[0] != 0.2 || s.Net.OutCapVS[0] != 0 || s.Net.MergeWeight[0] != 1 {
			t.Errorf("%+v", s)
		}
	}
	if all := strings.Join(two.Notes, "\n"); !strings.Contains(all, "jam density of 0.2") || !strings.Contains(all, "1 lane by default for 2 of 2") || !strings.Contains(all, "merge priority of 1") {
		t.Errorf("defaults are not told: %q", all)
	}
	// Three lanes make the wave quicker, not the queue denser: w = 15 m/s,
	// C = 20*15*0.2/35.
	three, err := read(threeNodes, strings.Replace(strings.Replace(twoLinks, "merge_priority", "number_of_lanes", 1), "0.2,1\nbc", "0.2,3\nbc", 1), someDemand)
	if err != nil {
		t.Fatal(err)
	}
	if c := three.Net.CapacityVS[0]; c != float32(60./35) {
		t.Errorf("three lanes: capacity %v, want %v", c, 60./35)
	}
}

func TestEveryProblemComesAtOnce(t *testing.T) {
	_, err := read("name,x,y\na,0,0\nb,one,0\na,2,0\nc,0,0\n,1,1\n",
		"name,start,end,length,u,kappa\nab,a,b,-5,20,0.2\nab,b,d,1000,fast,0.2\ncc,c,c,1000,20,NaN\nxx,a\n",
		"orig,dest,t_start,t_end,flow,volume\na,c,500,500,1,-1\na,b,0,10,-1,-1\nq,b,0,10,1,\na,b,0,10,1e300,\n")
	var ps traffic.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("%v", err)
	}
	text := ps.Error()
	for _, want := range []string{
		`nodes.csv:3:3: x "one"`, `nodes.csv:4:1: node "a" stands twice`, `nodes.csv:6:1: name is missing`,
		`links.csv:2:8: length "-5"`, `links.csv:3:1: link "ab" stands twice`, `links.csv:3:6: end node "d" is not a node`, `links.csv:3:13: free speed "fast"`,
		`links.csv:4:6: link "cc" ends where it starts`, `links.csv:4:16: jam density "NaN"`, `links.csv:5:1: end node is missing`, `length is missing`,
		`demand.csv:2:9: the demand ends at 500 s`, `demand.csv:3:13: neither a flow nor a volume`, `demand.csv:4:1: origin "q" is not a node`, `demand.csv:5:10: flow "1e300"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing from\n%s", want, text)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct{ name, nodes, links, demand, want string }{
		{"empty", "", twoLinks, someDemand, "nodes.csv: the file is empty"},
		{"header only", "name\n", twoLinks, someDemand, "nodes.csv: no nodes"},
		{"no column", "x,y\n1,2\n", twoLinks, someDemand, "nodes.csv:1:1: no column name"},
		{"column twice", threeNodes, strings.Replace(twoLinks, "kappa", "free_flow_speed", 1), someDemand, `links.csv:1:25: column "u" stands twice`},
		{"no demand column", threeNodes, twoLinks, "orig,dest,start_t,end_t\na,c,0,1\n", "no column flow, q or volume"},
		{"quotes", threeNodes, twoLinks, "orig,dest,start_t,end_t,q\na,\"c,0,500,0.5\n", "demand.csv:2"},
		{"no vehicles", threeNodes, twoLinks, "orig,dest,start_t,end_t,q\na,c,0,500,0.0001\n", "demand.csv: no vehicles"},
		{"no way", threeNodes, twoLinks, "orig,dest,start_t,end_t,q\na,c,0,500,1\nc,a,0,500,1\n", `demand.csv:3:1: no way from "c" to "a"`},
		{"closed way", threeNodes, "name,start,end,length,u,capacity_in\nab,a,b,1000,20,\nbc,b,c,1000,20,0\n", someDemand, `no way from "a" to "c"`},
		{"no wave", threeNodes, strings.Replace(strings.Replace(twoLinks, "merge_priority", "number_of_lanes", 1), "20,0.2,1", "0.01,0.0001,1000", 1), someDemand, "backward wave"},
		{"half a lane", threeNodes, strings.Replace(strings.Replace(twoLinks, "merge_priority", "number_of_lanes", 1), "0.2,1", "0.2,1.5", 1), someDemand, "want a whole number"},
	} {
		_, err := read(c.nodes, c.links, c.demand)
		var ps traffic.Problems
		if !errors.As(err, &ps) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// Problems are bounded, and it says so.
	_, err := read("name\n"+strings.Repeat("a\n", 500), twoLinks, someDemand)
	if err == nil || !strings.Contains(err.Error(), "more problems than 100") || len(err.Error()) > 10_000 {
		t.Errorf("%.300v", err)
	}
}

// What would exhaust the memory of a laptop is refused, before it does.
func TestTooLarge(t *testing.T) {
	var nodes, links, demand strings.Builder
	nodes.WriteString("name\n")
	links.WriteString("name,start,end,length,u\n")
	demand.WriteString("orig,dest,t_start,t_end,volume\n")
	for i := range 16385 {
		fmt.Fprintf(&nodes, "%d\n", i)
		fmt.Fprintf(&links, "%d,%d,%d,10,10\n", i, i, (i+1)%16385)
		fmt.Fprintf(&demand, "%d,%d,0,10,1\n", i, (i+1)%16385)
	}
	if _, err := read(nodes.String(), links.String(), demand.String()); err == nil || !strings.Contains(err.Error(), "demand.csv: 16385 links and 16385 destinations make 268468225 preferences") {
		t.Errorf("preferences: %v", err)
	}
	for name, c := range map[string]struct{ links, demand string }{
		"a million cars a link": {twoLinks + strings.Repeat("#,a,b,5000000,20,0.2,1\n", 600), someDemand},
		"all of China":          {twoLinks, strings.Replace(someDemand, ",0.5", ",1e6", 1)},
	} {
		s, err := read(threeNodes, numbered(c.links), c.demand)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = traffic.Run(context.Background(), s, traffic.Options{Platoon: 1, UntilS: 1})
		runtime.ReadMemStats(&after)
		if !errors.Is(err, traffic.ErrTooLarge) || !strings.Contains(err.Error(), "larger platoons take less") || after.TotalAlloc-before.TotalAlloc > 1<<24 {
			t.Errorf("%s: %v, %d bytes", name, err, after.TotalAlloc-before.TotalAlloc)
		}
		if _, err := traffic.Run(context.Background(), s, traffic.Options{Platoon: 1000, UntilS: 1}); err != nil {
			t.Errorf("%s, in platoons of 1,000: %v", name, err)
		}
	}
}

// numbered gives each # a number of its own.
func numbered(text string) string {
	parts := strings.Split(text, "#")
	for i := range parts[1:] {
		parts[i] += fmt.Sprintf("x%d", i)
	}
	return strings.Join(parts, "")
}

// Whatever the bytes, reading gives a scenario or problems, and what was read
// runs, the same at any number of threads, and loses nobody.
func FuzzRead(f *testing.F) {
	f.Add([]byte(threeNodes), []byte(twoLinks), []byte(someDemand))
	f.Add([]byte("name\na\nb\n"), []byte("name,start_node,end_node,length,free_flow_speed,number_of_lanes,capacity_out,capacity_in,merge_priority\n1,a,b,50,10,3,0.1,0.2,0\n2,b,a,7,33,,,,\n"),
		[]byte("orig,dest,t_start,t_end,flow,volume\na,b,0,100,-1,40.4\nb,a,10,20,0.7,-1\na,a,0,5,1,\n"))
	f.Add([]byte("name,x\n\"a\"\"\",1\nb,2\n"), []byte("name,start,end,length,u,kappa\n1,\"a\"\"\",b,0.1,0.01,0.0001\n2,b,\"a\"\"\",1000,1000,0.01\n"), []byte("orig,dest,t_start,t_end,q\nb,\"a\"\"\",0,1e-300,5e5\n"))
	f.Fuzz(func(t *testing.T, nodes, links, demand []byte) {
		s, err := traffic.Read(names, bytes.NewReader(nodes), bytes.NewReader(links), bytes.NewReader(demand))
		if err != nil {
			var ps traffic.Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("%v", err)
			}
			return
		}
		if s.Vehicles > 300 || len(s.Links) > 50 || len(s.Nodes) > 50 {
			return
		}
		held := 0.0
		for l := range s.Links {
			held += float64(s.Net.JamVM[l]) * float64(s.Net.LengthM[l])
		}
		if held > 1e6 {
			return
		}
		var before *traffic.Outcome
		for _, threads := range []int{1, 3} {
			o, err := traffic.Run(context.Background(), s, traffic.Options{Platoon: 3, UntilS: 1500, Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			if o.Trips != s.Vehicles || o.Completed+o.OnRoad+o.Waiting+o.NotYet != o.Trips || o.TotalDelayS < -1e-3*(1+o.TotalTravelS) {
				t.Fatalf("%+v", o)
			}
			if before != nil && (o.TotalTravelS != before.TotalTravelS || o.Completed != before.Completed) {
				t.Fatalf("%d threads: %+v, one: %+v", threads, o, before)
			}
			before = o
		}
	})
}
