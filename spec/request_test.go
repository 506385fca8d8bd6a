package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRequestReportsEveryProblemAtOnce(t *testing.T) {
	_, ps := ParseRequest(strings.NewReader(`{
		"city": 7, "num_agnets": 10, "agents": "many", "window": {"form": "08:00"},
		"modifications": [{"type":"new_line","stops":["a",{"lon":1,"lat":2,"x":3}],"speed_kmh":"fast"}],
		"seed": -1, "sim_date": null}`))
	var paths []string
	for _, p := range ps {
		paths = append(paths, p.Path)
	}
	want := []string{"agents", "city", "modifications[0].speed_kmh", "modifications[0].stops[1]",
		"num_agnets", "seed", "sim_date", "window.form"}
	if d := cmp.Diff(want, paths); d != "" {
		t.Fatal(d)
	}
	for _, p := range ps {
		if p.Path == "num_agnets" && cmp.Diff(p.Valid, []string{"num_agents"}) != "" {
			t.Errorf("near match = %v", p.Valid)
		}
	}
}

func TestParseRequestRefusesWhatIsNotOneObject(t *testing.T) {
	for _, body := range []string{"", "{", "[]", "null", `"x"`, `{"city":"a"} {}`, "\xff"} {
		if _, ps := ParseRequest(strings.NewReader(body)); len(ps) == 0 {
			t.Errorf("%q was accepted", body)
		}
	}
}

func TestParseRequestReadsTheShortForm(t *testing.T) {
	req, ps := ParseRequest(strings.NewReader(`{"city":"newport","tram_start":"A","tram_end":"B","num_agents":3000,
		"agent_distribution":{"drive":60,"cycle":10,"tram":30},"traffic_level":"peak","sim_date":"2023-06-13","sim_time":"08:00"}`))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	n := 3000
	want := &RunRequest{City: "newport", TramStart: "A", TramEnd: "B", NumAgents: &n,
		AgentDistribution: map[string]float64{"drive": 60, "cycle": 10, "tram": 30},
		TrafficLevel:      "peak", SimDate: "2023-06-13", SimTime: "08:00"}
	if d := cmp.Diff(want, req); d != "" {
		t.Fatal(d)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add(`{"city":"newport","modifications":[{"type":"new_line","stops":["a",{"lon":1,"lat":2}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		req, ps := ParseRequest(strings.NewReader(body))
		if req == nil && len(ps) == 0 {
			t.Fatal("neither a request nor a problem")
		}
	})
}

func TestRunKeyIsStableUnderFieldOrderAndSensitiveToContent(t *testing.T) {
	a := Config{City: "newport", Seed: 1}
	b := a
	if a.RunKey() != b.RunKey() {
		t.Fatal("equal configs, different keys")
	}
	b.Seed = 2
	if a.RunKey() == b.RunKey() {
		t.Fatal("different configs, equal keys")
	}
}
