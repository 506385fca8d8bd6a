package lambdatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"

	"github.com/malikobaid/cityflow/internal/proctest"
)

// The test binary is also the function, told by its environment.
func TestMain(m *testing.M) {
	if os.Getenv("LAMBDATEST_FUNCTION") == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if os.Getenv("LAMBDATEST_FUNCTION") == "broken" {
		fmt.Fprintln(os.Stderr, "cannot start")
		os.Exit(1)
	}
	calls := 0
	lambda.Start(func(ctx context.Context, event map[string]any) (any, error) {
		calls++
		deadline, _ := ctx.Deadline()
		lc, _ := lambdacontext.FromContext(ctx)
		switch event["do"] {
		case "fail":
			return nil, errors.New("as asked")
		case "panic":
			panic("as asked")
		case "exit":
			os.Exit(3)
		case "sleep":
			time.Sleep(time.Minute)
		case "wait":
			time.Sleep(300 * time.Millisecond)
		case "large":
			return strings.Repeat("a", 7<<20), nil
		}
		return map[string]any{"pid": os.Getpid(), "calls": calls, "left_ms": time.Until(deadline).Milliseconds(), "id": lc.AwsRequestID,
			"name": os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), "memory": os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), "secret": os.Getenv("LAMBDATEST_SECRET"), "event": event}, nil
	})
}

type reply struct {
	PID, Calls               int
	Left                     int `json:"left_ms"`
	ID, Name, Memory, Secret string
	Event                    map[string]any
}

func function(t *testing.T, change func(*Config)) *Function {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Name: "echo", Bootstrap: self, Env: []string{"LAMBDATEST_FUNCTION=echo"}, Stderr: io.Discard}
	if change != nil {
		change(&c)
	}
	f, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func invokeEcho(t *testing.T, f *Function, event string) reply {
	t.Helper()
	b, err := f.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAWarmProcessTakesTheNextEvent(t *testing.T) {
	t.Setenv("LAMBDATEST_SECRET", "of this process")
	f := function(t, func(c *Config) { c.Timeout = 5 * time.Second })
	one, two := invokeEcho(t, f, `{"a":1}`), invokeEcho(t, f, `{"a":2}`)
	if one.PID != two.PID || two.Calls != 2 || f.Starts() != 1 || one.ID == two.ID || one.ID == "" || two.Event["a"] != 2.0 {
		t.Errorf("%+v then %+v", one, two)
	}
	if one.Left < 1000 || one.Left > 5000 || one.Name != "echo" || one.Memory != "512" || one.Secret != "" {
		t.Errorf("%+v", one)
	}
}

func TestBusyProcessesGetCompanyUpToTheBound(t *testing.T) {
	f := function(t, func(c *Config) { c.Concurrency = 2 })
	var all sync.WaitGroup
	var mu sync.Mutex
	throttled, served := 0, 0
	for range 6 {
		all.Go(func() {
			_, err := f.Invoke(t.Context(), []byte(`{"do":"wait"}`))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, ErrThrottled):
				throttled++
			case err != nil:
				t.Error(err)
			default:
				served++
			}
		})
	}
	all.Wait()
	if f.Starts() > 2 || served < 2 || throttled+served != 6 || throttled == 0 || len(f.PIDs()) != f.Starts() {
		t.Errorf("%d starts, %d served, %d throttled", f.Starts(), served, throttled)
	}
}

func TestFailuresAreToldApart(t *testing.T) {
	f := function(t, func(c *Config) { c.Timeout = 2 * time.Second })
	broken := function(t, func(c *Config) { c.Env = []string{"LAMBDATEST_FUNCTION=broken"} })
	missing := function(t, func(c *Config) { c.Bootstrap = "/nowhere/bootstrap" })
	for _, c := range []struct {
		f        *Function
		do, kind string
		message  string
	}{
		{f: f, do: "fail", kind: "errorString", message: "as asked"},
		{f: f, do: "panic", kind: "string", message: "as asked"},
		{f: f, do: "exit", kind: "Runtime.ExitError", message: "exit status 3"},
		{f: f, do: "sleep", kind: "Sandbox.Timedout", message: "timed out after 2s"},
		{f: f, do: "large", kind: "Function.ResponseSizeTooLarge", message: "6291556"},
		{f: broken, do: "x", kind: "Runtime.ExitError", message: "exit status 1"},
		{f: missing, do: "x", kind: "Runtime.InvalidEntrypoint", message: "no such file"},
	} {
		_, err := c.f.Invoke(t.Context(), map[string]string{"do": c.do})
		var failed *FunctionError
		if !errors.As(err, &failed) || failed.Type != c.kind || !strings.Contains(failed.Message, c.message) {
			t.Errorf("%s: %v", c.do, err)
		}
	}
	if r := invokeEcho(t, f, `{}`); r.Calls < 1 {
		t.Errorf("after all that: %+v", r)
	}
}

func TestEventsWithoutAWaiterAndTheInvokeCall(t *testing.T) {
	var log proctest.Output
	f := function(t, func(c *Config) { c.Concurrency, c.Stderr = 1, &log })
	api := httptest.NewServer(API(f))
	defer api.Close()
	post := func(name, kind, body string) (int, string, http.Header) {
		req, err := http.NewRequest("POST", api.URL+"/2015-03-31/functions/"+name+"/invocations", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Invocation-Type", kind)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		defer http.DefaultClient.CloseIdleConnections()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b), res.Header
	}
	for range 3 { // more than may run at once: they wait
		if code, _, _ := post("echo:live", "Event", `{"do":"wait"}`); code != 202 {
			t.Error(code)
		}
	}
	f.async.Wait()
	if r := invokeEcho(t, f, `{}`); r.Calls != 4 {
		t.Errorf("%d calls, want the 3 before and this", r.Calls)
	}
	post("echo", "Event", `{"do":"fail"}`)
	f.async.Wait()
	if n := strings.Count(log.String(), "as asked"); n < 3 {
		t.Errorf("a failed event was tried %d times:\n%s", n, log.String())
	}
	if code, body, _ := post("arn:aws:lambda:eu-west-2:000000000000:function:echo", "RequestResponse", `{"a":7}`); code != 200 || !strings.Contains(body, `"a":7`) {
		t.Error(code, body)
	}
	if _, body, h := post("echo", "RequestResponse", `{"do":"fail"}`); h.Get("X-Amz-Function-Error") != "Unhandled" || !strings.Contains(body, "as asked") {
		t.Error(body, h)
	}
	if code, _, h := post("other", "Event", `{}`); code != 404 || h.Get("X-Amzn-Errortype") != "ResourceNotFoundException" {
		t.Error(code, h)
	}
}

// What is no answer of a gateway's function is the gateway's own error.
func TestTheGatewayRefusesAnswersThatAreNone(t *testing.T) {
	f := function(t, nil)
	front := httptest.NewServer(f)
	defer front.Close()
	res, err := http.Get(front.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 500 || !strings.Contains(string(b), "Internal Server Error") {
		t.Errorf("%d %s", res.StatusCode, b)
	}
}
