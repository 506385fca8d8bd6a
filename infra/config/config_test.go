package config

import (
	"strings"
	"testing"
)

func TestDefaultIsValid(t *testing.T) {
	c := Default()
	if p := c.Problems(); len(p) > 0 {
		t.Error(strings.Join(p, "\n"))
	}
	got, err := Load("../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got.Observability.Emails = nil
	if got.Names != c.Names || got.Domain != c.Domain || got.API != c.API || got.Jobs != c.Jobs || got.Region != c.Region {
		t.Errorf("the committed config is not the plan: %+v", got)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	_, err := Parse([]byte(`
account: "12"
region: London
environment: Prod!
repository: cityflow
domain: {site: "Site", api: a.example.org, old: a.example.org, zone: example.org, zone_id: ""}
certificates: {site: "arn:aws:acm:eu-west-2:12:certificate/x"}
existing: {oidc_provider: "arn:x", roles: {web: CityFlowCICD}, web_bucket: "A"}
names: {artifacts_bucket: cityflow-logs, function: Api, queue: cityflow-jobs, dead_letters: cityflow-jobs}
web: {price_class: cheap}
api: {memory_mb: 64, timeout_seconds: 60, rate_submit: lots, private: true, openai_base_url: "http://x"}
jobs: {cpu: 1000, max_receives: 1, availability_zones: 1, lease_seconds: 5}
observability: {emails: [me], log_days: 15, rum_sample_percent: 200, monthly_budget_usd: 0}
`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"account:", "region:", "environment:", "repository:", "domain.site:", "domain.old:", "certificates.site:", "certificates.api:", "existing.oidc_provider:",
		"existing.roles.web:", "existing.web_bucket:", "names: buckets share a name", "names.function:", "names.dead_letters:", "web.price_class:", "api.memory_mb:", "api.timeout_seconds:",
		"api.rate_submit:", "api.tokens:", "api.openai_base_url:", "jobs.cpu:", "jobs.max_receives:", "jobs.availability_zones:", "jobs.lease_seconds:", "observability.emails[0]:",
		"observability.log_days:", "observability.rum_sample_percent:", "observability.monthly_budget_usd:"} {
		if !strings.Contains(err.Error(), "\n  "+want) {
			t.Errorf("no word about %s\n%v", want, err)
		}
	}
}

func TestUnknownKeysAreErrors(t *testing.T) {
	for _, bad := range []string{"acount: x", "jobs: {cpus: 1024}", "account: [", "jobs: {cpu: many}"} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestFargateSizes(t *testing.T) {
	for _, x := range []struct {
		cpu, memory int
		ok          bool
	}{{256, 512, true}, {256, 4096, false}, {1024, 2048, true}, {1024, 2500, false}, {1024, 9216, false}, {2048, 16384, true}, {16384, 122880, true}, {8192, 17408, false}} {
		c := Default()
		c.Jobs.CPU, c.Jobs.MemoryMB = x.cpu, x.memory
		if got := len(c.Problems()) == 0; got != x.ok {
			t.Errorf("%d CPU with %d MB: %v, want %v", x.cpu, x.memory, got, x.ok)
		}
	}
}

func TestBucketPrefix(t *testing.T) {
	c := Default()
	for _, x := range []struct{ web, artifacts, logs, existing, want string }{
		{"cityflow-web", "cityflow-artifacts", "cityflow-logs", "", "cityflow"},
		{"acme-city-web", "acme-city-work", "acme-city-logs", "", "acme-city"},
		{"web", "artifacts", "logs", "", ""},
		{"cityflow-web", "cityflow-artifacts", "cityflow-logs", "prototype", ""},
	} {
		c.Names.WebBucket, c.Names.ArtifactsBucket, c.Names.LogsBucket, c.Existing.WebBucket = x.web, x.artifacts, x.logs, x.existing
		if got := c.BucketPrefix(); got != x.want {
			t.Errorf("%+v begin with %q", x, got)
		}
		if bad := strings.Contains(strings.Join(c.Problems(), "\n"), "begin differently"); bad != (x.want == "") {
			t.Errorf("%+v: a problem: %v", x, bad)
		}
	}
}

func TestExamplesAreNotFilledIn(t *testing.T) {
	c := Default()
	if p := c.NotFilledIn(); len(p) != 2 {
		t.Errorf("%q", p)
	}
	c.Account, c.Domain.ZoneID = "210987654321", "Z1"
	if p := c.NotFilledIn(); len(p) != 0 {
		t.Errorf("%q", p)
	}
}
