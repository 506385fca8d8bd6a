// Package tiles draws the basemap of a city: the roads, railways, water, green,
// land use, buildings and names of an OSM file as vector tiles (MVT 2.1) in one
// PMTiles v3 archive, which a browser reads by byte ranges.
//
// Layers, kinds and zooms follow the Protomaps basemap schema, version 4:
//
//	layer      geometry               properties
//	landuse    polygons               kind
//	water      polygons, lines, label points   kind, name on lines and points
//	roads      lines                  kind, kind_detail, name, ref, is_link, is_bridge, is_tunnel
//	buildings  polygons, from zoom 14 kind
//	places     points                 kind, kind_detail, name
//	pois       points                 kind, name
//
// Coordinates are clipped to the city's box with a small margin. The same
// source and options give the same bytes. Memory is bounded by that of the
// source: one zoom is held at a time. What is broken (open rings, coastlines
// that end nowhere, ways across the antimeridian) is left out and counted.
package tiles

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/malikobaid/cityflow/internal/city/osm"
)

// Format is the version of what Build makes of the same source: raise it when
// its bytes change.
const Format = 1

// Zooms of the archive. Below MinZoom a city is a dot; above MaxZoom a map
// draws the tiles of MaxZoom larger, whose grid is 0.6 m at the equator.
const (
	MinZoom = 8
	MaxZoom = 14
)

// MaxBytes is the size that an archive should keep to. Where a city is larger,
// details are left out step by step, and Result.Left says which.
const MaxBytes = 3_000_000

// Options of one basemap.
type Options struct {
	// Box is west, south, east, north of the city.
	Box [4]float64
	// Name and Attribution go into the archive's metadata.
	Name, Attribution string
	// MaxBytes bounds the archive; 0 is the package's MaxBytes.
	MaxBytes int
	// Progress, if not nil, is called with the share done and what is going on.
	Progress func(done float64, what string)
}

// Result is an archive and what it holds.
type Result struct {
	Archive []byte
	Tiles   int
	// Features counts what the source gave, by layer in the order of Layers.
	Features [numLayers]int
	// Broken counts geometries that could not be drawn.
	Broken int
	// OpenCoast says that a coastline ends inside the box: the sea is not drawn.
	OpenCoast bool
	// Left says what was left out so that the archive keeps to its size.
	Left string
}

// layer is an index into Layers.
type layer uint8

const (
	landuse layer = iota
	water
	roads
	buildings
	places
	pois
	numLayers
)

// Layers are the names of the layers, in drawing order.
var Layers = [numLayers]string{"landuse", "water", "roads", "buildings", "places", "pois"}

// Summary counts the features in words, such as "9,000 roads".
func (r *Result) Summary() string {
	out := ""
	for l, n := range r.Features {
		if l > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%d %s", n, Layers[l])
	}
	return out
}

// steps leave out more and more, in order, until the archive is small enough.
var steps = []struct {
	left string
	drop func(f *feature) bool
}{
	{"", func(*feature) bool { return false }},
	{"buildings under 100 m2", func(f *feature) bool { return f.layer == buildings && f.areaM2 < 100 }},
	{"buildings", func(f *feature) bool { return f.layer == buildings }},
	{"buildings, paths and service roads", func(f *feature) bool {
		return f.layer == buildings || f.layer == roads && f.from >= 13 && f.kind != "rail"
	}},
	{"buildings, small roads, names of things", func(f *feature) bool {
		return f.layer == buildings || f.layer == roads && f.from >= 11 && f.kind != "rail" || f.layer == pois
	}},
}

// Build draws the basemap of the city in the box.
func Build(src *osm.Source, o Options) (*Result, error) {
	if !(o.Box[0] < o.Box[2] && o.Box[1] < o.Box[3]) || o.Box[0] < -180 || o.Box[2] > 180 || o.Box[1] < -85 || o.Box[3] > 85 {
		return nil, fmt.Errorf("tiles: %v is no box of west, south, east, north", o.Box)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = MaxBytes
	}
	if o.Progress == nil {
		o.Progress = func(float64, string) {}
	}
	if n := tilesIn(o.Box, MaxZoom); n > maxTiles {
		return nil, fmt.Errorf("tiles: the box has %d tiles at zoom %d, at most %d are drawn: it is larger than a city", n, MaxZoom, maxTiles)
	}
	res := &Result{}
	o.Progress(0, "reading the basemap's features")
	c := &collector{src: src, res: res, area: areaOf(o.Box)}
	features := c.collect()
	for i := range features {
		res.Features[features[i].layer]++
	}
	meta, err := metadata(o)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		kept := slices.Clone(features)
		kept = slices.DeleteFunc(kept, func(f feature) bool { return s.drop(&f) })
		tiles, err := pyramid(kept, c.area, func(done float64) {
			o.Progress(0.2+0.7*done, "drawing the basemap")
		})
		if err != nil {
			return nil, err
		}
		if res.Archive, err = archive(tiles, o.Box, meta, rootLimit); err != nil {
			return nil, err
		}
		res.Tiles, res.Left = len(tiles), s.left
		if len(res.Archive) <= o.MaxBytes {
			o.Progress(1, "done")
			return res, nil
		}
	}
	return nil, fmt.Errorf("tiles: %w: %d bytes, at most %d are kept", ErrTooLarge, len(res.Archive), o.MaxBytes)
}

// ErrTooLarge says that a city does not fit even without its details.
var ErrTooLarge = errors.New("the basemap is too large")

// metadata is the archive's JSON, which readers show and styles are written by.
func metadata(o Options) ([]byte, error) {
	type vectorLayer struct {
		ID      string            `json:"id"`
		Fields  map[string]string `json:"fields"`
		MinZoom int               `json:"minzoom"`
		MaxZoom int               `json:"maxzoom"`
	}
	m := struct {
		Name        string        `json:"name"`
		Description string        `json:"description"`
		Attribution string        `json:"attribution"`
		Type        string        `json:"type"`
		Version     string        `json:"version"`
		Layers      []vectorLayer `json:"vector_layers"`
	}{o.Name, "Basemap of " + o.Name + " in the layers of the Protomaps basemap schema 4", o.Attribution, "baselayer", fmt.Sprint(Format), nil}
	for l, name := range Layers {
		fields := map[string]string{"kind": "String"} // marshalled in sorted order
		switch layer(l) {
		case roads:
			fields["kind_detail"], fields["name"], fields["ref"] = "String", "String", "String"
			fields["is_link"], fields["is_bridge"], fields["is_tunnel"] = "Boolean", "Boolean", "Boolean"
		case places:
			fields["kind_detail"], fields["name"] = "String", "String"
		case pois, water:
			fields["name"] = "String"
		}
		v := vectorLayer{name, fields, MinZoom, MaxZoom}
		if layer(l) == buildings {
			v.MinZoom = 14
		}
		m.Layers = append(m.Layers, v)
	}
	return json.Marshal(m)
}
