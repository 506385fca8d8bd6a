// Package insight turns indicators into words: the verdict sentences of a
// summary, the rule-based insights and rule-based replies to questions. It
// reads spec.Summary alone, so that what it says can be checked against the
// tables beside it. A language model (internal/insight/llm) may add words; it
// never adds a number.
package insight
