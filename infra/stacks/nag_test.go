package stacks

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"
)

// TestNag reads the reports that cdk-nag wrote in the synthesis: nothing is
// left open, and what is accepted says why in a sentence.
func TestNag(t *testing.T) {
	a := plan(t)
	reports, err := filepath.Glob(filepath.Join(a.dir, "AwsSolutions-*-NagReport.csv"))
	if err != nil || len(reports) != 8 {
		t.Fatalf("%d reports of cdk-nag, want one for each of 8 stacks (%v)", len(reports), err)
	}
	checked, accepted := 0, 0
	for _, path := range reports {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, row := range rows[1:] {
			rule, id, state, reason := row[0], row[1], row[2], row[3]
			checked++
			switch state {
			case "Compliant":
			case "Suppressed":
				accepted++
				if len(reason) < 20 {
					t.Errorf("%s %s: accepted because %q: that is no reason", rule, id, reason)
				}
			default:
				t.Errorf("%s %s: %s", rule, id, state)
			}
		}
	}
	if checked < 70 || accepted == 0 {
		t.Errorf("cdk-nag checked %d resources, accepted %d: it did not run over the stacks", checked, accepted)
	}
}

// TestValidation reads the report of CDK's own rules: they ran, and found
// nothing.
func TestValidation(t *testing.T) {
	a := plan(t)
	var report struct {
		PluginReports []struct {
			PluginName string
			Conclusion string
			Violations []struct{ RuleName, Description string }
		}
	}
	readJSON(t, filepath.Join(a.dir, "validation-report.json"), &report)
	if len(report.PluginReports) == 0 || report.PluginReports[0].PluginName != "CloudFormation Validate" {
		t.Fatalf("the default rules did not run: %+v", report)
	}
	for _, p := range report.PluginReports {
		if p.Conclusion != "success" {
			t.Errorf("%s: %s", p.PluginName, p.Conclusion)
		}
		for _, v := range p.Violations {
			t.Errorf("%s: %s", v.RuleName, v.Description)
		}
	}
}
