package tiles

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
)

// opened is an archive as a reader sees it, by the words of the specification.
type opened struct {
	header []byte
	meta   map[string]any
	tiles  map[uint64][]byte // unpacked
	leaves int
}

func (o *opened) u64(at int) uint64 { return binary.LittleEndian.Uint64(o.header[at:]) }

func unpack(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func open(t *testing.T, b []byte) *opened {
	t.Helper()
	if len(b) < 127 || string(b[:7]) != "PMTiles" || b[7] != 3 {
		t.Fatalf("no PMTiles 3: %q", b[:min(8, len(b))])
	}
	o := &opened{header: b[:127], tiles: map[uint64][]byte{}}
	part := func(at int) []byte { return b[o.u64(at) : o.u64(at)+o.u64(at+8)] }
	if o.u64(8) != 127 || o.u64(8)+o.u64(16) > 16384 {
		t.Errorf("the root directory lies at %d+%d, outside the first 16 KiB", o.u64(8), o.u64(16))
	}
	if err := json.Unmarshal(unpack(t, part(24)), &o.meta); err != nil {
		t.Fatal(err)
	}
	data, leaves := part(56), part(40)
	if end := o.u64(56) + o.u64(64); end != uint64(len(b)) {
		t.Errorf("the parts end at %d of %d bytes", end, len(b))
	}
	entries, contents := 0, map[uint64]bool{}
	var last int64 = -1
	var walk func(dir []byte)
	walk = func(dir []byte) {
		r := bytes.NewReader(unpack(t, dir))
		next := func() uint64 {
			v, err := binary.ReadUvarint(r)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		e := make([]entry, next())
		id := uint64(0)
		for i := range e {
			id += next()
			e[i].id = id
		}
		for i := range e {
			e[i].run = uint32(next())
		}
		for i := range e {
			e[i].length = uint32(next())
		}
		for i := range e {
			if v := next(); v == 0 {
				e[i].offset = e[i-1].offset + uint64(e[i-1].length)
			} else {
				e[i].offset = v - 1
			}
		}
		for _, e := range e {
			if e.run == 0 {
				o.leaves++
				walk(leaves[e.offset : e.offset+uint64(e.length)])
				continue
			}
			if int64(e.id) <= last {
				t.Fatalf("tile %d after %d", e.id, last)
			}
			last = int64(e.id) + int64(e.run) - 1
			entries++
			contents[e.offset] = true
			tile := unpack(t, data[e.offset:e.offset+uint64(e.length)])
			for i := range uint64(e.run) {
				o.tiles[e.id+i] = tile
			}
		}
	}
	walk(part(8))
	if o.u64(72) != uint64(len(o.tiles)) || o.u64(80) != uint64(entries) || o.u64(88) != uint64(len(contents)) {
		t.Errorf("the header counts %d tiles, %d entries, %d contents; there are %d, %d, %d", o.u64(72), o.u64(80), o.u64(88), len(o.tiles), entries, len(contents))
	}
	return o
}

// layers decodes one tile; nil where there is none.
func (o *opened) layers(t *testing.T, z, x, y int) mvt.Layers {
	t.Helper()
	b, ok := o.tiles[tileID(uint32(z), uint32(x), uint32(y))]
	if !ok {
		return nil
	}
	l, err := mvt.Unmarshal(b)
	if err != nil {
		t.Fatalf("tile %d/%d/%d: %v", z, x, y, err)
	}
	return l
}

// at is the features of a layer of the tile around a place, and the place in
// units of that tile.
func (o *opened) at(t *testing.T, z int, layer string, lon, lat float64) ([]*geojson.Feature, orb.Point) {
	t.Helper()
	p := gridOf(lon, lat)
	side := extent * math.Exp2(float64(MaxZoom-z))
	x, y := math.Floor(p[0]/side), math.Floor(p[1]/side)
	local := orb.Point{(p[0] - x*side) / side * extent, (p[1] - y*side) / side * extent}
	for _, l := range o.layers(t, z, int(x), int(y)) {
		if l.Name == layer {
			return l.Features, local
		}
	}
	return nil, local
}

// covering lists the kinds of the areas of a layer at a place.
func (o *opened) covering(t *testing.T, z int, layer string, lon, lat float64) []string {
	t.Helper()
	features, p := o.at(t, z, layer, lon, lat)
	var out []string
	for _, f := range features {
		in := false
		each(f.Geometry, func(ring []orb.Point, area bool) {
			if area && holds(ring, p) {
				in = !in
			}
		})
		if in {
			out = append(out, fmt.Sprint(f.Properties["kind"]))
		}
	}
	return out
}

// near lists the names of the lines and points of a layer within so many units.
func (o *opened) near(t *testing.T, z int, layer, property string, lon, lat, units float64) map[string]bool {
	t.Helper()
	features, p := o.at(t, z, layer, lon, lat)
	out := map[string]bool{}
	for _, f := range features {
		each(f.Geometry, func(line []orb.Point, _ bool) {
			for i := range line {
				if away(line[max(i-1, 0)], line[i], p) < units {
					if v, ok := f.Properties[property].(string); ok {
						out[v] = true
					}
				}
			}
		})
	}
	return out
}

func away(a, b, p orb.Point) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	s := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		s = min(max(((p[0]-a[0])*dx+(p[1]-a[1])*dy)/l, 0), 1)
	}
	return math.Hypot(a[0]+s*dx-p[0], a[1]+s*dy-p[1])
}

// each calls do for every ring, line and point of a geometry.
func each(g orb.Geometry, do func(points []orb.Point, area bool)) {
	switch g := g.(type) {
	case orb.Point:
		do([]orb.Point{g}, false)
	case orb.LineString:
		do(g, false)
	case orb.MultiLineString:
		for _, l := range g {
			do(l, false)
		}
	case orb.Polygon:
		for _, r := range g {
			do(r, true)
		}
	case orb.MultiPolygon:
		for _, p := range g {
			each(p, do)
		}
	default:
		panic(fmt.Sprintf("a geometry of type %T", g))
	}
}

// sound checks every tile: it decodes, is of version 2, and what is in it keeps
// to the tile and its buffer and has the points that its type needs.
func (o *opened) sound(t *testing.T) (features int) {
	t.Helper()
	for id, b := range o.tiles {
		layers, err := mvt.Unmarshal(b)
		if err != nil {
			t.Fatalf("tile %d: %v", id, err)
		}
		for _, l := range layers {
			if l.Version != 2 || l.Extent != extent {
				t.Errorf("tile %d: layer %s of version %d, extent %d", id, l.Name, l.Version, l.Extent)
			}
			for _, f := range l.Features {
				features++
				if f.Properties["kind"] == "" {
					t.Errorf("tile %d, %s: a feature without a kind", id, l.Name)
				}
				each(f.Geometry, func(points []orb.Point, area bool) {
					if area && len(points) < 4 {
						t.Errorf("tile %d, %s: a ring of %d points", id, l.Name, len(points))
					}
					for _, p := range points {
						if p[0] < -buffer-1 || p[0] > extent+buffer+1 || p[1] < -buffer-1 || p[1] > extent+buffer+1 {
							t.Fatalf("tile %d, %s: a point at %v", id, l.Name, p)
						}
					}
				})
			}
		}
	}
	return features
}

// The numbers are of the specification and its reference implementation.
func TestTileIDs(t *testing.T) {
	for _, c := range []struct {
		z, x, y uint32
		id      uint64
	}{{0, 0, 0, 0}, {1, 0, 0, 1}, {1, 0, 1, 2}, {1, 1, 1, 3}, {1, 1, 0, 4}, {2, 0, 0, 5}, {2, 1, 0, 6}, {12, 3423, 1763, 19078479}} {
		if got := tileID(c.z, c.x, c.y); got != c.id {
			t.Errorf("tile %d/%d/%d is %d, want %d", c.z, c.x, c.y, got, c.id)
		}
	}
	seen := map[uint64]bool{}
	for x := range uint32(32) {
		for y := range uint32(32) {
			seen[tileID(5, x, y)] = true
		}
	}
	if len(seen) != 1024 || !seen[341] || !seen[1364] {
		t.Errorf("zoom 5 has %d ids", len(seen))
	}
}

// More tiles than one root directory holds go into leaves; equal ones are kept
// once.
func TestLeavesAndRuns(t *testing.T) {
	var tiles []tile
	for i := range 10_000 {
		data := []byte("sea")
		if i%7 == 0 || i > 9_000 {
			data = fmt.Appendf(nil, "tile %d", i*i)
		}
		tiles = append(tiles, tile{uint64(i * 3 / 2), data})
	}
	box := [4]float64{-1, 50, 1, 51}
	small, err := archive(tiles, box, []byte("{}"), 2000)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := archive(tiles, box, []byte("{}"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	a, b := open(t, small), &opened{}
	if a.leaves < 2 {
		t.Errorf("%d leaves", a.leaves)
	}
	for _, want := range tiles {
		if !bytes.Equal(a.tiles[want.id], want.data) {
			t.Fatalf("tile %d is %q", want.id, a.tiles[want.id])
		}
	}
	if b.header = whole[:127]; b.u64(88) > 3_000 || b.u64(48) != 0 {
		t.Errorf("%d contents, %d bytes of leaves", b.u64(88), b.u64(48))
	}
	if _, err := archive(tiles, box, []byte("{}"), 10); err == nil {
		t.Error("a root directory that cannot fit is not refused")
	}
}
