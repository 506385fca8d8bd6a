package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// isPackFile tells a file from a slug or a name: it ends in .pack, has a folder
// in it, which no city's name does, or is there and has an ending.
func isPackFile(name string) bool {
	if strings.EqualFold(filepath.Ext(name), ".pack") || strings.ContainsRune(name, filepath.Separator) || strings.ContainsRune(name, '/') {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular() && filepath.Ext(name) != ""
}

// decodePack reads a city, and says what to do with a file that is none.
func decodePack(name string, b []byte) (*city.City, error) {
	ct, err := city.Decode(b)
	switch {
	case err == nil:
		return ct, nil
	case !isPackFile(name), strings.EqualFold(filepath.Ext(name), ".pack"), errors.Is(err, city.ErrFormat):
		return nil, usageError{fmt.Errorf("%s: %w", name, err)}
	}
	how := "cityflow city build --osm MAP --slug SLUG --out SLUG.pack"
	if low := strings.ToLower(name); strings.HasSuffix(low, ".pbf") || strings.HasSuffix(low, ".osm") {
		how = fmt.Sprintf("this looks like a map: cityflow city build --osm %s --slug SLUG --out SLUG.pack", name)
	}
	return nil, usageError{fmt.Errorf("%s is no compiled city (%w): want a city by slug or name, or a .pack file, which is made by building one; %s", name, err, how)}
}

// maxPackFile bounds what is read of a file; a large city is a few megabytes.
const maxPackFile = 1 << 29

func readPackFile(name string) ([]byte, error) {
	f, err := os.Open(name) // #nosec G304 -- the file that the user names
	if err != nil {
		return nil, usageError{err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPackFile+1))
	if err != nil {
		return nil, usageError{err}
	}
	if len(b) > maxPackFile {
		return nil, usagef("%s is larger than %d bytes: not a city pack", name, maxPackFile)
	}
	return b, nil
}

// loadPack gives the bytes of a city's pack.
func loadPack(ctx context.Context, packs, name string) ([]byte, error) {
	if isPackFile(name) {
		return readPackFile(name)
	}
	model, built, done, err := localModel(packs)
	if err != nil {
		return nil, err
	}
	defer done()
	d, err := model.City(ctx, name)
	if err != nil {
		return nil, usageError{err}
	}
	return built.Pack(ctx, d.Slug)
}

// cityModel is localModel for one city, which may be a pack file: then the
// engine knows that city alone. It gives the name to ask the engine for.
func cityModel(ctx context.Context, packs, name string) (*run.Engine, string, func(), error) {
	if !isPackFile(name) {
		model, _, done, err := localModel(packs)
		return model, name, done, err
	}
	b, err := readPackFile(name)
	if err != nil {
		return nil, "", nil, err
	}
	ct, err := decodePack(name, b)
	if err != nil {
		return nil, "", nil, err
	}
	bucket := memblob.OpenBucket(nil)
	mine := catalog.Over(bucket)
	if err := mine.Add(ctx, ct); err != nil {
		return nil, "", nil, err
	}
	source := packSource{Catalog: mine}
	done := func() { _ = bucket.Close() }
	if dir, ok := builtDir(); ok || packs != "" {
		if packs != "" {
			dir = packs
		}
		built, err := openBuilt(dir)
		if err != nil {
			return nil, "", nil, err
		}
		source.built = catalog.Over(built)
		done = func() { _, _ = built.Close(), bucket.Close() }
	}
	return run.New(source, spec.DefaultLimits()), ct.Info.Slug, done, nil
}

// packSource is a city of a file. Its common states are looked for among those
// of the built cities too: their keys name what they were made of.
type packSource struct {
	*catalog.Catalog
	built *catalog.Catalog
}

func (s packSource) State(ctx context.Context, slug, key string) []byte {
	if b := s.Catalog.State(ctx, slug, key); b != nil || s.built == nil {
		return b
	}
	return s.built.State(ctx, slug, key)
}
