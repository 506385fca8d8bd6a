package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/spec"
)

// ask sends a request and reads the answer.
func (p *process) ask(method, path, body string, headers ...string) (*http.Response, []byte) {
	p.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		if req.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return res, b
}

func TestLimitsOfAServer(t *testing.T) {
	p := start(t, t.TempDir(), "", 0, "--max-agents", "500", "--rate-submit", "3/h", "--rate-read", "none", "--workers", "0")
	res, b := p.ask("POST", "/v1/submit", `{"city":"testville","num_agents":501}`)
	var f struct{ Errors spec.Problems }
	if err := json.Unmarshal(b, &f); err != nil || res.StatusCode != 422 || len(f.Errors) != 1 || f.Errors[0].Path != "num_agents" || f.Errors[0].Valid[0] != "1 to 500" {
		t.Errorf("%d %s", res.StatusCode, b)
	}
	var city spec.CityDetail
	if _, b := p.ask("GET", "/v1/cities/testville", ""); json.Unmarshal(b, &city) != nil || city.Limits.MaxAgents != 500 || city.Limits.RateSubmit != "3/h" || city.Limits.RateRead != "" {
		t.Errorf("%s", b)
	}
	if _, b := p.ask("GET", "/openapi.json", ""); !bytes.Contains(b, []byte(`"maximum": 500`)) {
		t.Error("the document does not name the limit")
	}
	for _, want := range []int{202, 202, 429} {
		if res, b := p.ask("POST", "/v1/submit", `{"city":"testville","num_agents":10}`); res.StatusCode != want {
			t.Errorf("%d, want %d: %s", res.StatusCode, want, b)
		}
	}
	// Another site's name that resolves to this machine.
	if res, _ := p.ask("GET", "/v1/jobs", "", "Host", "rebound.example"); res.StatusCode != 421 {
		t.Errorf("a foreign name: %d", res.StatusCode)
	}
	p.stop()
}

func TestAPrivateServer(t *testing.T) {
	var out bytes.Buffer
	if code := mainExit(context.Background(), []string{"--format", "json", "token"}, &out, io.Discard); code != 0 {
		t.Fatal(code)
	}
	var made struct{ Token, Hash string }
	if err := json.Unmarshal(out.Bytes(), &made); err != nil || len(made.Hash) != 64 {
		t.Fatal(out.String())
	}
	p := start(t, t.TempDir(), "", 0, "--private", "--token-hash", made.Hash, "--token", "the old one")
	for header, want := range map[string]int{"": 401, "Bearer " + made.Hash: 401, "Bearer " + made.Token: 200, "Bearer the old one": 200} {
		if res, b := p.ask("GET", "/v1/cities", "", "Authorization", header); res.StatusCode != want {
			t.Errorf("%.10s: %d %s", header, res.StatusCode, b)
		}
	}
	if res, _ := p.ask("GET", "/v1/health", ""); res.StatusCode != 200 {
		t.Error(res.StatusCode)
	}
	p.stop()
	if log := p.String(); strings.Contains(log, made.Token) || strings.Contains(log, "the old one") {
		t.Error("a token is in the log")
	}
}

func TestRatesByWhoCanReachTheServer(t *testing.T) {
	at := func(s string) addr { return addr(s) }
	for _, c := range []struct {
		addr        string
		flags       limitFlags
		submit, all string
		check       bool
	}{
		{"127.0.0.1:8080", limitFlags{}, "", "", true},
		{"[::1]:8080", limitFlags{RateSubmit: "5/s"}, "5/s", "", true},
		{"0.0.0.0:8080", limitFlags{}, publicSubmits, publicReads, false},
		{"[::]:8080", limitFlags{RateSubmit: "none"}, "", publicReads, false},
		{"127.0.0.1:8080", limitFlags{TrustedProxy: []string{"127.0.0.1"}}, publicSubmits, publicReads, true},
		{"192.0.2.1:80", limitFlags{Host: []string{"cityflow.example"}}, publicSubmits, publicReads, true},
	} {
		f := c.flags
		f.MaxAgents, f.MaxReplications, f.MaxConnections = 1000, 50, 100
		if f.RateRead = "auto"; f.RateSubmit == "" {
			f.RateSubmit = "auto"
		}
		o, err := f.options(at(c.addr), nil)
		if err != nil || o.Submits.String() != c.submit || o.Reads.String() != c.all || o.CheckHost != c.check {
			t.Errorf("%s: %v %q %q %v", c.addr, err, o.Submits, o.Reads, o.CheckHost)
		}
	}
}

type addr string

func (a addr) Network() string { return "tcp" }
func (a addr) String() string  { return string(a) }

func TestWrongLimitsAreBadInput(t *testing.T) {
	data := t.TempDir()
	for _, args := range [][]string{
		{"--max-agents", "0"}, {"--max-replications", "1"}, {"--max-connections", "1"}, {"--rate-submit", "many"}, {"--rate-read", "1/w"}, {"--trusted-proxy", "0.0.0.0/0"},
		{"--private"}, {"--token-hash", "abc"}, {"--origin", "https://x.example/"}, {"--origin", "*"}, {"--origin", "null"}, {"--origin", "x.example"},
	} {
		var errs bytes.Buffer
		if code := mainExit(context.Background(), append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data}, args...), io.Discard, &errs); code != 2 || !strings.Contains(errs.String(), args[0]) {
			t.Errorf("%v: %d %s", args, code, errs.String())
		}
	}
}
