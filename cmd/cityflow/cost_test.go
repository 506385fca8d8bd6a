package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/cost"
)

func runCost(t *testing.T, args ...string) (string, string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	code := mainExit(context.Background(), append([]string{"cost"}, args...), &out, &errs)
	return out.String(), errs.String(), code
}

// The figures are worked by hand in internal/cost.
func TestCostPrintsATableAndTheSameAsJSON(t *testing.T) {
	out, errs, code := runCost(t, "--jobs", "1000", "--visits", "10000")
	if code != 0 || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	lines := strings.Split(out, "\n")
	for _, want := range [][2]string{{"TOTAL", " 3.07"}, {"Route 53", " 0.50"}, {"COMPARED", " 34.46"}, {"Lambda", "all"}, {"S3 ", "5.2 GB-month"}} {
		found := false
		for _, l := range lines {
			found = found || strings.HasPrefix(l, want[0]) && strings.Contains(l, want[1])
		}
		if !found {
			t.Errorf("no line %q with %q:\n%s", want[0], want[1], out)
		}
	}
	out, _, code = runCost(t, "--jobs", "1000", "--visits", "10000", "--format", "json")
	var e cost.Estimate
	if err := json.Unmarshal([]byte(out), &e); err != nil || code != 0 {
		t.Fatalf("exit %d: %v", code, err)
	}
	if e.Total < 3.06 || e.Total > 3.07 || len(e.Prices) == 0 || len(e.Assumptions) == 0 || e.Prices[0].Source == "" {
		t.Errorf("total %v, %d prices, %d assumptions", e.Total, len(e.Prices), len(e.Assumptions))
	}
}

func TestCostNamesEveryBadFlag(t *testing.T) {
	_, errs, code := runCost(t, "--jobs=-1", "--region", "mars", "--vcpu", "0")
	if code != 2 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"--jobs", "--region", "eu-west-2", "--vcpu"} {
		if !strings.Contains(errs, want) {
			t.Errorf("no word of %s: %s", want, errs)
		}
	}
}
