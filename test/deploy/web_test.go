//go:build slow

package deploy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/malikobaid/cityflow/internal/awstest"
)

func webRig(t *testing.T, name string) (*site, []string) {
	moto := cli(t)
	bucket := "cityflow-" + name
	client := s3.NewFromConfig(moto.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: awstest.Region}}); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, moto, bucket, name)
	s.serveJobs(t)
	return s, []string{"CITYFLOW_ENVIRONMENT=" + name, "CITYFLOW_VERSION=a"}
}

// fetch gives what a visitor gets.
func (s *site) fetch(t *testing.T, path string) (int, string, http.Header) {
	t.Helper()
	res, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

var loaded = regexp.MustCompile(`(?:src|href)="(/web/assets/[^"]+)"`)

// smoke passes the acceptance tests, where the rehearsal has an API.
func (s *site) smoke(t *testing.T, when string) {
	t.Helper()
	if s.api == "" {
		return
	}
	c := exec.CommandContext(t.Context(), program(t, "cityflow"), "smoke", "--web", s.url, "--api", s.api, "--aws", "--visits", "configured") // #nosec G204 -- of this test
	c.Env = environment(s.moto, "")
	out, err := c.CombinedOutput()
	if err != nil || bytes.Count(out, []byte("ok     ")) != 5 {
		t.Errorf("%s the acceptance tests say %v\n%s", when, err, out)
	}
	s.store.stop() // its job is known now, and answered at once
}

// whole checks that every page that is there, of whatever version, finds what
// it loads and its settings, and that the acceptance tests pass; it gives the
// version of the start page, "" if there is none.
func (s *site) whole(t *testing.T, when string) string {
	t.Helper()
	version := ""
	for _, page := range []string{"/web/index.html", "/web/plan.html"} {
		code, text, _ := s.fetch(t, page)
		if code != http.StatusOK {
			continue
		}
		if page == "/web/index.html" {
			version = regexp.MustCompile(`<title>(.*)</title>`).FindStringSubmatch(text)[1]
		}
		refs := loaded.FindAllStringSubmatch(text, -1)
		if len(refs) != 2 {
			t.Errorf("%s: %s loads %d files, want 2", when, page, len(refs))
		}
		for _, ref := range refs {
			if code, _, _ := s.fetch(t, ref[1]); code != http.StatusOK {
				t.Errorf("%s: %s loads %s, which answers %d", when, page, ref[1], code)
			}
		}
	}
	s.smoke(t, when)
	return version
}

func TestThePageIsDeployedAgainForNothing(t *testing.T) {
	s, more := webRig(t, "again")
	rec := awstest.NewRecorder(t, s.moto.URL)
	env := environment(s.moto, rec.URL, more...)
	dist := s.dist(t, "a")
	deploy(t, env, "web", dist)
	if v := s.whole(t, "after the first deploy"); v != "a" {
		t.Fatalf("the page is of version %q", v)
	}
	for path, want := range map[string]string{"/web/index.html": "public, max-age=60, s-maxage=300", "/web/assets/index-a.js": "public, max-age=31536000, immutable", "/web/config/site.json": "public, max-age=60"} {
		if _, _, h := s.fetch(t, path); h.Get("Cache-Control") != want {
			t.Errorf("%s may be kept %q, want %q", path, h.Get("Cache-Control"), want)
		}
	}
	if _, text, _ := s.fetch(t, "/web/config/site.json"); !strings.Contains(text, `"apiBaseUrl": "`+s.api+`"`) || !strings.Contains(text, `"filesBaseUrl": "/files"`) || !strings.Contains(text, `"app_monitor_id": "0`) {
		t.Errorf("site.json: %s", text)
	}
	rec.Reset()
	if out := deploy(t, env, "web", dist); !strings.Contains(out, "Page: 0 files sent, 0 addresses invalidated.") {
		t.Errorf("the second deploy says %s", out)
	}
	for _, c := range rec.Calls() {
		if c.Action != "ssm:GetParameters" && c.Action != "s3:ListBucket" {
			t.Errorf("the second deploy calls %s", c)
		}
	}
	s.whole(t, "after the second deploy")
}

// writes are the steps at which something outside changes.
func writes(c awstest.Call) bool {
	return c.Action == "s3:PutObject" || c.Action == "cloudfront:CreateInvalidation"
}

// TestAnInterruptedDeployLeavesAWorkingPage kills the script before each of its
// writes, one run for each; and runs it against a bucket that refuses each of
// them. Whatever is there then is whole, and the next deploy completes it; the
// version before comes back by deploying it.
func TestAnInterruptedDeployLeavesAWorkingPage(t *testing.T) {
	for _, how := range []string{"killed", "refused"} {
		t.Run(how, func(t *testing.T) {
			s, more := webRig(t, "broken-"+how)
			a, b := s.dist(t, "a"), s.dist(t, "b")
			rec := awstest.NewRecorder(t, s.moto.URL)
			env := environment(s.moto, rec.URL, more...)
			deploy(t, env, "web", a)
			rec.Reset()
			env = append(env, "CITYFLOW_VERSION=b")
			deploy(t, env, "web", b)
			s.whole(t, "deployed again")
			steps := 0
			for _, c := range rec.Calls() {
				if writes(c) {
					steps++
				}
			}
			if steps != 6 { // two assets, two pages, site.json, the invalidation
				t.Fatalf("a deploy writes %d times", steps)
			}
			before, next := "b", "c"
			seen := map[string]int{}
			for step := range steps {
				n := 0
				run := newScript(t, append(env, "CITYFLOW_VERSION="+next), "web", s.dist(t, next))
				rec.Hook(func(c awstest.Call) bool {
					if !writes(c) {
						return true
					}
					n++
					if n-1 != step {
						return n-1 < step
					}
					if how == "killed" {
						_ = run.kill()
					}
					return false
				})
				if err := run.Run(); err == nil {
					t.Fatalf("the deploy was not stopped at write %d", step+1)
				}
				rec.Hook(nil)
				v := s.whole(t, fmt.Sprintf("stopped at write %d", step+1))
				if v != before && v != next {
					t.Fatalf("stopped at write %d the page is of version %q, was %q, is to be %q", step+1, v, before, next)
				}
				seen[map[bool]string{true: "new", false: "old"}[v == next]]++
				// Assets of the stopped deploy lie there already: the next one
				// gets its own.
				before, next = v, next+"x"
			}
			// The next deploy completes what lies there, and the version before
			// all that comes back by being deployed.
			for _, dist := range []string{b, a} {
				want := map[string]string{a: "a", b: "b"}[dist]
				deploy(t, append(env, "CITYFLOW_VERSION="+want), "web", dist)
				if v := s.whole(t, "deployed"); v != want {
					t.Fatalf("deployed %q, which shows %q", want, v)
				}
			}
			if seen["old"] == 0 || seen["new"] == 0 {
				t.Errorf("stopped at %d writes the page was %v: the test does not reach both", steps, seen)
			}
		})
	}
}
