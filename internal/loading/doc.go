// Package loading moves vehicles over the street network and says what happened
// when. It computes no indicator and knows no person: in go platoons with a
// desired departure and a path, out come link exits and arrivals.
//
// The model is Newell's simplified kinematic wave (Newell 1993, parts I-III;
// Yperman 2007 for the link ends): per link a triangular fundamental diagram
// with free speed u, capacity C, jam density k_j and backward wave
// w = C/(k_j - C/u). A platoon leaves a link no earlier than free flow allows,
// no closer behind the one before than size/C, in the order of entry (FIFO),
// and only when the next link takes it: N_in(t) <= N_out(t - L/w) + k_j L. So
// queues have length and spill back, and at a diverge the head blocks those
// behind it. Merges share an inlet by weighted-fair credit. Before the first
// link a platoon waits in a vertical queue, and that wait counts. Signals have
// fixed times; links can be shut, slowed and narrowed during a run; classes of
// vehicles differ in passenger-car units and top speed.
//
// Run follows given paths; Begin, Advance and Close drive a run in steps with
// departures from a Source and ways from a Router (package traffic). A network
// can be cut into regions that are loaded side by side (region.go).
//
// Invariants: capacity and storage are never scaled; the same input gives the
// same bytes, however it is cut; ties are broken by link id; a run allocates nothing once a Loader
// has seen a run of that size. docs/decisions/loading.md derives the rules for
// platoons of mixed size.
package loading
