// Package osm turns OpenStreetMap data into the street network and the
// buildings of a city.
//
// Read collects what the importers need from a PBF or XML file into a Source;
// Streets makes the routable network; Buildings measures floor areas and Points
// lists shops, offices and the like. The rules for access, speed and lanes are
// tables in tags.go and speed.go, each with its source or marked assumed.
//
// The package reads from io.Reader only and is deterministic: the same bytes
// give the same columns. It leans on paulmach/osm for the file formats.
package osm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/paulmach/osm"
	"github.com/paulmach/osm/osmpbf"
	"github.com/paulmach/osm/osmxml"
)

// MaxNodes bounds the memory one file may claim (about 2 GB at this limit).
const MaxNodes = 30_000_000

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
	// Relations are the turn restrictions, multipolygons and routes.
	Relations []*osm.Relation
}

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

type scanner interface {
	Scan() bool
	Object() osm.Object
	Err() error
	Close() error
}

// Read reads a PBF file, or an XML file when the first byte is '<'.
func Read(r io.Reader) (*Source, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	head, err := br.Peek(1)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("osm: the file is empty")
		}
		return nil, fmt.Errorf("osm: %w", err)
	}
	var sc scanner
	if head[0] == '<' {
		sc = osmxml.New(context.Background(), br)
	} else {
		sc = osmpbf.New(context.Background(), br, 2)
	}
	defer sc.Close()

	s := &Source{NodeTags: map[int32]osm.Tags{}}
	type rawWay struct {
		id   int64
		refs []osm.WayNode
		tags osm.Tags
	}
	var ways []rawWay
	sorted := true
	for sc.Scan() {
		switch o := sc.Object().(type) {
		case *osm.Node:
			if len(s.NodeID) >= MaxNodes {
				return nil, fmt.Errorf("osm: more than %d nodes: cut the file to the city first", MaxNodes)
			}
			if n := len(s.NodeID); n > 0 && s.NodeID[n-1] >= int64(o.ID) {
				sorted = false
			}
			if !(o.Lon >= -180 && o.Lon <= 180 && o.Lat >= -90 && o.Lat <= 90) {
				return nil, fmt.Errorf("osm: node %d lies at %g, %g", o.ID, o.Lon, o.Lat)
			}
			if len(o.Tags) > 0 {
				s.NodeTags[int32(len(s.NodeID))] = o.Tags
			}
			s.NodeID = append(s.NodeID, int64(o.ID))
			s.Lon = append(s.Lon, o.Lon)
			s.Lat = append(s.Lat, o.Lat)
		case *osm.Way:
			ways = append(ways, rawWay{int64(o.ID), o.Nodes, o.Tags})
		case *osm.Relation:
			switch o.Tags.Find("type") {
			case "restriction", "multipolygon", "route":
				s.Relations = append(s.Relations, o)
			}
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("osm: %w", err)
	}
	if !sorted {
		s.sortNodes()
	}
	slices.SortStableFunc(ways, func(a, b rawWay) int { return cmp64(a.id, b.id) })
	slices.SortStableFunc(s.Relations, func(a, b *osm.Relation) int { return cmp64(int64(a.ID), int64(b.ID)) })
	s.Ways = make([]Way, 0, len(ways))
	s.wayIndex = make(map[int64]int32, len(ways))
	for _, w := range ways {
		if _, dup := s.wayIndex[w.id]; dup {
			continue
		}
		nodes := make([]int32, len(w.refs))
		for i, r := range w.refs {
			nodes[i] = s.node(int64(r.ID))
		}
		s.wayIndex[w.id] = int32(len(s.Ways))
		s.Ways = append(s.Ways, Way{w.id, nodes, w.tags})
	}
	return s, nil
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
