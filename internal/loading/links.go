package loading

import (
	"fmt"
	"math"

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
	// TurnRings lets a closed ring of full links roll on instead of standing
	// for good (see turn.go); off by default.
	TurnRings bool
}

// none ends the intrusive lists.
const none = math.MaxUint32

// storageGrain is the fraction of a vehicle that storage is rounded to. A power
// of two keeps the counting of whole vehicles exact, and a float32 density of
// 0.2 on 1,000 m stores 200 vehicles and not 200.000003.
const storageGrain = 1.0 / 1024

// link is all state of one link, kept together rather than in columns: every
// event reads most of it for one or two links, so two cache lines beat twenty.
type link struct {
	// Constants of the network.
	freeS    float64 // seconds to drive the link when it is empty
	waveS    float64 // seconds for the backward wave to cross it, L/w
	headS    float64 // seconds per vehicle at capacity
	outS     float64 // seconds per vehicle at the downstream end
	inS      float64 // seconds per vehicle at the upstream end
	nextExit float64 // the downstream end is free from this time on
	nextIn   float64 // the upstream end is free from this time on
	// over is the count of the next vehicle to enter, less storage, less the
	// count of the first vehicle of platoon wave; negative until the link has
	// taken in as much as it stores.
	over      float64
	credit    float64 // virtual time of the inlet (start tag last served)
	waitSince float64 // when the head began to wait for link waits
	// Ring of platoons in slots[base:base+mask+1]; in, out and wave count
	// platoons since the start of the run and are masked on use.
	base, mask    uint32
	in, out, wave uint32
	waits         uint32 // link the head waits for, or none
	waitHead      uint32 // first of the in-links whose heads wait for this one
	waitNext      uint32 // next in the list this link's head stands in
	originHead    uint32 // first platoon of the origin queue
	originTail    uint32
	freeRider     uint32 // in-link that last entered without waiting, or none
	woken         bool   // an entrance event is in the heap
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
	} {
		if c.len != n && !(c.optional && c.len == 0) {
			panic(fmt.Sprintf("loading: %d links but %s has %d values", n, c.name, c.len))
		}
	}
	ld := &Loader{
		links:     make([]link, n),
		storage:   make([]float64, n),
		weight:    make([]float64, n),
		originTag: make([]float64, n),
		visits:    make([]uint32, n),
		usable:    make([]bool, n),
		from:      append([]units.NodeID(nil), net.From...),
		to:        append([]units.NodeID(nil), net.To...),
		heap:      eventHeap{e: make([]event, 0, 2*n+1)},
		turnRings: net.TurnRings,
	}
	optional := func(col []float32, l int) float64 {
		if col == nil || col[l] == 0 {
			return math.Inf(1)
		}
		return float64(col[l])
	}
	for l := range ld.links {
		length, speed := float64(net.LengthM[l]), float64(net.SpeedMS[l])
		capacity, jam := float64(net.CapacityVS[l]), float64(net.JamVM[l])
		if capacity == 0 {
			continue
		}
		outCap, inCap := optional(net.OutCapVS, l), optional(net.InCapVS, l)
		if !(length > 0 && speed > 0 && capacity > 0 && jam > 0 && outCap > 0 && inCap > 0) {
			panic(fmt.Sprintf("loading: link %d: length %g m, speed %g m/s, capacity %g/s, jam density %g/m, caps %g and %g/s: all must be above zero",
				l, length, speed, capacity, jam, outCap, inCap))
		}
		capacity = min(capacity, speed*jam/2)
		store := max(math.Round(jam*length/storageGrain), 1) * storageGrain
		k := &ld.links[l]
		k.freeS = length / speed
		k.headS = 1 / capacity
		// k_j L = C (L/u + L/w), so the wave time follows from the storage; with
		// this identity a link passes exactly C, however short it is.
		k.waveS = max(0, store/capacity-k.freeS)
		k.outS = 1 / min(capacity, outCap)
		k.inS = 1 / min(capacity, inCap)
		ld.storage[l] = store
		ld.usable[l] = true
		ld.weight[l] = capacity
		if w := optional(net.MergeWeight, l); !math.IsInf(w, 1) {
			ld.weight[l] = w
		}
		if !(ld.weight[l] > 0) {
			panic(fmt.Sprintf("loading: link %d: merge weight %g must be above zero", l, ld.weight[l]))
		}
	}
	ld.layTurns()
	return ld
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
