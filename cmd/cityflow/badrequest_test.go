package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/spec"
)

// Bad requests to the real program over the real Newport: each is refused with
// every bad field and what would be valid, and leaves nothing behind.
func TestBadRequestsNameEveryFieldAndStartNothing(t *testing.T) {
	data := t.TempDir()
	p := launch(t, inWorkshop(t), realEngine, data, "", "--workers", "0")
	const ends = `"tram_start":"Royal Gwent Hospital","tram_end":"Ringland Centre"`
	for _, c := range []struct {
		name, body string
		status     int
		// valid has, by path of a bad field, a part of what must be offered.
		valid map[string]string
	}{
		{"unknown city", `{"city":"atlantis"}`, 422, map[string]string{"city": "newport"}},
		{"no city", `{"num_agents":100}`, 422, map[string]string{"city": "newport"}},
		{"misspelt stop", `{"city":"newport","tram_start":"Royal Gwent Hopital","tram_end":"Ringland Centre"}`, 422, map[string]string{"tram_start": "Royal Gwent Hospital"}},
		{"unknown stop", `{"city":"newport","tram_start":"Royal Gwent Hospital","tram_end":"Nowhere at all"}`, 422, map[string]string{"tram_end": "stop"}},
		{"same start and end", `{"city":"newport","tram_start":"Ringland Centre","tram_end":"Ringland Centre"}`, 422, map[string]string{"tram_end": "two different stops"}},
		{"only one end", `{"city":"newport","tram_start":"Ringland Centre"}`, 422, map[string]string{"tram_end": ""}},
		{"shares below 100", `{"city":"newport","agent_distribution":{"drive":60,"cycle":10,"tram":20}}`, 422, map[string]string{"agent_distribution": "100"}},
		{"misread and wrong fields together", `{"city":"newport","tram_start":"Nope","tram_end":"Ringland Centre","foo":1,"agent_distribution":{"drive":60},"num_agents":0,"seed":-1}`, 422,
			map[string]string{"foo": "city", "seed": "0 or more", "tram_start": "Royal Gwent Hospital", "agent_distribution": "100", "num_agents": "1 to"}},
		{"unknown city and wrong fields", `{"city":"atlantis","agent_distribution":{"drive":60},"num_agents":0,"sim_date":"x","sim_time":"99:99"}`, 422,
			map[string]string{"city": "newport", "agent_distribution": "100", "num_agents": "1 to", "sim_date": "YYYY", "sim_time": "HH:MM"}},
		{"shares of an unknown mode", `{"city":"newport","agent_distribution":{"drive":60,"fly":40}}`, 422, map[string]string{"agent_distribution.fly": "tram"}},
		{"no agents", `{"city":"newport","num_agents":0}`, 422, map[string]string{"num_agents": "1 to 200000"}},
		{"too many agents", `{"city":"newport","num_agents":200001}`, 422, map[string]string{"num_agents": "1 to 200000"}},
		{"too many replications", `{"city":"newport","replications":51}`, 422, map[string]string{"replications": "2 to 50"}},
		{"date outside the timetable", `{"city":"newport","sim_date":"1999-01-01"}`, 422, map[string]string{"sim_date": "2023-06-13"}},
		{"no date", `{"city":"newport","sim_date":"yesterday"}`, 422, map[string]string{"sim_date": "YYYY-MM-DD"}},
		{"window outside the timetable", `{"city":"newport","sim_time":"23:30"}`, 422, map[string]string{"sim_time": "05:00"}},
		{"traffic level", `{"city":"newport","traffic_level":"mad"}`, 422, map[string]string{"traffic_level": "off-peak"}},
		{"misspelt field", `{"city":"newport","tram_strat":"Ringland Centre"}`, 422, map[string]string{"tram_strat": "tram_start"}},
		{"wrong types", `{"city":"newport","num_agents":"many","sim_time":8}`, 422, map[string]string{"num_agents": "", "sim_time": ""}},
		{"unknown modification", `{"city":"newport","modifications":[{"type":"new_airport"}]}`, 422, map[string]string{"modifications[0].type": "new_line"}},
		{"a street that is not there", `{"city":"newport","modifications":[{"type":"close_links","links":[{"way":1}]}]}`, 422, map[string]string{"modifications[0].links[0].way": ""}},
		{"everything at once", `{"city":"newport","num_agents":0,"sim_date":"1999-01-01","sim_time":"23:30","traffic_level":"mad","agent_distribution":{"drive":1},"tram_start":"Ringland Center","tram_end":"Nowhere at all"}`, 422,
			map[string]string{"num_agents": "200000", "sim_date": "2023", "sim_time": "05:00", "traffic_level": "peak", "agent_distribution": "100", "tram_start": "Ringland Centre", "tram_end": "stop"}},
		{"broken JSON", `{"city":"newport",`, 400, map[string]string{"": `{"city":"newport"}`}},
		{"no body", ``, 400, map[string]string{"": `{"city":"newport"}`}},
		{"a list", `[1]`, 400, map[string]string{"": ""}},
		{"10 MB", `{"city":"` + strings.Repeat("x", 10<<20) + `",` + ends + `}`, 413, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := client.Post(p.url+"/v1/submit", "application/json", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			var f struct {
				Type, Title, Detail string
				Status              int
				Errors              spec.Problems
			}
			if err := json.Unmarshal(b, &f); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			if res.StatusCode != c.status || f.Status != c.status || res.Header.Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(f.Type, "/problems/") || f.Title == "" {
				t.Errorf("%d %s, want %d: %s", res.StatusCode, res.Header.Get("Content-Type"), c.status, b)
			}
			if c.status == http.StatusRequestEntityTooLarge && !strings.Contains(f.Detail, "262144 bytes") {
				t.Errorf("the detail %q does not name the limit", f.Detail)
			}
			var got, want []string
			for _, e := range f.Errors {
				got = append(got, e.Path)
				offered := strings.Join(e.Valid, "; ")
				if e.Message == "" || !strings.Contains(offered, c.valid[e.Path]) {
					t.Errorf("%s: %q offers %q, want something with %q", e.Path, e.Message, offered, c.valid[e.Path])
				}
				// A wrong type says what it wants in the message itself.
				if offered == "" && !strings.HasPrefix(e.Message, "want ") {
					t.Errorf("%s: %q does not say what would be valid", e.Path, e.Message)
				}
			}
			for path := range c.valid {
				want = append(want, path)
			}
			sort.Strings(got)
			sort.Strings(want)
			if !slices.Equal(got, want) {
				t.Errorf("fields %q, want %q: %s", got, want, b)
			}
		})
	}
	// Nothing was started: no job, no marker, no message.
	for _, folder := range []string{"jobs", "pending", "runs"} {
		if left, err := os.ReadDir(filepath.Join(data, "store", folder)); err == nil && len(left) > 0 {
			t.Errorf("%s holds %v", folder, left)
		}
	}
	var page struct{ Jobs []any }
	res, err := client.Get(p.url + "/v1/jobs")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&page); err != nil || res.StatusCode != 200 || len(page.Jobs) != 0 {
		t.Errorf("%d %v: %d jobs", res.StatusCode, err, len(page.Jobs))
	}
	p.stop()
}
