//go:build slow

package deploy

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/lambdatest"
	"github.com/malikobaid/cityflow/internal/testcity"
)

// store is what deploys leave alone: a bucket with a small city, a queue, and a
// worker that runs what it holds.
type store struct {
	bucket string
	env    []string // in which programs find it
	stop   func()   // ends the worker
}

// packs is a folder of one small compiled city, as `make build` leaves one of
// real ones.
func packs(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	built, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		t.Fatal(err)
	}
	defer built.Close()
	if err := catalog.Over(built).Add(t.Context(), testcity.Grid(testcity.Small())); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newStore publishes the city with the command of operators and starts a
// worker, which ends with the test.
func newStore(t testing.TB, moto *awstest.Server) *store {
	t.Helper()
	s := &store{bucket: moto.Bucket(t)}
	s.env = append(moto.Env(""), "CITYFLOW_STORE="+moto.BucketURL(s.bucket, ""), "CITYFLOW_QUEUE="+moto.Queue(t, 100), "CITYFLOW_LEASE=15s")
	c := exec.CommandContext(t.Context(), program(t, "cityflow"), "city", "publish", "--packs", packs(t)) // #nosec G204 -- of this test
	c.Env = append(environment(moto, ""), s.env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var said bytes.Buffer
	worker := exec.Command(program(t, "cityflow"), "worker") // #nosec G204 -- of this test
	worker.Dir, worker.Env, worker.Stdout, worker.Stderr = t.TempDir(), append(environment(moto, ""), s.env...), &said, &said
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	s.stop = sync.OnceFunc(func() {
		_ = worker.Process.Signal(syscall.SIGTERM)
		if err := worker.Wait(); err != nil || t.Failed() {
			t.Logf("the worker ended with %v\n%s", err, said.String())
		}
	})
	t.Cleanup(s.stop)
	return s
}

// serveJobs gives a site a store and the real API before it.
func (s *site) serveJobs(t testing.TB) {
	t.Helper()
	s.store = newStore(t, s.moto)
	var said bytes.Buffer
	f, err := lambdatest.Start(lambdatest.Config{Name: "cityflow-api", Bootstrap: program(t, "lambda-api"), Stage: "prod", Stderr: &said,
		Env: append(s.store.env, "CITYFLOW_SECRET_PARAMETER="+s.moto.Parameter(t, strings.Repeat("s", 40)), "CITYFLOW_FILES_BASE="+s.url+"/files",
			"CITYFLOW_RATE_SUBMIT=none", "CITYFLOW_RATE_READ=none")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil || t.Failed() {
			t.Logf("the API ended with %v\n%s", err, said.String())
		}
	})
	s.api = serve(t, f)
	setting(t, s.moto, s.environment, "api-base", s.api)
}

// link puts a file where a package of the deploy is looked for.
func link(t testing.TB, from string, to ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", `mkdir -p "$(dirname "$1")" && ln -sfn "$0" "$1"`, from, filepath.Join(to...)).CombinedOutput(); err != nil { // #nosec G204
		t.Fatalf("%v\n%s", err, out)
	}
}
