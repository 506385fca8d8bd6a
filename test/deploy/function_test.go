//go:build slow

package deploy

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/lambdatest"
)

// running is the function behind its gateway: the real program as it lies in
// the archive that the alias names at this moment. moto keeps archives and
// versions and runs nothing.
type running struct {
	*code
	t       *testing.T
	env     []string
	byHash  map[string]string // digest of an archive -> its program
	process *lambdatest.Function
	version string
}

// newRunning is a function of a site's store.
func newRunning(t *testing.T, moto *awstest.Server, name string, s *site) *running {
	r := &running{code: newCode(t, moto, name), t: t, byHash: map[string]string{}, version: "$LATEST"}
	r.env = append(s.store.env, "CITYFLOW_SECRET_PARAMETER="+moto.Parameter(t, strings.Repeat("s", 40)), "CITYFLOW_FILES_BASE="+s.url+"/files",
		"CITYFLOW_RATE_SUBMIT=none", "CITYFLOW_RATE_READ=none")
	t.Cleanup(r.stop)
	return r
}

func (r *running) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	live := r.live(r.t)
	if live != r.version {
		hash := r.hash(r.t, live)
		r.stop()
		f, err := lambdatest.Start(lambdatest.Config{Name: r.name, Bootstrap: r.byHash[hash], Env: r.env, Stage: "prod", Timeout: 29 * time.Second, Stderr: &bytes.Buffer{}})
		if err != nil {
			r.t.Error(err)
			http.Error(w, "", http.StatusBadGateway)
			return
		}
		r.process, r.version = f, live
	}
	r.process.ServeHTTP(w, req)
}

func (r *running) stop() {
	if r.process != nil {
		_ = r.process.Close()
		r.process = nil
	}
}

// archive packs a program as `make lambda` does.
func (r *running) archive(t *testing.T, bin string) string {
	t.Helper()
	dir := t.TempDir()
	b, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), b, 0o700); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
	out := filepath.Join(dir, "code.zip")
	c := exec.CommandContext(t.Context(), program(t, "lambda-zip"), "-o", out, filepath.Join(dir, "bootstrap")) // #nosec G204 -- of this test
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	r.byHash[digest(t, out)] = filepath.Join(dir, "bootstrap")
	return out
}

func digest(t *testing.T, file string) string {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), "sh", "-c", `openssl dgst -sha256 -binary "$0" | base64`, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// TestAFunctionIsDeployedCheckedAndRolledBack: the real API, twice; code that
// cannot start, which goes back by itself; a deploy stopped half way.
func TestAFunctionIsDeployedCheckedAndRolledBack(t *testing.T) {
	moto := cli(t)
	name := "cityflow-api-rehearsed"
	s := newSite(t, moto, moto.Bucket(t), "function")
	s.store = newStore(t, moto)
	r := newRunning(t, moto, name, s)
	s.api = serve(t, r)
	setting(t, moto, s.environment, "api-base", s.api)
	deploy(t, environment(moto, "", "CITYFLOW_ENVIRONMENT="+s.environment, "CITYFLOW_VERSION=test"), "web", s.dist(t, "a"))
	health := s.api + "/v1/health"
	env := environment(moto, "", "CITYFLOW_CANARY_PAUSE=0", "CITYFLOW_CANARY_TRIES=4")

	good := r.archive(t, program(t, "lambda-api"))
	if out := deploy(t, env, "function", name, good, health); !strings.Contains(out, "version 2 is live (before: $LATEST)") {
		t.Fatalf("%s", out)
	}
	s.smoke(t, "after the first deploy")
	if out := deploy(t, env, "function", name, good, health); !strings.Contains(out, "version 2 is live already") || r.versions(t) != "$LATEST\t1\t2" {
		t.Errorf("the same again: %s, versions %s", out, r.versions(t))
	}
	s.smoke(t, "after the second deploy")

	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
	broken := r.archive(t, bad)
	if out := fails(t, env, "function", name, broken, health); !strings.Contains(out, "failed its check") || !strings.Contains(out, "version 2 is live again") {
		t.Errorf("code that cannot start: %s", out)
	}
	if v := r.live(t); v != "2" {
		t.Errorf("version %s is live, want 2", v)
	}
	s.smoke(t, "after code that cannot start")
	// A deploy that was stopped between alias and check: the next one looks.
	alias := func(version string) {
		aws(t, env, "lambda", "update-alias", "--function-name", name, "--name", "live", "--function-version", version)
	}
	alias("3")
	if out := fails(t, env, "function", name, broken, health); !strings.Contains(out, "version 3 of "+name+" is live already and fails its check") {
		t.Errorf("broken code that is live: %s", out)
	}
	alias("2")
	// New settings must not carry the code that failed with them.
	if out := fails(t, env, "function", name, "--settings", health); !strings.Contains(out, "the newest code is not the live one") {
		t.Errorf("settings over failed code: %s", out)
	}

	// Stopped before each of its writes: whatever is live answers.
	other := r.archive(t, variant(t))
	rec := awstest.NewRecorder(t, r.url)
	stopped := environment(moto, rec.URL, "CITYFLOW_CANARY_PAUSE=0", "CITYFLOW_CANARY_TRIES=4")
	for _, at := range []string{"lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:UpdateAlias"} {
		run := newScript(t, stopped, "function", name, other, health)
		rec.Hook(func(c awstest.Call) bool {
			if c.Action == at {
				_ = run.kill()
			}
			return c.Action != at
		})
		if err := run.Run(); err == nil {
			t.Errorf("not stopped at %s", at)
		}
		if v := r.live(t); v != "2" {
			t.Errorf("stopped at %s: version %s", at, v)
		}
		s.smoke(t, "stopped at "+at)
	}
	rec.Hook(nil)
	if out := deploy(t, stopped, "function", name, other, health); !strings.Contains(out, "is live (before: 2)") {
		t.Errorf("%s", out)
	}
	s.smoke(t, "completed")
	// Back to the code before: the same script with the same archive.
	deploy(t, env, "function", name, good, health)
	if hash := r.hash(t, r.live(t)); hash != digest(t, good) {
		t.Errorf("rolled back, the live code is %s", hash)
	}
	s.smoke(t, "rolled back")
}

// variant is the real program with other bytes: one more at its end, which
// nobody reads.
func variant(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(program(t, "lambda-api"))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "lambda-api")
	if err := os.WriteFile(bin, append(b, 0), 0o700); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
	return bin
}

// TestTheReconcilerIsCheckedByACall: its check is one invocation.
func TestTheReconcilerIsCheckedByACall(t *testing.T) {
	moto := cli(t)
	c := newCode(t, moto, "cityflow-reconciler-rehearsed")
	env := environment(moto, c.url, "CITYFLOW_CANARY_PAUSE=0", "CITYFLOW_CANARY_TRIES=4")
	if out := deploy(t, env, "function", c.name, c.zip(t, "one"), "invoke"); !strings.Contains(out, "version 2 is live") {
		t.Fatal(out)
	}
	c.invoke = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		fmt.Fprint(w, `{"errorMessage":"no"}`)
	}
	if out := fails(t, env, "function", c.name, c.zip(t, "two"), "invoke"); !strings.Contains(out, "version 2 is live again") || c.live(t) != "2" {
		t.Errorf("%s, live %s", out, c.live(t))
	}
}
