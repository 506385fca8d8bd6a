package build

import (
	"errors"
	"fmt"

	"github.com/malikobaid/cityflow/internal/city"
)

// weighted is a point of a CSV file.
type weighted struct{ x, y, w float64 }

// Headers of true counts.
var (
	peopleNames = []string{"population", "residents", "people", "pop", "inhabitants"}
	jobsNames   = []string{"jobs", "employment", "workplaces", "employees", "opportunities"}
)

// inBox is the points of a file inside the box, in metres.
func (p *placer) inBox(file string, c *counted) ([]weighted, error) {
	pr := p.b.city.Projection()
	var out []weighted
	outside := 0
	for _, q := range c.points {
		switch {
		case !city.InBox(p.b.cfg.BBox, q.lon, q.lat):
			outside++
		case q.w > 0:
			x, y := pr.XY(q.lon, q.lat)
			out = append(out, weighted{x, y, q.w})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no usable point in the box (%d unreadable, %d outside)", file, c.bad, outside)
	}
	detail := fmt.Sprintf("%d unreadable, %d outside the box", c.bad, outside)
	if c.bad > 0 {
		detail += "; " + c.example
		p.b.find("places", "unreadable rows", city.Warning, c.bad, "in "+file+": "+c.example, "")
	}
	p.b.line("places", "points of "+file, float64(len(out)), "points", detail)
	return out, nil
}

// spreadM is how far from a counted point a place can share in its weight.
const spreadM = 1500

// spread gives the weight of each point to the candidate places nearest to it
// in proportion to share; a point that is nearest to none gives to the places
// around it.
func (p *placer) spread(pts []weighted, share func(q *place) float64, give func(q *place, w float64)) (lonely int, err error) {
	px, py := make([]float32, len(pts)), make([]float32, len(pts))
	for i, q := range pts {
		px[i], py[i] = float32(q.x), float32(q.y)
	}
	near := city.NewPointIndex(px, py, 300, nil)
	cx, cy := make([]float32, len(p.places)), make([]float32, len(p.places))
	of := make([]int, len(p.places))
	total := make([]float64, len(pts))
	for i := range p.places {
		q := &p.places[i]
		cx[i], cy[i] = float32(q.x), float32(q.y)
		of[i] = -1
		if s := share(q); s > 0 {
			if k, d, _ := near.Nearest(q.x, q.y); d <= spreadM {
				of[i] = k
				total[k] += s
			}
		}
	}
	for i := range p.places {
		if k := of[i]; k >= 0 {
			give(&p.places[i], pts[k].w*share(&p.places[i])/total[k])
		}
	}
	var cand *city.PointIndex
	for k := range pts {
		if total[k] > 0 {
			continue
		}
		if cand == nil {
			cand = city.NewPointIndex(cx, cy, 100, func(i int) bool { return share(&p.places[i]) > 0 })
		}
		near := nearest(cand, pts[k].x, pts[k].y)
		if len(near) == 0 {
			return 0, errors.New("no place can take the counted people or jobs")
		}
		sum := 0.0
		for _, i := range near {
			sum += share(&p.places[i])
		}
		for _, i := range near {
			give(&p.places[i], pts[k].w*share(&p.places[i])/sum)
		}
		lonely++
	}
	return lonely, nil
}

// nearest is the points around a position: those within 250 m, else within
// twice that and so on up to spreadM, else the one nearest.
func nearest(ix *city.PointIndex, x, y float64) (near []int) {
	for r := 250.0; r <= spreadM; r *= 2 {
		ix.Within(x, y, r, func(i int, _ float64) { near = append(near, i) })
		if len(near) > 0 {
			return near
		}
	}
	if i, _, ok := ix.Nearest(x, y); ok {
		near = append(near, i)
	}
	return near
}

// residents spreads the population over the homes.
func (p *placer) residents() error {
	home := func(q *place) float64 { return q.home }
	if file := p.b.cfg.Files.Population; file != "" {
		pts, err := p.inBox(file, p.b.people)
		if err != nil {
			return err
		}
		if p.b.cfg.Places.Homes == "buildings" {
			p.fillGaps(pts)
		}
		lonely, err := p.spread(pts, home, func(q *place, w float64) { q.people += w })
		if err != nil {
			return err
		}
		p.b.line("places", "population points without a home nearest to them", float64(lonely), "points", "their people live in the homes around")
	} else {
		for i := range p.places {
			p.places[i].people = p.places[i].home
		}
	}
	total, lived := 0.0, 0
	for i := range p.places {
		total += p.places[i].people
	}
	if !(total > 0) {
		return errors.New("nobody lives anywhere: no home was found")
	}
	p.b.assumePopulation(p)
	want := p.b.city.Info.Population.Value
	for i := range p.places {
		p.places[i].people *= want / total
		if p.places[i].people > 0 {
			lived++
		}
	}
	p.b.line("places", "homes", float64(lived), "places", "")
	p.b.line("places", "residents", want, "people", p.b.city.Info.Population.Source)
	return nil
}

// jobs spreads counted jobs; without other sources the same weights stand for
// the other purposes.
func (p *placer) jobs() error {
	file := p.b.cfg.Files.Jobs
	if file == "" {
		return nil
	}
	pts, err := p.inBox(file, p.b.work)
	if err != nil {
		return err
	}
	street := p.b.cfg.Places.Homes == "streets"
	share := func(q *place) float64 {
		if street {
			return q.home
		}
		return q.attract[city.Work]
	}
	got := map[*place]float64{} // look-ups only
	lonely, err := p.spread(pts, share, func(q *place, w float64) { got[q] += w })
	if err != nil {
		return err
	}
	total := 0.0
	for i := range p.places {
		q := &p.places[i]
		q.attract[city.Work] = got[q]
		total += got[q]
		if street {
			for k := range q.attract {
				q.attract[k] = got[q]
			}
		}
	}
	p.b.line("places", "jobs", total, "jobs", fmt.Sprintf("%d points had no place nearest to them", lonely))
	if street {
		p.b.line("places", "places of education, shopping and leisure", total, "weight", "in proportion to jobs (assumed: no buildings in the source)")
	}
	return nil
}
