//go:build slow

package deploy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/lambdatest"
	"github.com/malikobaid/cityflow/spec"
)

// TestTheImageRunsAJob unpacks the worker's image and runs it as Fargate does:
// its own root, read-only but for /tmp, as the user of the image, without
// rights, with the command and the environment of the task definition. It
// completes a job between the real API, S3 and SQS.
func TestTheImageRunsAJob(t *testing.T) {
	moto := cli(t)
	if os.Getuid() != 0 {
		missing(t, "only root may change its root")
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "true").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("no mounts of one's own here: %v %s", err, out))
	}
	r := &calls{T: t, moto: moto, recorders: map[string]*awstest.Recorder{}}
	bucket := moto.Bucket(t)
	r.open(bucket)
	r.publishTo(bucket)
	queue := moto.Queue(t, 20)
	api := serve(t, r.function(lambdatest.Config{Name: "cityflow-api", Bootstrap: program(t, "lambda-api"), Stage: "prod",
		Env: append(moto.Env(""), "CITYFLOW_STORE="+moto.BucketURL(bucket, ""), "CITYFLOW_QUEUE="+queue, "CITYFLOW_SECRET_PARAMETER="+moto.Parameter(t, strings.Repeat("s", 40)))}))
	var cities []spec.CityInfo
	r.ask("GET", api+"/v1/cities", "", &cities)
	var sub spec.Submitted
	r.ask("POST", api+"/v1/submit", fmt.Sprintf(`{"city":%q,"agents":300,"replications":2}`, cities[0].Slug), &sub)

	root, config := unpacked(t, workerLayout(t))
	if config.User != "65532:65532" || strings.Join(config.Entrypoint, " ") != "/cityflow" || strings.Join(config.Cmd, " ") != "worker --task" {
		t.Fatalf("the image runs %v %v as %q", config.Entrypoint, config.Cmd, config.User)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	// Everything inside the braces is in mounts of its own, which end with it.
	const enter = `set -e
mount --make-rprivate /
mount --bind "$0" "$0"
mount -t tmpfs -o mode=1777 tmpfs "$0/tmp"
mount -o remount,bind,ro "$0"
if touch "$0/written" 2>/dev/null; then echo "the root can be written to"; exit 9; fi
exec chroot --userspec="$1" "$0" "$2" worker --task --task-idle 3m --task-paid 3m`
	task := exec.CommandContext(ctx, "unshare", "--mount", "sh", "-c", enter, root, config.User, config.Entrypoint[0]) // #nosec G204 -- of this test
	task.Env = append(append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, config.Env...), moto.Env("")...)
	task.Env = append(task.Env, "CITYFLOW_STORE="+moto.BucketURL(bucket, ""), "CITYFLOW_QUEUE="+queue, "CITYFLOW_LEASE=15s")
	var said bytes.Buffer
	task.Stdout, task.Stderr = &said, &said
	if err := task.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- task.Wait() }()
	for {
		var st spec.Status
		if r.ask("GET", api+"/v1/status/"+sub.JobID, "", &st); st.State == spec.Complete && len(st.Artifacts) >= 5 {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("%v, the job is %+v\n%s", err, st, said.String())
		case <-time.After(200 * time.Millisecond):
		}
	}
	// Fargate's way to end a task: a signal, at which it leaves in peace.
	if err := task.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("stopped, it ended with %v\n%s", err, said.String())
	}
}

// workerLayout builds the image with the real program for this machine; the
// other architecture, which cannot run here, gets a small one.
func workerLayout(t *testing.T) string {
	t.Helper()
	both := map[string]string{"amd64": program(t, "other-amd64"), "arm64": program(t, "other-arm64")}
	both[runtime.GOARCH] = program(t, "cityflow")
	return imageOf(t, "v0.0.0", both)
}

type imageConfig struct {
	User                 string
	Env, Entrypoint, Cmd []string
}

// unpacked lays the files of an OCI layout's image for this machine out, as an
// engine would, and gives its config.
func unpacked(t *testing.T, layout string) (string, imageConfig) {
	t.Helper()
	read := func(digest string, into any) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(layout, "blobs", strings.Replace(digest, ":", "/", 1))) // #nosec G304
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type descriptor struct {
		Digest, MediaType string
		Platform          struct{ Architecture string }
	}
	type manifest struct {
		Manifests, Layers []descriptor
		Config            descriptor
	}
	b, err := os.ReadFile(filepath.Join(layout, "index.json")) // #nosec G304
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for m.Config.Digest == "" { // from index to index to the image
		next := ""
		for _, d := range m.Manifests {
			if d.Platform.Architecture == "" || d.Platform.Architecture == runtime.GOARCH {
				next = d.Digest
			}
		}
		if next == "" {
			t.Fatalf("no image for %s in %s", runtime.GOARCH, b)
		}
		m = manifest{}
		read(next, &m)
	}
	var config struct{ Config imageConfig }
	read(m.Config.Digest, &config)
	dir := t.TempDir()
	for up := dir; up != "/"; up = filepath.Dir(up) { // the image's user walks through
		if info, err := os.Stat(up); err == nil && info.Mode().Perm()&0o001 == 0 {
			if err := os.Chmod(up, info.Mode().Perm()|0o011); err != nil { // #nosec G302
				t.Fatal(err)
			}
		}
	}
	for _, l := range m.Layers {
		untar(t, filepath.Join(layout, "blobs", strings.Replace(l.Digest, ":", "/", 1)), dir)
	}
	return dir, config.Config
}

func untar(t *testing.T, blob, dir string) {
	t.Helper()
	f, err := os.Open(blob) // #nosec G304
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatal(h, err)
		}
		at, mode := filepath.Join(dir, h.Name), h.FileInfo().Mode() // #nosec G305 -- local, and ours
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(at, 0o750)
		case tar.TypeReg:
			var b []byte
			if b, err = io.ReadAll(tr); err == nil {
				err = os.WriteFile(at, b, 0o600)
			}
		default:
			t.Fatalf("%s is of type %c", h.Name, h.Typeflag)
		}
		if err == nil {
			err = os.Chmod(at, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
