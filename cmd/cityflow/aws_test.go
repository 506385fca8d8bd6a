package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/spec"
)

// The page and the API here, the worker there, S3 and SQS between them. The
// server takes addresses, the worker the plain names that an ECS task gets.
func TestAWorkerOverS3AndSQS(t *testing.T) {
	s := awstest.Moto(t)
	bucket, queue, env := s.Bucket(t), s.Queue(t, 100), s.Env("")
	for _, e := range env {
		k, v, _ := strings.Cut(e, "=")
		t.Setenv(k, v)
	}
	secret := s.Parameter(t, strings.Repeat("secret ", 8))
	p := start(t, t.TempDir(), "", 0, "--workers", "0", "--queue", queue, "--store", "s3://"+bucket, "--secret-parameter", secret)
	id := p.submit(request)
	if st := p.until(id, spec.Queued); st.Attempt != 0 {
		t.Fatalf("%+v", st)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	w := exec.Command(self, "worker", "--once", "--data", data+"/none")
	w.Env = append(os.Environ(), asCityflow+"=0s", "ARTIFACTS_BUCKET="+bucket, "QUEUE_URL="+queue, "CITYFLOW_LEASE=2s")
	if out, err := w.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.until(id, spec.Complete)
	p.stop()
	if strings.Contains(p.String(), "secret secret") {
		t.Error("the secret is in the log")
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 0 {
		t.Errorf("a worker that keeps nothing here left %v %v", left, err)
	}
}

func TestCloudSettingsThatCannotWork(t *testing.T) {
	s := awstest.Moto(t)
	for _, e := range s.Env("") {
		k, v, _ := strings.Cut(e, "=")
		t.Setenv(k, v)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"is the bucket there", []string{"--store", "s3://cityflow-nobody"}},
		{"does not exist", []string{"--queue", s.URL + "/123456789012/nobody"}},
		{"want 32 or more", []string{"--secret-parameter", s.Parameter(t, "short")}},
		{"there are file://, s3://", []string{"--store", "ftp://x"}},
		{"file://, http://, https://, nats://, tls://", []string{"--queue", "amqp://x"}},
	} {
		var out strings.Builder
		if code := mainExit(t.Context(), append([]string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir()}, c.args...), &out, &out); code == 0 || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: exit %d, %s, want %q", c.args, code, out.String(), c.says)
		}
	}
}
