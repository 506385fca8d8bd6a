// Package catalog keeps compiled cities as objects of a store: one pack per
// city, common states beside it, and an index that answers "which cities are
// there and what is known of them" without opening a pack. It implements
// run.Source over any gocloud.dev/blob bucket.
//
// Invariants: a pack's key names its source digest, pack format and model
// version, so a key never changes meaning; the index is written last and names
// only packs that exist; states are caches, and a broken one costs time only.
package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"

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
type Catalog struct{ bucket *blob.Bucket }

// Over is the catalog of a bucket, which stays the caller's.
func Over(bucket *blob.Bucket) *Catalog { return &Catalog{bucket} }

// index is cities/index.json.
type index struct {
	Schema int     `json:"schema"`
	Cities []entry `json:"cities"`
}

type entry struct {
	Pack string        `json:"pack"`
	Info spec.CityInfo `json:"info"`
}

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
	out := make([]spec.CityInfo, len(x.Cities))
	for i, e := range x.Cities {
		out[i] = e.Info
	}
	return out, nil
}

// Pack implements run.Source.
func (c *Catalog) Pack(ctx context.Context, slug string) ([]byte, error) {
	x, err := c.index(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range x.Cities {
		if e.Info.Slug == slug {
			b, err := c.bucket.ReadAll(ctx, e.Pack)
			if err != nil {
				return nil, fmt.Errorf("pack of %s: %w", slug, err)
			}
			return b, nil
		}
	}
	return nil, fmt.Errorf("%w %q", run.ErrUnknownCity, slug)
}

// packKey names a pack by what is in it.
func packKey(c *city.City) string {
	return fmt.Sprintf("%s%s/%s-%d-%s.pack", prefix, c.Info.Slug, c.Info.Digest, city.PackFormat, run.ModelVersion)
}

// Add stores a city's pack and names it in the index.
func (c *Catalog) Add(ctx context.Context, ct *city.City) error {
	var b bytes.Buffer
	if err := city.Encode(&b, ct); err != nil {
		return err
	}
	key := packKey(ct)
	if err := c.put(ctx, key, b.Bytes()); err != nil {
		return err
	}
	return c.name(ctx, entry{Pack: key, Info: run.Info(ct)})
}

// name puts entries into the index in place of older ones of their slugs.
func (c *Catalog) name(ctx context.Context, entries ...entry) error {
	x, err := c.index(ctx)
	if err != nil {
		return err
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
	b, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		return err
	}
	return c.put(ctx, indexKey, append(b, '\n'))
}

func (c *Catalog) put(ctx context.Context, key string, data []byte) error {
	if err := c.bucket.WriteAll(ctx, key, data, nil); err != nil {
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

// Seed copies the cities of another catalog that are missing or older here,
// with their states.
func (c *Catalog) Seed(ctx context.Context, from *Catalog) error {
	theirs, err := from.index(ctx)
	if err != nil {
		return err
	}
	for _, e := range theirs.Cities {
		items := from.bucket.List(&blob.ListOptions{Prefix: prefix + e.Info.Slug + "/"})
		for {
			o, err := items.Next(ctx)
			if err == io.EOF {
				break
			}
			if err != nil {
				return fmt.Errorf("list built cities: %w", err)
			}
			if o.Key != e.Pack && !strings.HasSuffix(o.Key, ".bin") {
				continue
			}
			if have, err := c.bucket.Exists(ctx, o.Key); err != nil {
				return err
			} else if have {
				continue
			}
			b, err := from.bucket.ReadAll(ctx, o.Key)
			if err != nil {
				return fmt.Errorf("read built city: %w", err)
			}
			if err := c.put(ctx, o.Key, b); err != nil {
				return err
			}
		}
	}
	if len(theirs.Cities) == 0 {
		return nil
	}
	return c.name(ctx, theirs.Cities...)
}
