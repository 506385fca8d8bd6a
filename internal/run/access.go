package run

import (
	"context"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/routing/raptor"
	"github.com/malikobaid/cityflow/internal/units"
)

// Access is measured at a departure every accessStepS over the first
// accessSpanS of the window; the median over departures is reported.
const (
	accessSpanS = 1800
	accessStepS = 360
	// capMin bounds the mean time to jobs: farther jobs count as this far.
	capMin = 90
	// accessWalkM is the longest walk considered instead of riding (45 min).
	accessWalkM = 3600
)

// access is what people can reach by public transport or on foot, by cluster
// of homes. Jobs are weights of workplaces, so shares are in percent of all.
type access struct {
	residents      []float64
	jobs30, jobs45 []float64
	mean           []float64 // minutes to jobs, farther than capMin as capMin
}

// footTimes are walking minutes between clusters, nearest first is not kept:
// CSR of (cluster, seconds) within accessWalkM. They are the same in both arms.
type footTimes struct {
	first []uint32
	to    []units.ClusterID
	s     []float32
}

func walkBetween(ctx context.Context, c *city.City, walk *routing.Distances) (*footTimes, error) {
	n := c.Places.NumClusters()
	at := make([][]units.ClusterID, c.Net.NumNodes())
	for i, node := range c.Places.ClusterNode {
		at[node] = append(at[node], units.ClusterID(i))
	}
	spaces := make([]*routing.DistanceWorkspace, maxWorkers(n))
	type reach struct {
		to units.ClusterID
		s  float32
	}
	rows := make([][]reach, n)
	err := each(ctx, n, func(worker, i int) {
		if spaces[worker] == nil {
			spaces[worker] = walk.NewWorkspace()
		}
		spaces[worker].Reach(c.Places.ClusterNode[i], accessWalkM, func(node units.NodeID, m float64) {
			for _, to := range at[node] {
				rows[i] = append(rows[i], reach{to, float32(m / choice.WalkMS)})
			}
		})
		slices.SortFunc(rows[i], func(a, b reach) int { return int(a.to) - int(b.to) })
	})
	f := &footTimes{first: []uint32{0}}
	for _, row := range rows {
		for _, r := range row {
			f.to, f.s = append(f.to, r.to), append(f.s, r.s)
		}
		f.first = append(f.first, uint32(len(f.to)))
	}
	return f, err
}

// reach measures access in one arm.
func (w *world) reach(ctx context.Context, foot *footTimes, period demand.Period) (*access, error) {
	p := &w.city.Places
	n := p.NumClusters()
	a := &access{residents: make([]float64, n), jobs30: make([]float64, n), jobs45: make([]float64, n), mean: make([]float64, n)}
	jobs := make([]float64, n)
	total := 0.0
	for place := range p.Num() {
		a.residents[p.Cluster[place]] += float64(p.Residents[place])
		jobs[p.Cluster[place]] += float64(p.Attraction[city.Work][place])
		total += float64(p.Attraction[city.Work][place])
	}
	if total == 0 {
		return a, nil
	}
	var departs []units.Seconds
	for t := period.From + accessSpanS - accessStepS; t >= period.From; t -= accessStepS {
		departs = append(departs, t)
	}
	type workspace struct {
		search *raptor.Search
		best   []float32 // by stop, seconds after departure
		times  []float32 // by departure and cluster
	}
	spaces := make([]workspace, maxWorkers(n))
	err := each(ctx, n, func(worker, i int) {
		if a.residents[i] == 0 {
			return
		}
		ws := &spaces[worker]
		if ws.search == nil {
			ws.search = w.transit.NewSearch()
			ws.best = make([]float32, w.city.Timetable.NumStops())
			ws.times = make([]float32, len(departs)*n)
		}
		for k := range ws.times {
			ws.times[k] = capMin * 60
		}
		for k := range departs {
			row := ws.times[k*n : k*n+n]
			row[i] = 0
			for e := foot.first[i]; e < foot.first[i+1]; e++ {
				row[foot.to[e]] = min(row[foot.to[e]], foot.s[e])
			}
		}
		if len(w.near[i]) > 0 {
			k := 0
			ws.search.Range(w.near[i], departs, maxBoardings, departs[0]+capMin*60, func(depart units.Seconds) {
				for s := range ws.best {
					least := units.Never
					for r := 1; r <= maxBoardings; r++ {
						least = min(least, ws.search.Arrival(r, units.StopID(s)))
					}
					ws.best[s] = float32(least - depart)
				}
				row := ws.times[k*n : k*n+n]
				k++
				for d := range row {
					for _, egress := range w.near[d] {
						row[d] = min(row[d], ws.best[egress.Stop]+float32(egress.WalkS))
					}
				}
			})
		}
		across := make([]float32, len(departs))
		for d, weight := range jobs {
			if weight == 0 {
				continue
			}
			for k := range departs {
				across[k] = ws.times[k*n+d]
			}
			slices.Sort(across)
			median := float64(across[len(across)/2]) / 60
			if median <= 30 {
				a.jobs30[i] += 100 * weight / total
			}
			if median <= 45 {
				a.jobs45[i] += 100 * weight / total
			}
			a.mean[i] += min(median, capMin) * weight / total
		}
	})
	return a, err
}

// means are over residents; by area as well.
func (a *access) means(places *city.Places) (jobs30, jobs45, mean float64, area []float64) {
	var r float64
	area = make([]float64, len(places.AreaName))
	inArea := make([]float64, len(places.AreaName))
	for i, w := range a.residents {
		r += w
		jobs30 += w * a.jobs30[i]
		jobs45 += w * a.jobs45[i]
		mean += w * a.mean[i]
	}
	for p, w := range places.Residents {
		area[places.AreaOf[p]] += float64(w) * a.jobs30[places.Cluster[p]]
		inArea[places.AreaOf[p]] += float64(w)
	}
	for i := range area {
		if inArea[i] > 0 {
			area[i] /= inArea[i]
		}
	}
	if r == 0 {
		return 0, 0, 0, area
	}
	return jobs30 / r, jobs45 / r, mean / r, area
}

// percentile95 is the 95th percentile of loaded car trip times in minutes.
func percentile95(a *arm) float64 {
	var v []float64
	for p, at := range a.result.ArriveS {
		v = append(v, (a.arrival(at)-a.fleet.dep.DepartS[p])/60)
	}
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[int(math.Min(float64(len(v)-1), 0.95*float64(len(v))))]
}
