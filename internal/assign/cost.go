package assign

import "math"

// cost is the generalised cost of one link as a function of its volume v:
// fixed + scale x (v x inv)^power, where fixed is free-flow time, toll and
// length, and scale is free-flow time x B. It is one cache line with the
// volume, for a shift of flow touches all of it.
type cost struct {
	volume float64
	slope  float64 // derivative at volume
	fixed  float64
	scale  float64
	inv    float64 // 1 / capacity
	steep  float64 // scale x power / capacity
	power  float64
	kind   kind
}

// kind picks the way to raise to a power; every published network but a few
// uses 4.
type kind uint32

const (
	general kind = iota
	constant
	linear
	quartic
)

func newCost(n *Network, l int, w Weights) cost {
	c := cost{
		fixed: n.FreeFlow[l] + w.Toll*n.Toll[l] + w.Distance*n.Length[l],
		scale: n.FreeFlow[l] * n.B[l], inv: 1 / n.Capacity[l], power: n.Power[l],
	}
	c.steep = c.scale * c.power * c.inv
	switch {
	case c.power == 0:
		// (v/c)^0 is 1, at no flow too: the formula's own constant time.
		c.fixed += c.scale
		c.scale, c.steep, c.kind = 0, 0, constant
	case c.scale == 0:
		c.kind = constant
	case c.power == 1:
		c.kind = linear
	case c.power == 4:
		c.kind = quartic
	}
	return c
}

// add changes the volume and gives the new cost.
func (c *cost) add(dx float64) float64 {
	v := c.volume + dx
	if v < 0 { // rounding
		v = 0
	}
	c.volume = v
	return c.now()
}

// now sets the slope and gives the cost at the present volume.
func (c *cost) now() float64 {
	r := c.volume * c.inv
	switch c.kind {
	case quartic:
		r2 := r * r
		c.slope = c.steep * r2 * r
		return c.fixed + c.scale*r2*r2
	case constant:
		return c.fixed
	case linear:
		c.slope = c.steep
		return c.fixed + c.scale*r
	}
	p := math.Pow(r, c.power-1)
	c.slope = c.steep * p
	return c.fixed + c.scale*p*r
}

// at is the cost at a volume.
func (c cost) at(v float64) float64 {
	c.volume = v
	return c.now()
}

// integral is the cost summed over volumes from 0 to the present one: the
// link's term of Beckmann's objective.
func (c *cost) integral() float64 {
	v := c.volume
	switch c.kind {
	case constant:
		return c.fixed * v
	case quartic:
		r := v * c.inv
		r *= r
		return v * (c.fixed + c.scale*r*r/5)
	}
	return v * (c.fixed + c.scale*math.Pow(v*c.inv, c.power)/(c.power+1))
}

// sum adds with Neumaier's compensation: objectives are wanted to 12 digits
// over any number of links. (Neumaier 1974, Zeitschrift für Angewandte
// Mathematik und Mechanik 54.)
type sum struct{ s, c float64 }

func (k *sum) add(x float64) {
	t := k.s + x
	if math.Abs(k.s) >= math.Abs(x) {
		k.c += (k.s - t) + x
	} else {
		k.c += (x - t) + k.s
	}
	k.s = t
}

func (k *sum) value() float64 { return k.s + k.c }
