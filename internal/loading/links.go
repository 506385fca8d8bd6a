package loading

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/units"
)

// Links are the columns the loader needs of a street network, indexed by
// units.LinkID. The slices are read by New only.
type Links struct {
	From, To []units.NodeID
	LengthM  []float32 // > 0
	SpeedMS  []float32 // free speed, metres per second, > 0
	// CapacityVS is vehicles per second over all lanes. Zero marks a link that
	// no path may use (a footway). It is limited to SpeedMS*JamVM/2: above that
	// a queue would dissolve faster than cars drive (w > u).
	CapacityVS []float32
	JamVM      []float32 // vehicles per metre at standstill, all lanes, > 0
	// OutCapVS and InCapVS limit the downstream and upstream end further, in
	// vehicles per second; nil, or 0 for one link, means no further limit.
	OutCapVS, InCapVS []float32
	// MergeWeight is a link's share, relative to its competitors, of an inlet
	// wanted by several; nil, or 0 for one link, means its capacity. A link's
	// own origin queue competes with the weight of that link.
	MergeWeight []float32
	// Signals are the fixed-time signals at downstream ends; nil means none, and
	// so does a cycle of 0 for one link.
	Signals []Signal
	// Changes take effect during the run, in any order here.
	Changes []Change
	// Classes of vehicles; nil means one class of cars. Departures.Class
	// indexes it.
	Classes []Class
	// FastWaves lifts the limit on CapacityVS to SpeedMS*JamVM (not reached):
	// for networks whose fundamental diagrams are given and not ours to judge.
	FastWaves bool
	// PatienceS is how long the first platoon of a link waits for its next link
	// before the Router is asked again; 0 means for ever. Only for routers that
	// draw: one that follows paths would be a link ahead.
	PatienceS float64
	// TurnRings lets a closed ring of full links roll on instead of standing
	// for good (see turn.go); off by default. It needs one region.
	TurnRings bool
	// RegionOf cuts the network into regions that are loaded at the same time,
	// by node, numbered from 0 (see region.go); nil means one region. Results do
	// not depend on it.
	RegionOf []uint8
}

// Signal is green from FromS for GreenS seconds of every cycle; cycles are
// counted from clock time 0. Green may run over the end of the cycle.
type Signal struct{ CycleS, FromS, GreenS float32 }

// Change gives a link another speed and capacity from AtS on. A capacity of 0
// closes its upstream end: those on the link drive off, nobody enters. Platoons
// on the link keep the speed they entered with. Jam density, backward wave and
// caps stay as they are (a wave does not change its speed under way), so the
// capacity is limited to k_j L / (L/u + L/w).
type Change struct {
	AtS                 float64
	Link                units.LinkID
	SpeedMS, CapacityVS float32
}

// Class is a kind of vehicle.
type Class struct {
	Name string
	// PCU is the passenger-car units one vehicle counts in every flow and in
	// storage, > 0: 1 a car, 2 a lorry, 2.5 a long bus or tram in the street.
	PCU float32
	// TopSpeedMS limits its free speed; 0 means that of the link. Nobody
	// overtakes on a link, so a slow vehicle holds up those behind it.
	TopSpeedMS float32
}

// none ends the intrusive lists.
const none = math.MaxUint32

// storageGrain is the fraction of a vehicle that storage is rounded to. A power
// of two keeps the counting of whole vehicles exact, and a float32 density of
// 0.2 on 1,000 m stores 200 vehicles and not 200.000003.
const storageGrain = 1.0 / 1024

// link is all state of one link, kept together rather than in columns: every
// event reads most of it for one or two links, so a few cache lines beat twenty.
// What few events need stands in columns of the Loader, for size counts: padded
// from 168 bytes to whole lines (192) a run was 5% slower.
//
// Each end is written by one region only. Where both ends lie in one region
// (everywhere, when there is one), come == in and seen == out at all times; at
// a cut link they are what one end knows of the other (Loader.exchange).
type link struct {
	nextIn float64 // the upstream end is free from this time on
	// over is the count of the next vehicle to enter, less storage, less the
	// count of the first vehicle of platoon wave; negative until the link has
	// taken in as much as it stores.
	over  float64
	headS float64 // seconds per vehicle at capacity
	waveS float64 // seconds for the backward wave to cross it, L/w
	// Ring of platoons in slots[base:base+mask+1]; in, out and wave count
	// platoons since the start of the run and are masked on use.
	base, mask uint32
	in, wave   uint32
	seen       uint32 // out, as the upstream end knows it
	waitHead   uint32 // first of the in-links whose heads wait for this one
	queued     uint32 // platoons in the origin queue
	freeRider  uint32 // in-link that last entered without waiting, or none
	woken      bool   // an entrance event is in the heap
	closed     bool
	cut        bool // its ends are in different regions

	freeS  float64 // seconds to drive the link when it is empty
	inS    float64 // seconds per vehicle at the upstream end
	credit float64 // virtual time of the inlet (start tag last served)

	out, come uint32 // come is in, as the downstream end knows it
	// The head, kept here because its slot has left the cache by the time its
	// turn comes.
	head      waiting
	next      uint32  // where the head goes, or none: not asked yet
	nextWord  uint32  // its Router's word when it gets there
	waits     uint32  // link the head waits for, or none
	waitNext  uint32  // next in the list this link's head stands in
	outS      float64 // seconds per vehicle at the downstream end
	nextExit  float64 // the downstream end is free from this time on
	waitSince float64 // when the head began to wait for link waits
}

// New prepares a loader. It panics when columns differ in length or a value is
// outside the range stated at Links: that is a broken network, not bad input.
func New(net Links) *Loader {
	n := len(net.From)
	for _, c := range []struct {
		name     string
		len      int
		optional bool
	}{
		{"To", len(net.To), false}, {"LengthM", len(net.LengthM), false},
		{"SpeedMS", len(net.SpeedMS), false}, {"CapacityVS", len(net.CapacityVS), false},
		{"JamVM", len(net.JamVM), false}, {"OutCapVS", len(net.OutCapVS), true},
		{"InCapVS", len(net.InCapVS), true}, {"MergeWeight", len(net.MergeWeight), true},
		{"Signals", len(net.Signals), true},
	} {
		if c.len != n && !(c.optional && c.len == 0) {
			panic(fmt.Sprintf("loading: %d links but %s has %d values", n, c.name, c.len))
		}
	}
	ld := &Loader{
		links:     make([]link, n),
		base:      make([]diagram, n),
		storage:   make([]float64, n),
		wakeAt:    make([]float64, n),
		lookAt:    make([]float64, n),
		looks:     make([]bool, n),
		lengthM:   append([]float32(nil), net.LengthM...),
		weight:    make([]float64, n),
		originTag: make([]float64, n),
		origin:    make([]fifo, n),
		visits:    make([]uint32, n),
		usable:    make([]bool, n),
		from:      append([]units.NodeID(nil), net.From...),
		to:        append([]units.NodeID(nil), net.To...),
		signals:   append([]Signal(nil), net.Signals...),
		classes:   append([]Class(nil), net.Classes...),
		turnRings: net.TurnRings,
		patience:  net.PatienceS,
	}
	for l := range ld.links {
		if net.CapacityVS[l] == 0 {
			continue
		}
		jam := float64(net.JamVM[l])
		if !(net.LengthM[l] > 0 && jam > 0) {
			panic(fmt.Sprintf("loading: link %d: length %g m, jam density %g/m: both must be above zero", l, net.LengthM[l], jam))
		}
		ld.storage[l] = max(math.Round(jam*float64(net.LengthM[l])/storageGrain), 1) * storageGrain
		ld.base[l] = ld.diagram(&net, l, net.SpeedMS[l], net.CapacityVS[l])
		ld.usable[l] = true
		ld.weight[l] = ld.base[l].capacity
		if w := optional(net.MergeWeight, l); !math.IsInf(w, 1) {
			ld.weight[l] = w
		}
		if !(ld.weight[l] > 0) {
			panic(fmt.Sprintf("loading: link %d: merge weight %g must be above zero", l, ld.weight[l]))
		}
		if s := ld.signal(uint32(l)); s != nil && !(s.CycleS > 0 && s.GreenS > 0 && s.GreenS <= s.CycleS && s.FromS >= 0 && s.FromS < s.CycleS) {
			panic(fmt.Sprintf("loading: link %d: signal %+v: want a start inside the cycle and green above zero, at most the cycle", l, *s))
		}
	}
	for _, c := range net.Changes {
		if !ld.usable[c.Link] || math.IsNaN(c.AtS) || c.CapacityVS < 0 {
			panic(fmt.Sprintf("loading: change %+v: the link must be usable, the time a number and the capacity 0 or more", c))
		}
		d := diagram{at: c.AtS, link: uint32(c.Link), closed: true}
		if c.CapacityVS > 0 {
			d = ld.altered(&net, c)
		}
		ld.changes = append(ld.changes, d)
	}
	slices.SortStableFunc(ld.changes, func(a, b diagram) int { return cmp.Compare(a.at, b.at) })
	for _, c := range ld.classes {
		if !(c.PCU > 0 && c.TopSpeedMS >= 0) {
			panic(fmt.Sprintf("loading: class %+v: want passenger-car units above zero and a top speed of 0 or more", c))
		}
	}
	ld.layTurns()
	ld.layRegions(net.RegionOf)
	return ld
}

func optional(col []float32, l int) float64 {
	if len(col) == 0 || col[l] == 0 {
		return math.Inf(1)
	}
	return float64(col[l])
}

// diagram is what a fundamental diagram and the caps make of a link.
type diagram struct {
	at     float64 // from when on, for a change
	link   uint32
	closed bool

	capacity                       float64 // vehicles per second
	freeS, waveS, headS, inS, outS float64
}

func (ld *Loader) diagram(net *Links, l int, speedMS, capacityVS float32) diagram {
	length, speed, capacity, jam := float64(net.LengthM[l]), float64(speedMS), float64(capacityVS), float64(net.JamVM[l])
	outCap, inCap := optional(net.OutCapVS, l), optional(net.InCapVS, l)
	if !(speed > 0 && capacity > 0 && outCap > 0 && inCap > 0) {
		panic(fmt.Sprintf("loading: link %d: speed %g m/s, capacity %g/s, caps %g and %g/s: all must be above zero", l, speed, capacity, outCap, inCap))
	}
	if !net.FastWaves {
		capacity = min(capacity, speed*jam/2)
	} else if capacity >= speed*jam {
		panic(fmt.Sprintf("loading: link %d: capacity %g/s must be below speed x jam density, %g", l, capacity, speed*jam))
	}
	return diagram{
		link:     uint32(l),
		capacity: capacity,
		freeS:    length / speed,
		headS:    1 / capacity,
		// k_j L = C (L/u + L/w), so the wave time follows from the storage; with
		// this identity a link passes exactly C, however short it is.
		waveS: max(0, ld.storage[l]/capacity-length/speed),
		outS:  1 / min(capacity, outCap),
		inS:   1 / min(capacity, inCap),
	}
}

// altered is what a change makes of a link.
func (ld *Loader) altered(net *Links, c Change) diagram {
	l := int(c.Link)
	if !(c.SpeedMS > 0) {
		panic(fmt.Sprintf("loading: change %+v: the speed must be above zero", c))
	}
	d := ld.base[l]
	d.at = c.AtS
	d.freeS = float64(net.LengthM[l]) / float64(c.SpeedMS)
	d.capacity = min(float64(c.CapacityVS), ld.storage[l]/(d.freeS+d.waveS))
	d.headS = 1 / d.capacity
	d.outS = 1 / min(d.capacity, optional(net.OutCapVS, l))
	d.inS = 1 / min(d.capacity, optional(net.InCapVS, l))
	return d
}

// layTurns numbers the turns: turn (a, b) is turnBase[a] + outRank[b], so the
// merge credit of a turn outlives the moment when a's head wants another link.
func (ld *Loader) layTurns() {
	nodes := 0
	for l := range ld.from {
		nodes = max(nodes, int(ld.from[l])+1, int(ld.to[l])+1)
	}
	outs := make([]uint32, nodes)
	ld.outRank = make([]uint32, len(ld.links))
	for l, n := range ld.from {
		ld.outRank[l] = outs[n]
		outs[n]++
	}
	ld.turnBase = make([]uint32, len(ld.links))
	var turns uint32
	for l, n := range ld.to {
		ld.turnBase[l] = turns
		turns += outs[n]
	}
	ld.turnTag = make([]float64, turns)
}
