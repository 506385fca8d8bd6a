package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	accountRE = regexp.MustCompile(`^[0-9]{12}$`)
	regionRE  = regexp.MustCompile(`^[a-z]{2}-[a-z]+-[0-9]$`)
	envRE     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,15}$`)
	repoRE    = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)
	hostRE    = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$`)
	zoneRE    = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
	bucketRE  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	nameRE    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,47}$`)
	rateRE    = regexp.MustCompile(`^[1-9][0-9]*/[smhd]$`)
	emailRE   = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	roleRE    = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)
	oidcRE    = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:oidc-provider/token\.actions\.githubusercontent\.com$`)
)

// fargate lists, by CPU units, the least and greatest memory in MB and the
// step between: what Fargate accepts.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
var fargate = map[int][3]int{
	256: {512, 2048, 512}, 512: {1024, 4096, 1024}, 1024: {2048, 8192, 1024}, 2048: {4096, 16384, 1024},
	4096: {8192, 30720, 1024}, 8192: {16384, 61440, 4096}, 16384: {32768, 122880, 8192},
}

// logDays are the retentions CloudWatch Logs knows, up to a year.
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365}

type problems []string

func (p *problems) want(ok bool, path string, got any, want string) {
	if !ok {
		*p = append(*p, fmt.Sprintf("%s: %v, want %s", path, got, want))
	}
}

func (p *problems) match(re *regexp.Regexp, path, got, want string) {
	p.want(re.MatchString(got), path, fmt.Sprintf("%q", got), want)
}

func (p *problems) between(path string, got, lo, hi float64) {
	p.want(got >= lo && got <= hi, path, got, fmt.Sprintf("%v to %v", lo, hi))
}

// Problems lists everything that is wrong, each with its path and what would
// be right; none means that the stacks can be made.
func (c *Config) Problems() []string {
	var p problems
	p.match(accountRE, "account", c.Account, "the 12 digits of an AWS account")
	p.match(regionRE, "region", c.Region, "a region such as eu-west-2")
	p.match(envRE, "environment", c.Environment, "a short word such as prod")
	p.match(repoRE, "repository", c.Repository, "owner/name")
	c.checkDomain(&p)
	c.checkExisting(&p)
	c.checkNames(&p)
	c.checkAPI(&p)
	c.checkJobs(&p)
	o := c.Observability
	for i, e := range o.Emails {
		p.match(emailRE, fmt.Sprintf("observability.emails[%d]", i), e, "an address")
	}
	p.want(slices.Contains(logDays, o.LogDays), "observability.log_days", o.LogDays, fmt.Sprintf("one of %v", logDays))
	p.between("observability.access_log_days", float64(o.AccessLogDays), 1, 3650)
	p.between("observability.rum_sample_percent", o.RUMSamplePercent, 0, 100)
	p.between("observability.monthly_budget_usd", o.MonthlyBudgetUSD, 1, 1e6)
	p.want(slices.Contains([]string{"PriceClass_100", "PriceClass_200", "PriceClass_All"}, c.Web.PriceClass), "web.price_class", c.Web.PriceClass, "PriceClass_100, PriceClass_200 or PriceClass_All")
	return p
}

func (c *Config) checkDomain(p *problems) {
	d := c.Domain
	p.match(hostRE, "domain.site", d.Site, "a host name in lower case")
	p.match(hostRE, "domain.api", d.API, "a host name in lower case")
	p.want(d.Site != d.API, "domain.api", d.API, "another host than domain.site")
	hosts := map[string]string{"domain.site": d.Site, "domain.api": d.API}
	if d.Old != "" {
		p.match(hostRE, "domain.old", d.Old, "a host name, or empty for none")
		p.want(d.Old != d.Site && d.Old != d.API, "domain.old", d.Old, "another host than site and api")
		hosts["domain.old"] = d.Old
	}
	if d.ZoneID == "" {
		p.want(c.Certificates.Site != "", "certificates.site", `""`, "an ARN: without domain.zone_id it cannot be validated")
		p.want(c.Certificates.API != "", "certificates.api", `""`, "an ARN: without domain.zone_id it cannot be validated")
	} else {
		p.match(zoneRE, "domain.zone_id", d.ZoneID, "a hosted zone id, or empty when DNS is elsewhere")
		p.match(hostRE, "domain.zone", d.Zone, "the name of the hosted zone")
		for _, path := range []string{"domain.api", "domain.old", "domain.site"} {
			if h, ok := hosts[path]; ok {
				p.want(h == d.Zone || strings.HasSuffix(h, "."+d.Zone), path, h, "a host inside domain.zone "+d.Zone)
			}
		}
	}
	p.certificate("certificates.site", c.Certificates.Site, c.Account, EdgeRegion)
	p.certificate("certificates.api", c.Certificates.API, c.Account, c.Region)
}

func (p *problems) certificate(path, arn, account, region string) {
	if arn != "" {
		prefix := "arn:aws:acm:" + region + ":" + account + ":certificate/"
		p.want(strings.HasPrefix(arn, prefix) && len(arn) > len(prefix), path, arn, prefix+"...")
	}
}

func (c *Config) checkExisting(p *problems) {
	e := c.Existing
	if e.OIDCProvider != "" {
		p.match(oidcRE, "existing.oidc_provider", e.OIDCProvider, "arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com")
	}
	for _, r := range [][2]string{{"web", e.Roles.Web}, {"api", e.Roles.API}, {"worker", e.Roles.Worker}, {"infra", e.Roles.Infra}} {
		if r[1] != "" {
			p.match(roleRE, "existing.roles."+r[0], r[1], "the ARN of a role")
		}
	}
	if e.WebBucket != "" {
		p.match(bucketRE, "existing.web_bucket", e.WebBucket, "a bucket name without dots")
	}
}

func (c *Config) checkNames(p *problems) {
	n := c.Names
	p.match(bucketRE, "names.web_bucket", n.WebBucket, "a bucket name without dots")
	p.match(bucketRE, "names.artifacts_bucket", n.ArtifactsBucket, "a bucket name without dots")
	p.match(bucketRE, "names.logs_bucket", n.LogsBucket, "a bucket name without dots")
	p.want(c.WebBucket() != n.ArtifactsBucket && c.WebBucket() != n.LogsBucket && n.ArtifactsBucket != n.LogsBucket,
		"names", "buckets share a name", "three different buckets: page, artifacts, logs")
	p.want(len(c.BucketPrefix()) > 1, "names", "buckets begin differently", "a common beginning and a hyphen, as in acme-cityflow-web and acme-cityflow-logs")
	for _, f := range [][2]string{
		{"function", n.Function}, {"reconciler", n.Reconciler}, {"queue", n.Queue}, {"dead_letters", n.DeadLetters},
		{"cluster", n.Cluster}, {"worker", n.Worker},
	} {
		p.match(nameRE, "names."+f[0], f[1], "lower case letters, digits and hyphens, at most 48")
		// The execution policy of the deploys reaches only these names.
		p.want(strings.HasPrefix(f[1], "cityflow"), "names."+f[0], f[1], "a name that begins with cityflow")
	}
	p.want(n.Function != n.Reconciler, "names.reconciler", n.Reconciler, "another name than names.function")
	p.want(n.Queue != n.DeadLetters, "names.dead_letters", n.DeadLetters, "another name than names.queue")
}

func (c *Config) checkAPI(p *problems) {
	a := c.API
	p.between("api.memory_mb", float64(a.MemoryMB), 128, 10240)
	p.between("api.timeout_seconds", float64(a.TimeoutSeconds), 8, 29)
	p.between("api.rate_per_second", a.RatePerSecond, 1, 10000)
	p.between("api.burst", float64(a.Burst), 1, 5000)
	p.between("api.submit_per_second", a.SubmitPerSecond, 0.1, 1000)
	p.between("api.submit_burst", float64(a.SubmitBurst), 1, 1000)
	p.match(rateRE, "api.rate_submit", a.RateSubmit, `a rate such as "10/m"`)
	p.match(rateRE, "api.rate_read", a.RateRead, `a rate such as "300/m"`)
	p.between("api.max_agents", float64(a.MaxAgents), 1, 200000)
	p.between("api.max_replications", float64(a.MaxReplications), 1, 50)
	p.want(!a.Private || a.Tokens, "api.tokens", a.Tokens, "true when api.private is: nobody could get in otherwise")
	p.want(a.OpenAIBaseURL == "" || strings.HasPrefix(a.OpenAIBaseURL, "https://"), "api.openai_base_url", a.OpenAIBaseURL, "an https address, or empty")
}

func (c *Config) checkJobs(p *problems) {
	j := c.Jobs
	if m, ok := fargate[j.CPU]; !ok {
		p.want(false, "jobs.cpu", j.CPU, "256, 512, 1024, 2048, 4096, 8192 or 16384")
	} else {
		ok := j.MemoryMB >= m[0] && j.MemoryMB <= m[1] && (j.MemoryMB-m[0])%m[2] == 0
		p.want(ok, "jobs.memory_mb", j.MemoryMB, fmt.Sprintf("%d to %d in steps of %d with cpu %d", m[0], m[1], m[2], j.CPU))
	}
	p.between("jobs.max_tasks", float64(j.MaxTasks), 1, 1000)
	p.between("jobs.task_seconds_per_day", float64(j.TaskSecondsPerDay), 0, 1e9)
	p.between("jobs.task_max_seconds", float64(j.TaskMaxSeconds), 60, 86400)
	p.between("jobs.keep_days", float64(j.KeepDays), 0, 3650)
	p.between("jobs.lease_seconds", float64(j.LeaseSeconds), 30, 43200)
	// Not above the worker's own bound of 500 deliveries, and the queue would
	// give jobs up first, without a word in their status. SQS allows 1,000.
	p.between("jobs.max_receives", float64(j.MaxReceives), 501, 1000)
	p.between("jobs.availability_zones", float64(j.AvailabilityZones), 2, 3)
}
