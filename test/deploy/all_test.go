//go:build slow

package deploy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/malikobaid/cityflow/internal/awstest"
)

// everything is a deployment whose stacks are there and nothing else yet.
type everything struct {
	*site
	api       *running
	images    *images
	rec       *awstest.Recorder
	env       []string
	reconcile *code
}

// newEverything gives it names with a word of its own.
func newEverything(t *testing.T, word string) *everything {
	t.Helper()
	moto := cli(t)
	web := "cityflow-" + word + "-web"
	client := s3.NewFromConfig(moto.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &web,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: awstest.Region}}); err != nil {
		t.Fatal(err)
	}
	w := &everything{site: newSite(t, moto, web, word), images: newImages(t, moto)}
	w.store = newStore(t, moto)
	w.api = newRunning(t, moto, "cityflow-"+word+"-api", w.site)
	w.site.api = serve(t, w.api)
	setting(t, moto, word, "api-base", w.site.api)
	w.reconcile = newCode(t, moto, "cityflow-"+word+"-reconciler")
	// moto's ECR takes no pushes: it hears of each when it is asked.
	target, err := url.Parse(w.reconcile.url)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	w.rec = awstest.NewRecorder(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchGetImage") {
			b, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(b)))
			for _, tag := range w.images.tags(t) {
				w.images.inECR(t, tag)
			}
		}
		through.ServeHTTP(rw, r)
	})))
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte(`account: "`+account+`"
environment: `+word+`
names: {web_bucket: `+web+`, artifacts_bucket: `+w.store.bucket+`, function: `+w.api.name+`, logs_bucket: cityflow-`+word+`-logs, queue: cityflow-`+word+`-jobs, dead_letters: cityflow-`+word+`-jobs-dlq,
  reconciler: `+w.reconcile.name+`}
api: {openai: false}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = environment(moto, w.rec.URL, "CITYFLOW_CONFIG="+config, "CITYFLOW_REGISTRY="+w.images.registry, "CITYFLOW_STORE="+moto.BucketURL(w.store.bucket, w.rec.URL),
		"CITYFLOW_SITE_URL="+w.url, "CITYFLOW_CANARY_PAUSE=0", "CITYFLOW_CANARY_TRIES=4", "CITYFLOW_SMOKE_TRIES=1", "CITYFLOW_VERSION=test")
	return w
}

// packages are what `make build lambda image` leaves, of a version.
func (w *everything) packages(t *testing.T, version, api string) []string {
	t.Helper()
	return slices.Concat(w.env, []string{"CITYFLOW_PACKAGES=" + w.checkout(t, version, api)})
}

// checkout is a folder with what was built of a version.
func (w *everything) checkout(t *testing.T, version, api string) string {
	t.Helper()
	dir := t.TempDir()
	link(t, w.api.archive(t, api), dir, "build", "lambda-api.zip")
	link(t, w.reconcile.zip(t, version), dir, "build", "lambda-reconciler.zip")
	link(t, w.images.layout(t, version), dir, "build", "image")
	link(t, filepath.Join(packs(t), "cities"), dir, "build", "cities")
	link(t, w.dist(t, version), dir, "web", "dist")
	link(t, program(t, "cityflow"), dir, "bin", "cityflow")
	return dir
}

// changes are the calls so far that changed what is deployed.
func (w *everything) changes() []string {
	var out []string
	for _, c := range w.rec.Calls() {
		if regexp.MustCompile(`^(s3:(Put|Delete)Object arn:aws:s3:::cityflow-all-web|cloudfront:Create|lambda:Update|ec[rs]:(Put|Register)|ssm:Put)`).MatchString(c.String()) {
			out = append(out, c.String())
		}
	}
	return out
}

// TestOneCommandShipsEverything: the whole of CityFlow but its stacks, which
// need CloudFormation: first, again for nothing, looked at before, stopped in
// every part, completed, rolled back. The script passes the acceptance tests at
// its end, and they pass wherever it was stopped.
func TestOneCommandShipsEverything(t *testing.T) {
	w := newEverything(t, "all")
	one, two := w.packages(t, "v1", program(t, "lambda-api")), w.packages(t, "v2", variant(t))

	out := deploy(t, one, "all", "--code-only")
	order := []string{"/cityflow/all/secret is set", "cityflow-worker: revision", "cityflow-all-reconciler: version 2 is live", "cityflow-all-api: version 2 is live", "Page: ", "ok     5", "CityFlow is at " + w.url}
	for i, at := 0, 0; i < len(order); i++ {
		n := strings.Index(out[at:], order[i])
		if n < 0 {
			t.Fatalf("%q is missing, or comes too early:\n%s", order[i], out)
		}
		at += n
	}
	if n := strings.Count(out, "ok     "); n != 5 {
		t.Errorf("%d acceptance tests:\n%s", n, out)
	}
	w.store.stop()

	w.rec.Reset()
	if out := deploy(t, one, "all", "--code-only"); strings.Count(out, "ok     ") != 5 {
		t.Errorf("the second deploy says %s", out)
	}
	if c := w.changes(); len(c) != 0 {
		t.Errorf("the second deploy changes %v", c)
	}

	out = deploy(t, two, "all", "--code-only", "--dry-run")
	for _, want := range []string{"tasks would run sha256:", "cityflow-all-reconciler: new code would follow version 2", "cityflow-all-api: new code would follow version 2", "/web/index.html", "/web/assets/index-v2.js", "Nothing was changed"} {
		if !strings.Contains(out, want) {
			t.Errorf("looked at before, it does not say %q:\n%s", want, out)
		}
	}
	if c := w.changes(); len(c) != 0 {
		t.Errorf("a look changes %v", c)
	}

	stopped := 0
	for _, at := range []string{"ecs:RegisterTaskDefinition", "lambda:UpdateAlias", "s3:PutObject"} {
		run := newScript(t, two, "all", "--code-only")
		w.rec.Hook(func(c awstest.Call) bool {
			if c.Action != at || c.Action == "s3:PutObject" && !strings.Contains(c.Resource, "cityflow-all-web") {
				return true
			}
			_ = run.kill()
			return false
		})
		if err := run.Run(); err == nil {
			t.Errorf("not stopped at %s", at)
		} else {
			stopped++
		}
		w.rec.Hook(nil)
		if v := w.whole(t, "stopped at "+at); v != "v1" {
			t.Errorf("stopped at %s the page is of version %q", at, v)
		}
	}
	if stopped != 3 {
		t.Errorf("stopped %d times", stopped)
	}
	if out := deploy(t, two, "all", "--code-only"); strings.Count(out, "ok     ") != 5 || w.whole(t, "completed") != "v2" {
		t.Errorf("completed: %s", out)
	}
	if out := deploy(t, one, "all", "--code-only"); strings.Count(out, "ok     ") != 5 || w.whole(t, "rolled back") != "v1" || w.api.hash(t, w.api.live(t)) != digest(t, filepath.Join(strings.TrimPrefix(one[len(one)-1], "CITYFLOW_PACKAGES="), "build", "lambda-api.zip")) {
		t.Errorf("rolled back: %s", out)
	}
	_, image, _ := w.images.revision(t)
	if tags := w.images.tags(t); len(tags) != 2 || !slices.ContainsFunc(tags, func(tag string) bool { return w.images.inECR(t, tag) == image }) {
		t.Errorf("of the images %v tasks run %s", tags, image)
	}
}

// TestOneCommandSaysAllThatIsMissing: config, credentials, tools and packages in
// one answer, and nothing begun.
func TestOneCommandSaysAllThatIsMissing(t *testing.T) {
	moto := cli(t)
	rec := awstest.NewRecorder(t, moto.URL)
	config := filepath.Join(t.TempDir(), "config.yaml")
	says := func(text, path string, args []string, more []string, wants ...string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env := environment(moto, rec.URL, append([]string{"CITYFLOW_CONFIG=" + config, "CITYFLOW_PACKAGES=" + t.TempDir()}, more...)...)
		if path != "" {
			env = append(env, "PATH="+path)
		}
		out := fails(t, env, "all", args...)
		wants = append(wants, fmt.Sprintf("nothing was begun, %d things are missing", len(wants)))
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
		for _, c := range rec.Calls() {
			if c.Action != "sts:GetCallerIdentity" && c.Action != "ssm:GetParameter" && c.Action != "lambda:GetAccountSettings" {
				t.Errorf("it calls %s", c)
			}
		}
		rec.Reset()
	}
	bare := bin(t, "bash", "dirname", "mktemp", "rm", "sed", "tail", "cat", "python3", "git")
	says("account: \"12\"\napi: {memory_mb: 1}\nweb: {price_class: cheap}\n", bare+":"+goBin(t), []string{"--check"}, nil,
		"account: ", "api.memory_mb: ", "web.price_class: ", "no program aws", "no program node", "no program npm", "no program openssl", "no program curl")
	says("account: \"210987654321\"\n", "", []string{"--check"}, []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1"}, "no credentials that AWS accepts")
	says("account: \"210987654321\"\n", "", []string{"--check"}, nil, "these credentials are of account 123456789012, "+config+" names 210987654321")
	says("environment: nowhere\napi: {tokens: true, private: true}\n", "", nil, nil, "api.private is true and CITYFLOW_TOKEN is not set", "is not prepared in eu-west-2: scripts/deploy/bootstrap", "is not prepared in us-east-1: scripts/deploy/bootstrap",
		"/cityflow/nowhere/openai-api-key does not exist", "/cityflow/nowhere/token-hashes does not exist", "build/lambda-api.zip is not built", "build/lambda-reconciler.zip is not built",
		"build/image/index.json is not built", "web/dist/index.html is not built", "build/cities/index.json is not built", "bin/cityflow is not built")
	says("environment: nowhere\napi: {openai: false}\n", "", []string{"--check", "--code-only"}, nil, "the stacks are not deployed")
	// An account that may run few functions at once cannot reserve one.
	quick, err := quick()
	if err != nil {
		t.Fatal(err)
	}
	small := t.TempDir()
	note := "#!/bin/sh\n[ \"$2\" != get-account-settings ] || { echo 10; exit; }\nexec '" + filepath.Join(quick, "aws") + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(small, "aws"), []byte(note), 0o700); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
	few := small + string(os.PathListSeparator) + searchPath()
	prepared := []string{"is not prepared in eu-west-2: scripts/deploy/bootstrap", "is not prepared in us-east-1: scripts/deploy/bootstrap"}
	says("environment: nowhere\napi: {openai: false}\n", few, []string{"--check"}, nil, append(prepared, "may run 10 functions at once, too few to reserve one: set jobs.reserve_concurrency: false")...)
	says("environment: nowhere\napi: {openai: false}\njobs: {reserve_concurrency: false}\n", few, []string{"--check"}, nil, prepared...)
	// Away from loopback the example counts as not filled in.
	says("region: eu-west-2\n", "", []string{"--check"}, []string{"AWS_ENDPOINT_URL=", "AWS_ENDPOINT_URL_STS=" + rec.URL, "AWS_ENDPOINT_URL_SSM=" + rec.URL}, "account: 123456789012, want your own", "domain.zone_id: Z0EXAMPLE")
}

// bin is a folder of some of this machine's programs and no others.
func bin(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		for _, from := range filepath.SplitList(os.Getenv("PATH")) {
			if p := filepath.Join(from, n); isFile(p) {
				link(t, p, dir, n)
				break
			}
		}
	}
	return dir
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func goBin(t *testing.T) string {
	t.Helper()
	return bin(t, "go", "env", "sha256sum")
}
