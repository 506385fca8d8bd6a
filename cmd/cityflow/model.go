package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// openModel makes the engine over the cities of a store, after adding those
// that were built beside the program. It is a variable so that the tests of the
// service can run on a small model.
var openModel = func(ctx context.Context, store *blob.Bucket, limits spec.Limits) (run.Model, error) {
	cities := catalog.Over(store)
	if dir, ok := builtDir(); ok {
		built, err := openBuilt(dir)
		if err != nil {
			return nil, err
		}
		defer built.Close()
		if _, err := cities.Seed(ctx, catalog.Over(built)); err != nil {
			return nil, fmt.Errorf("cities of %s: %w", dir, err)
		}
	}
	return run.New(cities, limits), nil
}

// builtDir is where `make build` leaves compiled cities: the folder build in
// the working directory, else beside the folder of the program.
func builtDir() (string, bool) {
	places := []string{"build"}
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(exe), "..", "build"))
	}
	for _, p := range places {
		if _, err := os.Stat(filepath.Join(p, "cities", "index.json")); err == nil {
			return p, true
		}
	}
	return "", false
}

func openBuilt(dir string) (*blob.Bucket, error) {
	b, err := fileblob.OpenBucket(dir, &fileblob.Options{CreateDir: true, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("built cities in %s: %w", dir, err)
	}
	return b, nil
}

// localModel is the engine for commands that run without a service: over the
// built cities themselves.
func localModel(packs string) (*run.Engine, *catalog.Catalog, func(), error) {
	if packs == "" {
		dir, ok := builtDir()
		if !ok {
			return nil, nil, nil, usagef("there are no compiled cities here: run `make build` first, or `cityflow city build`, or name their folder with --packs")
		}
		packs = dir
	}
	b, err := openBuilt(packs)
	if err != nil {
		return nil, nil, nil, err
	}
	c := catalog.Over(b)
	return run.New(c, spec.DefaultLimits()), c, func() { _ = b.Close() }, nil
}
