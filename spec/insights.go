package spec

// Sources of insights.
const (
	FromRules = "rules"
	FromModel = "model"
)

// InsightsMeta is `insights.meta.json`: what wrote insights.md.
type InsightsMeta struct {
	Schema int    `json:"schema"`
	Source string `json:"source"` // rules or model
	// Rules is the version of the rules, which write the figures in any case.
	Rules string `json:"rules"`
	// Model and Prompt are the language model and the version of what it was
	// asked, when it wrote a part.
	Model  string `json:"model,omitempty"`
	Prompt string `json:"prompt,omitempty"`
	// Note says why a model did not write although it was asked.
	Note string `json:"note,omitempty"`
	// Tries counts answers of that model and prompt that were refused.
	Tries int `json:"tries,omitempty"`
}
