package osm

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/osm"
	"github.com/paulmach/osm/osmpbf"
	"google.golang.org/protobuf/encoding/protowire"
)

// pbfFile writes small PBF files, good and bad ones.
type pbfFile struct{ bytes.Buffer }

func message(parts ...[]byte) []byte { return slices.Concat(parts...) }

func field(n protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
}

func varint(n protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
}

// column writes a packed column: of differences, or of plain numbers.
func deltas(n protowire.Number, v ...int64) []byte {
	var b []byte
	prev := int64(0)
	for _, x := range v {
		b = protowire.AppendVarint(b, protowire.EncodeZigZag(x-prev))
		prev = x
	}
	return field(n, b)
}

func plain(n protowire.Number, v ...uint64) []byte {
	var b []byte
	for _, x := range v {
		b = protowire.AppendVarint(b, x)
	}
	return field(n, b)
}

func pack(raw []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(raw)
	w.Close()
	return b.Bytes()
}

func (f *pbfFile) blob(kind string, blob []byte) {
	head := message(field(1, []byte(kind)), varint(3, uint64(len(blob))))
	binary.Write(f, binary.BigEndian, uint32(len(head)))
	f.Write(head)
	f.Write(blob)
}

func (f *pbfFile) block(kind string, raw []byte) {
	f.blob(kind, message(varint(2, uint64(len(raw))), field(3, pack(raw))))
}

func (f *pbfFile) header(features ...string) {
	var parts []byte
	for _, s := range features {
		parts = append(parts, field(4, []byte(s))...)
	}
	f.block("OSMHeader", parts)
}

func texts(s ...string) []byte {
	var b []byte
	for _, t := range s {
		b = append(b, field(1, []byte(t))...)
	}
	return field(1, b)
}

// goodPBF holds two dense nodes, a plain one, a way and two relations.
func goodPBF() *pbfFile {
	f := &pbfFile{}
	f.header("OsmSchema-V0.6", "DenseNodes")
	dense := message(deltas(1, 10, 7), deltas(8, 10000000, 20000000), deltas(9, 30000000, -40000000), plain(10, 0, 1, 2, 0))
	node := message(varint(1, protowire.EncodeZigZag(8)), plain(2, 1), plain(3, 3), varint(8, protowire.EncodeZigZag(5)), varint(9, protowire.EncodeZigZag(6)))
	way := message(varint(1, 5), plain(2, 4), plain(3, 5), deltas(8, 7, 8, 99))
	relation := message(varint(1, 6), plain(2, 6), plain(3, 7), plain(8, 8, 9), deltas(9, 5, 7), plain(10, 1, 0))
	useless := message(varint(1, 7), plain(2, 6), plain(3, 10), plain(8, 8), deltas(9, 5), plain(10, 1))
	f.block("OSMData", message(
		field(2, field(2, dense)), field(2, field(1, node)), field(2, field(3, way)), field(2, message(field(4, relation), field(4, useless))),
		texts("", "highway", "traffic_signals", "stop", "highway", "primary", "type", "restriction", "from", "via", "site"),
		varint(19, 1000)))
	return f
}

func TestReadPBF(t *testing.T) {
	f := goodPBF()
	f.blob("Unknown", []byte("kinds of blocks that nobody knows are passed over"))
	src, err := Read(&f.Buffer)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{7, 8, 10}; !slices.Equal(src.NodeID, want) {
		t.Fatalf("nodes %v, want %v", src.NodeID, want)
	}
	if got := fmt.Sprintf("%.6f %.6f", src.Lon, src.Lat); got != "[-4.000000 0.000001 3.000000] [2.000001 0.000002 1.000001]" {
		t.Errorf("positions %s", got)
	}
	if src.NodeTags[0].Find("highway") != "traffic_signals" || src.NodeTags[1].Find("highway") != "stop" || len(src.NodeTags) != 2 {
		t.Errorf("tags %v", src.NodeTags)
	}
	if len(src.Ways) != 1 || src.Ways[0].ID != 5 || !slices.Equal(src.Ways[0].Nodes, []int32{0, 1, -1}) || src.Ways[0].Tags.Find("highway") != "primary" {
		t.Errorf("ways %+v", src.Ways)
	}
	want := osm.Members{{Type: osm.TypeWay, Ref: 5, Role: "from"}, {Type: osm.TypeNode, Ref: 7, Role: "via"}}
	if len(src.Relations) != 1 || !reflect.DeepEqual(src.Relations[0].Members, want) {
		t.Errorf("relations %+v", src.Relations)
	}
}

// The same files through the library whose types we use: nothing lost, nothing
// made up.
func TestReadAgreesWithTheLibrary(t *testing.T) {
	for _, slug := range []string{"newport", "porto-alegre"} {
		file, err := os.ReadFile(filepath.Join("..", "..", "..", "cities", slug, "osm.pbf"))
		if err != nil {
			t.Fatal(err)
		}
		src, err := Read(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		sc := osmpbf.New(context.Background(), bytes.NewReader(file), 1)
		nodes, ways, relations := 0, 0, 0
		for sc.Scan() {
			switch o := sc.Object().(type) {
			case *osm.Node:
				i := src.node(int64(o.ID))
				if i < 0 || src.Lon[i] != o.Lon || src.Lat[i] != o.Lat || !slices.Equal(src.NodeTags[i], o.Tags) {
					t.Fatalf("%s: node %d differs", slug, o.ID)
				}
				nodes++
			case *osm.Way:
				w := src.way(int64(o.ID))
				if w == nil || len(w.Nodes) != len(o.Nodes) || !slices.Equal(w.Tags, o.Tags) {
					t.Fatalf("%s: way %d differs", slug, o.ID)
				}
				for i, n := range o.Nodes {
					if w.Nodes[i] != src.node(int64(n.ID)) {
						t.Fatalf("%s: way %d has another node %d", slug, o.ID, i)
					}
				}
				ways++
			case *osm.Relation:
				if !relationTypes[o.Tags.Find("type")] {
					continue
				}
				i, ok := slices.BinarySearchFunc(src.Relations, int64(o.ID), func(r *osm.Relation, id int64) int { return cmp64(int64(r.ID), id) })
				if !ok || !slices.Equal(src.Relations[i].Tags, o.Tags) || len(src.Relations[i].Members) != len(o.Members) {
					t.Fatalf("%s: relation %d differs", slug, o.ID)
				}
				for k, m := range o.Members {
					if g := src.Relations[i].Members[k]; g.Type != m.Type || g.Ref != m.Ref || g.Role != m.Role {
						t.Fatalf("%s: relation %d has another member %d", slug, o.ID, k)
					}
				}
				relations++
			}
		}
		if err := sc.Err(); err != nil {
			t.Fatal(err)
		}
		sc.Close()
		if nodes != len(src.NodeID) || ways != len(src.Ways) || relations != len(src.Relations) {
			t.Errorf("%s: %d nodes, %d ways, %d relations; want %d, %d, %d", slug, len(src.NodeID), len(src.Ways), len(src.Relations), nodes, ways, relations)
		}
	}
}

func TestReadRefusesBadPBF(t *testing.T) {
	file := func(write func(f *pbfFile)) []byte {
		f := &pbfFile{}
		f.header()
		write(f)
		return f.Bytes()
	}
	data := func(raw ...[]byte) []byte { return file(func(f *pbfFile) { f.block("OSMData", message(raw...)) }) }
	good := goodPBF().Bytes()
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"cut in the header":     {good[:3], "cut short"},
		"cut in a blob":         {good[:len(good)-5], "cut short"},
		"noise":                 {[]byte("hello, this is no map at all"), "no PBF"},
		"gzip":                  {[]byte{0x1f, 0x8b, 8, 0}, "unpack it first"},
		"no header":             {good[bytes.Index(good, []byte("OSMData"))-6:], "OSMHeader"},
		"a history":             {func() []byte { f := &pbfFile{}; f.header("HistoricalInformation"); return f.Bytes() }(), "history"},
		"a feature of tomorrow": {func() []byte { f := &pbfFile{}; f.header("Teleport"); return f.Bytes() }(), "Teleport"},
		"huge blob": {file(func(f *pbfFile) {
			head := message(field(1, []byte("OSMData")), varint(3, 1<<40))
			binary.Write(f, binary.BigEndian, uint32(len(head)))
			f.Write(head)
		}), "at most"},
		"huge raw size":     {file(func(f *pbfFile) { f.blob("OSMData", message(varint(2, 1<<50), field(3, pack(nil)))) }), "at most"},
		"wrong raw size":    {file(func(f *pbfFile) { f.blob("OSMData", message(varint(2, 10), field(3, pack([]byte("abc"))))) }), "unpack"},
		"larger than said":  {file(func(f *pbfFile) { f.blob("OSMData", message(varint(2, 2), field(3, pack([]byte("abc"))))) }), "unpack"},
		"bomb":              {file(func(f *pbfFile) { f.block("OSMData", make([]byte, 30<<20)) }), "no map"},
		"other compression": {file(func(f *pbfFile) { f.blob("OSMData", message(varint(2, 10), field(7, []byte("abc")))) }), "zlib"},
		"nothing in a blob": {file(func(f *pbfFile) { f.blob("OSMData", varint(2, 10)) }), "without data"},
		"huge coordinate":   {data(field(2, field(2, message(deltas(1, 1), deltas(8, 1<<40), deltas(9, 1))))), "latitude"},
		"short columns":     {data(field(2, field(2, message(deltas(1, 1, 2), deltas(8, 1), deltas(9, 1, 2))))), "one length"},
		"text out of table": {data(texts("a"), field(2, field(3, message(varint(1, 1), plain(2, 9), plain(3, 0))))), "text 9"},
		"keys and values":   {data(texts("a"), field(2, field(3, message(varint(1, 1), plain(2, 0), plain(3, 0, 0))))), "one length"},
		"broken message":    {data([]byte{0xff, 0xff, 0xff}), "damaged"},
	} {
		if _, err := Read(bytes.NewReader(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestReadRefusesBadXML(t *testing.T) {
	for in, want := range map[string]string{
		`<gpx></gpx>`:                                                           "root is <gpx>",
		`<osm></osm><osm></osm>`:                                                "not OSM XML",
		`<osm><node id="x" lat="1" lon="1"/>`:                                   "whole number",
		`<osm><node id="1" lat="" lon="1"/>`:                                    "want degrees",
		`<osm><node id="1" lat="NaN" lon="1"/></osm>`:                           "lies at",
		`<osm><way id="1"><nd ref=""/></way></osm>`:                             "whole number",
		`<osm><relation id="1"><member type="way" ref="-" role=""/></relation>`: "whole number",
		`<osm>` + strings.Repeat("<a>", 40):                                     "nested",
		`<osm><node id="1" lat="1" lon="1" user="` + strings.Repeat("x", 3<<20): "longer than",
		`<?xml version="1.0" encoding="latin1"?><osm/>`:                         "latin1",
		`<?xml version="1.0"?>`:                                                 "no XML element",
		`<osm><node id="1" lat="1" lon="1"/>`:                                   "EOF",
	} {
		if _, err := Read(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want an error with %q", in, err, want)
		}
	}
	src, err := Read(strings.NewReader("\xEF\xBB\xBF<?xml version='1.0'?><osm><bounds/><node id='1' lat='1' lon='1'/><node id='2' lat='1' lon='1' visible='false'/><way id='3' action='delete'><nd ref='1'/></way><changeset id='4'><tag k='a' v='b'/></changeset></osm>"))
	if err != nil || len(src.NodeID) != 1 || len(src.Ways) != 0 {
		t.Errorf("%+v, %v: want one node", src, err)
	}
}

// A file that goes on for ever ends at the budget, whatever it is full of, and
// the budget is about what is held.
func TestReadHoldsItsMemory(t *testing.T) {
	const budget = 2 << 20
	nodes := func(i int) string { return fmt.Sprintf(`<node id="%d" lat="1" lon="1"/>`, i) }
	for name, part := range map[string]func(i int) string{
		"nodes": nodes,
		"tags": func(i int) string {
			return fmt.Sprintf(`<node id="%d" lat="1" lon="1"><tag k="k%d" v="v"/></node>`, i, i)
		},
		"refs":    func(i int) string { return `<way id="1">` + strings.Repeat(`<nd ref="1"/>`, 1000) + `</way>` },
		"one way": func(i int) string { return map[bool]string{true: `<way id="1">`}[i == 0] + `<nd ref="1"/>` },
		"members": func(i int) string {
			return map[bool]string{true: `<relation id="1"><tag k="type" v="route"/>`}[i == 0] + `<member type="way" ref="1" role=""/>`
		},
		"one node's tags": func(i int) string {
			return map[bool]string{true: `<node id="1" lat="1" lon="1">`}[i == 0] + `<tag k="a" v="b"/>`
		},
	} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readAtMost(io.MultiReader(strings.NewReader("<osm>"), &endless{part: part}), budget)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "cut it to the city") {
			t.Errorf("%s: %v", name, err)
		}
		if held := int64(after.HeapSys) - int64(before.HeapSys); held > 32*budget {
			t.Errorf("%s: the heap grew by %d bytes for a budget of %d", name, held, budget)
		}
	}
}

// endless repeats a part for ever.
type endless struct {
	part func(i int) string
	i    int
	rest string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.part(e.i)
		e.i++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// FuzzReadPBF and FuzzReadXML: whatever the bytes, an answer or an error, and
// what was read can be built into streets.
func FuzzReadPBF(f *testing.F) {
	f.Add(goodPBF().Bytes())
	f.Add(goodPBF().Bytes()[:80])
	unpacked := &pbfFile{}
	unpacked.blob("OSMHeader", field(1, field(4, []byte("DenseNodes"))))
	unpacked.blob("OSMData", field(1, message(texts("", "highway", "primary"),
		field(2, field(2, message(deltas(1, 1, 2, 3), deltas(8, 1e5, 2e5, 3e5), deltas(9, 1e5, 2e5, 2e5)))),
		field(2, field(3, message(varint(1, 5), plain(2, 1), plain(3, 2), deltas(8, 1, 2, 3)))))))
	f.Add(unpacked.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 && b[0] == '<' {
			return
		}
		usable(t, b)
	})
}

func FuzzReadXML(f *testing.F) {
	f.Add([]byte(`<osm><node id="1" lat="0" lon="0"><tag k="highway" v="stop"/></node><node id="2" lat="0.001" lon="0"/><way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way><relation id="2"><member type="way" ref="1" role="from"/><tag k="type" v="restriction"/></relation></osm>`))
	f.Add([]byte("\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?><!-- a --><osm version='0.6'><![CDATA[x]]></osm>"))
	f.Fuzz(func(t *testing.T, b []byte) { usable(t, append([]byte("<"), b...)) })
}

func usable(t *testing.T, b []byte) {
	src, err := readAtMost(bytes.NewReader(b), 1<<20)
	if err != nil {
		return
	}
	if !slices.IsSorted(src.NodeID) {
		t.Fatal("nodes are not in order")
	}
	for _, w := range src.Ways {
		for _, n := range w.Nodes {
			if int(n) >= len(src.NodeID) {
				t.Fatalf("way %d has node %d of %d", w.ID, n, len(src.NodeID))
			}
		}
	}
	if r, err := Import(src, Options{BBox: townBox}); err == nil && r.Net.NumLinks() == 0 {
		t.Fatal("a network without links")
	}
	for _, r := range src.Relations {
		src.rings(r, "outer")
	}
}
