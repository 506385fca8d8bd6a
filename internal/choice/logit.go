package choice

import (
	"math"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/random"
)

// Costs are the generalised costs of one tour by mode, in minutes.
type Costs [city.NumModes]float64

// Constants are added to the costs, in equivalent minutes. Car is the
// reference and stays 0.
type Constants [city.NumModes]float64

// nests: car, active, transit.
const (
	nestCar = iota
	nestActive
	nestTransit
	numNests
)

// nestUtility is the utility of each nest in minutes (the logsum divided by
// its scale); -Inf when nothing in it is available.
func nestUtility(c *Costs, a *Constants) [numNests]float64 {
	active := math.Inf(-1)
	b, w := -(c[city.Bike] + a[city.Bike]), -(c[city.Walk] + a[city.Walk])
	if top := max(b, w); !math.IsInf(top, -1) {
		active = top + math.Log(math.Exp(ScaleActive*(b-top))+math.Exp(ScaleActive*(w-top)))/ScaleActive
	}
	return [numNests]float64{-(c[city.Car] + a[city.Car]), active, -(c[city.Transit] + a[city.Transit])}
}

// Probabilities of the nested logit. Some alternative must be available.
func Probabilities(c *Costs, a *Constants) [city.NumModes]float64 {
	u := nestUtility(c, a)
	top := max(u[0], u[1], u[2])
	var e [numNests]float64
	sum := 0.0
	for i, v := range u {
		e[i] = math.Exp(ScaleTop * (v - top))
		sum += e[i]
	}
	var p [city.NumModes]float64
	p[city.Car] = e[nestCar] / sum
	p[city.Transit] = e[nestTransit] / sum
	if active := e[nestActive] / sum; active > 0 {
		b, w := -(c[city.Bike] + a[city.Bike]), -(c[city.Walk] + a[city.Walk])
		hi := max(b, w)
		eb, ew := math.Exp(ScaleActive*(b-hi)), math.Exp(ScaleActive*(w-hi))
		p[city.Bike] = active * eb / (eb + ew)
		p[city.Walk] = active * ew / (eb + ew)
	}
	return p
}

// LogsumMin is the expected lowest cost in minutes (up to a constant): the
// measure of how well a tour is served by all modes together.
func LogsumMin(c *Costs, a *Constants) float64 {
	u := nestUtility(c, a)
	top := max(u[0], u[1], u[2])
	sum := 0.0
	for _, v := range u {
		sum += math.Exp(ScaleTop * (v - top))
	}
	return -(top + math.Log(sum)/ScaleTop)
}

// Draws are the random terms of one tour.
type Draws struct {
	nest [numNests]float64
	mode [city.NumModes]float64
}

// NewDraws keys the terms by (seed, person, tour, nest or alternative).
func NewDraws(seed uint64, person uint32, tour uint8) Draws {
	k := random.New(seed, random.Gumbel).At(uint64(person)).At(uint64(tour))
	var d Draws
	for i := range d.nest {
		d.nest[i] = k.At(uint64(16 + i)).Gumbel()
	}
	for i := range d.mode {
		d.mode[i] = k.At(uint64(i)).Gumbel()
	}
	return d
}

// Choose is the alternative with the highest random utility.
func Choose(c *Costs, a *Constants, d *Draws) city.Mode {
	u := nestUtility(c, a)
	best, at := math.Inf(-1), -1
	for i, v := range u {
		if v = ScaleTop*v + d.nest[i]; v > best {
			best, at = v, i
		}
	}
	switch at {
	case nestCar:
		return city.Car
	case nestTransit:
		return city.Transit
	case nestActive:
		b := -ScaleActive*(c[city.Bike]+a[city.Bike]) + d.mode[city.Bike]
		w := -ScaleActive*(c[city.Walk]+a[city.Walk]) + d.mode[city.Walk]
		if b > w {
			return city.Bike
		}
		return city.Walk
	}
	panic("choice: a tour has no alternative at all")
}
