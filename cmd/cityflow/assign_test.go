package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func fixture(t *testing.T, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("..", "..", "internal", "assign", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAssign(t *testing.T) {
	net, trips := fixture(t, "SiouxFalls_net.tntp"), fixture(t, "SiouxFalls_trips.tntp")
	dir := t.TempDir()
	flows, paths := filepath.Join(dir, "flows.csv"), filepath.Join(dir, "paths.csv")
	code, stdout, stderr := cityflow(t, "--format", "json", "assign", net, trips, "--gap", "1e-12", "--flows", flows, "--paths", paths)
	if code != 0 || stderr != "" {
		t.Fatal(code, stderr)
	}
	var a map[string]float64
	if err := json.Unmarshal([]byte(stdout), &a); err != nil || len(a) != 5 {
		t.Fatalf("%v: %s", err, stdout)
	}
	if math.Abs(a["objective"]-4231335.28710744) > 2e-6 || math.Abs(a["total_cost"]-7480225.344921) > 3e-4 || a["relative_gap"] > 1e-12 || a["iterations"] < 1 || a["seconds"] <= 0 {
		t.Errorf("%s", stdout)
	}
	for file, want := range map[string]string{flows: "tail,head,volume,cost\n1,2,", paths: "origin,destination,flow,cost,nodes\n1,2,"} {
		if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), want) {
			t.Errorf("%s: %v %.80s", file, err, b)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
	if code, stdout, stderr := cityflow(t, "assign", net, trips); code != 0 || !strings.Contains(stdout, "24 zones, 24 nodes, 76 links") || !strings.Contains(stdout, "relative gap") {
		t.Error(code, stdout, stderr)
	}
	// Not reached: the answer is printed, and the exit code says so.
	if code, stdout, stderr := cityflow(t, "--format", "json", "assign", net, trips, "--gap", "1e-12", "--max-iterations", "1"); code != 1 || !strings.Contains(stdout, "objective") || !strings.Contains(stderr, "not converged") {
		t.Error(code, stdout, stderr)
	}
}

func TestAssignBadInput(t *testing.T) {
	net, trips := fixture(t, "Braess_net.tntp"), fixture(t, "Braess_trips.tntp")
	bad := filepath.Join(t.TempDir(), "bad.tntp")
	if err := os.WriteFile(bad, []byte("<NUMBER OF ZONES> 2\n<END OF METADATA>\nOrigin 3\nOrigin 1\n2 : -1;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{}, []string{"want NET.tntp and TRIPS.tntp, or --city CITY"}},
		{[]string{net}, []string{"want NET.tntp and TRIPS.tntp"}},
		{[]string{net, trips, "--city", "testcity"}, []string{"or --city"}},
		{[]string{"no-net.tntp", "no-trips.tntp"}, []string{"no-net.tntp", "no-trips.tntp"}},
		{[]string{bad, bad}, []string{"bad.tntp: there is no <NUMBER OF NODES>", "bad.tntp:3: Origin \"3\"", "bad.tntp:5: trips \"-1\""}},
		{[]string{net, trips, "--gap", "0"}, []string{"must be above 0"}},
		{[]string{net, trips, "--gap", "1e-17", "--toll-weight=-1"}, []string{"toll weight -1", "gap 1e-17"}},
		{[]string{net, trips, "--flows", filepath.Join(bad, "x.csv")}, []string{"cannot be written"}},
		{[]string{"--city", "testcity", "--paths", "x.csv"}, []string{"go with NET.tntp"}},
		{[]string{"--city", "nowhere"}, []string{"nowhere"}},
	} {
		code, stdout, stderr := cityflow(t, append([]string{"assign"}, c.args...)...)
		if code != 2 || stdout != "" {
			t.Errorf("%v: exit code %d, %s", c.args, code, stdout)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%v: %q lacks %q", c.args, stderr, w)
			}
		}
	}
}

func TestAssignCity(t *testing.T) {
	out := filepath.Join(t.TempDir(), "flows.geojson")
	code, stdout, stderr := cityflow(t, "--format", "json", "assign", "--city", "testcity", "--flows", out)
	var a assignAnswer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil || code != 0 {
		t.Fatal(err, code, stderr)
	}
	if a.City != "testcity" || len(a.Assumptions) < 6 || !(a.TotalCost > 0) || a.RelativeGap > 1e-6 {
		t.Errorf("%+v", a)
	}
	var g struct{ Features []json.RawMessage }
	readJSON(t, out, &g)
	if len(g.Features) == 0 {
		t.Error("no street carries anything")
	}
	code, stdout, _ = cityflow(t, "assign", "--city", "testcity")
	if code != 0 || !strings.Contains(stdout, "uncalibrated sketch") || !strings.Contains(stdout, "Static:") {
		t.Error(code, stdout)
	}
}
