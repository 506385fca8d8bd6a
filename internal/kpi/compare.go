package kpi

import (
	"math"
	"sort"

	"github.com/malikobaid/cityflow/spec"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Level of the intervals and of the familywise error of the verdicts.
const confidence = 0.95

// Interval is the mean of paired differences with its 95% Student interval.
// With equal differences the interval is the mean itself.
func Interval(diff []float64) (mean float64, ci [2]float64) {
	mean, sd := stat.MeanStdDev(diff, nil)
	half := 0.0
	if sd > 0 {
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(diff) - 1)}
		half = t.Quantile((1+confidence)/2) * sd / math.Sqrt(float64(len(diff)))
	}
	return mean, [2]float64{mean - half, mean + half}
}

// pValue is two-sided for "the mean difference is zero".
func pValue(diff []float64) float64 {
	mean, sd := stat.MeanStdDev(diff, nil)
	if sd == 0 {
		if mean == 0 {
			return 1
		}
		return 0
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(diff) - 1)}
	return 2 * t.CDF(-math.Abs(mean)/(sd/math.Sqrt(float64(len(diff)))))
}

// standsOut is the error accepted for one of thousands of links: at 5% a map
// without any change would show hundreds.
const standsOut = 0.001

// StandsOut tells whether one of very many differences is more than noise.
func StandsOut(diff []float64) bool { return pValue(diff) < standsOut }

// Holm says which of the hypotheses with these p-values are rejected at a
// familywise level (Holm 1979).
func Holm(p []float64, alpha float64) []bool {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return p[order[a]] < p[order[b]] })
	reject := make([]bool, len(p))
	for rank, i := range order {
		if p[i] > alpha/float64(len(p)-rank) {
			break
		}
		reject[i] = true
	}
	return reject
}

// Compare turns replications into the KPI table and the account of what
// common random numbers gained.
func Compare(base, scen []*Arm, pairs []*Pair) ([]spec.KPI, []spec.Correlation) {
	var out []spec.KPI
	var gains []spec.Correlation
	var p []float64
	var clear []bool
	n := len(base)
	b, s, diff := make([]float64, n), make([]float64, n), make([]float64, n)
	for _, d := range Definitions {
		for r := range n {
			if d.Pair != nil {
				b[r], s[r] = 0, d.Pair(pairs[r])
			} else {
				b[r], s[r] = d.Value(base[r]), d.Value(scen[r])
			}
			diff[r] = s[r] - b[r]
		}
		mean, ci := Interval(diff)
		k := spec.KPI{ID: d.ID, Name: d.Name, Unit: d.Unit, Headline: d.Headline, Better: d.Better,
			Baseline: stat.Mean(b, nil), Scenario: stat.Mean(s, nil), Diff: mean, CI95: ci}
		out = append(out, k)
		if d.Headline {
			p = append(p, pValue(diff))
		}
		clear = append(clear, ci[0] > 0 || ci[1] < 0)
		if d.Headline && d.Pair == nil {
			gains = append(gains, spec.Correlation{KPI: d.ID, Correlation: correlation(b, s), VarianceRatio: varianceRatio(b, s, diff)})
		}
	}
	holm := Holm(p, 1-confidence)
	h := 0
	for i := range out {
		ok := clear[i]
		if out[i].Headline {
			ok = ok && holm[h]
			h++
		}
		out[i].Verdict = verdict(ok, out[i].Diff)
	}
	return out, gains
}

func verdict(clear bool, diff float64) string {
	switch {
	case clear && diff > 0:
		return spec.ClearIncrease
	case clear && diff < 0:
		return spec.ClearDecrease
	}
	return spec.NoClearChange
}

// correlation between the arms; 0 when one of them does not vary.
func correlation(b, s []float64) float64 {
	_, sb := stat.MeanStdDev(b, nil)
	_, ss := stat.MeanStdDev(s, nil)
	if sb == 0 || ss == 0 {
		return 0
	}
	return stat.Correlation(b, s, nil)
}

// varianceRatio is the variance of the paired difference over that of
// independent arms: below 1 where common random numbers help.
func varianceRatio(b, s, diff []float64) float64 {
	independent := stat.Variance(b, nil) + stat.Variance(s, nil)
	if independent == 0 {
		return 0
	}
	return stat.Variance(diff, nil) / independent
}

// Summed is the mean and interval of any figure of the replications.
func Summed(n int, value func(r int) float64) (mean float64, ci [2]float64) {
	v := make([]float64, n)
	for r := range v {
		v[r] = value(r)
	}
	return Interval(v)
}
