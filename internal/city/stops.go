package city

import (
	"slices"
	"strings"
	"unicode"

	"github.com/malikobaid/cityflow/internal/units"
)

// GroupM is how far apart two stops of one name may stand and still be one
// stop group.
const GroupM = 250

// GroupStops numbers the stop groups: stops of one name within GroupM of each
// other (directly or through a third), and stops that share a non-empty parent
// station. Groups are numbered in order of first stop. parent may be nil.
func GroupStops(name []string, lon, lat []float64, parent []string) []uint32 {
	n := len(name)
	root := make([]int, n)
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	join := func(a, b int) {
		a, b = find(a), find(b)
		root[max(a, b)] = min(a, b)
	}
	order := make([]int, n)
	key := make([]string, n)
	for i := range order {
		order[i], key[i] = i, foldName(name[i])
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(key[a], key[b]) })
	for i := 0; i < n; {
		j := i + 1
		for j < n && key[order[j]] == key[order[i]] {
			j++
		}
		for a := i; a < j; a++ {
			for b := a + 1; b < j; b++ {
				p, q := order[a], order[b]
				if DistanceM(lon[p], lat[p], lon[q], lat[q]) <= GroupM {
					join(p, q)
				}
			}
		}
		i = j
	}
	if parent != nil {
		first := map[string]int{}
		for i, p := range parent {
			if p == "" {
				continue
			}
			if f, ok := first[p]; ok {
				join(f, i)
			} else {
				first[p] = i
			}
		}
	}
	group := make([]uint32, n)
	next := uint32(0)
	for i := range group {
		if r := find(i); r == i {
			group[i] = next
			next++
		} else {
			group[i] = group[r]
		}
	}
	return group
}

// foldName is a name without case, punctuation and extra spaces.
func foldName(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(unicode.ToLower(r))
		case r == '\'' || r == '’': // "St Julian's" and "St Julians" are one
		default:
			space = true
		}
	}
	return b.String()
}

// maxNear is how many near matches LookupStop offers.
const maxNear = 8

// LookupStop finds stops by the feed's id, else by name without regard to case
// and punctuation, else by the name of a stop group: names that differ only in
// a trailing bay number ("Friars Walk 4") inside one group answer to the common
// part. It returns all stops of that id or name, which may lie in several
// groups; the caller decides whether that is ambiguous. When nothing matches,
// near holds up to eight names like it, best first.
func (c *City) LookupStop(q string) (stops []units.StopID, near []string) {
	t := &c.Timetable
	q = strings.TrimSpace(q)
	if q == "" {
		return nil, nil
	}
	for s, id := range t.StopID {
		if id == q {
			return []units.StopID{units.StopID(s)}, nil
		}
	}
	want := foldName(q)
	folded := make([]string, len(t.StopName))
	for s, name := range t.StopName {
		folded[s] = foldName(name)
		if folded[s] == want {
			stops = append(stops, units.StopID(s))
		}
	}
	if len(stops) > 0 {
		return stops, nil
	}
	for s := range folded {
		if base := trimBay(folded[s]); base == want && base != folded[s] {
			stops = append(stops, units.StopID(s))
		}
	}
	if len(stops) > 0 {
		return stops, nil
	}
	return nil, nearNames(want, t.StopName, folded)
}

// trimBay removes a trailing bay: one number or single letter.
func trimBay(folded string) string {
	i := strings.LastIndexByte(folded, ' ')
	if i < 0 {
		return folded
	}
	last := folded[i+1:]
	if len(last) == 1 || strings.Trim(last, "0123456789") == "" {
		return folded[:i]
	}
	return folded
}

// nearNames ranks names: those that contain the words asked for, then those a
// few typing errors away.
func nearNames(want string, names, folded []string) []string {
	type hit struct {
		score int
		name  string
	}
	var hits []hit
	seen := map[string]bool{} // look-ups only
	limit := max(2, len([]rune(want))/3)
	for i, f := range folded {
		if seen[names[i]] {
			continue
		}
		seen[names[i]] = true
		switch {
		case want == "":
		case strings.HasPrefix(f, want):
			hits = append(hits, hit{0, names[i]})
		case strings.Contains(f, want) || len(f) > 3 && strings.Contains(want, f):
			hits = append(hits, hit{1, names[i]})
		default:
			if d := editDistance(want, f, limit); d <= limit {
				hits = append(hits, hit{2 + d, names[i]})
			}
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		if a.score != b.score {
			return a.score - b.score
		}
		return strings.Compare(a.name, b.name)
	})
	var out []string
	for _, h := range hits[:min(len(hits), maxNear)] {
		out = append(out, h.name)
	}
	return out
}

// editDistance is the Levenshtein distance, or limit+1 once it must be larger.
func editDistance(a, b string, limit int) int {
	ra, rb := []rune(a), []rune(b)
	if d := len(ra) - len(rb); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(rb)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(ra); i++ {
		diag, best := row[0], i
		row[0] = i
		for j := 1; j <= len(rb); j++ {
			cost := diag
			if ra[i-1] != rb[j-1] {
				cost++
			}
			diag = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
			best = min(best, row[j])
		}
		if best > limit {
			return limit + 1
		}
	}
	return row[len(rb)]
}
