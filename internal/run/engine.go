package run

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/spec"
)

// ModelVersion names the results this code gives. A golden test holds the
// numbers of the analytical city: when they change on purpose, raise this.
const ModelVersion = "2"

// Source gives packs and states as bytes; drivers live outside the model.
type Source interface {
	// Cities is the index: what is known of every city, sorted by slug.
	Cities(ctx context.Context) ([]spec.CityInfo, error)
	// Pack is the compiled city; ErrUnknownCity when there is none.
	Pack(ctx context.Context, slug string) ([]byte, error)
	// State is a kept common state by key, or nil; Keep stores one. Both are
	// caches: a miss costs time, never the answer.
	State(ctx context.Context, slug, key string) []byte
	Keep(ctx context.Context, slug, key string, state []byte)
}

// Engine is the Model over a Source. It keeps the decoded cities.
type Engine struct {
	source Source
	limits spec.Limits
	mu     sync.Mutex
	cities map[string]*prepared
}

// New makes an engine.
func New(source Source, limits spec.Limits) *Engine {
	return &Engine{source: source, limits: limits, cities: map[string]*prepared{}}
}

// prepared is a decoded city with what every run of it shares, made on first
// use by a run.
type prepared struct {
	city  *city.City
	money choice.Money

	once   sync.Mutex
	ready  bool
	demand *demand.Model
	foot   *footTimes
	order  routing.Order

	mu     sync.Mutex
	states map[string]*State
}

// open gives the prepared city of a slug or name.
func (e *Engine) open(ctx context.Context, name string) (*prepared, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	slug, err := e.slug(ctx, name)
	if err != nil {
		return nil, err
	}
	if p, ok := e.cities[slug]; ok {
		return p, nil
	}
	b, err := e.source.Pack(ctx, slug)
	if err != nil {
		return nil, err
	}
	c, err := city.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("city %s: %w", slug, err)
	}
	p := &prepared{city: c, states: map[string]*State{}}
	p.money = choice.MoneyOf(c.Info.Country)
	e.cities[slug] = p
	return p, nil
}

// slug finds a city by slug or by name, in any case.
func (e *Engine) slug(ctx context.Context, name string) (string, error) {
	cities, err := e.source.Cities(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range cities {
		if c.Slug == name || strings.EqualFold(c.Name, strings.TrimSpace(name)) || strings.EqualFold(c.Slug, name) {
			return c.Slug, nil
		}
	}
	return "", fmt.Errorf("%w %q", ErrUnknownCity, name)
}

// slugs lists what can be asked for.
func (e *Engine) slugs(ctx context.Context) ([]string, error) {
	cities, err := e.source.Cities(ctx)
	var out []string
	for _, c := range cities {
		out = append(out, c.Slug)
	}
	return out, err
}

// prepare makes what runs share.
func (p *prepared) prepare(ctx context.Context) error {
	p.once.Lock()
	defer p.once.Unlock()
	if p.ready {
		return nil
	}
	n := p.city.Places.NumClusters()
	x, y := make([]float32, n), make([]float32, n)
	for i, node := range p.city.Places.ClusterNode {
		x[i], y[i] = p.city.Net.NodeX[node], p.city.Net.NodeY[node]
	}
	p.demand = demand.New(&p.city.Places, x, y)
	p.order = routing.NewOrder(&p.city.Net, city.AllowCar|city.AllowBike|city.AllowWalk)
	foot, err := walkBetween(ctx, p.city, p.order)
	if err != nil {
		return err
	}
	p.foot, p.ready = foot, true
	return nil
}

// Cities implements Model.
func (e *Engine) Cities(ctx context.Context) ([]spec.CityInfo, error) {
	return e.source.Cities(ctx)
}

// City implements Model.
func (e *Engine) City(ctx context.Context, slug string) (*spec.CityDetail, error) {
	p, err := e.open(ctx, slug)
	if err != nil {
		return nil, err
	}
	return detail(p.city, e.limits), nil
}

// Streets implements Model.
func (e *Engine) Streets(ctx context.Context, slug string) ([]byte, error) {
	p, err := e.open(ctx, slug)
	if err != nil {
		return nil, err
	}
	return city.StreetsGeoJSON(p.city), nil
}

// Check implements Model.
func (e *Engine) Check(ctx context.Context, req *spec.RunRequest) (*spec.Config, spec.Problems, error) {
	var ps spec.Problems
	if req.City == "" {
		slugs, err := e.slugs(ctx)
		if err != nil {
			return nil, nil, err
		}
		ps.Add("city", "the city is missing", slugs...)
		return nil, append(ps, scenario.General(req, e.limits)...), nil
	}
	p, err := e.open(ctx, req.City)
	if isUnknown(err) {
		slugs, lerr := e.slugs(ctx)
		if lerr != nil {
			return nil, nil, lerr
		}
		ps.Add("city", fmt.Sprintf("there is no city %q", req.City), slugs...)
		return nil, append(ps, scenario.General(req, e.limits)...), nil
	}
	if err != nil {
		return nil, nil, err
	}
	cfg, ps := scenario.Merge(req, p.city, e.limits, ModelVersion)
	return cfg, ps, nil
}
