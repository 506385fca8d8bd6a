package awstest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// account is the one that moto plays.
const account = "123456789012"

// Call is one call to AWS as its policies name it: the action that must be
// allowed and the resource that it is about.
type Call struct{ Action, Resource string }

func (c Call) String() string { return c.Action + " " + c.Resource }

// Recorder stands between a program and a cloud service and writes down what
// permissions its calls need.
type Recorder struct {
	URL string
	// Before is called, if set, with each call before it is made; when it
	// answers false the connection breaks and the call is never made.
	Before func(Call) bool

	mu    sync.Mutex
	calls []Call
}

// NewRecorder is a recorder before a server, until the test ends.
func NewRecorder(t testing.TB, target string) *Recorder {
	t.Helper()
	return record(t, target, callsOf)
}

// NewRegistryRecorder is a recorder before a registry of images: what its
// protocol asks for, as ECR names it.
func NewRegistryRecorder(t testing.TB, target string) *Recorder {
	t.Helper()
	return record(t, target, registryCalls)
}

func record(t testing.TB, target string, callsOf func(testing.TB, *http.Request) []Call) *Recorder {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	forward := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host },
		Transport:    transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	rec := &Recorder{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range callsOf(t, r) {
			rec.mu.Lock()
			rec.calls = append(rec.calls, c)
			before := rec.Before
			rec.mu.Unlock()
			if before != nil && !before(c) {
				panic(http.ErrAbortHandler)
			}
		}
		forward.ServeHTTP(w, r)
	}))
	rec.URL = srv.URL
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		transport.CloseIdleConnections()
	})
	return rec
}

// Hook sets Before while calls are being made.
func (r *Recorder) Hook(before func(Call) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Before = before
}

// Calls are all calls so far, in their order.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Reset forgets the calls.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = nil
}

// scope is who signed a request for what: Credential=key/day/region/service/aws4_request.
var scope = regexp.MustCompile(`Credential=[^/]+/[0-9]{8}/([^/]+)/([^/]+)/aws4_request`)

// callsOf names a request as policies do. A request of which it cannot say what
// it needs is an error of the test: nothing goes unseen.
func callsOf(t testing.TB, r *http.Request) []Call {
	m := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		t.Errorf("recorder: %s %s is not signed", r.Method, r.URL.Path)
		return nil
	}
	region, service := m[1], m[2]
	arn := func(rest string) string { return "arn:aws:" + service + ":" + region + ":" + account + ":" + rest }
	switch service {
	case "s3":
		return s3Calls(t, r)
	case "lambda":
		return lambdaCalls(t, r, arn)
	case "cloudfront":
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		if r.Method == http.MethodPost && len(parts) == 4 && parts[1] == "distribution" && parts[3] == "invalidation" {
			return []Call{{"cloudfront:CreateInvalidation", "arn:aws:cloudfront::" + account + ":distribution/<id>"}}
		}
		t.Errorf("recorder: unknown call of CloudFront: %s %s", r.Method, r.URL.Path)
		return nil
	}
	// The body is needed for the name of what is meant.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		form, err := url.ParseQuery(string(body))
		if action = form.Get("Action"); err != nil || action == "" {
			t.Errorf("recorder: unknown call of %s: %s %s", service, r.Method, r.URL.Path)
			return nil
		}
	}
	var in struct {
		QueueUrl, Name, Cluster, TaskDefinition, Family, Task, RepositoryName, LogGroupName string
		TaskRoleArn, ExecutionRoleArn                                                       string
		Tasks, Names                                                                        []string
		Tags                                                                                []any
	}
	_ = json.Unmarshal(body, &in) // names are matched whatever their case; other protocols name nothing here
	call := Call{service + ":" + strings.TrimSuffix(action, "Batch"), "*"}
	switch service {
	case "sqs":
		call.Resource = arn(in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '/')+1:])
	case "ssm":
		call.Resource = arn("parameter" + in.Name)
		if len(in.Names) > 0 {
			var calls []Call
			for _, n := range in.Names {
				calls = append(calls, Call{call.Action, arn("parameter" + n)})
			}
			return calls
		}
	case "ecr":
		if in.RepositoryName != "" {
			call.Action = service + ":" + action // BatchGetImage is an action of its own
			call.Resource = arn("repository/" + in.RepositoryName)
		}
	case "logs":
		call.Resource = arn("log-group:" + in.LogGroupName)
	case "ecs":
		switch action {
		case "RunTask":
			family := in.TaskDefinition[strings.LastIndexByte(in.TaskDefinition, '/')+1:]
			family, _, _ = strings.Cut(family, ":")
			call.Resource = arn("task-definition/" + family + ":<revision>")
		case "RegisterTaskDefinition":
			call.Resource = arn("task-definition/" + in.Family + ":<revision>")
		case "DescribeTasks", "StopTask":
			call.Resource = arn("task/" + in.Cluster + "/<task>")
		}
	}
	calls := []Call{call}
	switch call.Action {
	case "ecs:RegisterTaskDefinition":
		// Whoever names a role hands it out.
		for _, role := range []string{in.ExecutionRoleArn, in.TaskRoleArn} {
			if role != "" {
				calls = append(calls, Call{"iam:PassRole", role})
			}
		}
		if len(in.Tags) > 0 {
			calls = append(calls, Call{"ecs:TagResource", call.Resource})
		}
	case "ecs:RunTask":
		if len(in.Tags) > 0 {
			calls = append(calls, Call{"ecs:TagResource", arn("task/" + in.Cluster + "/<task>")})
		}
	}
	return calls
}

// registryCalls: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
// and the description of each of these actions.
func registryCalls(t testing.TB, r *http.Request) []Call {
	if r.URL.Path == "/v2/" {
		return nil // is anybody there
	}
	name, what, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	action := ""
	switch what, id, _ := strings.Cut(what, "/"); {
	case what == "manifests" && r.Method == http.MethodPut:
		action = "PutImage"
	case what == "manifests":
		action = "BatchGetImage"
	case !strings.HasPrefix(id, "uploads"):
		action = map[string]string{http.MethodHead: "BatchCheckLayerAvailability", http.MethodGet: "GetDownloadUrlForLayer"}[r.Method]
	default:
		action = map[string]string{http.MethodPost: "InitiateLayerUpload", http.MethodPatch: "UploadLayerPart", http.MethodPut: "CompleteLayerUpload"}[r.Method]
	}
	if !ok || action == "" {
		t.Errorf("recorder: unknown call of a registry: %s %s", r.Method, r.URL.Path)
		return nil
	}
	return []Call{{"ecr:" + action, "arn:aws:ecr:" + Region + ":" + account + ":repository/" + name}}
}

// s3Calls: what an operation needs is not what it is called.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func s3Calls(t testing.TB, r *http.Request) []Call {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	action := ""
	switch {
	case key == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		action = "s3:ListBucket"
	case key == "" && r.Method == http.MethodPost && q.Has("delete"):
		action = "s3:DeleteObject"
	case key == "":
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		action = "s3:GetObject"
	case r.Method == http.MethodPut, r.Method == http.MethodPost && (q.Has("uploads") || q.Has("uploadId")):
		action = "s3:PutObject"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		action = "s3:AbortMultipartUpload"
	case r.Method == http.MethodDelete:
		action = "s3:DeleteObject"
	}
	if action == "" {
		t.Errorf("recorder: unknown call of S3: %s %s", r.Method, r.URL)
		return nil
	}
	arn := "arn:aws:s3:::" + bucket
	if key != "" {
		arn += "/" + plainKey(key)
	}
	out := []Call{{action, arn}}
	if from := r.Header.Get("X-Amz-Copy-Source"); from != "" {
		if p, err := url.PathUnescape(from); err == nil {
			from = p
		}
		b, k, _ := strings.Cut(strings.TrimPrefix(from, "/"), "/")
		out = append(out, Call{"s3:GetObject", "arn:aws:s3:::" + b + "/" + plainKey(k)})
	}
	return out
}

// plain puts signs for what differs from run to run and page to page.
var plain = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`^(jobs/|pending/)[a-z2-7]{26}`), "$1<id>"},
	{regexp.MustCompile(`^(jobs/<id>)/[^/]+$`), "$1/<file>"},
	{regexp.MustCompile(`^runs/[0-9a-f]{64}\.json$`), "runs/<run>.json"},
	{regexp.MustCompile(`^spend/[0-9]{4}-[0-9]{2}-[0-9]{2}`), "spend/<day>"},
	{regexp.MustCompile(`^(spend/<day>/(?:model-)?)[a-z2-7]{26}`), "$1<id>"},
	{regexp.MustCompile(`^(cities/[^/]+)/state-[^/]+$`), "$1/state-<key>"},
	{regexp.MustCompile(`^(cities/[^/]+)/[0-9a-f]{8,}[^/]*$`), "$1/<pack>"},
	{regexp.MustCompile(`^web/assets/.*$`), "web/assets/<file>"},
	{regexp.MustCompile(`^web/[^/]+\.html$`), "web/<page>"},
}

func plainKey(key string) string {
	for _, p := range plain {
		key = p.re.ReplaceAllString(key, p.by)
	}
	return key
}

// lambdaCalls: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
func lambdaCalls(t testing.TB, r *http.Request, arn func(string) string) []Call {
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/functions/")
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/account-settings") {
		return []Call{{"lambda:GetAccountSettings", "*"}}
	}
	name, what, _ := strings.Cut(rest, "/")
	if n, err := url.PathUnescape(name); err == nil {
		name = n
	}
	what, _, _ = strings.Cut(what, "/")
	if q := r.URL.Query().Get("Qualifier"); q != "" {
		if q[0] >= '0' && q[0] <= '9' {
			q = "<version>"
		}
		name += ":" + q
	}
	action := map[string]string{
		"POST invocations": "InvokeFunction", "GET aliases": "GetAlias", "PUT aliases": "UpdateAlias", "GET configuration": "GetFunctionConfiguration",
		"PUT code": "UpdateFunctionCode", "POST versions": "PublishVersion", "GET ": "GetFunction",
	}[r.Method+" "+what]
	if action == "" {
		t.Errorf("recorder: unknown call of Lambda: %s %s", r.Method, r.URL)
		return nil
	}
	return []Call{{"lambda:" + action, arn("function:" + name)}}
}
