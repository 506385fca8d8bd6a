package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"gocloud.dev/gcerrors"

	"github.com/malikobaid/cityflow/internal/run"
)

const basemapName = "/basemap.pmtiles"

func basemapKey(slug string) string { return prefix + slug + basemapName }

// basemap is a PMTiles archive and the SHA-256 of its bytes in hex.
type basemap struct {
	archive []byte
	digest  string
}

// mostKept bounds how many basemaps are kept in memory: a few megabytes each,
// and a visitor asks for many parts of one.
const mostKept = 8

// AddBasemap stores the basemap of a city that the index names.
func (c *Catalog) AddBasemap(ctx context.Context, slug string, archive []byte) error {
	x, err := c.index(ctx)
	if err != nil {
		return err
	}
	e, ok := x.entry(slug)
	if !ok {
		return fmt.Errorf("%w %q", run.ErrUnknownCity, slug)
	}
	if err := c.put(ctx, basemapKey(slug), archive); err != nil {
		return err
	}
	e.Basemap = digestOf(archive)
	_, err = c.name(ctx, e)
	return err
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Basemap gives the basemap of a city by slug, and the SHA-256 of its bytes in
// hex. run.ErrUnknownCity, too, when the city was compiled without one.
func (c *Catalog) Basemap(ctx context.Context, slug string) (archive []byte, digest string, err error) {
	x, err := c.index(ctx)
	if err != nil {
		return nil, "", err
	}
	e, ok := x.entry(slug)
	if !ok {
		return nil, "", fmt.Errorf("%w %q", run.ErrUnknownCity, slug)
	}
	if e.Basemap == "" {
		return nil, "", fmt.Errorf("%w: %s has no basemap", run.ErrUnknownCity, slug)
	}
	c.mu.Lock()
	for _, b := range c.basemaps {
		if b.digest == e.Basemap {
			c.mu.Unlock()
			return b.archive, b.digest, nil
		}
	}
	c.mu.Unlock()
	data, err := c.bucket.ReadAll(ctx, basemapKey(slug))
	if err != nil {
		return nil, "", fmt.Errorf("basemap of %s: %w", slug, err)
	}
	// By its own bytes: it may have been replaced since the index was read.
	b := &basemap{data, digestOf(data)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.basemaps = append(c.basemaps, b)
	if n := len(c.basemaps); n > mostKept {
		c.basemaps = slices.Delete(c.basemaps, 0, n-mostKept)
	}
	return b.archive, b.digest, nil
}

// copyBasemap copies the basemap of another catalog's city unless the same one
// is here. It gives the key that it wrote, or "".
func (c *Catalog) copyBasemap(ctx context.Context, from *Catalog, e entry, ours *index) (string, error) {
	if e.Basemap == "" {
		return "", nil
	}
	key := basemapKey(e.Info.Slug)
	if o, ok := ours.entry(e.Info.Slug); ok && o.Basemap == e.Basemap {
		if have, err := c.bucket.Exists(ctx, key); err != nil {
			return "", fmt.Errorf("look for %s: %w", key, err)
		} else if have {
			return "", nil
		}
	}
	b, err := from.bucket.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return "", fmt.Errorf("basemap of %s is missing: build the city again", e.Info.Slug)
	}
	if err != nil {
		return "", fmt.Errorf("read built city: %w", err)
	}
	return key, c.put(ctx, key, b)
}
