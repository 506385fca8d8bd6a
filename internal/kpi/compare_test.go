package kpi

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/spec"
)

func TestIntervalIsStudents(t *testing.T) {
	// Mean 3, sd sqrt(2.5), n 5: half-width 2.776445 * 1.581139 / sqrt(5) =
	// 1.963243 (t quantile 0.975 at 4 degrees of freedom, any table).
	mean, ci := Interval([]float64{1, 2, 3, 4, 5})
	if mean != 3 || math.Abs(ci[0]-(3-1.963243)) > 1e-5 || math.Abs(ci[1]-(3+1.963243)) > 1e-5 {
		t.Fatalf("mean %v, interval %v", mean, ci)
	}
	if _, ci := Interval([]float64{2, 2, 2}); ci != [2]float64{2, 2} {
		t.Fatalf("equal differences give %v", ci)
	}
}

func TestHolmStepsDown(t *testing.T) {
	// Thresholds .05/4, .05/3, .05/2, .05: the third fails, so the fourth does.
	got := Holm([]float64{0.03, 0.001, 0.012, 0.04}, 0.05)
	if d := cmp.Diff([]bool{false, true, true, false}, got); d != "" {
		t.Fatal(d)
	}
}

// Under no effect, some headline verdict is "clear" in at most 5% of studies.
func TestVerdictsKeepTheFamilywiseError(t *testing.T) {
	const studies = 2000
	wrong := 0
	key := random.New(11, random.Home)
	for s := range studies {
		base, scen, pairs := make([]*Arm, 5), make([]*Arm, 5), make([]*Pair, 5)
		for r := range base {
			k := key.At(uint64(s)).At(uint64(r))
			draw := func(i uint64) float64 { return 100 + k.At(i).Normal() }
			base[r] = &Arm{Trips: [city.NumModes]float64{100, 0, 0, 100}, Expected: [city.NumModes]float64{draw(0), 0, 0, draw(1)}, VehicleKM: draw(2), Jobs30: draw(3), LeftBehind: draw(4), CarDelayMin: draw(5)}
			scen[r] = &Arm{Trips: [city.NumModes]float64{100, 0, 0, 100}, Expected: [city.NumModes]float64{draw(6), 0, 0, draw(7)}, VehicleKM: draw(8), Jobs30: draw(9), LeftBehind: draw(10), CarDelayMin: draw(11)}
			pairs[r] = &Pair{BenefitH: k.At(12).Normal()}
		}
		kpis, _ := Compare(base, scen, pairs)
		for _, k := range kpis {
			if k.Headline && k.Verdict != spec.NoClearChange {
				wrong++
				break
			}
		}
	}
	// 5% of 2000 is 100; four binomial standard errors above is 139.
	if wrong > 139 {
		t.Fatalf("%d of %d studies without an effect claim one", wrong, studies)
	}
}

func TestEqualArmsNeverDiffer(t *testing.T) {
	arm := &Arm{Trips: [city.NumModes]float64{10, 1, 2, 3}, Min: [city.NumModes]float64{99, 10, 30, 80}, VehicleKM: 12.5}
	kpis, gains := Compare([]*Arm{arm, arm}, []*Arm{arm, arm}, []*Pair{{}, {}})
	for _, k := range kpis {
		if k.Diff != 0 || k.CI95 != [2]float64{} || k.Verdict != spec.NoClearChange || math.IsNaN(k.Baseline) {
			t.Errorf("%+v", k)
		}
	}
	for _, g := range gains {
		if math.IsNaN(g.Correlation) || math.IsNaN(g.VarianceRatio) {
			t.Errorf("%+v", g)
		}
	}
	headline := 0
	for _, d := range Definitions {
		if d.Headline {
			headline++
		}
	}
	if headline > 10 {
		t.Errorf("%d headline indicators, at most 10", headline)
	}
}
