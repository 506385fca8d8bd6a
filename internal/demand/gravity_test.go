package demand

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"strconv"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/validation"
)

type odPair struct {
	o, d  int
	km    float64
	count float64
}

// manchester reads the observed commuting of Greater Manchester (census 2011)
// between zones up to maxKM apart.
func manchester(t *testing.T, maxKM float64) (x, y []float32, pairs []odPair) {
	t.Helper()
	rows, err := csv.NewReader(validation.Open(t, "greater-manchester-od", "msoa_centroids.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	index := map[string]int{}
	for _, r := range rows[1:] {
		lon, lat := number(t, r[1]), number(t, r[2])
		index[r[0]] = len(x)
		x = append(x, float32(lon*111_320*math.Cos(53.5*math.Pi/180)))
		y = append(y, float32(lat*110_574))
	}
	zip, err := gzip.NewReader(validation.Open(t, "greater-manchester-od", "od_msoa_2011.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err = csv.NewReader(zip).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		o, okO := index[r[0]]
		d, okD := index[r[1]]
		if !okO || !okD {
			continue
		}
		km := math.Hypot(float64(x[o]-x[d]), float64(y[o]-y[d])) / 1000
		// Those who work at home make no trip.
		if n := number(t, r[2]) - number(t, r[3]); km <= maxKM && n > 0 {
			pairs = append(pairs, odPair{o, d, km, n})
		}
	}
	return x, y, pairs
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The zones (MSOA, about 5 km2) are far larger than our clusters: trips inside
// one count as half the side of a square of that size.
const msoaSelfKM = 1.15

func TestWorkDeterrence(t *testing.T) {
	const maxKM = 12
	x, y, pairs := manchester(t, maxKM)
	n := len(x)
	production, attraction := make([]float64, n), make([]float64, n)
	for _, p := range pairs {
		production[p.o] += p.count
		attraction[p.d] += p.count
	}
	// mean observed and modelled length over origins of one parity.
	lengths := func(beta float64, parity int) (observed, modelled float64) {
		g := NewGravity(x, y, production, attraction, beta, msoaSelfKM, true)
		var so, co, sm, cm float64
		for _, p := range pairs {
			if p.o%2 == parity {
				so += p.count * max(p.km, msoaSelfKM)
				co += p.count
			}
		}
		for o := parity; o < n; o += 2 {
			for d := range n {
				km := math.Hypot(float64(x[o]-x[d]), float64(y[o]-y[d])) / 1000
				if km <= maxKM {
					w := production[o] * g.Share(o, d)
					sm += w * max(km, msoaSelfKM)
					cm += w
				}
			}
		}
		return so / co, sm / cm
	}
	lo, hi := 0.01, 2.0
	for range 30 {
		mid := (lo + hi) / 2
		if obs, mod := lengths(mid, 0); mod > obs {
			lo = mid
		} else {
			hi = mid
		}
	}
	fitted := (lo + hi) / 2
	obs, mod := lengths(fitted, 1)
	t.Logf("fitted beta %.4f per km on one half; on the other half observed mean %.3f km, modelled %.3f km", fitted, obs, mod)
	if math.Abs(fitted-deterrence[city.Work]) > 0.01 {
		t.Errorf("the work deterrence constant is %.3f, the data say %.3f", deterrence[city.Work], fitted)
	}
	if math.Abs(mod/obs-1) > 0.05 {
		t.Errorf("held-out mean length is off by %.1f%%, want within 5%%", 100*(mod/obs-1))
	}
}

func TestGravityBalances(t *testing.T) {
	// Nine clusters on a line, uneven ends.
	n := 9
	x, y := make([]float32, n), make([]float32, n)
	production, attraction := make([]float64, n), make([]float64, n)
	var p, a float64
	for i := range n {
		x[i] = float32(i * 700)
		production[i] = float64(10 + i*i)
		attraction[i] = float64((n - i) * 20)
		if i == 4 {
			attraction[i] = 0
		}
		p += production[i]
		a += attraction[i]
	}
	g := NewGravity(x, y, production, attraction, 0.3, selfKM, true)
	for d := range n {
		got := 0.0
		for o := range n {
			got += production[o] * g.Share(o, d)
		}
		if want := attraction[d] * p / a; math.Abs(got-want) > 0.01*want+1e-3 {
			t.Errorf("cluster %d attracts %.2f, want %.2f", d, got, want)
		}
	}
	for u := 0.0005; u < 1; u += 0.001 {
		if d, ok := g.Draw(0, u); !ok || attraction[d] == 0 {
			t.Fatalf("u=%v drew %d (ok=%v), which attracts nothing", u, d, ok)
		}
	}
	if _, ok := NewGravity(x, y, production, make([]float64, n), 0.3, selfKM, false).Draw(0, 0.5); ok {
		t.Error("a destination was drawn where nothing attracts")
	}
}
