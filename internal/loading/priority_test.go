package loading_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// A merge weight of fifty times the capacity must act as priority: the ring
// wants 0.3/s and the entry 0.5/s of an inlet that takes 0.5/s. With equal
// weights each gets 0.25/s; with priority the ring keeps its 0.3/s without
// queueing and the entry gets the 0.2/s left over. So must the burst after a
// pause be bounded: the credit that an idle ring does not use is not saved up,
// and an entry that was starved cannot claim it back.
func TestALargeMergeWeightIsPriority(t *testing.T) {
	for _, size := range []float32{1, 5} {
		for _, pause := range []bool{false, true} {
			t.Run(fmt.Sprintf("platoons of %g, pause %v", size, pause), func(t *testing.T) {
				// Links 0 (ring) and 1 (entry) meet before 2.
				net := addLink(addLink(addLink(loading.Links{}, 0, 2), 1, 2), 2, 3)
				net.CapacityVS[2] = 0.5
				net.MergeWeight[0] = 50 * net.CapacityVS[0]
				ring, entry := platoons(0.3, size, 0, 3600), platoons(0.5, size, 0, 3600)
				if pause { // the ring rests for ten minutes
					ring = append(platoons(0.3, size, 0, 1200), platoons(0.3, size, 1800, 3600)...)
				}
				dep := together([][]float64{ring, entry}, [][]units.LinkID{{0, 2}, {1, 2}}, size)
				tr := newTrace(3)
				loading.New(net).Run(dep, 3600, tr)
				from := 2000.0 // long after the entry queues
				rate := func(l int) float64 {
					return (count(tr.exit[l], 3500) - count(tr.exit[l], from)) * float64(size) / (3500 - from)
				}
				near5 := func(what string, got, want float64) {
					t.Helper()
					if math.Abs(got-want) > 0.05*want {
						t.Errorf("%s: %.3f/s, want %g", what, got, want)
					}
				}
				near5("ring", rate(0), 0.3)
				near5("entry", rate(1), 0.2)
				// No ring platoon waits for more than the platoon before it and
				// one that was entering when it came.
				most := 50 + 2*float64(size)/0.5 + 1e-9
				for i, out := range tr.exit[0] {
					if took := out - tr.enter[0][i]; took > most {
						t.Fatalf("ring platoon %d took %g s, want at most %g", i, took, most)
					}
				}
			})
		}
	}
}

// platoons departs evenly: rate vehicles per second from one second to another.
func platoons(rate float64, size float32, from, to float64) []float64 {
	var out []float64
	for k := 0; ; k++ {
		at := from + (float64(k)+0.5)*float64(size)/rate
		if at >= to {
			return out
		}
		out = append(out, at)
	}
}

// roundabout is a ring of four links of the given length and lanes (0-3), four
// approaches (4-7: 4+i ends where ring link i begins) and four exits (8-11:
// 8+i leaves where ring link i ends).
func roundabout(lengthM, lanes, priority float32) loading.Links {
	var net loading.Links
	for i := range 4 {
		net = addLink(net, i, (i+1)%4)
		net.LengthM[i], net.SpeedMS[i], net.JamVM[i], net.CapacityVS[i] = lengthM, 8, lanes/7.5, lanes*1400/3600
		net.MergeWeight[i] = priority * net.CapacityVS[i]
	}
	for i := range 4 {
		net = addLink(net, 4+i, i)
		net.CapacityVS[4+i] = 0.4
	}
	for i := range 4 {
		net = addLink(net, (i+1)%4, 8+i)
		net.CapacityVS[8+i] = 0.4
	}
	return net
}

// Four saturated approaches, platoons of five cars, everybody past two exits
// (three ring links). Priority keeps the ring moving as long as each of its
// links stores more than one platoon (37.5 m); with equal shares it locks, which
// is why the weight is there; and a mini-roundabout locks all the same, which
// is why small rings are imported as one node.
func TestPriorityKeepsARoundaboutMoving(t *testing.T) {
	for _, tc := range []struct {
		lengthM, priority float32
		locks             bool
	}{
		{45, 50, false},
		{80, 50, false},
		{45, 1, true},
		{80, 1, true},
		{15, 50, true},
		{35, 50, true},
	} {
		var departs [][]float64
		var paths [][]units.LinkID
		for i := range units.LinkID(4) {
			departs = append(departs, platoons(0.35, 5, float64(i), 3600))
			paths = append(paths, []units.LinkID{4 + i, i, (i + 1) % 4, (i + 2) % 4, 8 + (i+2)%4})
		}
		dep := together(departs, paths, 5)
		r := loading.New(roundabout(tc.lengthM, 1, tc.priority)).Run(dep, math.Inf(1), nil)
		if locked := len(r.Gridlock) > 0; locked != tc.locks || locked != (len(r.Unfinished) > 0) {
			t.Errorf("links of %g m, weight %g: %d locked rings and %d platoons unfinished, want locked %v",
				tc.lengthM, tc.priority, len(r.Gridlock), len(r.Unfinished), tc.locks)
		}
	}
}
