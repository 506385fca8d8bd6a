package tiles

import (
	"cmp"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// style is all that tells two lines of one layer apart at a zoom. Lines of one
// style that meet become one: fewer bytes, and room for their names.
type style struct {
	layer             layer
	rank              float64
	kind, detail      string
	name, ref         string
	link, bridge, tun bool
}

func (f *feature) style(z int8) style {
	s := style{layer: f.layer, rank: f.rank, kind: f.kind, detail: f.detail, link: f.link}
	if z >= f.named {
		s.name = f.name
	}
	if z >= 10 {
		s.ref = f.ref
	}
	if z >= 12 || f.kind == "rail" {
		s.bridge, s.tun = f.bridge, f.tun
	}
	return s
}

func compareStyles(a, b style) int {
	flags := func(s style) int {
		n := 0
		for i, on := range []bool{s.link, s.bridge, s.tun} {
			if on {
				n |= 1 << i
			}
		}
		return n
	}
	return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(a.rank, b.rank), cmp.Compare(a.kind, b.kind), cmp.Compare(a.detail, b.detail),
		cmp.Compare(a.name, b.name), cmp.Compare(a.ref, b.ref), cmp.Compare(flags(a), flags(b)))
}

// joined is the lines of a zoom, in drawing order, joined end to end.
func joined(features []feature, z int8) []drawn {
	type piece struct {
		style style
		line  orb.LineString
	}
	var pieces []piece
	for i := range features {
		f := &features[i]
		if ls, ok := f.geom.(orb.LineString); ok && f.from <= z {
			pieces = append(pieces, piece{f.style(z), ls})
		}
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return compareStyles(a.style, b.style) })
	var out []drawn
	for len(pieces) > 0 {
		n := 1
		for n < len(pieces) && pieces[n].style == pieces[0].style {
			n++
		}
		lines := make([]orb.LineString, n)
		for i := range lines {
			lines[i] = pieces[i].line
		}
		for _, ls := range join(lines) {
			out = append(out, drawn{pieces[0].style, ls})
		}
		pieces = pieces[n:]
	}
	return out
}

// join continues each line, in order, with the unused one that starts or ends
// where it ends and turns the least.
func join(lines []orb.LineString) []orb.LineString {
	if len(lines) == 1 {
		return lines
	}
	at := map[orb.Point][]int{} // look-ups only
	for i, l := range lines {
		at[l[0]] = append(at[l[0]], i)
		if e := l[len(l)-1]; e != l[0] {
			at[e] = append(at[e], i)
		}
	}
	used := make([]bool, len(lines))
	grow := func(l orb.LineString) orb.LineString {
		for {
			end := l[len(l)-1]
			best, least := -1, math.Pi/2 // a sharper turn is another street
			for _, i := range at[end] {
				if used[i] {
					continue
				}
				if t := turn(l[len(l)-2], end, second(lines[i], end)); t < least {
					best, least = i, t
				}
			}
			if best < 0 {
				return l
			}
			used[best] = true
			next := lines[best]
			if next[0] != end {
				next = slices.Clone(next)
				slices.Reverse(next)
			}
			l = append(l, next[1:]...)
		}
	}
	var out []orb.LineString
	for i, l := range lines {
		if used[i] {
			continue
		}
		used[i] = true
		l = grow(slices.Clone(l))
		slices.Reverse(l)
		l = grow(l)
		slices.Reverse(l)
		out = append(out, l)
	}
	return out
}

// second is the point after the end that is p.
func second(l orb.LineString, p orb.Point) orb.Point {
	if l[0] == p {
		return l[1]
	}
	return l[len(l)-2]
}

func turn(a, b, c orb.Point) float64 {
	d := math.Abs(math.Atan2(c[1]-b[1], c[0]-b[0]) - math.Atan2(b[1]-a[1], b[0]-a[0]))
	return min(d, 2*math.Pi-d)
}
