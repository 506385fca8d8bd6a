package stacks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/infra/config"
)

// stateful are the kinds of resources that hold what cannot be made again, or
// that people point at.
var stateful = []string{"AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::ECR::Repository", "AWS::CloudFront::Distribution", "AWS::CertificateManager::Certificate",
	"AWS::Route53::RecordSet", "AWS::IAM::OIDCProvider"}

func TestStateIsProtected(t *testing.T) {
	a := plan(t)
	seen := map[string]bool{}
	for _, r := range a.resources {
		if slices.Contains(stateful, r.Type) {
			seen[r.Type] = true
			if r.DeletionPolicy != "Retain" {
				t.Errorf("%s/%s (%s) goes with its stack: %q", r.Stack, r.ID, r.Type, r.DeletionPolicy)
			}
		}
	}
	if len(seen) != len(stateful) {
		t.Errorf("seen only %v", seen)
	}
	for _, stack := range []string{"pipeline", "jobs", "edge", "web", "api", "dns"} {
		if dig(a.manifest, "artifacts", "cityflow-"+stack, "properties", "terminationProtection") != true {
			t.Errorf("stack %s can be deleted by mistake", stack)
		}
	}
}

func TestEverythingIsTagged(t *testing.T) {
	a := plan(t)
	for _, stack := range []string{"pipeline", "jobs", "edge", "web", "api", "dns", "observability", "edge-observability"} {
		want := map[string]string{"app": "cityflow", "environment": "prod", "part": stack}
		for k, v := range want {
			if got := dig(a.manifest, "artifacts", "cityflow-"+stack, "properties", "tags", k); got != v {
				t.Errorf("%s: tag %s = %v, want %s", stack, k, got, v)
			}
		}
	}
	// web-deploy may invalidate only what carries the tag.
	if tags := text(a.one(t, "cityflow-web", cf).get("Tags")); !strings.Contains(tags, `{"Key":"app","Value":"cityflow"}`) {
		t.Errorf("tags of the distribution: %s", tags)
	}
}

// TestOwnBootstrap: assets and deploys go through the bootstrap of this app,
// whose execution policy is scoped.
func TestOwnBootstrap(t *testing.T) {
	a := plan(t)
	for _, stack := range []string{"pipeline", "jobs", "edge", "web", "api", "dns", "observability", "edge-observability"} {
		if got := fmt.Sprint(dig(a.manifest, "artifacts", "cityflow-"+stack, "properties", "cloudFormationExecutionRoleArn")); !strings.Contains(got, "role/cdk-cityflow-cfn-exec-role-") {
			t.Errorf("%s is deployed with %s", stack, got)
		}
	}
}

// TestStacksRefuseNothingToLookUp: no stack needs the account at synthesis.
func TestNothingIsLookedUp(t *testing.T) {
	if missing := plan(t).manifest["missing"]; missing != nil {
		t.Errorf("synthesis wants to look up %s", text(missing))
	}
}

func TestLogRetention(t *testing.T) {
	groups := plan(t).all("", "AWS::Logs::LogGroup")
	if len(groups) != 5 {
		t.Errorf("%d log groups, want those of API, gateway, reconciler, worker and task events", len(groups))
	}
	for _, g := range groups {
		g.want(t, 14, "RetentionInDays")
	}
}

func TestDNS(t *testing.T) {
	a := plan(t)
	for _, kind := range []string{"A", "AAAA"} {
		for _, host := range []string{"cityflow.obaidmalik.co.uk.", "skyraldemo.obaidmalik.co.uk."} {
			r := a.one(t, "cityflow-dns", "AWS::Route53::RecordSet", "Name="+host, "Type="+kind)
			r.want(t, "Z2FDTNDATAQYW2", "AliasTarget", "HostedZoneId")
			if !strings.Contains(text(r.get("AliasTarget", "DNSName")), "Distribution") {
				t.Errorf("%s points at %s", host, text(r.get("AliasTarget")))
			}
		}
		r := a.one(t, "cityflow-dns", "AWS::Route53::RecordSet", "Name=api.cityflow.obaidmalik.co.uk.", "Type="+kind)
		if !strings.Contains(text(r.get("AliasTarget")), "RegionalHostedZoneId") {
			t.Errorf("the API points at %s", text(r.get("AliasTarget")))
		}
	}
}

// TestTakeOver is the account of the prototype: provider, role, bucket and
// certificates are there already, names still point elsewhere.
func TestTakeOver(t *testing.T) {
	c := load(t)
	c.Existing = config.Existing{
		OIDCProvider: "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
		Roles:        config.Roles{Web: "arn:aws:iam::123456789012:role/CityFlowCICD"}, WebBucket: "cityflow-web-prototype",
	}
	c.Certificates = config.Certificates{Site: "arn:aws:acm:us-east-1:123456789012:certificate/a", API: "arn:aws:acm:eu-west-2:123456789012:certificate/b"}
	c.Web.Aliases = false
	c.Domain.Records = config.Records{API: true}
	if p := c.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	a := synth(t, c)
	for _, kind := range []string{"AWS::IAM::OIDCProvider", "AWS::CertificateManager::Certificate"} {
		if rs := a.all("", kind); len(rs) != 0 {
			t.Errorf("%s is made again: %v", kind, rs)
		}
	}
	p := a.one(t, "cityflow-pipeline", "AWS::IAM::Policy")
	p.want(t, []string{"CityFlowCICD"}, "Roles")
	if n := len(a.all("cityflow-pipeline", "AWS::IAM::Role")); n != 4 {
		t.Errorf("%d roles are made, want 4 beside the one taken over", n)
	}
	for _, b := range a.all("", s3type) {
		if strings.Contains(fmt.Sprint(b.get("BucketName")), "cityflow-web") {
			t.Errorf("the bucket is made again: %s", b.json())
		}
	}
	a.one(t, "cityflow-web", "AWS::S3::BucketPolicy", "Bucket=cityflow-web-prototype")
	d := a.one(t, "cityflow-web", cf)
	if d.get("DistributionConfig", "Aliases") != nil {
		t.Error("the names are taken while another distribution holds them: the deploy would fail")
	}
	if got := d.get("DistributionConfig", "ViewerCertificate", "AcmCertificateArn"); got != c.Certificates.Site {
		t.Errorf("certificate: %v", got)
	}
	if n := len(a.all("cityflow-dns", "AWS::Route53::RecordSet")); n != 2 {
		t.Errorf("%d records, want A and AAAA of the API alone", n)
	}
	if n := len(a.all("", "Custom::CrossRegionExportReader")); n != 1 {
		t.Errorf("%d values still cross regions, want the distribution's id alone", n)
	}
}

// TestElsewhere: DNS that is not in Route 53, no old host, no zone.
func TestElsewhere(t *testing.T) {
	c := load(t)
	c.Domain.Old, c.Domain.ZoneID = "", ""
	c.Certificates = config.Certificates{Site: "arn:aws:acm:us-east-1:123456789012:certificate/a", API: "arn:aws:acm:eu-west-2:123456789012:certificate/b"}
	a := synth(t, c)
	if n := len(a.all("cityflow-dns", "")); n != 0 {
		t.Errorf("%d records without a zone", n)
	}
	a.one(t, "cityflow-web", cf).want(t, []string{"cityflow.obaidmalik.co.uk"}, "DistributionConfig", "Aliases")
}
