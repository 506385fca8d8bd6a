// Package osm turns OpenStreetMap data into the street network and the
// buildings of a city.
//
// Read collects what the importers need from a PBF or XML file into a Source;
// Streets makes the routable network; Areas finds buildings and land use and
// Points lists shops, offices and the like. The rules for access, speed and
// lanes are tables in tags.go, speed.go and lanes.go, each with its source or
// marked assumed. docs/decisions/streets.md tells the choices behind them.
//
// The package reads from io.Reader only and is deterministic: the same bytes
// give the same columns. The types of tags and relations are paulmach/osm's;
// the file formats are read here (pbf.go, xml.go), because a stranger's file
// must neither crash the program nor claim more memory than it is worth.
package osm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/paulmach/osm"
)

// MaxBytes bounds the memory that one file may claim: about the nodes, ways
// and tags of a region of ten million people.
const MaxBytes = 2 << 30

// What one object costs of MaxBytes: its columns, with room for the index that
// is built over them.
const (
	nodeBytes     = 24
	taggedBytes   = 64
	wayBytes      = 96
	refBytes      = 12
	tagBytes      = 32
	relationBytes = 200
	memberBytes   = 56
)

// Source is the part of an OSM file that the importers use. Nodes are sorted
// by id; ways and relations stand in id order.
type Source struct {
	NodeID   []int64
	Lon, Lat []float64
	// NodeTags holds the tags of tagged nodes, by node index. Only look-ups
	// and sorted walks: see TaggedNodes.
	NodeTags map[int32]osm.Tags
	Ways     []Way
	wayIndex map[int64]int32
	// Relations are those of relationTypes. Their members may be missing from
	// the file.
	Relations []*osm.Relation
}

// relationTypes are the relations kept: turn restrictions, areas, and what
// public transport is mapped with.
var relationTypes = map[string]bool{"restriction": true, "multipolygon": true, "boundary": true, "route": true, "route_master": true, "public_transport": true}

// Way is one OSM way with its nodes as indices into the node columns; nodes
// missing from the file are -1.
type Way struct {
	ID    int64
	Nodes []int32
	Tags  osm.Tags
}

// Closed tells whether the way ends where it starts.
func (w *Way) Closed() bool {
	return len(w.Nodes) > 3 && w.Nodes[0] == w.Nodes[len(w.Nodes)-1]
}

// Read reads a PBF file, or an XML file when the first byte is '<'. It holds
// the result and one block of the file, no more; an error says what is wrong
// and at which byte.
func Read(r io.Reader) (*Source, error) { return readAtMost(r, MaxBytes) }

func readAtMost(r io.Reader, bytes int64) (*Source, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	head, err := br.Peek(3)
	if len(head) == 0 {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("osm: the file is empty")
		}
		return nil, fmt.Errorf("osm: %w", err)
	}
	c := &collector{src: &Source{NodeTags: map[int32]osm.Tags{}}, left: bytes, sorted: true, seen: map[string]string{}}
	switch {
	case head[0] == '<' || head[0] == 0xEF && string(head) == "\xEF\xBB\xBF":
		err = readXML(br, c)
	case head[0] == 0x1F && len(head) > 1 && head[1] == 0x8B, string(head) == "BZh":
		err = errors.New("the file is packed with gzip or bzip2: unpack it first")
	default:
		err = readPBF(br, c)
	}
	if err != nil {
		return nil, fmt.Errorf("osm: %w", err)
	}
	return c.finish(), nil
}

// collector takes objects in file order and counts what they cost.
type collector struct {
	src    *Source
	left   int64 // bytes not yet claimed
	sorted bool  // nodes came in order of id
	ways   []rawWay
	refs   []int64
	seen   map[string]string // texts met so far, each kept once; look-ups only
}

type rawWay struct {
	id          int64
	first, last int // into refs
	tags        osm.Tags
}

func (c *collector) claim(bytes int64) error {
	if c.left -= bytes; c.left < 0 {
		return errors.New("the file holds too much to be kept in memory: cut it to the city first")
	}
	return nil
}

// text gives a string for bytes, always the same for equal bytes: a city has
// few different tags.
func (c *collector) text(b []byte) (string, error) {
	if s, ok := c.seen[string(b)]; ok {
		return s, nil
	}
	if err := c.claim(int64(len(b)) + tagBytes); err != nil {
		return "", err
	}
	// Bytes that are no UTF-8 could not be written to JSON or a map again.
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	c.seen[string(b)] = s
	return s, nil
}

// node adds a node. tags are the caller's to reuse.
func (c *collector) node(id int64, lon, lat float64, tags osm.Tags) error {
	if !(lon >= -180 && lon <= 180 && lat >= -90 && lat <= 90) {
		return fmt.Errorf("node %d lies at longitude %g, latitude %g", id, lon, lat)
	}
	cost := int64(nodeBytes)
	s := c.src
	n := len(s.NodeID)
	if len(tags) > 0 {
		cost += taggedBytes + tagBytes*int64(len(tags))
	}
	if err := c.claim(cost); err != nil {
		return err
	}
	if n > 0 && s.NodeID[n-1] >= id {
		c.sorted = false
	}
	if len(tags) > 0 {
		s.NodeTags[int32(n)] = slices.Clone(tags)
	}
	s.NodeID, s.Lon, s.Lat = append(s.NodeID, id), append(s.Lon, lon), append(s.Lat, lat)
	return nil
}

// way adds a way. refs and tags are the caller's to reuse.
func (c *collector) way(id int64, refs []int64, tags osm.Tags) error {
	if err := c.claim(wayBytes + refBytes*int64(len(refs)) + tagBytes*int64(len(tags))); err != nil {
		return err
	}
	first := len(c.refs)
	c.refs = append(c.refs, refs...)
	c.ways = append(c.ways, rawWay{id, first, len(c.refs), slices.Clone(tags)})
	return nil
}

// relation adds a relation if its type is of use. members and tags are the
// caller's to reuse.
func (c *collector) relation(id int64, members osm.Members, tags osm.Tags) error {
	if t := tags.Find("type"); !relationTypes[t] && !strings.HasPrefix(t, "restriction:") {
		return nil
	}
	if err := c.claim(relationBytes + memberBytes*int64(len(members)) + tagBytes*int64(len(tags))); err != nil {
		return err
	}
	c.src.Relations = append(c.src.Relations, &osm.Relation{ID: osm.RelationID(id), Visible: true, Members: slices.Clone(members), Tags: slices.Clone(tags)})
	return nil
}

// finish brings everything into order of id, drops repeated ids and resolves
// the nodes of ways.
func (c *collector) finish() *Source {
	s := c.src
	c.seen = nil
	if !c.sorted {
		s.sortNodes()
	}
	slices.SortStableFunc(c.ways, func(a, b rawWay) int { return cmp64(a.id, b.id) })
	slices.SortStableFunc(s.Relations, func(a, b *osm.Relation) int { return cmp64(int64(a.ID), int64(b.ID)) })
	s.Relations = slices.CompactFunc(s.Relations, func(a, b *osm.Relation) bool { return a.ID == b.ID })
	s.Ways = make([]Way, 0, len(c.ways))
	s.wayIndex = make(map[int64]int32, len(c.ways))
	nodes := make([]int32, len(c.refs))
	for i, ref := range c.refs {
		nodes[i] = s.node(ref)
	}
	for _, w := range c.ways {
		if _, dup := s.wayIndex[w.id]; dup {
			continue
		}
		s.wayIndex[w.id] = int32(len(s.Ways))
		s.Ways = append(s.Ways, Way{w.id, nodes[w.first:w.last:w.last], w.tags})
	}
	return s
}

// TaggedNodes is the indices of tagged nodes in ascending order.
func (s *Source) TaggedNodes() []int32 {
	out := make([]int32, 0, len(s.NodeTags))
	for i := range s.NodeTags {
		out = append(out, i)
	}
	slices.Sort(out)
	return out
}

// node is the index of an OSM node, or -1.
func (s *Source) node(id int64) int32 {
	if i, ok := slices.BinarySearch(s.NodeID, id); ok {
		return int32(i)
	}
	return -1
}

// way is the way with an OSM id, or nil.
func (s *Source) way(id int64) *Way {
	if i, ok := s.wayIndex[id]; ok {
		return &s.Ways[i]
	}
	return nil
}

// sortNodes brings an unsorted file into id order and drops repeated ids.
func (s *Source) sortNodes() {
	order := make([]int32, len(s.NodeID))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp64(s.NodeID[a], s.NodeID[b]) })
	ids, lon, lat := make([]int64, 0, len(order)), make([]float64, 0, len(order)), make([]float64, 0, len(order))
	tags := make(map[int32]osm.Tags, len(s.NodeTags))
	for _, o := range order {
		if n := len(ids); n > 0 && ids[n-1] == s.NodeID[o] {
			continue
		}
		if t, ok := s.NodeTags[o]; ok {
			tags[int32(len(ids))] = t
		}
		ids, lon, lat = append(ids, s.NodeID[o]), append(lon, s.Lon[o]), append(lat, s.Lat[o])
	}
	s.NodeID, s.Lon, s.Lat, s.NodeTags = ids, lon, lat, tags
}

func cmp64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
