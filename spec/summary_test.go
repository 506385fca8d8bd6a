package spec

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// The hand-written example is what the page is built against: it must stay a
// document of the contract, field for field.
func TestExampleSummaryIsOfTheContract(t *testing.T) {
	b, err := os.ReadFile("testdata/summary.json")
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var s Summary
	if err := dec.Decode(&s); err != nil {
		t.Fatal(err)
	}
	if len(s.KPIs) == 0 || s.Lines[0].Stops[1].Chosen != true {
		t.Fatalf("the example lost content: %+v", s)
	}
}
