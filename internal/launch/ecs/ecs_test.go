package ecs

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/launch"
)

var options = Options{Cluster: "cityflow", Family: "cityflow-worker", Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"}, Tags: map[string]string{"env": "test"}}

// client repeats as the programs' clients do, only without long waits: the SDK
// closes a request's body as soon as the answer's headers are there, and where
// net/http still reads that body's end, it drops the connection.
func client(url string) *ecs.Client {
	patient := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 5 * time.Millisecond })
	return ecs.New(ecs.Options{Region: awstest.Region, BaseEndpoint: &url, Retryer: patient,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "testing", SecretAccessKey: "testing"}, nil
		})})
}

func launcher(t *testing.T, fate awstest.Fate, argv ...string) (*Launcher, *awstest.ECS) {
	t.Helper()
	e := awstest.NewECS(t, options.Family, fate, argv, nil)
	l, err := New(client(e.URL), options)
	if err != nil {
		t.Fatal(err)
	}
	return l, e
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// until lists tasks until they are as they should be.
func until(t *testing.T, l *Launcher, what string, ok func([]launch.Task) bool) []launch.Task {
	t.Helper()
	ctx := within(t)
	for {
		ts, err := l.Tasks(ctx)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if ok(ts) {
			return ts
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func all(state launch.State, n int) func([]launch.Task) bool {
	return func(ts []launch.Task) bool {
		for _, t := range ts {
			if t.State != state {
				return false
			}
		}
		return len(ts) == n
	}
}

func TestTasksFromStartToEnd(t *testing.T) {
	l, e := launcher(t, awstest.Fate{Grace: 5 * time.Second}, "/bin/sleep", "30")
	started, failures, err := l.Start(within(t), 23, launch.Spot, "token") // three calls
	if err != nil || len(started) != 23 || len(failures) != 0 {
		t.Fatal(started, failures, err)
	}
	// Repeated with the same token it starts nothing more.
	again, _, err := l.Start(within(t), 23, launch.Spot, "token")
	if err != nil || len(again) != 23 || again[0].ID != started[0].ID {
		t.Fatal(again, err)
	}
	for _, k := range until(t, l, "running", all(launch.Running, 23)) {
		if k.Capacity != launch.Spot || k.Token != "token" || k.Created.IsZero() || k.Billed.IsZero() || k.Ran.IsZero() || !k.Ended.IsZero() {
			t.Fatalf("%+v", k)
		}
		if err := l.Stop(within(t), k.ID, "the test is over"); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range until(t, l, "stopped", all(launch.Stopped, 23)) {
		if !k.Ended.IsZero() && k.Reason == "" || k.NoCapacity {
			t.Fatalf("%+v", k)
		}
	}
	if err := l.Stop(within(t), "nobody", "x"); err == nil {
		t.Fatal("stopped nobody")
	}
	// A deployment registers a revision; the next start takes it.
	e.Deploy()
	if _, _, err := l.Start(within(t), 1, launch.OnDemand, "second"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for arn, k := range e.Revisions() {
		if strings.HasSuffix(arn, ":2") {
			n = k
		}
	}
	if n != 1 {
		t.Fatal(e.Revisions())
	}
}

func TestStartsThatGoWrong(t *testing.T) {
	l, _ := launcher(t, awstest.Fate{Full: 1}, "/bin/true")
	started, failures, err := l.Start(within(t), 3, launch.Spot, "a")
	if err != nil || len(started) != 0 || len(failures) != 3 || !failures[0].Capacity {
		t.Fatal(started, failures, err)
	}
	l, _ = launcher(t, awstest.Fate{Lost: 1}, "/bin/true")
	if _, _, err := l.Start(within(t), 1, launch.OnDemand, "a"); err != nil {
		t.Fatal(err)
	}
	lost := until(t, l, "lost", all(launch.Stopped, 1))[0]
	if !strings.HasPrefix(lost.Reason, "CannotPullContainerError") || !lost.Ran.IsZero() || lost.NoCapacity || lost.Capacity != launch.OnDemand {
		t.Fatalf("%+v", lost)
	}
}

func TestErrorsAreSortedByWhatMayHaveStarted(t *testing.T) {
	for _, c := range []struct {
		code             string
		status           int
		message          string
		refused, noSpace bool
	}{
		{"AccessDeniedException", 400, "no iam:PassRole", true, false},
		{"InvalidParameterException", 400, "No Container Instances", true, false},
		{"ServerException", 500, "oops", false, false},
		{"ClientException", 400, "Capacity is unavailable at this time. Please try again later", false, true},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(`{"__type":"` + c.code + `","message":"` + c.message + `"}`))
		}))
		l, err := New(client(srv.URL), options)
		if err != nil {
			t.Fatal(err)
		}
		started, failures, err := l.Start(within(t), 2, launch.Spot, "a")
		srv.Close()
		if len(started) != 0 || errors.Is(err, launch.ErrRefused) != c.refused || (err == nil) != c.noSpace || (len(failures) == 2 && failures[0].Capacity) != c.noSpace {
			t.Errorf("%s: %v %v %v", c.code, started, failures, err)
		}
	}
	l, err := New(client("http://127.0.0.1:1"), options)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Start(within(t), 1, launch.Spot, "a"); err == nil || errors.Is(err, launch.ErrRefused) {
		t.Fatal(err, "nobody knows what became of it")
	}
	if _, _, err := l.Start(within(t), 1, launch.Spot, strings.Repeat("x", 33)); !errors.Is(err, launch.ErrRefused) {
		t.Fatal(err)
	}
}

func TestSettingsAreCheckedTogether(t *testing.T) {
	_, err := New(nil, Options{Family: "cityflow-worker:3"})
	for _, want := range []string{"cluster", "cityflow-worker:3", "subnets", "security groups"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}

// What only the real platform minds: without a public address a task in a
// network without NAT cannot even fetch its image, with a revision it would not
// be the deployed image, and a token of more than 64 characters is refused.
func TestWhatATaskIsStartedWith(t *testing.T) {
	l, err := New(client("http://127.0.0.1:1"), options)
	if err != nil {
		t.Fatal(err)
	}
	for c, provider := range map[launch.Capacity]string{launch.Spot: "FARGATE_SPOT", launch.OnDemand: "FARGATE"} {
		in := l.input(7, c, strings.Repeat("t", launch.MaxToken), 99)
		n := in.NetworkConfiguration.AwsvpcConfiguration
		if n.AssignPublicIp != types.AssignPublicIpEnabled || !slices.Equal(n.Subnets, options.Subnets) || !slices.Equal(n.SecurityGroups, options.SecurityGroups) {
			t.Errorf("network: %+v", n)
		}
		if s := in.CapacityProviderStrategy; len(s) != 1 || aws.ToString(s[0].CapacityProvider) != provider || in.LaunchType != "" {
			t.Errorf("%s: %+v, launch type %q", c, s, in.LaunchType)
		}
		if aws.ToString(in.TaskDefinition) != options.Family || aws.ToString(in.Cluster) != options.Cluster || aws.ToInt32(in.Count) != 7 {
			t.Errorf("%+v", in)
		}
		if token := aws.ToString(in.ClientToken); len(token) > 64 || token == aws.ToString(l.input(7, c, strings.Repeat("t", launch.MaxToken), 98).ClientToken) {
			t.Errorf("token %q of %d characters", token, len(token))
		}
		if in.PropagateTags != types.PropagateTagsTaskDefinition {
			t.Errorf("tags of the definition: %q", in.PropagateTags)
		}
	}
}
