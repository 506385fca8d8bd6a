package gtfs

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// joined is the stops of all feeds under common ids.
type joined struct {
	of      [][]int32 // feed, feed stop -> common stop
	id      []string
	feed    []int32
	feedIdx []int32
	feeds   []*Feed
}

func (j *joined) stop(s int32) *Stop { return &j.feeds[j.feed[s]].Stops[j.feedIdx[s]] }

const (
	// sameStopM is how far apart two feeds may put a stop of one id and still
	// agree about it.
	sameStopM = 50
	// sameNameM is how far apart two stops of one name and different ids may
	// be, one in each of two feeds, to be one pole (assumed: less than the
	// width of most streets with two kerbs).
	sameNameM = 20
)

// mergeStops gives every stop a common number. Feeds that agree about a stop
// share it; where they disagree about an id both get "feed:id".
func (c *compiled) mergeStops() *joined {
	feeds := c.feeds
	j := &joined{feeds: feeds}
	type ref struct{ feed, idx int32 }
	byID := map[string][]ref{}
	for fi, f := range feeds {
		j.of = append(j.of, make([]int32, len(f.Stops)))
		for si := range f.Stops {
			byID[f.Stops[si].ID] = append(byID[f.Stops[si].ID], ref{int32(fi), int32(si)})
		}
	}
	shared := 0
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		refs := byID[id]
		a := &feeds[refs[0].feed].Stops[refs[0].idx]
		agree := true
		for _, r := range refs[1:] {
			b := &feeds[r.feed].Stops[r.idx]
			agree = agree && city.DistanceM(a.Lon, a.Lat, b.Lon, b.Lat) <= sameStopM
		}
		for k, r := range refs {
			name := id
			if !agree {
				name = feeds[r.feed].Name + ":" + id
			}
			if k == 0 || !agree {
				j.id = append(j.id, name)
				j.feed, j.feedIdx = append(j.feed, r.feed), append(j.feedIdx, r.idx)
			} else {
				shared++
			}
			j.of[r.feed][r.idx] = int32(len(j.id) - 1)
		}
	}
	if len(feeds) > 1 {
		named := c.joinNamed(j)
		c.add("stops that feeds share", float64(shared+named), "stops", "one id within 50 m, or one name, one mode and within 20 m")
	}
	return j
}

// joinNamed makes one stop of two in different feeds that have one name, are
// served by one mode and stand within sameNameM. Pairs are taken from the
// nearest on, so that the poles of two kerbs find their like; within one feed
// nothing is joined.
func (c *compiled) joinNamed(j *joined) int {
	modes := make([]uint8, len(j.id))
	for fi, f := range c.feeds {
		for _, t := range f.Trips {
			for _, call := range t.Calls {
				modes[j.of[fi][call.Stop]] |= 1 << f.Routes[t.Route].Mode
			}
		}
	}
	byName := map[string][]int32{} // look-ups, then sorted
	for s := range j.id {
		if st := j.stop(int32(s)); modes[s] != 0 && st.Name != "" {
			byName[fold(st.Name)] = append(byName[fold(st.Name)], int32(s))
		}
	}
	type pair struct {
		d    float64
		a, b int32
	}
	into := make([]int32, len(j.id))
	for s := range into {
		into[s] = int32(s)
	}
	// Which feeds a common stop stands for: one stop per feed at most.
	holds := make([]map[int32]bool, len(j.id)) // look-ups only
	for fi := range j.of {
		for _, s := range j.of[fi] {
			if holds[s] == nil {
				holds[s] = map[int32]bool{}
			}
			holds[s][int32(fi)] = true
		}
	}
	joins := 0
	for _, n := range slices.Sorted(maps.Keys(byName)) {
		same := byName[n]
		var pairs []pair
		for x, a := range same {
			for _, b := range same[x+1:] {
				p, q := j.stop(a), j.stop(b)
				if d := city.DistanceM(p.Lon, p.Lat, q.Lon, q.Lat); d <= sameNameM && modes[a]&modes[b] != 0 {
					pairs = append(pairs, pair{d, a, b})
				}
			}
		}
		slices.SortFunc(pairs, func(p, q pair) int {
			return cmp.Or(cmp.Compare(p.d, q.d), strings.Compare(j.id[p.a], j.id[q.a]), strings.Compare(j.id[p.b], j.id[q.b]))
		})
		for _, p := range pairs {
			// Both still stand for themselves, and for different feeds.
			if into[p.a] != p.a || into[p.b] != p.b || overlap(holds[p.a], holds[p.b], len(j.feeds)) {
				continue
			}
			a, b := p.a, p.b // a has the lower id: byName lists in order of id
			into[b] = a
			for f := range j.feeds {
				if holds[b][int32(f)] {
					holds[a][int32(f)] = true
				}
			}
			joins++
		}
	}
	if joins > 0 {
		for fi := range j.of {
			for s := range j.of[fi] {
				j.of[fi][s] = into[j.of[fi][s]]
			}
		}
	}
	return joins
}

func overlap(a, b map[int32]bool, n int) bool {
	for f := range n {
		if a[int32(f)] && b[int32(f)] {
			return true
		}
	}
	return false
}

// fold is a name without case and extra spaces.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func lineIDs(feeds []*Feed) [][]string {
	count := map[string]int{} // look-ups only
	for _, f := range feeds {
		for _, r := range f.Routes {
			count[r.ID]++
		}
	}
	out := make([][]string, len(feeds))
	for i, f := range feeds {
		for _, r := range f.Routes {
			id := r.ID
			if count[id] > 1 {
				id = f.Name + ":" + id
			}
			out[i] = append(out[i], id)
		}
	}
	return out
}

// acrossFeeds removes the trips that another feed has too: one mode, one line
// name, the same stops at the same times. The feed first in order of name
// keeps them.
func (c *compiled) acrossFeeds(trips []trip) []trip {
	if len(c.feeds) < 2 {
		return trips
	}
	mode := func(t *trip) city.TransitMode { return c.feeds[t.feed].Routes[t.route].Mode }
	name := func(t *trip) string { return c.feeds[t.feed].Routes[t.route].Name }
	same := func(a, b *trip) int {
		return cmp.Or(slices.Compare(a.stops, b.stops), slices.Compare(a.times, b.times), cmp.Compare(mode(a), mode(b)), strings.Compare(name(a), name(b)))
	}
	order := make([]int32, len(trips))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, k int32) int {
		a, b := &trips[i], &trips[k]
		return cmp.Or(same(a, b), strings.Compare(c.feeds[a.feed].Name, c.feeds[b.feed].Name), cmp.Compare(i, k))
	})
	drop := make([]bool, len(trips))
	dropped, first := 0, 0
	for i := 1; i < len(order); i++ {
		a, b := &trips[order[first]], &trips[order[i]]
		if same(a, b) != 0 {
			first = i
		} else if a.feed != b.feed {
			drop[order[i]] = true
			dropped++
		}
	}
	c.add("trips in two feeds, one removed", float64(dropped), "trips", "same mode, line name, stops and times")
	kept := trips[:0]
	for i, t := range trips {
		if !drop[i] {
			kept = append(kept, t)
		}
	}
	return kept
}

// stations writes the parent stations of served stops, in order of first stop.
func (c *compiled) stations(number []units.StopID) {
	tt := &c.tt
	// Which feed stop a timetable stop is.
	common := make([]int32, tt.NumStops())
	for s, n := range number {
		if n != units.NoStop {
			common[n] = int32(s)
		}
	}
	index := make([]map[string]int32, len(c.feeds)) // look-ups only
	for fi, f := range c.feeds {
		index[fi] = map[string]int32{}
		for i := range f.Stops {
			if f.Stops[i].Kind == Station && f.Stops[i].located {
				index[fi][f.Stops[i].ID] = int32(i)
			}
		}
	}
	at := map[int32]uint32{} // common stop of the station -> number; look-ups only
	for _, s := range common {
		fi := c.stops.feed[s]
		st := c.stops.stop(s)
		k, ok := index[fi][st.Parent]
		if !ok {
			tt.StopStation = append(tt.StopStation, city.NoStation)
			continue
		}
		whole := c.stops.of[fi][k]
		n, seen := at[whole]
		if !seen {
			n = uint32(len(tt.StationID))
			at[whole] = n
			p := &c.feeds[fi].Stops[k]
			name := p.Name
			if name == "" {
				name = c.stops.id[whole]
			}
			tt.StationID, tt.StationName = append(tt.StationID, c.stops.id[whole]), append(tt.StationName, name)
			tt.StationLon, tt.StationLat = append(tt.StationLon, p.Lon), append(tt.StationLat, p.Lat)
		}
		tt.StopStation = append(tt.StopStation, n)
	}
	c.add("stations", float64(len(tt.StationID)), "stations", "that stops belong to")
}

// insideStations carries transfers and pathways over to the stops served.
func (c *compiled) insideStations(number []units.StopID) {
	n := c.tt.NumStops()
	c.extra.Doors = make([][]Door, n)
	doors, ways, rules := 0, 0, 0
	for fi, f := range c.feeds {
		stopOf := func(s int32) units.StopID { return number[c.stops.of[fi][s]] }
		if w := newStation(f); w != nil {
			for s := range f.Stops {
				from := stopOf(int32(s))
				if from == units.NoStop || f.Stops[s].Kind != Platform || len(w.out[s])+len(w.back[s]) == 0 {
					continue
				}
				if d := w.doors(int32(s)); len(d) > 0 {
					c.extra.Doors[from] = append(c.extra.Doors[from], d...)
					doors += len(d)
				}
				w.from(int32(s), w.out, func(o int32, sec float64) {
					if to := stopOf(o); to != units.NoStop && to != from && f.Stops[o].Kind == Platform {
						c.extra.Inner = append(c.extra.Inner, Inner{from, to, sec})
						ways++
					}
				})
			}
		}
		// A rule for a station holds for its stops.
		children := map[string][]int32{} // look-ups only
		for s := range f.Stops {
			if p := f.Stops[s].Parent; p != "" && stopOf(int32(s)) != units.NoStop {
				children[p] = append(children[p], int32(s))
			}
		}
		whole := func(s int32) []int32 {
			if f.Stops[s].Kind == Station {
				return children[f.Stops[s].ID]
			}
			return []int32{s}
		}
		for _, r := range f.Transfers {
			for _, a := range whole(r.From) {
				for _, b := range whole(r.To) {
					from, to := stopOf(a), stopOf(b)
					if from == units.NoStop || to == units.NoStop || len(c.extra.Rules) >= maxRules {
						continue
					}
					c.extra.Rules = append(c.extra.Rules, Rule{from, to, r.Kind, r.MinS})
					rules++
				}
			}
		}
	}
	if doors+ways > 0 {
		c.add("ways inside stations", float64(ways), "ways", "from platform to platform, from pathways.txt")
		c.add("entrances of platforms", float64(doors), "ways", "from platform to street, from pathways.txt")
	}
	if rules > 0 {
		c.add("rules for transfers", float64(rules), "rules", "from transfers.txt, those for stations written out")
	}
}

// maxRules bounds what the rules for stations are written out to.
const maxRules = 2_000_000
