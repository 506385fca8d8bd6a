// Package insight turns indicators into words: the verdict sentences of a
// summary and the rule-based insights. It reads spec.Summary alone, so that
// what it says can be checked against the tables beside it. A language model
// may later polish the insights; it never adds a number.
package insight
