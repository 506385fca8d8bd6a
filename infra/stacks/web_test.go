package stacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dop251/goja"

	"github.com/malikobaid/cityflow/infra/config"
)

const (
	cf     = "AWS::CloudFront::Distribution"
	s3type = "AWS::S3::Bucket"
)

func TestWebBucketIsPrivate(t *testing.T) {
	b := plan(t).one(t, "cityflow-web", s3type, "BucketName=cityflow-web")
	b.want(t, "BucketOwnerEnforced", "OwnershipControls", "Rules", "0", "ObjectOwnership")
	b.want(t, "Enabled", "VersioningConfiguration", "Status")
	if b.get("WebsiteConfiguration") != nil {
		t.Error("the bucket is a public website")
	}
}

func TestDistributionServesPageAndFiles(t *testing.T) {
	a := plan(t)
	d := a.one(t, "cityflow-web", cf)
	at := func(rest ...string) []string { return append([]string{"DistributionConfig"}, rest...) }
	origins := map[string]string{}
	for i := range d.get(at("Origins")...).([]any) {
		o := at("Origins", fmt.Sprint(i))
		if d.get(append(o, "OriginAccessControlId")...) == nil {
			t.Errorf("origin %d is read without origin access control", i)
		}
		origins[fmt.Sprint(d.get(append(o, "Id")...))] = fmt.Sprint(d.get(append(o, "DomainName")...))
	}
	access := a.all("cityflow-web", "AWS::CloudFront::OriginAccessControl")
	if len(access) != 2 {
		t.Errorf("%d access controls, want one for each origin", len(access))
	}
	for _, o := range access {
		o.want(t, "s3", "OriginAccessControlConfig", "OriginAccessControlOriginType")
		o.want(t, "always", "OriginAccessControlConfig", "SigningBehavior")
		o.want(t, "sigv4", "OriginAccessControlConfig", "SigningProtocol")
	}
	if o := origins[fmt.Sprint(d.get(at("DefaultCacheBehavior", "TargetOriginId")...))]; o != "cityflow-web.s3.eu-west-2.amazonaws.com" {
		t.Errorf("the page comes from %q", o)
	}
	d.want(t, "/files/*", at("CacheBehaviors", "0", "PathPattern")...)
	d.want(t, "/tiles/*", at("CacheBehaviors", "1", "PathPattern")...)
	for i, path := range []string{"/files/*", "/tiles/*"} {
		if o := origins[fmt.Sprint(d.get(at("CacheBehaviors", fmt.Sprint(i), "TargetOriginId")...))]; o != "cityflow-artifacts.s3.eu-west-2.amazonaws.com" {
			t.Errorf("%s comes from %q", path, o)
		}
	}
	for _, behaviour := range [][]string{at("DefaultCacheBehavior"), at("CacheBehaviors", "0"), at("CacheBehaviors", "1")} {
		d.want(t, true, append(behaviour, "Compress")...)
		d.want(t, "redirect-to-https", append(behaviour, "ViewerProtocolPolicy")...)
		d.want(t, "viewer-request", append(behaviour, "FunctionAssociations", "0", "EventType")...)
	}
	d.want(t, []string{"cityflow.obaidmalik.co.uk", "skyraldemo.obaidmalik.co.uk"}, at("Aliases")...)
	d.want(t, "TLSv1.2_2021", at("ViewerCertificate", "MinimumProtocolVersion")...)
	d.want(t, true, at("IPV6Enabled")...)
	d.want(t, "http2and3", at("HttpVersion")...)
}

// TestCachesObeyTheObjects: assets say a year, pages minutes (scripts/deploy),
// and CloudFront keeps to it, compressed both ways.
func TestCachesObeyTheObjects(t *testing.T) {
	for _, name := range []string{"cityflow-page", "cityflow-files"} {
		p := plan(t).one(t, "cityflow-web", "AWS::CloudFront::CachePolicy", "CachePolicyConfig.Name="+name)
		p.want(t, 0, "CachePolicyConfig", "MinTTL")
		p.want(t, 60, "CachePolicyConfig", "DefaultTTL")
		p.want(t, 31536000, "CachePolicyConfig", "MaxTTL")
		for _, enc := range []string{"Gzip", "Brotli"} {
			p.want(t, true, "CachePolicyConfig", "ParametersInCacheKeyAndForwardedToOrigin", "EnableAcceptEncoding"+enc)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	a := plan(t)
	page := a.one(t, "cityflow-web", "AWS::CloudFront::ResponseHeadersPolicy", "ResponseHeadersPolicyConfig.Name=cityflow-page").json()
	for _, want := range []string{"connect-src 'self' https://api.cityflow.obaidmalik.co.uk https://dataplane.rum.eu-west-2.amazonaws.com https://cognito-identity.eu-west-2.amazonaws.com;", "frame-ancestors 'none'",
		`"FrameOption":"DENY"`, `"ContentTypeOptions":{"Override":true}`, `"AccessControlMaxAgeSec":31536000`, `"ReferrerPolicy":"no-referrer"`, "Permissions-Policy"} {
		if !strings.Contains(page, want) {
			t.Errorf("headers of the page lack %s: %s", want, page)
		}
	}
	files := a.one(t, "cityflow-web", "AWS::CloudFront::ResponseHeadersPolicy", "ResponseHeadersPolicyConfig.Name=cityflow-files").json()
	if !strings.Contains(files, "default-src 'none'") || !strings.Contains(files, "sandbox") {
		t.Errorf("headers of files: %s", files)
	}
}

func TestSiteCertificateIsInUsEast1(t *testing.T) {
	a := plan(t)
	c := a.one(t, "cityflow-edge", "AWS::CertificateManager::Certificate")
	c.want(t, "cityflow.obaidmalik.co.uk", "DomainName")
	c.want(t, []string{"skyraldemo.obaidmalik.co.uk"}, "SubjectAlternativeNames")
	c.want(t, "DNS", "ValidationMethod")
	for stack, region := range map[string]string{"cityflow-edge": "us-east-1", "cityflow-edge-observability": "us-east-1", "cityflow-web": "eu-west-2", "cityflow-api": "eu-west-2",
		"cityflow-jobs": "eu-west-2", "cityflow-dns": "eu-west-2", "cityflow-observability": "eu-west-2", "cityflow-pipeline": "eu-west-2"} {
		if got := dig(a.manifest, "artifacts", stack, "environment"); got != "aws://123456789012/"+region {
			t.Errorf("%s goes to %v, want %s", stack, got, region)
		}
	}
}

// call runs a CloudFront function on a request as CloudFront would.
func call(t *testing.T, source, host, uri string) map[string]any {
	t.Helper()
	vm := goja.New()
	if _, err := vm.RunString(source); err != nil {
		t.Fatalf("the function does not load: %v", err)
	}
	handler, ok := goja.AssertFunction(vm.Get("handler"))
	if !ok {
		t.Fatal("there is no handler")
	}
	event := map[string]any{"request": map[string]any{"method": "GET", "uri": uri, "querystring": map[string]any{"list-type": map[string]any{"value": "2"}},
		"headers": map[string]any{"host": map[string]any{"value": host}}}}
	out, err := handler(goja.Undefined(), vm.ToValue(event))
	if err != nil {
		t.Fatalf("%s%s: %v", host, uri, err)
	}
	return out.Export().(map[string]any)
}

func TestViewerFunction(t *testing.T) {
	c := config.Default()
	source := ViewerFunction(&c)
	for _, x := range []struct {
		host, uri string
		code      int64 // 0: goes on
		to        string
	}{
		{"cityflow.obaidmalik.co.uk", "/", 302, "/web/index.html"},
		{"cityflow.obaidmalik.co.uk", "/web", 302, "/web/index.html"},
		{"cityflow.obaidmalik.co.uk", "/web/", 302, "/web/index.html"},
		{"cityflow.obaidmalik.co.uk", "/web/index.html", 0, "/web/index.html"},
		{"cityflow.obaidmalik.co.uk", "/web/assets/index-a1b2.js", 0, "/web/assets/index-a1b2.js"},
		{"d111.cloudfront.net", "/", 302, "/web/index.html"},
		{"skyraldemo.obaidmalik.co.uk", "/", 301, "https://cityflow.obaidmalik.co.uk/web/index.html"},
		{"SkyralDemo.obaidmalik.co.uk", "/about/", 301, "https://cityflow.obaidmalik.co.uk/web/about.html"},
		{"skyraldemo.obaidmalik.co.uk", "/results", 301, "https://cityflow.obaidmalik.co.uk/web/jobs.html"},
		{"skyraldemo.obaidmalik.co.uk", "/simulate", 301, "https://cityflow.obaidmalik.co.uk/web/plan.html"},
		{"skyraldemo.obaidmalik.co.uk", "/docs", 301, "https://cityflow.obaidmalik.co.uk/web/api.html"},
		{"skyraldemo.obaidmalik.co.uk", "/_stcore/health", 301, "https://cityflow.obaidmalik.co.uk/web/index.html"},
		{"skyraldemo.obaidmalik.co.uk", "/web/plan.html", 301, "https://cityflow.obaidmalik.co.uk/web/plan.html"},
		{"skyraldemo.obaidmalik.co.uk", "/constructor", 301, "https://cityflow.obaidmalik.co.uk/web/index.html"},
		{"skyraldemo.obaidmalik.co.uk", "/__proto__", 301, "https://cityflow.obaidmalik.co.uk/web/index.html"},
	} {
		out := call(t, source, x.host, x.uri)
		code, _ := out["statusCode"].(int64)
		if code != x.code {
			t.Errorf("%s%s: %v, want %d", x.host, x.uri, out, x.code)
			continue
		}
		to := out["uri"]
		if code != 0 {
			to = dig(out, "headers", "location", "value")
		}
		if to != x.to {
			t.Errorf("%s%s goes to %v, want %s", x.host, x.uri, to, x.to)
		}
	}
	c.Domain.Old = ""
	if out := call(t, ViewerFunction(&c), "", "/x"); out["uri"] != "/x" {
		t.Errorf("without an old host, no host at all: %v", out)
	}
}

func TestFilesFunction(t *testing.T) {
	id := "abcdefghijklmnopqrstuvwxyz"[:24] + "27"
	for uri, want := range map[string]string{
		"/files/jobs/" + id + "/summary.json":      "/jobs/" + id + "/summary.json",
		"/files/jobs/" + id + "/scenario-gtfs.zip": "/jobs/" + id + "/scenario-gtfs.zip",
		"/files/jobs/" + id + "/run.log":           "/jobs/" + id + "/run.log",
		"/files/":                                  "",
		"/files":                                   "",
		"/files/jobs/":                             "",
		"/files/jobs/" + id:                        "",
		"/files/jobs/" + id + "/":                  "",
		"/files/jobs/" + id + "/../../runs/a.json": "",
		"/files/jobs/" + id + "/a/b.json":          "",
		"/files/jobs/" + id + "/%2e%2e":            "",
		"/files/jobs/short/summary.json":           "",
		"/files/pending/" + id:                     "",
		"/files/runs/" + id + ".json":              "",
		"/files/spend/2026-01-01.json":             "",
		"/files/reconcile/lease.json":              "",
		"/files/cities/index.json":                 "",
		"/files/jobs/" + id + "/summary.json\n":    "",
		"/tiles/newport.pmtiles":                   "/cities/newport/basemap.pmtiles",
		"/tiles/porto-alegre.pmtiles":              "/cities/porto-alegre/basemap.pmtiles",
		"/tiles/":                                  "",
		"/tiles/newport":                           "",
		"/tiles/newport.pmtiles/":                  "",
		"/tiles/../runs/a.pmtiles":                 "",
		"/tiles/a/b.pmtiles":                       "",
		"/tiles/%2e%2e.pmtiles":                    "",
		"/files/cities/newport/basemap.pmtiles":    "",
	} {
		out := call(t, FilesFunction(), "cityflow.obaidmalik.co.uk", uri)
		if want == "" {
			if out["statusCode"] != int64(404) {
				t.Errorf("%q passes: %v", uri, out)
			}
			continue
		}
		if out["uri"] != want {
			t.Errorf("%q becomes %v, want %s", uri, out["uri"], want)
		}
		if q := out["querystring"].(map[string]any); len(q) != 0 {
			t.Errorf("%q keeps its query %v", uri, q)
		}
	}
}

// TestFunctionsFit: CloudFront takes at most 10 KB, and its engine knows no
// modules and no clock that we should use.
func TestFunctionsFit(t *testing.T) {
	a := plan(t)
	fs := a.all("cityflow-web", "AWS::CloudFront::Function")
	if len(fs) != 2 {
		t.Fatalf("%d functions", len(fs))
	}
	for _, f := range fs {
		code := f.get("FunctionCode").(string)
		if len(code) > 10*1024 || strings.Contains(code, "__") && strings.Contains(code, "_HOST__") {
			t.Errorf("%s: %d bytes, or a host that was not filled in", f.ID, len(code))
		}
		f.want(t, "cloudfront-js-2.0", "FunctionConfig", "Runtime")
		f.want(t, true, "AutoPublish")
	}
}
