package scenario

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// Plan is a changed city, ready to run beside the base.
type Plan struct {
	City  *city.City
	Scale demand.Scale
	Lines []Line
	// LineChanges are the lines of the timetable that run differently.
	LineChanges []LineChange
	// Changed lists the links that a modification touched, in order.
	Changed []units.LinkID
	// Notes are assumptions that follow from the modifications.
	Notes []string

	base *city.City
}

// Line is one new line as it was built.
type Line struct {
	ID, Name string
	Line     units.LineID
	Stops    []LineStop
	// Geometry of the way, in the order the stops were asked for.
	Lon, Lat []float64
	LengthM  float64
	RunS     units.Seconds // end to end, dwells included
	Vehicles int           // at the shortest headway, 5 min layover at both ends
}

// LineStop is a calling point of a new line.
type LineStop struct {
	Stop   units.StopID
	ID     string
	Name   string
	Chosen bool
}

// layoverS at each terminus, for counting vehicles only (assumed).
const layoverS = 300

// Apply builds the scenario city of a config. The base is not changed.
func Apply(base *city.City, cfg *spec.Config) (*Plan, spec.Problems) {
	paths := make([]string, len(cfg.Modifications))
	for i := range paths {
		paths[i] = fmt.Sprintf("modifications[%d]", i)
	}
	return apply(base, cfg.Modifications, paths)
}

// apply builds modifications whose problems are told under the given paths.
func apply(base *city.City, mods []spec.Modification, paths []string) (*Plan, spec.Problems) {
	var ps spec.Problems
	changed := *base
	p := &Plan{City: &changed, Scale: demand.NoScale(), base: base}
	for i := range mods {
		m, path := &mods[i], paths[i]
		switch m.Type {
		case spec.NewLine:
			p.addLine(&ps, path, base, m)
		case spec.ChangeLine:
			p.changeLine(&ps, path, m)
		case spec.SpeedLimit:
			p.speedLimit(&ps, path, m)
		case spec.CloseLinks:
			p.closeLinks(&ps, path, m)
		case spec.ChangeCapacity:
			p.changeCapacity(&ps, path, m)
		case spec.DemandScale:
			p.scaleDemand(&ps, path, m)
		default:
			ps.Add(path+".type", fmt.Sprintf("%q is not a modification type", m.Type), supported...)
		}
	}
	if len(ps) > 0 {
		return nil, ps
	}
	return p, nil
}

// links resolves street references to links that cars may use in the base
// city: a street can be closed and slowed down, in either order.
func (p *Plan) links(ps *spec.Problems, path string, refs []spec.LinkRef) []units.LinkID {
	net := &p.base.Net
	if len(refs) == 0 {
		ps.Add(path+".links", "no street is named", `{"way": <OSM way id>}`)
	}
	if len(refs) > maxStreets {
		ps.Add(path+".links", fmt.Sprintf("%d streets are too many", len(refs)), fmt.Sprintf("at most %d", maxStreets))
		return nil
	}
	var out []units.LinkID
	named := map[units.LinkID]bool{} // a street named twice is changed once
	for i, r := range refs {
		at := fmt.Sprintf("%s.links[%d]", path, i)
		if len(r.Line) > 0 {
			ps.Add(at+".line", "a drawn line is not snapped to streets in this version", `{"way": <OSM way id>}`)
			continue
		}
		if (r.From == 0) != (r.To == 0) {
			ps.Add(at, "from and to go together", "OSM ids of two neighbouring junctions of the way")
			continue
		}
		found, cars := 0, 0
		var pairs []string
		for l := range net.NumLinks() {
			if net.WayOSM[l] != r.Way || r.Way == 0 {
				continue
			}
			found++
			if net.Modes[l]&city.AllowCar == 0 {
				continue
			}
			from, to := net.NodeOSM[net.From[l]], net.NodeOSM[net.To[l]]
			if r.From != 0 && (from != r.From || to != r.To) {
				if len(pairs) < 12 {
					pairs = append(pairs, fmt.Sprintf(`{"way":%d,"from":%d,"to":%d}`, r.Way, from, to))
				}
				continue
			}
			cars++
			if !named[units.LinkID(l)] {
				named[units.LinkID(l)] = true
				out = append(out, units.LinkID(l))
			}
		}
		switch {
		case found == 0:
			ps.Add(at+".way", fmt.Sprintf("way %d is not a street of %s", r.Way, p.City.Info.Name), "an OSM way id, as shown on the map of streets")
		case cars == 0 && r.From != 0:
			ps.Add(at, "the way has no drivable link between these nodes", pairs...)
		case cars == 0:
			ps.Add(at+".way", fmt.Sprintf("cars may not use way %d", r.Way), "a street open to cars")
		}
	}
	return out
}

func (p *Plan) speedLimit(ps *spec.Problems, path string, m *spec.Modification) {
	if !(m.KMH >= 5 && m.KMH <= 130) {
		ps.Add(path+".kmh", fmt.Sprintf("%g is out of range", m.KMH), "5 to 130")
		return
	}
	links := p.links(ps, path, m.Links)
	speed := append([]float32(nil), p.City.Net.SpeedMS...)
	for _, l := range links {
		speed[l] = float32(units.KMH(m.KMH))
	}
	p.City.Net.SpeedMS = speed
	p.Changed = append(p.Changed, links...)
}

func (p *Plan) closeLinks(ps *spec.Problems, path string, m *spec.Modification) {
	links := p.links(ps, path, m.Links)
	modes := append([]city.ModeSet(nil), p.City.Net.Modes...)
	for _, l := range links {
		modes[l] &^= city.AllowCar
	}
	p.City.Net.Modes = modes
	p.Changed = append(p.Changed, links...)
	p.Notes = append(p.Notes, "Closed streets are closed to cars for the whole simulated period; buses, bicycles and walkers still pass.")
}

// maxLanes in one direction: the widest motorways of the world have about ten.
const maxLanes = 12

func (p *Plan) changeCapacity(ps *spec.Problems, path string, m *spec.Modification) {
	if m.Lanes == 0 || !(math.Abs(m.Lanes) <= 6) {
		ps.Add(path+".lanes", fmt.Sprintf("%g is not a change of lanes", m.Lanes), "-6 to 6, not 0")
		return
	}
	links := p.links(ps, path, m.Links)
	net := &p.City.Net
	lanes := append([]float32(nil), net.Lanes...)
	capacity := append([]float32(nil), net.CapacityVS...)
	jam := append([]float32(nil), net.JamVM...)
	for _, l := range links {
		left := lanes[l] + float32(m.Lanes)
		if left < 0.5 {
			ps.Add(path+".lanes", fmt.Sprintf("way %d has %g lane(s) in a direction: none would be left", net.WayOSM[l], lanes[l]), "fewer lanes taken, or close_links")
			return
		}
		if left > maxLanes {
			ps.Add(path+".lanes", fmt.Sprintf("way %d would have %g lanes in a direction", net.WayOSM[l], left), fmt.Sprintf("at most %d", maxLanes))
			return
		}
		ratio := left / lanes[l]
		lanes[l], capacity[l], jam[l] = left, capacity[l]*ratio, jam[l]*ratio
	}
	net.Lanes, net.CapacityVS, net.JamVM = lanes, capacity, jam
	p.Changed = append(p.Changed, links...)
	if len(links) > 0 {
		what := "fewer"
		if m.Lanes > 0 {
			what = "more"
		}
		p.Notes = append(p.Notes, fmt.Sprintf("Lanes in each direction open to cars, for the whole simulated period: %g %s on %s.", math.Abs(m.Lanes), what, p.streets(links)))
	}
}

// namedStreets bounds how many streets a note names.
const namedStreets = 12

// streets names the streets of links, each once, in order.
func (p *Plan) streets(links []units.LinkID) string {
	var names []string
	for _, l := range links {
		name := p.base.Net.Names[p.base.Net.NameIdx[l]]
		if name == "" {
			name = fmt.Sprintf("a street without a name (way %d)", p.base.Net.WayOSM[l])
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if more := len(names) - namedStreets; more > 0 {
		names = append(names[:namedStreets], fmt.Sprintf("%d more", more))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func (p *Plan) scaleDemand(ps *spec.Problems, path string, m *spec.Modification) {
	if m.Factor == nil || !(*m.Factor >= 0 && *m.Factor <= 10) {
		ps.Add(path+".factor", "the factor is missing or out of range", "0 to 10")
		return
	}
	hit := false
	for purpose := range city.NumPurposes {
		if m.Purpose == "" || m.Purpose == city.Purpose(purpose).String() {
			p.Scale[purpose] *= *m.Factor
			hit = true
		}
	}
	if !hit {
		ps.Add(path+".purpose", fmt.Sprintf("%q is not a purpose", m.Purpose), "work", "education", "shopping", "leisure")
	}
}
