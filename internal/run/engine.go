package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
const ModelVersion = "3"

// Source gives packs and states as bytes; drivers live outside the model.
type Source interface {
	// Cities is the index: what is known of every city, sorted by slug.
	Cities(ctx context.Context) ([]spec.CityInfo, error)
	// Pack is the compiled city, Detail and Streets what Describe and
	// StreetMap made of it when it was compiled: whoever only shows a city
	// never decodes a pack. ErrUnknownCity when there is none.
	Pack(ctx context.Context, slug string) ([]byte, error)
	Detail(ctx context.Context, slug string) ([]byte, error)
	Streets(ctx context.Context, slug string) ([]byte, error)
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
	// cities are the decoded ones, the last used last.
	cities []*prepared
	bound  int // bytes of decoded cities to keep, 0: all
	// settling is the size of the common states that are computed here.
	settling settling
}

// New makes an engine that keeps every city it decodes.
func New(source Source, limits spec.Limits) *Engine {
	return &Engine{source: source, limits: limits, settling: settling{statePersons, stateIterations}}
}

// Bound makes the engine forget the cities that were not used for longest
// while those it keeps hold more than so many bytes of columns; the one in use
// always stays. For hosts with little memory. Zero keeps all.
func (e *Engine) Bound(bytes int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bound = bytes
	e.forget()
}

// forget holds the bound. Callers hold mu.
func (e *Engine) forget() {
	held := 0
	for _, p := range e.cities {
		held += p.bytes
	}
	for e.bound > 0 && held > e.bound && len(e.cities) > 1 {
		held -= e.cities[0].bytes
		e.cities = slices.Delete(e.cities, 0, 1)
	}
}

// prepared is a decoded city with what every run of it shares, made on first
// use by a run.
type prepared struct {
	city  *city.City
	bytes int // of its columns
	money choice.Money

	once   sync.Mutex
	ready  bool
	demand *demand.Model
	foot   *footTimes
	order  routing.Order
	base   *world // the city as it is

	mu     sync.Mutex
	states map[string]*State
}

// open gives the prepared city of a slug or name. A city that was compiled
// again since it was decoded is decoded again.
func (e *Engine) open(ctx context.Context, name string) (*prepared, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	info, err := e.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(e.cities, func(p *prepared) bool { return p.city.Info.Slug == info.Slug }); i >= 0 {
		p := e.cities[i]
		e.cities = slices.Delete(e.cities, i, i+1)
		if p.city.Info.Digest == info.Digest {
			e.cities = append(e.cities, p)
			return p, nil
		}
	}
	b, err := e.source.Pack(ctx, info.Slug)
	if err != nil {
		return nil, err
	}
	c, err := city.Decode(b)
	if errors.Is(err, city.ErrFormat) {
		return nil, fmt.Errorf("%w: city %s: %w", ErrOtherVersion, info.Slug, err)
	}
	if err != nil {
		return nil, fmt.Errorf("city %s: %w", info.Slug, err)
	}
	p := &prepared{city: c, bytes: city.RawSize(b), states: map[string]*State{}}
	p.money = choice.MoneyOf(c.Info.Country)
	e.cities = append(e.cities, p)
	e.forget()
	return p, nil
}

// find looks a city up in the index by slug or by name, in any case.
func (e *Engine) find(ctx context.Context, name string) (*spec.CityInfo, error) {
	cities, err := e.source.Cities(ctx)
	if err != nil {
		return nil, err
	}
	for i, c := range cities {
		if c.Slug == name || strings.EqualFold(c.Name, strings.TrimSpace(name)) || strings.EqualFold(c.Slug, name) {
			return &cities[i], nil
		}
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownCity, name)
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
	base, err := newWorld(ctx, p.city, newStreets(&p.city.Net, p.order), demand.NoScale())
	if err != nil {
		return err
	}
	foot, err := walkBetween(ctx, p.city, base.walk)
	if err != nil {
		return err
	}
	p.base, p.foot, p.ready = base, foot, true
	return nil
}

// Cities implements Model.
func (e *Engine) Cities(ctx context.Context) ([]spec.CityInfo, error) {
	return e.source.Cities(ctx)
}

// City implements Model.
func (e *Engine) City(ctx context.Context, slug string) (*spec.CityDetail, error) {
	info, err := e.find(ctx, slug)
	if err != nil {
		return nil, err
	}
	b, err := e.source.Detail(ctx, info.Slug)
	if err != nil {
		return nil, err
	}
	var d spec.CityDetail
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("detail of %s: %w", info.Slug, err)
	}
	d.Limits, d.Tiles = e.limits, info.Tiles
	d.Baseline = e.baselineOf(ctx, info.Slug, info.Digest)
	return &d, nil
}

// Streets implements Model.
func (e *Engine) Streets(ctx context.Context, slug string) ([]byte, error) {
	info, err := e.find(ctx, slug)
	if err != nil {
		return nil, err
	}
	return e.source.Streets(ctx, info.Slug)
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
