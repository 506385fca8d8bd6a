//go:build slow

package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
)

// account is the one that moto plays.
const account = "123456789012"

var root = func() string {
	p, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return p
}()

// programs are those that are deployed, built for this machine.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cityflow-deploy-")
	if err != nil {
		return "", err
	}
	for name, tags := range map[string]string{"cityflow": "", "lambda-api": "lambda.norpc", "lambda-reconciler": "lambda.norpc"} {
		out, err := exec.Command("go", "build", "-tags", tags, "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=test",
			"-o", filepath.Join(dir, name), "../../cmd/"+name).CombinedOutput()
		if err != nil {
			return dir, fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
})

func program(t testing.TB, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
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
	for _, tool := range []string{"aws", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "no program "+tool)
		}
	}
	return awstest.Moto(t)
}

// environment of a script or program, which finds AWS at an endpoint.
func environment(moto *awstest.Server, endpoint string, more ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true"}
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
	c := exec.CommandContext(t.Context(), "aws", args...) // #nosec G204 -- of this test
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
