// Package units holds the typed ids and physical units shared by every room of
// the model half.
//
// Ids are 32-bit on purpose: a city has far fewer than 2^32 of anything, and
// half-size ids keep the hot columns in cache. Each id is an index into the
// columns of exactly one table; distinct types stop a link index from being
// used as a node index. The No* values mean "none" and index nothing.
package units

// NodeID indexes the nodes (junctions) of a street network.
type NodeID uint32

// LinkID indexes the directed links of a street network.
type LinkID uint32

// StopID indexes the boarding places of a timetable.
type StopID uint32

// LineID indexes the lines (public names such as "Bus 8") of a timetable.
type LineID uint32

// PatternID indexes the patterns (one stop sequence each) of a timetable.
type PatternID uint32

// VehicleTripID indexes the timed vehicle runs of a timetable.
type VehicleTripID uint32

// PlaceID indexes the places (buildings or points with people or attractions).
type PlaceID uint32

// ClusterID indexes the clusters: groups of neighbouring places that share
// one access point for transit searches.
type ClusterID uint32

// "None" values of the ids.
const (
	NoNode    NodeID        = 1<<32 - 1
	NoLink    LinkID        = 1<<32 - 1
	NoStop    StopID        = 1<<32 - 1
	NoLine    LineID        = 1<<32 - 1
	NoPattern PatternID     = 1<<32 - 1
	NoTrip    VehicleTripID = 1<<32 - 1
	NoPlace   PlaceID       = 1<<32 - 1
	NoCluster ClusterID     = 1<<32 - 1
)

// Seconds is a clock time or duration in whole seconds. Clock times count from
// midnight of the service date and may exceed 24 h, as in GTFS.
type Seconds int32

// Never is a clock time later than any real one. It leaves head-room so that
// adding a few days to it does not overflow.
const Never Seconds = 1 << 30

// KMH converts kilometres per hour to metres per second.
func KMH(v float64) float64 { return v / 3.6 }
