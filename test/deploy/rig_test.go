//go:build slow

package deploy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/proctest"
)

// account is the one that moto plays.
const account = "123456789012"

var root = proctest.Root()

// programs are what is deployed and what deploys, by name. They are built once
// and stay in build/, where the rehearsal of the whole deployment (test/cloud)
// finds its own.
var programs = map[string]proctest.Program{
	"cityflow": {Package: "./cmd/cityflow"}, "lambda-api": proctest.Lambda("lambda-api"), "lambda-reconciler": proctest.Lambda("lambda-reconciler"),
	"lambda-zip": {Package: "./cmd/lambda-zip"}, "ship": {Module: "infra", Package: "./ship"}, "registry": {Module: "infra", Package: "./ship/registry"},
	// What an image holds for the machine that this one is not.
	"other-amd64": {Package: "./cmd/lambda-zip", Arch: "amd64"}, "other-arm64": {Package: "./cmd/lambda-zip", Arch: "arm64"},
}

var built sync.Map // of program: func() error

func program(t testing.TB, name string) string {
	t.Helper()
	out := filepath.Join(root, "build", "programs", "bin", name)
	once, _ := built.LoadOrStore(name, sync.OnceValue(func() error { return programs[name].Build(out) }))
	if err := once.(func() error)(); err != nil {
		t.Fatal(err)
	}
	return out
}

// quick is a folder whose `aws` is the real one, but for the half second of
// Python's start: a process that has loaded it makes a copy of itself for each
// call (aws.py).
var quick = sync.OnceValues(func() (string, error) {
	python, ok := awstest.Python()
	if !ok {
		return "", errors.New("no Python environment: run `make tools`")
	}
	dir, err := os.MkdirTemp("", "cityflow-aws-")
	if err != nil {
		return "", err
	}
	socket := filepath.Join(dir, "socket")
	call := fmt.Sprintf("#!/bin/sh\nCITYFLOW_TEST_AWS='%s' exec '%s' -I -S '%s' \"$@\"\n", socket, python, filepath.Join(root, "test", "deploy", "aws-call.py"))
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(call), 0o700); err != nil { // #nosec G306 -- it is run
		return dir, err
	}
	c := exec.Command(python, filepath.Join(root, "test", "deploy", "aws.py"), socket) // #nosec G204 -- of this test
	c.Stderr = os.Stderr
	if hold, err = c.StdinPipe(); err != nil {
		return dir, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return dir, err
	}
	loader = c
	if err := c.Start(); err != nil {
		return dir, err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		return dir, fmt.Errorf("aws.py said %q: %w", line, err)
	}
	return dir, nil
})

// hold is the standard input of aws.py, which ends with it.
var (
	hold   io.WriteCloser
	loader *exec.Cmd
)

func TestMain(m *testing.M) {
	code := m.Run()
	if hold != nil {
		_ = hold.Close()
		_ = loader.Wait()
		dir, _ := quick()
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// missing skips a test for want of something, loudly; in CI it fails.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	fmt.Fprintf(os.Stderr, "SKIPPED %s: %s\n", t.Name(), what)
	t.Skip(what)
}

// cli is a moto with the AWS command line before it.
func cli(t testing.TB) *awstest.Server {
	t.Helper()
	for _, tool := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "no program "+tool)
		}
	}
	moto := awstest.Moto(t) // skips where there is no Python
	if _, err := quick(); err != nil {
		t.Fatal(err)
	}
	return moto
}

// searchPath finds the quick aws first.
func searchPath() string {
	dir, _ := quick()
	return dir + string(os.PathListSeparator) + os.Getenv("PATH")
}

// environment of a script or program, which finds AWS at an endpoint.
func environment(moto *awstest.Server, endpoint string, more ...string) []string {
	env := []string{"PATH=" + searchPath(), "HOME=" + os.Getenv("HOME"), "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true"}
	for _, k := range []string{"GOMODCACHE", "GOCACHE", "GOFLAGS", "GOPROXY", "GONOSUMDB", "GOSUMDB", "GOTOOLCHAIN"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return append(append(env, moto.Env(endpoint)...), more...)
}

// script is a running or ended deploy script.
type script struct {
	*exec.Cmd
	out  bytes.Buffer // standard output
	errs bytes.Buffer
}

// newScript prepares one of scripts/deploy in a process group of its own, so
// that it can be killed with whatever it runs.
func newScript(t testing.TB, env []string, name string, args ...string) *script {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	s := &script{Cmd: exec.CommandContext(ctx, filepath.Join(root, "scripts", "deploy", name), args...)}
	s.Dir, s.Env, s.Stdout, s.Stderr = root, env, &s.out, &s.errs
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.Cancel = s.kill
	s.WaitDelay = 5 * time.Second
	return s
}

func (s *script) kill() error { return syscall.Kill(-s.Process.Pid, syscall.SIGKILL) }

// deploy runs a script to its good end and gives what it said.
func deploy(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	s := newScript(t, env, name, args...)
	if err := s.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, s.out.String(), s.errs.String())
	}
	return s.out.String() + s.errs.String()
}

// fails runs a script that must end with an error.
func fails(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	s := newScript(t, env, name, args...)
	err := s.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("%s %s ended well, want an error\n%s%s", name, strings.Join(args, " "), s.out.String(), s.errs.String())
	}
	return s.out.String() + s.errs.String()
}

// aws asks the AWS command line.
func aws(t testing.TB, env []string, args ...string) string {
	t.Helper()
	dir, err := quick()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), filepath.Join(dir, "aws"), args...) // #nosec G204 -- of this test
	c.Env = env
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

// setting makes a parameter as the stacks make it.
func setting(t testing.TB, moto *awstest.Server, environment, name, value string) {
	t.Helper()
	yes, full := true, "/cityflow/"+environment+"/"+name
	if _, err := ssm.NewFromConfig(moto.Config()).PutParameter(t.Context(), &ssm.PutParameterInput{Name: &full, Value: &value, Type: types.ParameterTypeString, Overwrite: &yes}); err != nil {
		t.Fatal(err)
	}
}

// tryFor asks again until there is no error.
func tryFor(t testing.TB, patience time.Duration, f func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
