package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write puts files into a folder and gives the flags that name them.
func write(t *testing.T, nodes, links, demand string) []string {
	t.Helper()
	dir := t.TempDir()
	var args []string
	for _, f := range []struct{ flag, text string }{{"nodes", nodes}, {"links", links}, {"demand", demand}} {
		name := filepath.Join(dir, f.flag+".csv")
		if err := os.WriteFile(name, []byte(f.text), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--"+f.flag, name)
	}
	return args
}

func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = mainExit(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

const (
	ringNodes = "name,x,y\na,0,0\nb,1,0\nc,0,1\nd,5,5\n"
	// A ring of 10 m links at 1 m/s: each stores two vehicles and is full before
	// the first has reached its end, and everybody wants to go on.
	ringLinks  = "name,start,end,length,u\nab,a,b,10,1\nbc,b,c,10,1\nca,c,a,10,1\nad,a,d,10,1\n"
	ringDemand = "orig,dest,t_start,t_end,volume\na,c,0,60,10\nb,a,0,60,10\nc,b,0,60,10\na,d,0,60,5\n"
)

func TestTrafficAnswers(t *testing.T) {
	files := write(t, "name\na\nb\nc\n", "name,start,end,length,u,capacity_out\nab,a,b,1000,20,0.25\nbc,b,c,1000,20,\n", "orig,dest,t_start,t_end,q\na,c,0,500,0.5\n")
	code, stdout, stderr := call(t, append([]string{"--format", "json", "traffic", "--platoon", "1"}, files...)...)
	var got map[string]float64
	if err := json.Unmarshal([]byte(stdout), &got); code != 0 || err != nil {
		t.Fatalf("code %d, %v: %s%s", code, err, stdout, stderr)
	}
	var keys []string
	for k := range got {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if want := []string{"completed", "max_rss_bytes", "mean_travel_time", "seconds", "total_delay", "total_travel_time", "trips"}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	// 250 vehicles, 100 s each, and 62,500 s of queue (see internal/traffic).
	if got["trips"] != 250 || got["completed"] != 250 || got["total_travel_time"] < 86600 || got["total_travel_time"] > 88400 || got["max_rss_bytes"] < 1e6 {
		t.Errorf("%v", got)
	}
	if !strings.Contains(stderr, "1 lane by default") && !strings.Contains(stderr, "jam density of 0.2") {
		t.Errorf("the defaults used are not told: %s", stderr)
	}
	code, stdout, _ = call(t, append([]string{"traffic", "--platoon", "30", "--until", "400"}, files...)...)
	if code != 0 || !strings.Contains(stdout, "250 trips in platoons of 30 (demand given: 250.0)") || !strings.Contains(stdout, "unfinished") {
		t.Errorf("code %d: %s", code, stdout)
	}
}

func TestTrafficTellsOfGridlock(t *testing.T) {
	files := write(t, ringNodes, ringLinks, ringDemand)
	code, stdout, stderr := call(t, append([]string{"traffic", "--platoon", "1", "--until", "3600"}, files...)...)
	if code != 0 || !strings.Contains(stdout, "unfinished") || !strings.Contains(stderr, "gridlock") || !strings.Contains(strings.NewReplacer(`"`, "", ",", " ").Replace(stderr), "[ab bc ca]") {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = call(t, append([]string{"traffic", "--platoon", "1", "--turn-rings"}, files...)...)
	if code != 0 || !strings.Contains(stdout, "35 completed") || !strings.Contains(stderr, "rolled on") || strings.Contains(stderr, "gridlock") {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
}

func TestTrafficEventsAreTheSameAtAnyThreads(t *testing.T) {
	files := write(t, ringNodes, strings.ReplaceAll(ringLinks, ",10,1\n", ",300,20\n"), strings.ReplaceAll(ringDemand, ",60,", ",600,"))
	var first []byte
	for _, threads := range []string{"1", "2", "8"} {
		name := filepath.Join(t.TempDir(), "events")
		if code, _, stderr := call(t, append([]string{"traffic", "--platoon", "1", "--threads", threads, "--events", name}, files...)...); code != 0 {
			t.Fatal(stderr)
		}
		b, err := os.ReadFile(name)
		if err != nil || len(b) == 0 || len(b)%24 != 0 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(first, b) {
			t.Errorf("%s threads: the events differ", threads)
		}
	}
}

// Every flag does what it says. Two ways of 200 and 202 s: all take the quick one
// until an update finds it jammed; then the share that moves is the weight.
func TestTrafficFlags(t *testing.T) {
	files := write(t, "name\na\nb\nm\n", "name,start,end,length,u,capacity_out\nquick,a,b,4000,20,0.05\nslow1,a,m,2000,20,\nslow2,m,b,2040,20,\n", "orig,dest,t_start,t_end,volume\na,b,0,2400,1200\n")
	slow := func(flags ...string) (share [2]float64, answer string) {
		t.Helper()
		name := filepath.Join(t.TempDir(), "events")
		code, stdout, stderr := call(t, append(append([]string{"--format", "json", "traffic", "--platoon", "1", "--events", name}, flags...), files...)...)
		if code != 0 {
			t.Fatalf("%v: code %d: %s", flags, code, stderr)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var all, onSlow [2]float64 // entered in the first half of the demand, and later
		for ; len(b) > 0; b = b[24:] {
			half := 0
			if math.Float64frombits(binary.LittleEndian.Uint64(b[8:])) >= 1200 {
				half = 1
			}
			if l := binary.LittleEndian.Uint32(b[16:]); l < 2 {
				all[half]++
				onSlow[half] += float64(l)
			}
		}
		answer, _, _ = strings.Cut(stdout, `"seconds"`)
		return [2]float64{onSlow[0] / max(1, all[0]), onSlow[1] / max(1, all[1])}, answer
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.08 { // four standard deviations of 600 draws
			t.Errorf("%s: %.2f take the slow way, want %.2f", what, got, want)
		}
	}
	usual, first := slow()
	near("first half", usual[0], 0.25)                // 0, 1/2
	near("second half", usual[1], (0.75+0.875)/2)     // updates at 600 s
	never, _ := slow("--route-weight", "0")           // as at the start
	near("weight 0", never[1], 0)                     //
	all, _ := slow("--route-weight", "1")             // all at once
	near("weight 1", all[0], 0.5)                     //
	later, _ := slow("--update-interval", "1200")     // one update before the second half
	near("updates after 1,200 s, first", later[0], 0) //
	near("updates after 1,200 s, then", later[1], 0.5)
	if _, again := slow("--threads", "2"); again != first {
		t.Errorf("two threads: %s, one %s", again, first)
	}
	if _, other := slow("--seed", "2"); other == first {
		t.Error("the seed changes nothing")
	}
	if early, text := slow("--until", "1200"); early[1] != 0 || text == first {
		t.Errorf("until 1,200 s: %s", text)
	}
}

func TestTrafficRefusesBadInput(t *testing.T) {
	files := write(t, ringNodes, strings.Replace(ringLinks, "10,1\nbc", "-3,1\nbc", 1), strings.Replace(ringDemand, "a,d", "x,d", 1))
	code, stdout, stderr := call(t, append([]string{"traffic"}, files...)...)
	if code != 2 || stdout != "" || !strings.Contains(stderr, `links.csv:2:8: length "-3"`) || !strings.Contains(stderr, `demand.csv:5:1: origin "x" is not a node`) {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
	code, _, stderr = call(t, append([]string{"traffic", "--platoon", "0", "--route-weight", "2", "--until=-1"}, files...)...)
	if code != 2 || !strings.Contains(stderr, "--platoon 0") || !strings.Contains(stderr, "--route-weight 2") || !strings.Contains(stderr, "--until -1") {
		t.Errorf("code %d: %s", code, stderr)
	}
	code, _, stderr = call(t, "traffic", "--nodes", "missing1.csv", "--links", t.TempDir(), "--demand", "missing2.csv")
	if code != 2 || !strings.Contains(stderr, "missing1.csv") || !strings.Contains(stderr, "is a folder") || !strings.Contains(stderr, "missing2.csv") {
		t.Errorf("missing files: code %d: %s", code, stderr)
	}
	for _, events := range []string{t.TempDir(), filepath.Join(t.TempDir(), "no", "folder")} {
		code, stdout, stderr = call(t, append([]string{"traffic", "--events", events}, write(t, ringNodes, ringLinks, ringDemand)...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, "cannot be written") {
			t.Errorf("events to %s: code %d: %s%s", events, code, stdout, stderr)
		}
	}
	code, stdout, stderr = call(t, append([]string{"traffic", "--platoon", "1", "--until", "1"}, write(t, ringNodes, ringLinks, strings.Replace(ringDemand, ",10\n", ",1e9\n", 1))...)...)
	if code != 2 || stdout != "" || !strings.Contains(stderr, "larger platoons take less") {
		t.Errorf("a thousand million vehicles: code %d: %s%s", code, stdout, stderr)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, err bytes.Buffer
	good := write(t, ringNodes, ringLinks, ringDemand)
	if code := mainExit(ctx, append([]string{"traffic"}, good...), &out, &err); code != 1 || out.Len() > 0 || !strings.Contains(err.String(), "canceled") {
		t.Errorf("cancelled: code %d, %s%s", code, out.String(), err.String())
	}
}
