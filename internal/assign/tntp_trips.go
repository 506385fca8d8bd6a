package assign

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
)

// tripReader collects the entries of a matrix.
type tripReader struct {
	zones  int
	origin int // from 0; -1 before the first, -2 after a bad one
	rows   []tripRow
	ps     *Problems
}

type tripRow struct {
	from, to int32
	line     int32
	trips    float64
}

func (r *tripReader) line(number int, line []byte) {
	if word, rest := firstWord(line); bytes.EqualFold(word, []byte("Origin")) {
		o, err := strconv.Atoi(string(rest))
		if err != nil || o < 1 || o > r.zones {
			r.ps.add(number, "Origin %s: want a zone from 1 to %d", shown(rest), r.zones)
			r.origin = -2
			return
		}
		r.origin = o - 1
		return
	}
	if r.origin == -1 {
		r.ps.add(number, "%s before the first Origin", shown(line))
		r.origin = -2
		return
	}
	for len(line) > 0 {
		var entry []byte
		if entry, line, _ = bytes.Cut(line, []byte(";")); len(bytes.TrimSpace(entry)) > 0 {
			r.entry(number, entry)
		}
	}
}

// firstWord splits at the first blank.
func firstWord(line []byte) (word, rest []byte) {
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		return line[:i], bytes.TrimSpace(line[i:])
	}
	return line, nil
}

func (r *tripReader) entry(number int, entry []byte) {
	to, value, ok := bytes.Cut(entry, []byte(":"))
	to, value = bytes.TrimSpace(to), bytes.TrimSpace(value)
	if !ok {
		r.ps.add(number, "%s: want destination : trips ;", shown(entry))
		return
	}
	d, err := strconv.Atoi(string(to))
	if err != nil || d < 1 || d > r.zones {
		r.ps.add(number, "destination %s: want a zone from 1 to %d", shown(to), r.zones)
		return
	}
	t, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.IsNaN(t) || math.IsInf(t, 0) || t < 0 {
		r.ps.add(number, "trips %s: want a finite number, 0 or more", shown(value))
		return
	}
	if r.origin >= 0 {
		r.rows = append(r.rows, tripRow{int32(r.origin), int32(d - 1), int32(min(number, math.MaxInt32)), t})
	}
}

// demand sorts the entries; a pair given twice is a problem, at its second line.
func (r *tripReader) demand() *Demand {
	slices.SortStableFunc(r.rows, func(a, b tripRow) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	d := &Demand{}
	for i, x := range r.rows {
		if i > 0 && x.from == r.rows[i-1].from && x.to == r.rows[i-1].to {
			r.ps.add(int(x.line), "trips from %d to %d are given twice, first on line %d", x.from+1, x.to+1, r.rows[i-1].line)
			continue
		}
		if x.trips > 0 {
			d.From, d.To, d.Trips = append(d.From, x.from), append(d.To, x.to), append(d.Trips, x.trips)
		}
	}
	return d
}
