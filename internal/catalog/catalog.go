// Package catalog keeps compiled cities as objects of a store and implements
// run.Source over any gocloud.dev/blob bucket. One city is
//
//	cities/<slug>/<digest>-<pack format>-<model version>.pack
//	cities/<slug>/<digest>-...-<description format>.detail.json    GET /v1/cities/{slug}
//	cities/<slug>/<digest>-...-<description format>.streets.geojson
//	cities/<slug>/state-<key>.bin                                  common states
//	cities/<slug>/basemap.pmtiles                                  GET /tiles/{slug}.pmtiles
//	cities/index.json                                              what there is
//
// so that the list needs the index alone, one city its detail, and only a
// submit the pack.
//
// Invariants: a key says what its object was made of, so it never changes
// meaning; the index is written last and names only objects that exist; states
// are caches, and a broken one costs time only. The basemap alone has a key
// that stays, so that a static host can serve it at a known address; the index
// holds its digest, and no result rests on it.
package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

const (
	prefix   = "cities/"
	indexKey = prefix + "index.json"
)

// Catalog is the cities of one bucket.
type Catalog struct {
	bucket *blob.Bucket
	// last is the index as Cities last read it. The objects of a city are
	// found in it, so that one question reads the index once.
	last atomic.Pointer[index]
	// basemaps are those read last, for the many ranges that one map asks for.
	mu       sync.Mutex
	basemaps []*basemap
}

// Over is the catalog of a bucket, which stays the caller's.
func Over(bucket *blob.Bucket) *Catalog { return &Catalog{bucket: bucket} }

// index is cities/index.json.
type index struct {
	Schema int     `json:"schema"`
	Cities []entry `json:"cities"`
}

type entry struct {
	Pack    string `json:"pack"`
	Detail  string `json:"detail"`
	Streets string `json:"streets"`
	// Basemap is the SHA-256 of the city's basemap in hex; "": there is none.
	Basemap string        `json:"basemap,omitempty"`
	Info    spec.CityInfo `json:"info"`
}

func (e entry) objects() []string { return []string{e.Pack, e.Detail, e.Streets} }

func (c *Catalog) index(ctx context.Context) (*index, error) {
	b, err := c.bucket.ReadAll(ctx, indexKey)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return &index{Schema: spec.SchemaVersion}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("city index: %w", err)
	}
	var x index
	if err := json.Unmarshal(b, &x); err != nil {
		return nil, fmt.Errorf("city index: %w", err)
	}
	return &x, nil
}

// Cities implements run.Source.
func (c *Catalog) Cities(ctx context.Context) ([]spec.CityInfo, error) {
	x, err := c.index(ctx)
	if err != nil {
		return nil, err
	}
	c.last.Store(x)
	out := make([]spec.CityInfo, len(x.Cities))
	for i, e := range x.Cities {
		out[i] = e.Info
		if e.Basemap != "" {
			// The query tells a new basemap from the old one that a browser keeps.
			out[i].Tiles = fmt.Sprintf("/tiles/%s.pmtiles?v=%.12s", e.Info.Slug, e.Basemap)
		}
	}
	return out, nil
}

// Pack implements run.Source.
func (c *Catalog) Pack(ctx context.Context, slug string) ([]byte, error) {
	return c.object(ctx, slug, "pack", func(e entry) string { return e.Pack })
}

// Detail implements run.Source.
func (c *Catalog) Detail(ctx context.Context, slug string) ([]byte, error) {
	return c.object(ctx, slug, "detail", func(e entry) string { return e.Detail })
}

// Streets implements run.Source.
func (c *Catalog) Streets(ctx context.Context, slug string) ([]byte, error) {
	return c.object(ctx, slug, "street map", func(e entry) string { return e.Streets })
}

// entry is the line of a city.
func (x *index) entry(slug string) (entry, bool) {
	i := slices.IndexFunc(x.Cities, func(e entry) bool { return e.Info.Slug == slug })
	if i < 0 {
		return entry{}, false
	}
	return x.Cities[i], true
}

// object reads what the index names for a city.
func (c *Catalog) object(ctx context.Context, slug, what string, key func(entry) string) ([]byte, error) {
	x := c.last.Load()
	if x == nil {
		var err error
		if x, err = c.index(ctx); err != nil {
			return nil, err
		}
	}
	for _, e := range x.Cities {
		if e.Info.Slug != slug {
			continue
		}
		k := key(e)
		if k == "" {
			return nil, fmt.Errorf("%s of %s: the city was compiled by an older version: build and publish it again", what, slug)
		}
		b, err := c.bucket.ReadAll(ctx, k)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", what, slug, err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("%w %q", run.ErrUnknownCity, slug)
}

// entryOf names the objects of a city by what is in them.
func entryOf(c *city.City) entry {
	base := fmt.Sprintf("%s%s/%s-%d-%s", prefix, c.Info.Slug, c.Info.Digest, city.PackFormat, run.ModelVersion)
	described := fmt.Sprintf("%s-%d", base, run.DescriptionFormat)
	return entry{Pack: base + ".pack", Detail: described + ".detail.json", Streets: described + ".streets.geojson", Info: run.Info(c)}
}

// Add stores a city and names it in the index.
func (c *Catalog) Add(ctx context.Context, ct *city.City) error {
	var pack bytes.Buffer
	if err := city.Encode(&pack, ct); err != nil {
		return err
	}
	detail, err := run.Describe(ct)
	if err != nil {
		return err
	}
	e := entryOf(ct)
	for _, o := range []struct {
		key  string
		data []byte
	}{{e.Pack, pack.Bytes()}, {e.Detail, detail}, {e.Streets, run.StreetMap(ct)}} {
		if err := c.put(ctx, o.key, o.data); err != nil {
			return err
		}
	}
	_, err = c.name(ctx, e)
	return err
}

// name puts entries into the index in place of older ones of their slugs, and
// says whether that changed it.
func (c *Catalog) name(ctx context.Context, entries ...entry) (bool, error) {
	x, err := c.index(ctx)
	if err != nil {
		return false, err
	}
	was, err := json.Marshal(x)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		at := len(x.Cities)
		for i := range x.Cities {
			if x.Cities[i].Info.Slug == e.Info.Slug {
				at = i
			}
		}
		if at == len(x.Cities) {
			x.Cities = append(x.Cities, e)
		}
		x.Cities[at] = e
	}
	sort.Slice(x.Cities, func(i, j int) bool { return x.Cities[i].Info.Slug < x.Cities[j].Info.Slug })
	if now, err := json.Marshal(x); err != nil || bytes.Equal(was, now) {
		return false, err
	}
	b, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		return false, err
	}
	return true, c.put(ctx, indexKey, append(b, '\n'))
}

// types are the content types of the objects, for stores that keep one.
var types = []struct{ suffix, is string }{
	{".geojson", "application/geo+json"}, {".json", "application/json"}, {".pmtiles", "application/vnd.pmtiles"}, {"", "application/octet-stream"},
}

func (c *Catalog) put(ctx context.Context, key string, data []byte) error {
	o := &blob.WriterOptions{CacheControl: "public, max-age=31536000, immutable"}
	switch {
	case key == indexKey:
		o.CacheControl = "no-cache"
	case strings.HasSuffix(key, basemapName):
		// An edge asks every five minutes whether it is still the same.
		o.CacheControl = "public, max-age=86400, s-maxage=300"
	}
	for _, t := range types {
		if o.ContentType == "" && strings.HasSuffix(key, t.suffix) {
			o.ContentType = t.is
		}
	}
	// Cancelled, a write leaves what was there; WriteAll on a folder whose disk
	// is full puts the part that still fitted into its place.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := c.bucket.NewWriter(ctx, key, o)
	if err == nil {
		if _, err = w.Write(data); err != nil {
			cancel()
			_ = w.Close() // the context's error
		} else {
			err = w.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	return nil
}

func stateKey(slug, key string) string { return prefix + slug + "/state-" + key + ".bin" }

// State implements run.Source.
func (c *Catalog) State(ctx context.Context, slug, key string) []byte {
	b, err := c.bucket.ReadAll(ctx, stateKey(slug, key))
	if err != nil {
		return nil
	}
	return b
}

// Keep implements run.Source. A state that cannot be stored is computed again.
func (c *Catalog) Keep(ctx context.Context, slug, key string, state []byte) {
	_ = c.put(ctx, stateKey(slug, key), state)
}

// Seed copies the objects of another catalog's cities that are missing here,
// with their common states, and then names them in the index. It gives the keys
// that it wrote: none when nothing was missing.
func (c *Catalog) Seed(ctx context.Context, from *Catalog) ([]string, error) {
	theirs, err := from.index(ctx)
	if err != nil {
		return nil, err
	}
	ours, err := c.index(ctx)
	if err != nil {
		return nil, err
	}
	var wrote []string
	for _, e := range theirs.Cities {
		if slices.Contains(e.objects(), "") {
			return wrote, fmt.Errorf("city %s was compiled by an older version: build it again", e.Info.Slug)
		}
		keys, err := from.states(ctx, e.Info.Slug)
		if err != nil {
			return wrote, err
		}
		for _, key := range append(e.objects(), keys...) {
			if have, err := c.bucket.Exists(ctx, key); err != nil {
				return wrote, fmt.Errorf("look for %s: %w", key, err)
			} else if have {
				continue
			}
			b, err := from.bucket.ReadAll(ctx, key)
			if err != nil {
				return wrote, fmt.Errorf("read built city: %w", err)
			}
			if err := c.put(ctx, key, b); err != nil {
				return wrote, err
			}
			wrote = append(wrote, key)
		}
		if key, err := c.copyBasemap(ctx, from, e, ours); err != nil {
			return wrote, err
		} else if key != "" {
			wrote = append(wrote, key)
		}
	}
	if len(theirs.Cities) == 0 {
		return nil, nil
	}
	if changed, err := c.name(ctx, theirs.Cities...); err != nil || !changed {
		return wrote, err
	}
	return append(wrote, indexKey), nil
}

// states lists the kept common states of a city.
func (c *Catalog) states(ctx context.Context, slug string) ([]string, error) {
	var out []string
	items := c.bucket.List(&blob.ListOptions{Prefix: prefix + slug + "/state-"})
	for {
		o, err := items.Next(ctx)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list built cities: %w", err)
		}
		if strings.HasSuffix(o.Key, ".bin") {
			out = append(out, o.Key)
		}
	}
}

// PackKey is the key that a city's pack is kept under.
func PackKey(c *city.City) string { return entryOf(c).Pack }
