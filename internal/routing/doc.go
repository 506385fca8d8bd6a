// Package routing finds paths over the street network: for cars on link times
// that change with the clock, with turn restrictions and money; for walkers and
// cyclists by metres. Journeys by public transport live in routing/raptor.
//
// A Graph holds one network for one use (which links are allowed, what a link
// costs at least) and is immutable and shared; a Workspace holds the memory of
// one search, belongs to one goroutine and is cleared by a generation stamp. A
// query allocates nothing but the growth of the caller's path buffer.
//
// The search is A*. What is left to the target is bounded by a customisable
// contraction hierarchy (Dibbelt, Strasser and Wagner 2016; used as a bound:
// Strasser and Zeitz 2021): an Order is made once per city, a Graph contracts on
// it, Bounds are fitted to link times in a millisecond or less. Without an order
// landmarks bound it (ALT: Goldberg and Harrelson 2005), laid on the least link
// costs; they lead less straight and stay as the second algorithm of the tests.
//
// Where costs stand still (a Static, with a Metric per set of costs) the hierarchy
// answers by itself, in microseconds: Query.
//
// It departs from the textbook in its labels: one per node, plus one per link
// that a turn restriction starts from. That equals one label per link, because two ways to reach a junction
// differ in what may follow only if a restriction is on one of them.
//
// Invariants: a link never takes less than its free-flow time (a Times that says
// so panics); equal costs are decided by ids, so answers do not vary.
package routing
