package export

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Vehicles are car trips with fixed routes: columns by vehicle, sorted by
// departure. Every path has a link at least.
type Vehicles struct {
	DepartS   []float64 // seconds after midnight
	PathFirst []uint32  // PathFirst[v]..PathFirst[v+1] into Path
	Path      []units.LinkID
	// NoStreet is how many more vehicles start and end at one junction: they
	// use no street and are not among the others.
	NoStreet int
}

// Work is what a simulator that runs the export must report: the equality of
// work beside every comparison of speeds.
type Work struct {
	City        string  `json:"city"`
	Digest      string  `json:"city_digest"`
	Edges       int     `json:"edges"`
	Nodes       int     `json:"nodes"`
	Trips       int     `json:"trips"`
	LinkEntries int     `json:"link_entries"`
	NoStreet    int     `json:"trips_without_a_street"`
	FirstS      float64 `json:"first_departure_s"`
	LastS       float64 `json:"last_departure_s"`
	// MetresDriven is the sum of the lengths of all links of all paths.
	MetresDriven float64 `json:"metres_driven"`
	// FreeFlowS is the sum of their travel times on empty streets.
	FreeFlowS float64 `json:"free_flow_s"`
}

// WorkOf adds up what vehicles will do.
func WorkOf(c *city.City, v *Vehicles) Work {
	n := &c.Net
	w := Work{City: c.Info.Slug, Digest: c.Info.Digest, Trips: len(v.DepartS), LinkEntries: len(v.Path), NoStreet: v.NoStreet}
	for l := range n.NumLinks() {
		if drivable(n, l) {
			w.Edges++
		}
	}
	for _, on := range drivenNodes(n) {
		if on {
			w.Nodes++
		}
	}
	if len(v.DepartS) > 0 {
		w.FirstS, w.LastS = v.DepartS[0], v.DepartS[len(v.DepartS)-1]
	}
	for _, l := range v.Path {
		w.MetresDriven += float64(n.LengthM[l])
		w.FreeFlowS += n.FreeFlowS(l)
	}
	return w
}

// sumoBase is the common part of the file names.
const sumoBase = "city"

// SUMO is the streets of motor vehicles as plain XML for netconvert, the routes
// of vehicles for sumo, configurations for both, and the expected work.
//
//	netconvert -c city.netccfg && sumo -c city.sumocfg
//
// Edges are named by the city's link numbers, junctions by its node numbers.
//
// Capacities are not handed over: SUMO has headways and junctions of its own.
func SUMO(c *city.City, v *Vehicles) []File {
	n := &c.Net
	return []File{
		xmlFile(sumoBase+".nod.xml", "nodes", func(b buffer) {
			pr := c.Projection()
			for i, on := range drivenNodes(n) {
				if on {
					x, y := pr.XY(n.NodeLon[i], n.NodeLat[i])
					// Positions of signals are known, timings are not; netconvert
					// would invent them, and the morning was run without.
					fmt.Fprintf(b.w, "<node id=\"%d\" x=\"%.3f\" y=\"%.3f\" type=\"priority\"><param key=\"signal\" value=\"%t\"/></node>\n", i, x, y, n.NodeSignal[i])
				}
			}
		}),
		xmlFile(sumoBase+".typ.xml", "types", func(b buffer) {
			for k := city.Motorway; k <= city.Path; k++ {
				fmt.Fprintf(b.w, "<type id=\"%s\" priority=\"%d\"/>\n", k, sumoPriority(k))
			}
		}),
		xmlFile(sumoBase+".edg.xml", "edges", func(b buffer) {
			for l := range n.NumLinks() {
				if drivable(n, l) {
					sumoEdge(b, c, l)
				}
			}
		}),
		xmlFile(sumoBase+".con.xml", "connections", func(b buffer) { sumoConnections(b, n) }),
		xmlFile(sumoBase+".rou.xml", "routes", func(b buffer) {
			b.text("<vType id=\"car\" vClass=\"passenger\" length=\"5\" minGap=\"2.5\" tau=\"1\" speedFactor=\"1\" speedDev=\"0\"/>\n")
			for i, at := range v.DepartS {
				fmt.Fprintf(b.w, "<vehicle id=\"%d\" type=\"car\" depart=\"%.2f\" departSpeed=\"max\"><route edges=\"", i, at)
				for k, l := range v.Path[v.PathFirst[i]:v.PathFirst[i+1]] {
					if k > 0 {
						b.char(' ')
					}
					b.put(strconv.AppendUint(b.spare(), uint64(l), 10))
				}
				b.text("\"/></vehicle>\n")
			}
		}),
		xmlFile(sumoBase+".netccfg", "configuration", func(b buffer) {
			fmt.Fprintf(b.w, "<input><node-files value=\"%[1]s.nod.xml\"/><edge-files value=\"%[1]s.edg.xml\"/><connection-files value=\"%[1]s.con.xml\"/><type-files value=\"%[1]s.typ.xml\"/></input>\n"+
				"<output><output-file value=\"%[1]s.net.xml\"/></output>\n"+
				"<processing><offset.disable-normalization value=\"true\"/><lefthand value=\"%[2]t\"/></processing>\n"+
				// Lengths of links reach to the middle of junctions.
				"<junctions><no-internal-links value=\"true\"/></junctions>\n", sumoBase, c.Info.Country == "GB")
		}),
		xmlFile(sumoBase+".sumocfg", "configuration", func(b buffer) {
			fmt.Fprintf(b.w, "<input><net-file value=\"%[1]s.net.xml\"/><route-files value=\"%[1]s.rou.xml\"/></input>\n"+
				"<mesoscopic><mesosim value=\"true\"/><meso-junction-control value=\"true\"/></mesoscopic>\n"+
				"<processing><route-steps value=\"0\"/></processing>\n", sumoBase)
		}),
		{sumoBase + ".work.json", func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", " ")
			return e.Encode(WorkOf(c, v))
		}},
	}
}

// drivable links carry cars or buses.
func drivable(n *city.Network, l int) bool { return n.Modes[l]&(city.AllowCar|city.AllowBus) != 0 }

func drivenNodes(n *city.Network) []bool {
	on := make([]bool, n.NumNodes())
	for l := range n.NumLinks() {
		if drivable(n, l) {
			on[n.From[l]], on[n.To[l]] = true, true
		}
	}
	return on
}

func xmlFile(name, root string, body func(b buffer)) File {
	return File{name, func(w io.Writer) error {
		return buffered(w, func(b buffer) {
			b.text(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + root + ">\n")
			body(b)
			b.text("</" + root + ">\n")
		})
	}}
}

func sumoEdge(b buffer, c *city.City, l int) {
	n := &c.Net
	var allow []string
	for _, u := range []struct {
		set  city.ModeSet
		name string
	}{{city.AllowCar, "private passenger taxi delivery truck motorcycle"}, {city.AllowBus, "bus coach"}, {city.AllowBike, "bicycle"}} {
		if n.Modes[l]&u.set != 0 {
			allow = append(allow, u.name)
		}
	}
	fmt.Fprintf(b.w, "<edge id=\"%d\" from=\"%d\" to=\"%d\" type=\"%s\" numLanes=\"%d\" speed=\"%.4f\" length=\"%.3f\" spreadType=\"center\" allow=\"%s\"",
		l, n.From[l], n.To[l], n.Class[l], wholeLanes(n, l), n.SpeedMS[l], max(n.LengthM[l], 0.1), strings.Join(allow, " "))
	if name := n.Names[n.NameIdx[l]]; name != "" {
		b.text(` name="`)
		_ = xml.EscapeText(b.w, []byte(name)) // the buffer keeps its first error
		b.char('"')
	}
	// Ends are the nodes; only the points between are said.
	if first, end := n.GeomFirst[l], n.GeomFirst[l+1]; end-first > 2 {
		pr := c.Projection()
		b.text(` shape="`)
		for i := first; i < end; i++ {
			if i > first {
				b.char(' ')
			}
			x, y := pr.XY(float64(n.GeomLon[i]), float64(n.GeomLat[i]))
			fmt.Fprintf(b.w, "%.3f,%.3f", x, y)
		}
		b.char('"')
	}
	b.text("/>\n")
}

// sumoConnections lists every permitted movement. netconvert guesses the
// connections of an edge only while none is given, so an edge that leads
// nowhere says so by a connection without an end.
func sumoConnections(b buffer, n *city.Network) {
	led := make([]bool, n.NumLinks())
	Movements(n, func(in, out units.LinkID) {
		if drivable(n, int(in)) && drivable(n, int(out)) {
			led[in] = true
			fmt.Fprintf(b.w, "<connection from=\"%d\" to=\"%d\"/>\n", in, out)
		}
	})
	for l, ok := range led {
		if !ok && drivable(n, l) {
			fmt.Fprintf(b.w, "<connection from=\"%d\"/>\n", l)
		}
	}
}

// sumoPriority orders classes for netconvert's right of way: the larger first.
func sumoPriority(c city.RoadClass) int { return int(city.Path) - int(c) + 1 }
