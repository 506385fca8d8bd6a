package osm

import "github.com/paulmach/osm"

// Rings joins the member ways of one role of a multipolygon end to end, as node
// indices without the repeated first one; ok is false when a way is missing or
// an end stays open.
func (s *Source) Rings(r *osm.Relation, role string) (rings [][]int32, ok bool) {
	return s.rings(r, role)
}
