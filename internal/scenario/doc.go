// Package scenario turns what a person asked into what can be run. Merge
// writes every default into a Config and resolves names; Apply turns the
// modifications of a Config into a changed copy of the city. Both report every
// problem at once, with its JSON path and what would be valid.
//
// Invariants: the base city is never written to: only the columns a
// modification touches are copied. Merge of a merged Config's content is the
// same Config. A line asked from B to A is the mirrored line of A to B: same
// calling points, same vehicles, same bytes in every result that does not
// name its ends.
package scenario
