package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/internal/city/build"
)

// any tells whether a city is given by files.
func (c *cityBuildCmd) any() bool {
	return c.OSM != "" || len(c.GTFS) > 0 || c.Population != "" || c.Jobs != "" || c.Elevation != "" || c.Slug != "" || c.Name != "" || c.BBox != "" ||
		c.Date != "" || c.People != 0 || c.Country != "" || c.TimeZone != ""
}

// fromFiles is the city that the flags describe.
func (c *cityBuildCmd) fromFiles() (cityJob, error) {
	in := &build.Inputs{Name: c.Name, Country: strings.ToUpper(c.Country), TimeZone: c.TimeZone, Date: c.Date, People: c.People}
	files := namedFiles{}
	var bad []error
	add := func(flag, path string) string {
		if path == "" {
			return ""
		}
		if info, err := os.Stat(path); err != nil {
			bad = append(bad, fmt.Errorf("%s %w", flag, err))
		} else if !info.Mode().IsRegular() {
			bad = append(bad, fmt.Errorf("%s %s is not a file", flag, path))
		}
		return files.add(path)
	}
	in.OSM = add("--osm", c.OSM)
	for _, f := range c.GTFS {
		in.GTFS = append(in.GTFS, add("--gtfs", f))
	}
	in.Population, in.Jobs, in.Elevation = add("--population", c.Population), add("--jobs", c.Jobs), add("--elevation", c.Elevation)
	switch {
	case c.Slug == "":
		bad = append(bad, errors.New("--slug is missing: a short name for the city, such as my-city"))
	case !build.Slug.MatchString(c.Slug):
		bad = append(bad, fmt.Errorf("--slug %q: want small letters, digits and hyphens, at most 63", c.Slug))
	}
	if c.BBox != "" {
		box, err := parseBox(c.BBox)
		if err != nil {
			bad = append(bad, err)
		} else {
			in.BBox = &box
		}
	}
	bad = append(bad, in.Check())
	return cityJob{slug: c.Slug, files: files, inputs: in}, errors.Join(bad...)
}

func parseBox(s string) (box [4]float64, err error) {
	parts := strings.Split(s, ",")
	if len(parts) != len(box) {
		return box, fmt.Errorf("--bbox %s: want west,south,east,north in degrees", s)
	}
	for i, p := range parts {
		if box[i], err = strconv.ParseFloat(strings.TrimSpace(p), 64); err != nil {
			return box, fmt.Errorf("--bbox %s: %q is not a number", s, p)
		}
	}
	return box, nil
}

// namedFiles are single files as the root of a file system, by names that
// differ.
type namedFiles map[string]string

func (f namedFiles) add(path string) string {
	base := filepath.Base(path)
	name := base
	for n := 2; f[name] != "" || name == build.ConfigFile; n++ {
		name = fmt.Sprintf("%d-%s", n, base)
	}
	f[name] = path
	return name
}

// Open implements fs.FS.
func (f namedFiles) Open(name string) (fs.File, error) {
	path, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return os.Open(path) // #nosec G304 -- the file that the user names
}
