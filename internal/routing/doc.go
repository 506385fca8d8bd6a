// Package routing finds paths over the street network: for cars on link times
// that change with the clock, with turn restrictions and money; for walkers and
// cyclists by metres. Journeys by public transport live in routing/raptor.
//
// A Graph holds one network for one use (which links are allowed, what a link
// costs at least) and is immutable and shared; a Workspace holds the memory of
// one search, belongs to one goroutine and is cleared by a generation stamp. A
// query allocates nothing but the growth of the caller's path buffer.
//
// The search is A* with landmark bounds (ALT: Goldberg and Harrelson 2005; on
// changing times: Delling and Wagner 2007). Landmarks are laid on the least link
// costs, so new link times need no new preparation. It departs from the textbook
// in its labels: one per node, plus one per link that a turn restriction starts
// from. That equals one label per link, because two ways to reach a junction
// differ in what may follow only if a restriction is on one of them.
//
// Invariants: a link never takes less than its free-flow time (a Times that says
// so panics); equal costs are decided by ids, so answers do not vary.
package routing
