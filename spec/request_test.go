package spec

import (
	"fmt"
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

func TestParseRequestRefusesWhatNoHonestRequestHas(t *testing.T) {
	for name, c := range map[string]struct{ body, path string }{
		"a field twice":                 {`{"city":"newport","seed":1,"seed":2}`, "seed"},
		"a field twice, in other case":  {`{"city":"newport","modifications":[{"type":"new_line","stops":[{"lon":1,"LON":2,"lat":3}]}]}`, "modifications[0].stops[0].LON"},
		"a share twice":                 {`{"city":"newport","agent_distribution":{"drive":50,"drive":100}}`, "agent_distribution.drive"},
		"a line break in a name":        {`{"city":"newport","modifications":[{"type":"new_line","name":"a\nb"}]}`, "modifications[0].name"},
		"a NUL":                         {`{"city":"new\u0000port"}`, "city"},
		"an escape sequence":            {`{"city":"newport","tram_start":"\u001b[31mred"}`, "tram_start"},
		"text that turns around":        {`{"city":"newport","tram_start":"\u202egpj.exe"}`, "tram_start"},
		"a very long text":              {`{"city":"` + strings.Repeat("x", 257) + `"}`, "city"},
		"256 KiB of escapes":            {`{"city":"newport","tram_start":"` + strings.Repeat(`A`, 40000) + `"}`, "tram_start"},
		"deep lists":                    {`{"city":"newport","modifications":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `}`, "modifications[0]"},
		"a long list":                   {`{"city":"newport","modifications":[` + strings.Repeat("{},", 80000) + `{}]}`, "modifications"},
		"a huge number":                 {`{"city":"newport","num_agents":1e999}`, "num_agents"},
		"a number of 200,000 digits":    {`{"city":"newport","num_agents":` + strings.Repeat("9", 200000) + `}`, "num_agents"},
		"a seed that would be rounded":  {`{"city":"newport","seed":9007199254740992}`, "seed"},
		"a hundred thousand open lists": {strings.Repeat("[", 100000), ""},
		"a hundred thousand lists":      {strings.Repeat("[", 100000) + strings.Repeat("]", 100000), ""},
		"bytes that are no text":        {"{\"city\":\"new\xffport\"}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, ps := ParseRequest(strings.NewReader(c.body))
			found := false
			for _, p := range ps {
				found = found || p.Path == c.path
				if len(p.Message) > 300 || len(p.Path) > 2000 {
					t.Errorf("a problem of %d bytes", len(p.Message)+len(p.Path))
				}
			}
			if !found {
				t.Errorf("%q is not named: %.500v", c.path, ps)
			}
		})
	}
	for _, body := range []string{`{"city":"Zürich","tram_start":"Ørestad ☃ \u200e"}`, `{"city":"newport","seed":9007199254740991}`} {
		if _, ps := ParseRequest(strings.NewReader(body)); len(ps) > 0 {
			t.Errorf("%s: %v", body, ps)
		}
	}
}

// The answer to a bad request must not be larger than the request.
func TestTheNumberOfProblemsIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"city":"newport"`)
	for i := range 20000 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	for _, body := range []string{b.String() + "}", `{"city":"newport","modifications":[` + strings.Repeat(`{"x":1},`, 4000) + `{}]}`, `{"city":"newport"` + strings.Repeat(`,"seed":1`, 20000) + `}`} {
		if _, ps := ParseRequest(strings.NewReader(body)); len(ps) == 0 || len(ps) > 2*maxProblems {
			t.Errorf("%d problems", len(ps))
		}
	}
}
