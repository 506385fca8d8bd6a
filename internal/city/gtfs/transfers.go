package gtfs

import (
	"math"
	"strconv"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

// Transfer is a row of transfers.txt between two stops or stations, by index
// into Feed.Stops.
type Transfer struct {
	From, To int32
	Kind     TransferKind
	MinS     units.Seconds // for MinimumTime
}

// TransferKind is transfer_type.
type TransferKind uint8

// The kinds of transfers between stops, as the specification numbers them.
const (
	Recommended TransferKind = iota
	Timed                    // the departing vehicle waits
	MinimumTime
	NotPossible
)

// maxTransferS bounds min_transfer_time: who asks for more than two hours asks
// for no transfer.
const maxTransferS = 2 * 3600

func (f *Feed) readTransfers(a *archive, stops map[string]int32) error {
	return a.rows("transfers.txt", true, []string{"transfer_type"}, func(t *table) {
		kind := t.get("transfer_type")
		if kind == "4" || kind == "5" {
			t.skip("vehicles that go on as another trip are not modelled")
			return
		}
		for _, col := range []string{"from_route_id", "to_route_id", "from_trip_id", "to_trip_id"} {
			if t.get(col) != "" {
				t.skip("rules for single routes or trips are not modelled")
				return
			}
		}
		from, ok1 := stops[t.get("from_stop_id")]
		to, ok2 := stops[t.get("to_stop_id")]
		if !ok1 || !ok2 {
			t.skip("stop does not exist")
			return
		}
		r := Transfer{From: from, To: to}
		switch kind {
		case "", "0":
		case "1":
			r.Kind = Timed
		case "2":
			s, err := strconv.Atoi(t.get("min_transfer_time"))
			if err != nil || s < 0 || s > maxTransferS {
				t.skip("minimum time cannot be read")
				return
			}
			r.Kind, r.MinS = MinimumTime, units.Seconds(s)
		case "3":
			r.Kind = NotPossible
		default:
			t.skip("unknown transfer type")
			return
		}
		f.Transfers = append(f.Transfers, r)
	})
}

// Pathway is a way inside a station between two of its places, by index into
// Feed.Stops.
type Pathway struct {
	From, To int32
	Both     bool // also from To to From
	S        float64
}

// Inside stations people walk as on streets; a step of a staircase takes half a
// second (Fruin, Pedestrian Planning and Design, 1971, has 0.5 to 0.6 m/s along
// the slope, as recalled: assumed), a gate or a lift half a minute (assumed).
const (
	stepS = 0.5
	liftS = 30
)

// readPathways reads pathways.txt: traversal_time where given, else length,
// else what the kind of the pathway and the distance of its ends tell.
func (f *Feed) readPathways(a *archive, stops map[string]int32) error {
	need := []string{"from_stop_id", "to_stop_id", "is_bidirectional"}
	return a.rows("pathways.txt", true, need, func(t *table) {
		from, ok1 := stops[t.get("from_stop_id")]
		to, ok2 := stops[t.get("to_stop_id")]
		switch {
		case !ok1 || !ok2 || from == to:
			t.skip("stop does not exist")
			return
		case f.Stops[from].Kind == Station || f.Stops[to].Kind == Station:
			t.skip("leads to a station as a whole")
			return
		}
		number := func(col string) float64 {
			v, err := strconv.ParseFloat(t.get(col), 64)
			if err != nil || !(v > 0 && v < 1e5) {
				return math.NaN()
			}
			return v
		}
		s := number("traversal_time")
		if math.IsNaN(s) {
			s = number("length") / city.WalkMS
		}
		if math.IsNaN(s) {
			s = 0
			if p, q := &f.Stops[from], &f.Stops[to]; p.located && q.located {
				s = city.DistanceM(p.Lon, p.Lat, q.Lon, q.Lat) / city.WalkMS
			}
			switch t.get("pathway_mode") {
			case "2", "4": // stairs, escalator
				if steps, err := strconv.Atoi(t.get("stair_count")); err == nil && steps > -10_000 && steps < 10_000 {
					s = max(s, math.Abs(float64(steps))*stepS)
				}
			case "5", "6", "7": // lift, gates
				s += liftS
			}
		}
		if s > maxTransferS {
			t.skip("takes more than two hours")
			return
		}
		f.Pathways = append(f.Pathways, Pathway{From: from, To: to, Both: t.get("is_bidirectional") == "1", S: s})
	})
}

// Door is an entrance of a station, with the seconds between it and a platform.
type Door struct {
	Lon, Lat float64
	S        float64
}

// station finds ways inside the stations of a feed.
type station struct {
	f         *Feed
	out, back [][]edge // by stop
	sec       []float64
	seen      []int32
	gen       int32
	queue     pq.Queue // places by seconds
}

type edge struct {
	to int32
	s  float64
}

func newStation(f *Feed) *station {
	if len(f.Pathways) == 0 {
		return nil
	}
	w := &station{f: f, out: make([][]edge, len(f.Stops)), back: make([][]edge, len(f.Stops)), sec: make([]float64, len(f.Stops)), seen: make([]int32, len(f.Stops))}
	join := func(a, b int32, s float64) {
		w.out[a] = append(w.out[a], edge{b, s})
		w.back[b] = append(w.back[b], edge{a, s})
	}
	for _, p := range f.Pathways {
		join(p.From, p.To, p.S)
		if p.Both {
			join(p.To, p.From, p.S)
		}
	}
	// A boarding area is a part of its platform.
	byID := map[string]int32{} // look-ups only
	for i := range f.Stops {
		byID[f.Stops[i].ID] = int32(i)
	}
	for i := range f.Stops {
		if s := &f.Stops[i]; s.Kind == BoardingArea {
			if p, ok := byID[s.Parent]; ok && f.Stops[p].Kind == Platform {
				join(int32(i), p, 0)
				join(p, int32(i), 0)
			}
		}
	}
	return w
}

// from calls found for every place that can be reached within maxTransferS.
func (w *station) from(start int32, graph [][]edge, found func(stop int32, s float64)) {
	w.gen++
	w.queue.Clear()
	w.relax(start, 0)
	for w.queue.Len() > 0 {
		top := w.queue.Pop()
		stop, sec := int32(top.ID()), top.Key()
		if sec > w.sec[stop] {
			continue
		}
		found(stop, sec)
		for _, e := range graph[stop] {
			w.relax(e.to, sec+e.s)
		}
	}
}

func (w *station) relax(v int32, s float64) {
	if s > maxTransferS || w.seen[v] == w.gen && w.sec[v] <= s {
		return
	}
	w.seen[v], w.sec[v] = w.gen, s
	w.queue.Push(s, uint32(v))
}

// doors are the entrances that a platform is reached through. A door that leads
// only out or only in counts with the way there is.
func (w *station) doors(platform int32) []Door {
	at := map[int32]int{} // look-ups only
	var out []Door
	note := func(stop int32, s float64) {
		p := &w.f.Stops[stop]
		if p.Kind != Entrance || !p.located {
			return
		}
		if k, ok := at[stop]; ok {
			out[k].S = max(out[k].S, s)
			return
		}
		at[stop] = len(out)
		out = append(out, Door{p.Lon, p.Lat, s})
	}
	w.from(platform, w.out, note)
	w.from(platform, w.back, note)
	return out
}
