package scenario

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// grid is the 5 km square with bus stops every 500 m on rows and columns 4, 10
// and 16: "r6-4" is the stop of row 4 at column 6.
func grid() *city.City { return testcity.Grid(testcity.Options{}) }

func parse(t testing.TB, body string) *spec.RunRequest {
	t.Helper()
	req, ps := spec.ParseRequest(strings.NewReader(body))
	if len(ps) > 0 {
		t.Fatalf("%s: %v", body, ps)
	}
	return req
}

func merge(t testing.TB, c *city.City, body string) *spec.Config {
	t.Helper()
	cfg, ps := Merge(parse(t, body), c, spec.DefaultLimits(), "test")
	if len(ps) > 0 {
		t.Fatalf("%s: %v", body, ps)
	}
	return cfg
}

func TestMergeNamesEveryProblem(t *testing.T) {
	type problem struct{ path, says, valid string }
	for _, x := range []struct {
		name, body string
		want       []problem
	}{
		{"all at once, in the short form", `{"city":"testcity","tram_start":"Nowhere","tram_end":"Junction 6-5","num_agents":0,
			"agent_distribution":{"drive":60,"cycle":30,"tram":30},"traffic_level":"rush","sim_date":"2031-01-01","sim_time":"03:30",
			"replications":1,"iterations":0}`, []problem{
			{"num_agents", "0 is out of range", "1 to 200000"},
			{"replications", "1 is out of range", "2 to 50"},
			{"iterations", "0 is out of range", "1 to 100"},
			{"sim_date", "no timetable of 2031-01-01", "2026-03-04"},
			{"traffic_level", `"rush"`, "peak; off-peak"},
			{"sim_time", "03:30 to 05:30 leaves the hours", "within 05:00 to 24:00"},
			{"agent_distribution", "sum to 120", "a sum of 100"},
			{"tram_start", `no stop "Nowhere"`, "such as Junction 0-10"},
			{"tram_end", `no stop "Junction 6-5"`, "Junction 6-4"},
		}},
		{"over the limits", `{"city":"testcity","agents":200001,"replications":51,"average_last":13,"window":{"from":"06:00","to":"05:00"}}`, []problem{
			{"agents", "200001", "1 to 200000"},
			{"replications", "51", "2 to 50"},
			{"average_last", "13", "1 to 12"},
			{"window", "ends (05:00) before it starts (06:00)", "from before to"},
		}},
		{"one end only", `{"city":"testcity","tram_end":"r6-4"}`, []problem{{"tram_start", "needs both ends", "a stop id or name"}}},
		{"same start and end", `{"city":"testcity","tram_start":"r4-4","tram_end":"Junction 4-4"}`, []problem{{"tram_end", "same stop (Junction 4-4)", "two different stops"}}},
		{"two names of one thing", `{"city":"testcity","num_agents":5,"agents":6,"agent_distribution":{"drive":100},"mode_share":{"car":100},
			"sim_time":"08:00","window":{"from":"09:00"}}`, []problem{
			{"num_agents", "says 5 but agents says 6", "5; 6"},
			{"sim_time", "says 08:00 but window.from says 09:00", "08:00; 09:00"},
			{"mode_share", "two names", "agent_distribution; mode_share"},
		}},
		{"unreadable values", `{"city":"testcity","date":"4 March","window":{"from":"8","to":"+9:00"},"mode_share":{"car":-5,"horse":105}}`, []problem{
			{"date", "is not a date", "YYYY-MM-DD; 2026-03-04"},
			{"window.from", `"8" is not a time`, "HH:MM"},
			{"window.to", `"+9:00" is not a time`, "HH:MM"},
			{"mode_share.car", "-5", "0 to 100"},
			{"mode_share.horse", "not a mode", "drive; cycle; walk"},
		}},
		{"a window over the end of service", `{"city":"testcity","sim_time":"23:00"}`, []problem{{"sim_time", "23:00 to 25:00", "05:00 to 24:00"}}},
		{"modifications, streets included, while other fields are wrong", `{"city":"testcity","num_agents":-1,"tram_start":"r0-4","tram_end":"r20-4","modifications":[
			{"type":"monorail"},{"type":"toll","links":[{"way":12}]},{"type":"speed_limit","id":"a","kmh":500,"links":[{"way":12}]},
			{"type":"close_links","id":"a","links":[{"way":999}]},{"type":"close_links","links":[{"way":12,"from":1000}]},
			{"type":"close_links","links":[{"way":15,"from":1084,"to":1999},{"line":[[1,0],[1,0.1]]}],"kmh":5},{"type":"change_capacity","links":[{"way":12}],"lanes":-1},
			{"type":"demand_scale","factor":11},{"type":"demand_scale","factor":1,"purpose":"sleep"},{"type":"close_links"},
			{"type":"close_links","links":[{"way":15,"from":1084,"to":1999}]},{"type":"change_capacity","links":[{"way":12}],"lanes":6,"id":"x"}]}`, []problem{
			{"num_agents", "-1", "1 to 200000"},
			{"modifications[0].type", `"monorail"`, "new_line; change_line; speed_limit"},
			{"modifications[1].type", "toll is planned", "new_line; change_line; speed_limit"},
			{"modifications[3].id", `"a" is used twice`, "an id of its own"},
			{"modifications[5].kmh", "close_links does not use kmh", "links"},
			{"modifications[2].kmh", "500", "5 to 130"},
			{"modifications[3].links[0].way", "way 999 is not a street of Test City", "an OSM way id"},
			{"modifications[4].links[0]", "from and to go together", "neighbouring junctions"},
			{"modifications[5].links[0]", "no drivable link between", `{"way":15,"from":1084,"to":1085}`},
			{"modifications[5].links[1].line", "not snapped", "OSM way id"},
			{"modifications[6].lanes", "none would be left", "fewer lanes"},
			{"modifications[7].factor", "out of range", "0 to 10"},
			{"modifications[8].purpose", `"sleep"`, "work; education"},
			{"modifications[9].links", "no street is named", "OSM way id"},
			{"modifications[10].links[0]", "no drivable link between", `{"way":15,"from":1084,"to":1085}`},
		}},
		{"a line", `{"city":"testcity","modifications":[{"type":"new_line","id":"L1","mode":"gondola","stops":["r0-4","Junction 0-4",{"lon":9,"lat":9},{"id":"r2-4","lon":1,"lat":0},{}],
			"alignment":"street","speed_kmh":-3,"dwell_s":900,"capacity":-1,"fare":-2,
			"headways":[{"from":"6:00","to":"10:00","every_min":10},{"from":"9:00","to":"12:00","every_min":0.5},{"from":"13:00","to":"13:00","every_min":10},{"from":"x","to":"y","every_min":10}]},
			{"type":"new_line","stops":["r0-4"],"lane":"shared"}]}`, []problem{
			{"modifications[0].id", `has a line "L1" already`, "an id of its own"},
			{"modifications[0].stops[1]", "follows itself", "two different stops"},
			{"modifications[0].stops[2]", "not inside Test City", "lon 0.97"},
			{"modifications[0].stops[3]", `has an id ("r2-4") and a place`, "an id"},
			{"modifications[0].stops[4]", "neither id, name nor place", "a stop id or name"},
			{"modifications[0].mode", "gondola", "tram; bus; rail"},
			{"modifications[0].alignment", "not in this version", "own_way"},
			{"modifications[0].speed_kmh", "-3", "5 to 160"},
			{"modifications[0].dwell_s", "900", "1 to 600"},
			{"modifications[0].capacity", "-1", "1 to 3000"},
			{"modifications[0].fare", "-2", "0 to 1000"},
			{"modifications[0].headways[1].every_min", "0.5", "1 to 1440"},
			{"modifications[0].headways[1].from", "overlap", "from 10:00 on"},
			{"modifications[0].headways[2].to", "ends before it starts", "later than 13:00"},
			{"modifications[0].headways[3].from", `"x"`, "HH:MM"},
			{"modifications[0].headways[3].to", `"y"`, "HH:MM"},
			{"modifications[1].lane", "does not use lane", "mode; stops"},
			{"modifications[1].stops", "1 stops do not make a line", "two or more"},
		}},
		{"two new stops at one junction", `{"city":"testcity","modifications":[{"type":"new_line","stops":[{"lon":1,"lat":0},{"lon":1.0001,"lat":0},"r0-4"]}]}`, []problem{
			{"modifications[0].stops[1]", "both are at one junction", "stops that streets join"},
		}},
	} {
		cfg, ps := Merge(parse(t, x.body), grid(), spec.DefaultLimits(), "test")
		if cfg != nil {
			t.Errorf("%s: a config in spite of problems", x.name)
		}
		for i, p := range ps {
			if i >= len(x.want) || p.Path != x.want[i].path || !strings.Contains(p.Message, x.want[i].says) || !strings.Contains(strings.Join(p.Valid, "; "), x.want[i].valid) {
				t.Errorf("%s: problem %d is %v", x.name, i, p)
			}
		}
		if len(ps) != len(x.want) {
			t.Errorf("%s: %d problems, want %d", x.name, len(ps), len(x.want))
		}
	}
}

func TestTooManyModifications(t *testing.T) {
	mods := strings.Repeat(`{"type":"demand_scale","factor":1},`, spec.DefaultLimits().MaxModifications+1)
	_, ps := Merge(parse(t, `{"city":"testcity","modifications":[`+strings.TrimSuffix(mods, ",")+`]}`), grid(), spec.DefaultLimits(), "test")
	if len(ps) != 1 || ps[0].Path != "modifications" || ps[0].Valid[0] != "at most 50" {
		t.Errorf("got %v", ps)
	}
}

// City alone: every default stands in the config.
func TestMergeWritesDefaultsOut(t *testing.T) {
	c := grid()
	cfg := merge(t, c, `{"city":"testcity"}`)
	fare, yes := 2.0, true
	want := &spec.Config{
		Schema: 1, ModelVersion: "test", CityDigest: c.Info.Digest, City: "testcity", Date: "2026-03-04",
		Window: spec.Window{From: "08:00", To: "10:00"}, Agents: 3000, TrafficLevel: "peak", Replications: 5, Seed: 1, Iterations: 12, AverageLast: 3,
		ModeShare: spec.ModeShare{Car: 55, Bike: 5, Walk: 25, Transit: 15}, ShareSource: c.Info.ModeShareSource,
		Modifications: []spec.Modification{{
			Type: "new_line", ID: "tram-1", Name: "Tram across the middle", Mode: "tram", Alignment: "own_way",
			Stops:    []spec.StopRef{{ID: "r0-10", Name: "Junction 0-10"}, {ID: "r20-10", Name: "Junction 20-10"}},
			Headways: []spec.Headway{{From: "05:00", To: "24:00", EveryMin: 10}},
			SpeedKMH: 20, DwellS: 25, Capacity: 200, Fare: &fare, Bidirectional: &yes,
		}},
	}
	if d := cmp.Diff(want, cfg); d != "" {
		t.Error(d)
	}
	off := merge(t, c, `{"city":"testcity","traffic_level":"normal","modifications":[]}`)
	if off.Window.From != "11:00" || off.TrafficLevel != "off-peak" || off.Modifications == nil || len(off.Modifications) != 0 {
		t.Errorf("off-peak without changes gives %+v", off)
	}
	short := merge(t, c, `{"city":"testcity","iterations":2}`)
	if short.AverageLast != 2 {
		t.Errorf("two iterations average the last %d", short.AverageLast)
	}
}

// requestOf writes a config as a request in full form.
func requestOf(t testing.TB, cfg *spec.Config) *spec.RunRequest {
	t.Helper()
	share := map[string]float64{"car": cfg.ModeShare.Car, "bike": cfg.ModeShare.Bike, "walk": cfg.ModeShare.Walk, "transit": cfg.ModeShare.Transit}
	if cfg.NonWalk {
		delete(share, "walk")
	}
	b, err := json.Marshal(spec.RunRequest{
		City: cfg.City, Date: cfg.Date, Window: &cfg.Window, Agents: &cfg.Agents, ModeShare: share, TrafficLevel: cfg.TrafficLevel,
		Replications: &cfg.Replications, Seed: &cfg.Seed, Iterations: &cfg.Iterations, AverageLast: &cfg.AverageLast, Modifications: &cfg.Modifications,
	})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(b))
}

// A config said again in full form is the same run.
func TestMergeOfTheMergedIsTheSame(t *testing.T) {
	c := grid()
	for _, body := range []string{
		`{"city":"testcity"}`,
		`{"city":"testcity","modifications":[]}`,
		`{"city":"testcity","tram_start":"Junction 4-4","tram_end":"Junction 16-16","num_agents":700,"agent_distribution":{"drive":60,"cycle":10,"tram":30},
			"traffic_level":"normal","sim_time":"9:30","seed":7}`,
		`{"city":"testcity","mode_share":{"car":50,"bike":5,"walk":25,"transit":20},"window":{"from":"07:00","to":"10:30"},"tram_start":"r0-4","tram_end":"c4-0",
			"modifications":[{"type":"new_line","name":"Night","stops":["Junction 4-4",{"lon":1.005,"lat":0.003},"r16-16"],"headways":[{"from":"6:00","to":"9:00","every_min":7.5},{"from":"09:00","to":"25:10","every_min":20}],"bidirectional":false,"fare":0,"mode":"bus"},
			{"type":"speed_limit","links":[{"way":15}],"kmh":20},{"type":"close_links","links":[{"way":15,"from":1084,"to":1085}]},
			{"type":"change_capacity","links":[{"way":20}],"lanes":1},{"type":"demand_scale","factor":1.1,"purpose":"work"},
			{"type":"change_line","line":"bus 1","remove":true},{"type":"change_line","line":"L2","headways":[{"from":"6:00","to":"9:00","every_min":20}]}]}`,
	} {
		cfg := merge(t, c, body)
		again, ps := Merge(requestOf(t, cfg), c, spec.DefaultLimits(), "test")
		if len(ps) > 0 {
			t.Errorf("%s: said again: %v", body, ps)
			continue
		}
		if again.RunKey() != cfg.RunKey() {
			t.Errorf("%s: said again it differs:\n%s", body, cmp.Diff(cfg, again))
		}
	}
}

// One question in other words is one run.
func TestOtherWordsSameRun(t *testing.T) {
	c := grid()
	for _, same := range [][2]string{
		{`{"city":"testcity","sim_time":"08:00"}`, `{"city":"testcity","window":{"from":"8:00","to":"10:00"},"sim_time":"8:00"}`},
		{`{"city":"testcity","tram_start":"r0-4","tram_end":"r20-4"}`, `{"city":"testcity","tram_start":"junction 0 4","tram_end":" r20-4 "}`},
		{`{"city":"testcity","agent_distribution":{"drive":60,"cycle":10,"tram":20,"bus":10}}`, `{"city":"testcity","mode_share":{"car":60,"bike":10,"transit":30}}`},
		{`{"city":"testcity","modifications":[{"type":"new_line","stops":["r0-4","r20-4"],"headways":[{"from":"6:00","to":"9:00","every_min":10}]}]}`,
			`{"city":"testcity","modifications":[{"type":"new_line","stops":["r0-4","r20-4"],"speed_kmh":20,"dwell_s":25,"mode":"tram","headways":[{"from":"06:00","to":"09:00","every_min":10}]}]}`},
	} {
		if d := cmp.Diff(merge(t, c, same[0]), merge(t, c, same[1])); d != "" {
			t.Errorf("%s\n%s\n%s", same[0], same[1], d)
		}
	}
}

// Ids that nobody chose keep clear of those that somebody did, and of lines.
func TestIDsAreFree(t *testing.T) {
	c := grid()
	c.Timetable.Lines[0].ID = "tram-1"
	cfg := merge(t, c, `{"city":"testcity","tram_start":"r0-4","tram_end":"r20-4","modifications":[
		{"type":"demand_scale","factor":1},{"type":"demand_scale","factor":1,"id":"demand-scale-1"},{"type":"new_line","id":"tram-2","stops":["r0-4","c4-0"]}]}`)
	var ids []string
	for _, m := range cfg.Modifications {
		ids = append(ids, m.ID)
	}
	if got := fmt.Sprint(ids); got != "[tram-3 demand-scale-2 demand-scale-1 tram-2]" {
		t.Errorf("ids %s", got)
	}
}

func TestAmbiguousNamesListTheIDs(t *testing.T) {
	c := grid()
	// Three kilometres apart, called the same.
	for s, id := range c.Timetable.StopID {
		if id == "r2-4" || id == "r14-4" {
			c.Timetable.StopName[s] = "High Street"
		}
	}
	_, ps := Merge(parse(t, `{"city":"testcity","tram_start":"High Street","tram_end":"r20-16"}`), c, spec.DefaultLimits(), "test")
	if len(ps) != 1 || ps[0].Path != "tram_start" || len(ps[0].Valid) != 2 || !strings.HasPrefix(ps[0].Valid[0], "r14-4 (High Street, ") || !strings.HasPrefix(ps[0].Valid[1], "r2-4 (") {
		t.Errorf("got %v", ps)
	}
}
