// Package awstest gives tests stand-ins for the cloud: a moto server as a real
// process on loopback (S3, SQS, SSM, ECS ...), buckets, queues and parameters
// in it, and a proxy that loses and garbles requests on purpose.
//
// For tests alone. Everything listens on loopback and ends with the test
// binary.
package awstest

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/malikobaid/cityflow/internal/aws"
)

// PythonEnv names the Python of the locked environment; without it, build/venv
// of the checkout is used (make tools).
const PythonEnv = "CITYFLOW_TEST_PYTHON"

// Region of everything in the stand-in.
const Region = "eu-west-2"

// patience bounds the start and every call of a helper.
const patience = time.Minute

// Server is a running moto server.
type Server struct {
	// URL such as "http://127.0.0.1:40001".
	URL string
	cfg sdk.Config
}

//go:embed moto.py
var launcher string

var (
	once   sync.Once
	shared *Server
	failed error
	// stdin stays open for as long as this process lives: see moto.py.
	//lint:ignore U1000 it is kept, not read
	stdin fs.File
	names atomic.Int64
)

// Moto is the moto server of this test binary, started at the first call. Where
// the Python environment is missing the test is skipped, loudly; with CI=true
// it fails.
func Moto(t testing.TB) *Server {
	t.Helper()
	python, ok := Python()
	if !ok {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Python environment: run `make tools`")
		}
		fmt.Fprintf(os.Stderr, "SKIPPED %s: no Python environment in build/venv: run `make tools`\n", t.Name())
		t.Skip("no Python environment in build/venv: run `make tools`")
	}
	once.Do(func() { shared, failed = start(python) })
	if failed != nil {
		t.Fatal(failed)
	}
	return shared
}

// Python is the interpreter of the locked environment.
func Python() (string, bool) {
	if p := os.Getenv(PythonEnv); p != "" {
		return p, true
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			p := filepath.Join(dir, "build", "venv", "bin", "python")
			_, err := os.Stat(filepath.Join(dir, "build", "venv", "requirements.lock")) // written last
			return p, err == nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

func start(python string) (*Server, error) {
	// The SDK of this process and of its children finds these and no others.
	for k, v := range credentials {
		if err := os.Setenv(k, v); err != nil {
			return nil, err
		}
	}
	for _, k := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} {
		if err := os.Unsetenv(k); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(python, "-c", launcher) // #nosec G204 -- the locked environment of the tests
	cmd.Dir = os.TempDir()
	cmd.Stderr = os.Stderr
	in, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answer, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), hold.Close())
	}
	defer answer.Close()
	cmd.Stdin, cmd.Stdout = in, out
	err = cmd.Start()
	if err = errors.Join(err, in.Close(), out.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("moto: %w", err), hold.Close())
	}
	stdin = hold
	if err := answer.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	port, err := bufio.NewReader(answer).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("moto did not start: %w", err), hold.Close())
	}
	s := &Server{URL: "http://127.0.0.1:" + strings.TrimSpace(port)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.cfg, err = aws.Config(ctx); err != nil {
		return nil, err
	}
	s.cfg.BaseEndpoint = &s.URL
	if _, err := sqs.NewFromConfig(s.cfg).ListQueues(ctx, &sqs.ListQueuesInput{}); err != nil {
		return nil, fmt.Errorf("moto does not answer: %w", err)
	}
	return s, nil
}

// credentials are for nobody. Whatever settings the machine has are kept out.
var credentials = map[string]string{
	"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
	"AWS_REGION": Region, "AWS_DEFAULT_REGION": Region, "AWS_EC2_METADATA_DISABLED": "true",
	"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
}

// Config is the SDK's configuration with this server as every service.
func (s *Server) Config() sdk.Config { return s.cfg.Copy() }

// Env is the environment in which a child process finds this server, or the
// endpoint before it (a Proxy), wherever it looks for AWS.
func (s *Server) Env(endpoint string) []string {
	if endpoint == "" {
		endpoint = s.URL
	}
	env := []string{"AWS_ENDPOINT_URL=" + endpoint}
	for k, v := range credentials {
		env = append(env, k+"="+v)
	}
	return env
}

// name is one that no other test of this binary uses.
func name(what string) string { return fmt.Sprintf("cityflow-%s-%d", what, names.Add(1)) }

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// Bucket makes a fresh bucket and gives its name.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	b := name("bucket")
	client := s3.NewFromConfig(s.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(within(t), &s3.CreateBucketInput{Bucket: &b,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
		t.Fatal(err)
	}
	return b
}

// BucketURL is the address of a bucket as --store takes it, at this server or
// at an endpoint before it.
func (s *Server) BucketURL(bucket, endpoint string) string {
	if endpoint == "" {
		endpoint = s.URL
	}
	return "s3://" + bucket + "?use_path_style=true&region=" + Region + "&endpoint=" + url.QueryEscape(endpoint)
}

// Queue makes a fresh queue whose dead letters have a queue of their own, and
// gives its address as --queue takes it. After maxReceive deliveries SQS itself
// gives a message up.
func (s *Server) Queue(t testing.TB, maxReceive int) string {
	t.Helper()
	ctx, client := within(t), sqs.NewFromConfig(s.Config())
	jobs := name("jobs")
	if _, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: sdk.String(jobs + "-dlq")}); err != nil {
		t.Fatal(err)
	}
	out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &jobs, Attributes: map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:123456789012:%s-dlq","maxReceiveCount":%d}`, Region, jobs, maxReceive),
	}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(*out.QueueUrl)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL + u.Path
}

// Parameter makes a SecureString and gives its name.
func (s *Server) Parameter(t testing.TB, value string) string {
	t.Helper()
	p := "/" + strings.ReplaceAll(name("test"), "-", "/")
	s.SetParameter(t, p, value)
	return p
}

// SetParameter gives a parameter another value.
func (s *Server) SetParameter(t testing.TB, name, value string) {
	t.Helper()
	if _, err := ssm.NewFromConfig(s.Config()).PutParameter(within(t), &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: ssmtypes.ParameterTypeSecureString, Overwrite: sdk.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
}
