// Package config reads the one file that says what is deployed where. Names of
// the deployment plan are the defaults; an operator changes account, domains
// and, because bucket names are global, the buckets. Everything is checked
// before anything is synthesized, and every problem is reported at once.
package config

import (
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

// EdgeRegion holds what CloudFront demands there: its certificate, its
// metrics, and therefore the alarms on them.
const EdgeRegion = "us-east-1"

// Config is the whole file.
type Config struct {
	Account     string `yaml:"account"`     // 12 digits
	Region      string `yaml:"region"`      // of everything but what CloudFront wants in us-east-1
	Environment string `yaml:"environment"` // stage of names and SSM parameters: /cityflow/<environment>/...
	Repository  string `yaml:"repository"`  // owner/name on GitHub

	Domain        Domain        `yaml:"domain"`
	Certificates  Certificates  `yaml:"certificates"`
	Existing      Existing      `yaml:"existing"`
	Names         Names         `yaml:"names"`
	Web           Web           `yaml:"web"`
	API           API           `yaml:"api"`
	Jobs          Jobs          `yaml:"jobs"`
	Observability Observability `yaml:"observability"`
}

// Domain is where people find the site.
type Domain struct {
	Site string `yaml:"site"`
	API  string `yaml:"api"`
	// Old is a host that answers 301 to the site; empty for none.
	Old string `yaml:"old"`
	// Zone and ZoneID are the Route 53 hosted zone. Without an id no record is
	// made, and both certificates must be given.
	Zone   string `yaml:"zone"`
	ZoneID string `yaml:"zone_id"`
	// Records says which records the stacks own; a record that another tool
	// made is switched by hand first (docs/runbooks/migration.md).
	Records Records `yaml:"records"`
}

// Records are the DNS records that the Dns stack owns.
type Records struct {
	Site bool `yaml:"site"`
	API  bool `yaml:"api"`
	Old  bool `yaml:"old"`
}

// Certificates by ARN; empty ones are made and validated through the zone.
type Certificates struct {
	Site string `yaml:"site"` // in us-east-1, covers site and old
	API  string `yaml:"api"`  // in the region
}

// Existing parts of the account that are used instead of made.
type Existing struct {
	// OIDCProvider is the ARN of the account's provider for GitHub tokens: an
	// account can have only one.
	OIDCProvider string `yaml:"oidc_provider"`
	// Roles by ARN: the stack attaches the permissions, their trust stays
	// with whoever made them.
	Roles Roles `yaml:"roles"`
	// WebBucket is taken as it is; its policy becomes ours.
	WebBucket string `yaml:"web_bucket"`
}

// Roles that workflows assume.
type Roles struct {
	Web    string `yaml:"web"`
	API    string `yaml:"api"`
	Worker string `yaml:"worker"`
	Infra  string `yaml:"infra"`
}

// Names are physical names. Bucket names are shared by all of AWS.
type Names struct {
	WebBucket       string `yaml:"web_bucket"`
	ArtifactsBucket string `yaml:"artifacts_bucket"`
	LogsBucket      string `yaml:"logs_bucket"`
	Function        string `yaml:"function"`
	Reconciler      string `yaml:"reconciler"`
	Queue           string `yaml:"queue"`
	DeadLetters     string `yaml:"dead_letters"`
	Cluster         string `yaml:"cluster"`
	Worker          string `yaml:"worker"` // task family, container and image repository
}

// Web is the site.
type Web struct {
	// PriceClass is CloudFront's: PriceClass_100, _200 or _All.
	PriceClass string `yaml:"price_class"`
	// Aliases puts the domain names on the distribution. Off while an older
	// distribution still holds them.
	Aliases bool `yaml:"aliases"`
}

// API is the public Lambda behind the HTTP API.
type API struct {
	MemoryMB       int `yaml:"memory_mb"`
	TimeoutSeconds int `yaml:"timeout_seconds"`
	// RatePerSecond and Burst throttle all callers together.
	RatePerSecond float64 `yaml:"rate_per_second"`
	Burst         int     `yaml:"burst"`
	// SubmitPerSecond and SubmitBurst throttle new jobs.
	SubmitPerSecond float64 `yaml:"submit_per_second"`
	SubmitBurst     int     `yaml:"submit_burst"`
	// RateSubmit and RateRead are limits of one client, e.g. "10/m".
	RateSubmit      string `yaml:"rate_submit"`
	RateRead        string `yaml:"rate_read"`
	MaxAgents       int    `yaml:"max_agents"`
	MaxReplications int    `yaml:"max_replications"`
	// Private demands a token for every call but health.
	Private bool `yaml:"private"`
	// Tokens says that the parameter with the hashes of tokens exists.
	Tokens bool `yaml:"tokens"`
	// OpenAI says that the parameter with the key exists; without it texts
	// are made by rules.
	OpenAI        bool   `yaml:"openai"`
	OpenAIModel   string `yaml:"openai_model"`
	OpenAIBaseURL string `yaml:"openai_base_url"`
}

// Jobs is the compute.
type Jobs struct {
	CPU                int  `yaml:"cpu"` // 1024 = 1 vCPU
	MemoryMB           int  `yaml:"memory_mb"`
	MaxTasks           int  `yaml:"max_tasks"`
	TaskSecondsPerDay  int  `yaml:"task_seconds_per_day"`
	TaskMaxSeconds     int  `yaml:"task_max_seconds"`
	KeepDays           int  `yaml:"keep_days"` // of ended jobs; 0 keeps them for ever
	LeaseSeconds       int  `yaml:"lease_seconds"`
	MaxReceives        int  `yaml:"max_receives"`
	AvailabilityZones  int  `yaml:"availability_zones"`
	ReserveConcurrency bool `yaml:"reserve_concurrency"` // off where the account's quota forbids it: the lease object does the work
}

// Observability is who hears what.
type Observability struct {
	Emails           []string `yaml:"emails"`
	LogDays          int      `yaml:"log_days"`
	AccessLogDays    int      `yaml:"access_log_days"`
	RUMSamplePercent float64  `yaml:"rum_sample_percent"` // of sessions; 0 measures none
	MonthlyBudgetUSD float64  `yaml:"monthly_budget_usd"`
	// StopAtBudget forbids new tasks when the budget is used up.
	StopAtBudget bool `yaml:"stop_at_budget"`
	// CacheMetrics buys CloudFront's additional metrics (cache hit ratio).
	CacheMetrics bool `yaml:"cache_metrics"`
	// Alarms off leaves none: ten alarms are free in an account.
	Alarms bool `yaml:"alarms"`
}

// Default is the deployment of the plan. Account and zone id are the
// documentation's examples: a deploy with them is refused.
func Default() Config {
	return Config{
		Account: ExampleAccount, Region: "eu-west-2", Environment: "prod", Repository: "malikobaid/cityflow",
		Domain: Domain{
			Site: "cityflow.obaidmalik.co.uk", API: "api.cityflow.obaidmalik.co.uk", Old: "skyraldemo.obaidmalik.co.uk",
			Zone: "obaidmalik.co.uk", ZoneID: ExampleZone, Records: Records{Site: true, API: true, Old: true},
		},
		Names: Names{
			WebBucket: "cityflow-web", ArtifactsBucket: "cityflow-artifacts", LogsBucket: "cityflow-logs",
			Function: "cityflow-api", Reconciler: "cityflow-reconciler", Queue: "cityflow-jobs", DeadLetters: "cityflow-jobs-dlq",
			Cluster: "cityflow", Worker: "cityflow-worker",
		},
		Web: Web{PriceClass: "PriceClass_100", Aliases: true},
		API: API{
			MemoryMB: 512, TimeoutSeconds: 10, RatePerSecond: 50, Burst: 100, SubmitPerSecond: 2, SubmitBurst: 10,
			RateSubmit: "10/m", RateRead: "300/m", MaxAgents: 20000, MaxReplications: 20, OpenAI: true,
		},
		Jobs: Jobs{
			CPU: 1024, MemoryMB: 2048, MaxTasks: 10, TaskSecondsPerDay: 36000, TaskMaxSeconds: 1800, KeepDays: 30,
			LeaseSeconds: 120, MaxReceives: 1000, AvailabilityZones: 3, ReserveConcurrency: true,
		},
		Observability: Observability{LogDays: 14, AccessLogDays: 90, RUMSamplePercent: 10, MonthlyBudgetUSD: 10, StopAtBudget: true, Alarms: true},
	}
}

// The examples that stand for "not filled in yet".
const (
	ExampleAccount = "123456789012"
	ExampleZone    = "Z0EXAMPLE0CITYFLOW00"
)

// Load reads a file over the defaults and checks it. Unknown keys are errors.
func Load(path string) (*Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(b)
}

// Parse reads the text of the file.
func Parse(b []byte) (*Config, error) {
	c, problems := examine(b)
	switch {
	case c == nil:
		return nil, fmt.Errorf("config: %s", problems[0])
	case len(problems) > 0:
		return nil, fmt.Errorf("config: %d problems:\n  %s", len(problems), strings.Join(problems, "\n  "))
	}
	return c, nil
}

// Examine reads a file and gives all that is wrong with it; the config is nil
// only if it could not be read at all.
func Examine(path string) (*Config, []string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, []string{err.Error()}
	}
	return examine(b)
}

func examine(b []byte) (*Config, []string) {
	c := Default()
	if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
		return nil, []string{err.Error()}
	}
	return &c, c.Problems()
}

// NotFilledIn lists what is still the documentation's example.
func (c *Config) NotFilledIn() []string {
	var p problems
	p.want(c.Account != ExampleAccount, "account", c.Account, "your own: this is the example")
	p.want(c.Domain.ZoneID != ExampleZone, "domain.zone_id", c.Domain.ZoneID, "that of your hosted zone: this is the example")
	return p
}

// BucketPrefix is what the names of all buckets begin with, up to a hyphen: the
// execution policy of the deploys is limited to it.
func (c *Config) BucketPrefix() string {
	names := []string{c.Names.WebBucket, c.Names.ArtifactsBucket, c.Names.LogsBucket}
	if c.Existing.WebBucket != "" {
		names[0] = c.Existing.WebBucket
	}
	same := names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, same) {
			same = same[:len(same)-1]
		}
	}
	i := strings.LastIndexByte(same, '-')
	return same[:max(i, 0)]
}

// Parameter is the name of an SSM parameter of this environment.
func (c *Config) Parameter(name string) string { return "/cityflow/" + c.Environment + "/" + name }

// SiteURL is where the page is, without a slash at the end.
func (c *Config) SiteURL() string { return "https://" + c.Domain.Site }

// APIURL is where the API is, without a slash at the end.
func (c *Config) APIURL() string { return "https://" + c.Domain.API }

// RUM says whether visits are measured at all.
func (c *Config) RUM() bool { return c.Observability.RUMSamplePercent > 0 }

// RUMEndpoint takes the reports of visits.
func (c *Config) RUMEndpoint() string {
	return "https://dataplane.rum." + c.Region + ".amazonaws.com"
}

// WebBucket is the bucket of the page, made or taken over.
func (c *Config) WebBucket() string {
	if c.Existing.WebBucket != "" {
		return c.Existing.WebBucket
	}
	return c.Names.WebBucket
}
