package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// Hostile files, as a caller meets them: exit code 2, nothing on stdout, the file,
// the line and what was wanted; what is documented as sound is computed.
func TestAssignHostileFiles(t *testing.T) {
	const head = "<NUMBER OF ZONES> 2\n<NUMBER OF NODES> 3\n<FIRST THRU NODE> 1\n<NUMBER OF LINKS> 3\n<END OF METADATA>\n"
	const rest = "3 2 10 0 2 0.15 4 0 0 1 ;\n1 2 10 7 5 0 0 0 3 1 ;\n"
	const tripHead = "<NUMBER OF ZONES> 2\n<END OF METADATA>\n"
	for _, c := range []struct {
		name, row, trips string
		flags            []string
		want             string  // of the refusal
		total            float64 // or of the answer
	}{
		{name: "disconnected", trips: "Origin 2\n1 : 5;", want: "1 origin-destination pairs with 5 trips have no path: 2 to 1 (5)"},
		{name: "zero capacity", row: "1 3 0 0 2 0.15 4 0 0 1 ;", want: "net.tntp:6: capacity 0: want above 0"},
		{name: "power below 1", row: "1 3 10 0 2 0.15 0.5 0 0 1 ;", want: "net.tntp:6: power 0.5: want 0 (constant time) or 1 to 64"},
		{name: "no number", row: "1 3 ten 0 2 0.15 4 0 0 1 ;", want: `net.tntp:6: capacity "ten" is not a finite number`},
		{name: "not a number", row: "1 3 10 0 NaN 0.15 4 0 0 1 ;", want: `net.tntp:6: free_flow_time "NaN" is not a finite number`},
		{name: "negative trips", trips: "Origin 1\n2 : -5;", want: `trips.tntp:4: trips "-5": want a finite number, 0 or more`},
		{name: "a folder", trips: "folder", want: "is a directory"},
		// Free-flow time 0 costs nothing, at any volume: the second link is left,
		// with 2 (1 + 0.15 (5/10)^4) for each of five trips.
		{name: "zero time", row: "1 3 10 0 0 0.15 4 0 0 1 ;", total: 5 * 2 * (1 + 0.15/16)},
		{name: "power 0", row: "1 3 10 0 2 0.25 0 0 0 1 ;", total: 5 * (2.5 + 2*(1+0.15/16))},
		// Around costs 9 + 2 and more: all take the direct link of time 5, toll 3, length 7.
		{name: "no weights", row: "1 3 10 0 9 0 4 0 0 1 ;", total: 5 * 5},
		{name: "toll", row: "1 3 10 0 9 0 4 0 0 1 ;", flags: []string{"--toll-weight", "0.5"}, total: 5 * (5 + 0.5*3)},
		{name: "distance", row: "1 3 10 0 9 0 4 0 0 1 ;", flags: []string{"--distance-weight", "0.25"}, total: 5 * (5 + 0.25*7)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			net, trips := filepath.Join(dir, "net.tntp"), filepath.Join(dir, "trips.tntp")
			if c.row == "" {
				c.row = "1 3 10 0 2 0.15 4 0 0 1 ;"
			}
			if c.trips == "" {
				c.trips = "Origin 1\n2 : 5;"
			}
			for path, text := range map[string]string{net: head + c.row + "\n" + rest, trips: tripHead + c.trips} {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if c.trips == "folder" {
				trips = dir
			}
			code, stdout, stderr := cityflow(t, append([]string{"--format", "json", "assign", net, trips, "--gap", "1e-12"}, c.flags...)...)
			if c.want != "" {
				if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) {
					t.Errorf("exit code %d, %s: %q lacks %q", code, stdout, stderr, c.want)
				}
				return
			}
			var a assignAnswer
			if err := json.Unmarshal([]byte(stdout), &a); err != nil || code != 0 || math.Abs(a.TotalCost-c.total) > 1e-9*c.total {
				t.Errorf("exit code %d, %v: total cost %.12g, want %.12g; %s", code, err, a.TotalCost, c.total, stderr)
			}
		})
	}
}

// Files that are asked for replace plain files, never a pipe or a device, and
// one name is not used twice.
func TestOutputsKeepWhatIsNoFile(t *testing.T) {
	net, trips := fixture(t, "Braess_net.tntp"), fixture(t, "Braess_trips.tntp")
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		b, _ := os.ReadFile(pipe)
		read <- string(b)
	}()
	code, _, stderr := cityflow(t, "assign", net, trips, "--flows", pipe)
	if code != 0 {
		t.Fatal(stderr)
	}
	if got := <-read; !strings.HasPrefix(got, "tail,head,volume,cost\n1,3,") {
		t.Errorf("the pipe gave %q", got)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe is gone: %v, %v", info, err)
	}
	same := filepath.Join(dir, "same.csv")
	for _, flags := range [][]string{{"--flows", same, "--paths", same}, {"--flows", dir}} {
		code, stdout, stderr := cityflow(t, append([]string{"assign", net, trips}, flags...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, "cannot be written") {
			t.Errorf("%v: exit code %d, %s%s", flags, code, stdout, stderr)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
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
