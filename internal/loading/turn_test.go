package loading_test

import (
	"math"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
	"pgregory.net/rapid"
)

// With the rule a closed ring rolls on: in random towns everybody arrives, on
// the same laws as ever (FIFO, free speed, nobody lost), and towns that never
// lock give the very same result with and without it.
func TestTurnedRingsLetEverybodyArrive(t *testing.T) {
	turned := 0
	rapid.Check(t, func(t *rapid.T) {
		net, dep := town(t)
		plain := loading.New(net).Run(dep, math.Inf(1), nil)
		locked := len(plain.Unfinished) > 0
		arrive := append([]float64(nil), plain.ArriveS...)

		net.TurnRings = true
		tr := newTrace(len(net.From))
		res := loading.New(net).Run(dep, math.Inf(1), tr)
		if len(res.Unfinished) != 0 || len(res.Gridlock) != 0 {
			t.Fatalf("%d unfinished, gridlock %v after %d turns", len(res.Unfinished), res.Gridlock, res.Turns)
		}
		if !locked {
			if res.Turns != 0 {
				t.Fatalf("%d turns in a town that does not lock", res.Turns)
			}
			for p, at := range res.ArriveS {
				if at != arrive[p] {
					t.Fatalf("platoon %d arrives at %g with the rule, %g without", p, at, arrive[p])
				}
			}
			return
		}
		if res.Turns == 0 || len(res.Turned) == 0 {
			t.Fatal("a lock dissolved without a turn being told")
		}
		turned++
		for l := range tr.exit {
			free := float64(net.LengthM[l]) / float64(net.SpeedMS[l])
			for i, out := range tr.exit[l] {
				if out < tr.enter[l][i]+free-1e-6 {
					t.Fatalf("link %d: out at %g, in at %g: faster than %g s", l, out, tr.enter[l][i], free)
				}
				if i > 0 && tr.enter[l][i] < tr.enter[l][i-1] {
					t.Fatalf("link %d: platoon %d overtakes", l, i)
				}
			}
		}
	})
	if turned == 0 {
		t.Error("no town locked: the test shows nothing")
	}
}
