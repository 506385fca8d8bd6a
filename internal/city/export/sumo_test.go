package export

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// cars drive two permitted links each, one a second.
func cars(c *city.City) *Vehicles {
	v := &Vehicles{PathFirst: []uint32{0}, NoStreet: 2}
	Movements(&c.Net, func(in, out units.LinkID) {
		if both := c.Net.Modes[in] & c.Net.Modes[out]; both&city.AllowCar != 0 && len(v.DepartS) < 50 {
			v.DepartS = append(v.DepartS, 25200+float64(len(v.DepartS)))
			v.Path = append(v.Path, in, out)
			v.PathFirst = append(v.PathFirst, uint32(len(v.Path)))
		}
	})
	return v
}

// elements reads the attributes of all elements of a name.
func elements(t testing.TB, b []byte, name string) []map[string]string {
	t.Helper()
	var out []map[string]string
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == name {
			m := map[string]string{}
			for _, a := range e.Attr {
				m[a.Name.Local] = a.Value
			}
			out = append(out, m)
		}
	}
}

// Everything that moves cars is there, and nothing that is banned: edges
// between known nodes, each permitted turn and no other, routes along them.
func TestSUMO(t *testing.T) {
	each(t, func(t *testing.T, c *city.City) {
		n, v := &c.Net, cars(c)
		files := map[string][]byte{}
		for _, f := range SUMO(c, v) {
			files[strings.TrimPrefix(f.Name, sumoBase)] = bytesOf(t, f)
		}
		nodes := map[string]map[string]string{}
		for _, e := range elements(t, files[".nod.xml"], "node") {
			nodes[e["id"]] = e
		}
		types := map[string]bool{}
		for _, e := range elements(t, files[".typ.xml"], "type") {
			types[e["id"]] = true
		}
		edges := map[string]map[string]string{}
		for _, e := range elements(t, files[".edg.xml"], "edge") {
			l, err := strconv.Atoi(e["id"])
			if err != nil {
				t.Fatal(err)
			}
			edges[e["id"]] = e
			lanes, _ := strconv.Atoi(e["numLanes"])
			if nodes[e["from"]] == nil || nodes[e["to"]] == nil || !types[e["type"]] || lanes < 1 ||
				math.Abs(number(t, e["length"])-float64(n.LengthM[l])) > 0.101 || math.Abs(number(t, e["speed"])-float64(n.SpeedMS[l])) > 1e-3 ||
				strings.Contains(e["allow"], "passenger") != (n.Modes[l]&city.AllowCar != 0) || e["name"] != strings.TrimSpace(n.Names[n.NameIdx[l]]) && e["name"] != n.Names[n.NameIdx[l]] {
				t.Fatalf("edge %v", e)
			}
		}
		may := map[[2]string]bool{}
		for _, e := range elements(t, files[".con.xml"], "connection") {
			if edges[e["from"]] == nil || e["to"] != "" && edges[e["to"]] == nil {
				t.Fatalf("connection %v", e)
			}
			may[[2]string{e["from"], e["to"]}] = true
		}
		banned := 0
		for l := range n.NumLinks() {
			if drivable(n, l) != (edges[strconv.Itoa(l)] != nil) {
				t.Fatalf("link %d: is it an edge?", l)
			}
			if !drivable(n, l) {
				continue
			}
			for out, end := n.Out(n.To[l]); out < end; out++ {
				if drivable(n, int(out)) {
					ban := slices.Contains(n.Bans(units.LinkID(l)), out)
					if may[[2]string{strconv.Itoa(l), strconv.Itoa(int(out))}] == ban {
						t.Fatalf("link %d to %d: banned %t", l, out, ban)
					}
					if ban {
						banned++
					}
				}
			}
		}
		if banned == 0 && len(n.BanTo) > 0 {
			t.Error("no banned turn was tested")
		}
		var work Work
		if err := json.Unmarshal(files[".work.json"], &work); err != nil {
			t.Fatal(err)
		}
		routes := elements(t, files[".rou.xml"], "route")
		entries, metres := 0, 0.0
		for i, at := range elements(t, files[".rou.xml"], "vehicle") {
			path := strings.Fields(routes[i]["edges"])
			if math.Abs(number(t, at["depart"])-v.DepartS[i]) > 0.006 {
				t.Errorf("vehicle %d departs at %s", i, at["depart"])
			}
			for k, e := range path {
				entries++
				l, _ := strconv.Atoi(e)
				metres += float64(n.LengthM[l])
				if k > 0 && !may[[2]string{path[k-1], e}] {
					t.Errorf("vehicle %d cannot go from %s to %s", i, path[k-1], e)
				}
			}
		}
		if work.Trips != len(routes) || work.Trips != 50 || work.LinkEntries != entries || math.Abs(work.MetresDriven-metres) > 1e-6*metres ||
			work.Edges != len(edges) || work.Nodes != len(nodes) || work.NoStreet != 2 || work.FirstS != 25200 || work.LastS != 25249 {
			t.Errorf("work %+v; %d routes, %d entries, %g m, %d edges, %d nodes", work, len(routes), entries, metres, len(edges), len(nodes))
		}
		for _, f := range []string{".netccfg", ".sumocfg"} {
			if len(elements(t, files[f], "configuration")) != 1 {
				t.Errorf("%s: %s", f, files[f])
			}
		}
	})
}
