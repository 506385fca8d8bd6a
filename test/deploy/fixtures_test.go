//go:build slow

package deploy

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/malikobaid/cityflow/internal/awstest"
)

// site is a bucket of pages with CloudFront's part before it.
type site struct {
	moto        *awstest.Server
	bucket      string
	environment string
	url         string
	// store, if set, has the files of jobs, and api is where the page's API is.
	store *store
	api   string
}

// newSite makes the parameters that the stacks leave for the script.
func newSite(t testing.TB, moto *awstest.Server, bucket, environment string) *site {
	t.Helper()
	s := &site{moto: moto, bucket: bucket, environment: environment}
	for name, value := range map[string]string{"web-bucket": bucket, "distribution": distribution(t, moto), "api-base": "https://api.cityflow.obaidmalik.co.uk",
		"rum": `{"app_monitor_id":"00000000-0000-0000-0000-000000000000","endpoint":"https://dataplane.rum.eu-west-2.amazonaws.com","identity_pool_id":"eu-west-2:00000000-0000-0000-0000-000000000000","region":"eu-west-2","sample_rate":1}`} {
		setting(t, moto, environment, name, value)
	}
	client := s3.NewFromConfig(moto.Config(), func(o *s3.Options) { o.UsePathStyle, o.DisableLogOutputChecksumValidationSkipped = true, true })
	s.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if key == "" || key == "web" {
			http.Redirect(w, r, "/web/index.html", http.StatusFound)
			return
		}
		bucket := s.bucket
		if file, ok := strings.CutPrefix(key, "files/"); ok && s.store != nil {
			bucket, key = s.store.bucket, file
		}
		obj, err := client.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			http.Error(w, "AccessDenied", http.StatusForbidden)
			return
		}
		defer obj.Body.Close()
		w.Header().Set("Content-Type", *obj.ContentType)
		if obj.CacheControl != nil {
			w.Header().Set("Cache-Control", *obj.CacheControl)
		}
		_, _ = io.Copy(w, obj.Body)
	}))
	return s
}

// distribution makes one in moto, whose invalidations are then counted.
func distribution(t testing.TB, moto *awstest.Server) string {
	t.Helper()
	config := `{"CallerReference":"` + t.Name() + fmt.Sprint(time.Now().UnixNano()) + `","Comment":"","Enabled":true,"Origins":{"Quantity":1,"Items":[{"Id":"o","DomainName":"b.s3.amazonaws.com","S3OriginConfig":{"OriginAccessIdentity":""}}]},` +
		`"DefaultCacheBehavior":{"TargetOriginId":"o","ViewerProtocolPolicy":"redirect-to-https","MinTTL":0,"ForwardedValues":{"QueryString":false,"Cookies":{"Forward":"none"}}}}`
	return aws(t, environment(moto, ""), "cloudfront", "create-distribution", "--distribution-config", config, "--query", "Distribution.Id", "--output", "text")
}

// dist is a built page of a version: two pages that load an asset each, one
// more asset that versions share, and settings.
func (s *site) dist(t testing.TB, version string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"config/site.json": `{"apiBaseUrl":"","filesBaseUrl":"/files","featureFlags":{},"rum":null,"version":""}`,
		"favicon.svg":      "<svg/>", "results.html": "<!doctype html><p>Results</p>", "assets/shared-0000.js": "shared()",
	}
	for _, page := range []string{"index", "plan"} {
		files["assets/"+page+"-"+version+".js"] = page + "('" + version + "')"
		files[page+".html"] = `<!doctype html><title>` + version + `</title><nav><a href="/web/plan.html">Plan</a></nav><script src="/web/assets/` +
			page + "-" + version + `.js"></script><script src="/web/assets/shared-0000.js"></script>`
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// code is a function in moto as the stack makes it: a placeholder with the
// alias at $LATEST.
type code struct {
	moto *awstest.Server
	name string
	// url is moto for everything but invocations, which moto cannot run:
	// invoke answers them.
	url    string
	invoke http.HandlerFunc
}

func newCode(t testing.TB, moto *awstest.Server, name string) *code {
	t.Helper()
	c := &code{moto: moto, name: name, invoke: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }}
	target, err := url.Parse(moto.URL)
	if err != nil {
		t.Fatal(err)
	}
	rest := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	c.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocations") {
			c.invoke(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	}))
	env := environment(moto, "")
	role := aws(t, env, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", "{}", "--query", "Role.Arn", "--output", "text")
	aws(t, env, "lambda", "create-function", "--function-name", name, "--runtime", "provided.al2023", "--handler", "bootstrap", "--architectures", "arm64",
		"--role", role, "--zip-file", "fileb://"+c.zip(t, "placeholder"))
	// moto remembers that nothing changed since a version was made from the
	// second version on: the placeholder is the first.
	aws(t, env, "lambda", "publish-version", "--function-name", name)
	aws(t, env, "lambda", "create-alias", "--function-name", name, "--name", "live", "--function-version", "$LATEST")
	return c
}

// zip is an archive with a bootstrap of some text.
func (c *code) zip(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "code.zip")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// live is the version that the alias names.
func (c *code) live(t testing.TB) string {
	t.Helper()
	name := "live"
	out, err := lambda.NewFromConfig(c.moto.Config()).GetAlias(context.Background(), &lambda.GetAliasInput{FunctionName: &c.name, Name: &name})
	if err != nil {
		t.Error(err)
		return ""
	}
	return *out.FunctionVersion
}

// hash is the digest of a version's code.
func (c *code) hash(t testing.TB, version string) string {
	t.Helper()
	out, err := lambda.NewFromConfig(c.moto.Config()).GetFunctionConfiguration(context.Background(), &lambda.GetFunctionConfigurationInput{FunctionName: &c.name, Qualifier: &version})
	if err != nil {
		t.Error(err)
		return ""
	}
	return *out.CodeSha256
}

func (c *code) versions(t testing.TB) string {
	return aws(t, environment(c.moto, ""), "lambda", "list-versions-by-function", "--function-name", c.name, "--query", "Versions[].Version", "--output", "text")
}

// images are the registry that gets the pushes, and the parts of ECR and ECS
// that the script of the worker changes. moto's ECR keeps manifests and takes
// no pushes, so each pushed manifest is put into it as ECR itself would have it.
type images struct {
	moto     *awstest.Server
	registry string
}

func newImages(t testing.TB, moto *awstest.Server) *images {
	t.Helper()
	env := environment(moto, "")
	aws(t, env, "ecr", "create-repository", "--repository-name", "cityflow-worker")
	t.Cleanup(func() { // its name is the plan's, so tests take turns
		dir, _ := quick()
		c := exec.Command(filepath.Join(dir, "aws"), "ecr", "delete-repository", "--repository-name", "cityflow-worker", "--force") // #nosec G204 -- of this test
		c.Env = env
		if out, err := c.CombinedOutput(); err != nil && !bytes.Contains(out, []byte("RepositoryNotFoundException")) {
			t.Errorf("delete the repository of images: %v\n%s", err, out)
		}
	})
	aws(t, env, "ecs", "register-task-definition", "--family", "cityflow-worker", "--cpu", "1024", "--memory", "2048", "--network-mode", "awsvpc",
		"--task-role-arn", "arn:aws:iam::"+account+":role/cityflow-worker-task", "--execution-role-arn", "arn:aws:iam::"+account+":role/cityflow-worker-execution", "--tags", "key=app,value=cityflow", "--requires-compatibilities", "FARGATE", "--container-definitions",
		`[{"name":"cityflow-worker","image":"`+account+`.dkr.ecr.eu-west-2.amazonaws.com/cityflow-worker:live","command":["worker","--task"],"readonlyRootFilesystem":true}]`)
	return &images{moto, registry(t)}
}

// registry starts one that is empty; it ends with the test.
func registry(t testing.TB) string {
	t.Helper()
	c := exec.Command(program(t, "registry")) // #nosec G204 -- of this test
	hold, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hold.Close(); _ = c.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// layout builds an image of a version, of small programs.
func (i *images) layout(t testing.TB, version string) string {
	t.Helper()
	return imageOf(t, version, map[string]string{"amd64": program(t, "other-amd64"), "arm64": program(t, "other-arm64")})
}

// imageOf builds an image of two programs, by architecture.
func imageOf(t testing.TB, version string, programs map[string]string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image")
	c := exec.CommandContext(t.Context(), program(t, "ship"), "image", "-version", version, "-out", out, "-amd64", programs["amd64"], "-arm64", programs["arm64"], "-roots", roots(t)) // #nosec G204
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func roots(t testing.TB) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/crypto/x509roots/fallback")
	c.Dir = filepath.Join(root, "infra")
	b, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(b)), "bundle.der")
}

// inECR gives the reference of a pushed image, and tells moto's ECR about it.
func (i *images) inECR(t testing.TB, tag string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+i.registry+"/v2/cityflow-worker/manifests/"+tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s %v", res.StatusCode, b, err)
	}
	digest := res.Header.Get("Docker-Content-Digest")
	known := aws(t, environment(i.moto, ""), "ecr", "list-images", "--repository-name", "cityflow-worker", "--query", "imageIds[].imageDigest", "--output", "text")
	if !strings.Contains(known, digest) {
		aws(t, environment(i.moto, ""), "ecr", "put-image", "--repository-name", "cityflow-worker", "--image-tag", tag, "--image-manifest", string(b),
			"--image-manifest-media-type", "application/vnd.oci.image.index.v1+json", "--image-digest", digest)
	}
	return i.registry + "/cityflow-worker@" + digest
}

// tags are those that were pushed.
func (i *images) tags(t testing.TB) []string {
	t.Helper()
	res, err := http.Get("http://" + i.registry + "/v2/cityflow-worker/tags/list")
	if err != nil {
		t.Error(err)
		return nil
	}
	defer res.Body.Close()
	var list struct{ Tags []string }
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		t.Error(err)
	}
	return list.Tags
}

// revision is what tasks would run now.
func (i *images) revision(t testing.TB) (n int, image string, whole map[string]any) {
	t.Helper()
	out := aws(t, environment(i.moto, ""), "ecs", "describe-task-definition", "--task-definition", "cityflow-worker", "--include", "TAGS", "--output", "json")
	var all struct {
		TaskDefinition json.RawMessage
		Tags           any
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	var d struct {
		Revision             int
		ContainerDefinitions []struct{ Image string }
	}
	if err := json.Unmarshal(all.TaskDefinition, &d); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(all.TaskDefinition, &whole)
	whole["tags"] = all.Tags
	return d.Revision, d.ContainerDefinitions[0].Image, whole
}
