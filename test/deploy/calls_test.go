//go:build slow

package deploy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"gocloud.dev/blob"

	cloud "github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/lambdatest"
	"github.com/malikobaid/cityflow/spec"
)

var update = flag.Bool("update", false, "write the list of calls anew")

// listOfCalls is read by infra/stacks/calls_test.go.
var listOfCalls = filepath.Join(root, "infra", "stacks", "testdata", "calls.json")

// TestCallsOfThePrograms lets every program do all that it does against AWS,
// under the names that it has there, and compares its calls with the list that
// the policies are held against. -update writes the list.
func TestCallsOfThePrograms(t *testing.T) {
	moto := cli(t)
	r := &calls{T: t, moto: moto, recorders: map[string]*awstest.Recorder{}}
	r.cloud()
	r.publishTo("cityflow-artifacts")
	r.service()
	r.scripts()

	got := map[string][]string{}
	for _, recorders := range []map[string]*awstest.Recorder{r.recorders, r.also} {
		for who, rec := range recorders {
			if rec == nil {
				continue
			}
			for _, c := range rec.Calls() {
				got[who] = append(got[who], c.String())
			}
			slices.Sort(got[who])
			got[who] = slices.Compact(got[who])
		}
	}
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(bytes.ReplaceAll(bytes.ReplaceAll(b, []byte(`\u003c`), []byte("<")), []byte(`\u003e`), []byte(">")), '\n')
	if *update {
		if err := os.WriteFile(listOfCalls, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	var want map[string][]string
	if old, err := os.ReadFile(listOfCalls); err != nil {
		t.Fatal(err)
	} else if err := json.Unmarshal(old, &want); err != nil {
		t.Fatal(err)
	}
	for who := range want {
		if got[who] == nil {
			t.Errorf("%s made no call", who)
		}
	}
	for who, calls := range got {
		for _, c := range calls {
			if !slices.Contains(want[who], c) {
				t.Errorf("%s makes the call %s, which is not in the list (-update)", who, c)
			}
		}
		for _, c := range want[who] {
			if !slices.Contains(calls, c) {
				t.Errorf("%s no longer makes the call %s, which is in the list (-update)", who, c)
			}
		}
	}
}

type calls struct {
	*testing.T
	moto      *awstest.Server
	recorders map[string]*awstest.Recorder
	also      map[string]*awstest.Recorder // of calls to services that are not moto
	bucket    *blob.Bucket
	queue     string
}

// as is the endpoint at which a program's calls are written down.
func (r *calls) as(who string) string {
	if r.recorders[who] == nil {
		r.recorders[who] = awstest.NewRecorder(r, r.moto.URL)
	}
	return r.recorders[who].URL
}

// cloud makes what the stacks make, with the names of the committed config.
func (r *calls) cloud() {
	r.Helper()
	store := s3.NewFromConfig(r.moto.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	for _, name := range []string{"cityflow-artifacts", "cityflow-web"} {
		if _, err := store.CreateBucket(r.Context(), &s3.CreateBucketInput{Bucket: &name,
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: awstest.Region}}); err != nil {
			r.Fatal(err)
		}
	}
	queues := sqs.NewFromConfig(r.moto.Config())
	dead, jobs := "cityflow-jobs-dlq", "cityflow-jobs"
	if _, err := queues.CreateQueue(r.Context(), &sqs.CreateQueueInput{QueueName: &dead}); err != nil {
		r.Fatal(err)
	}
	out, err := queues.CreateQueue(r.Context(), &sqs.CreateQueueInput{QueueName: &jobs, Attributes: map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:%s","maxReceiveCount":20}`, awstest.Region, account, dead)}})
	if err != nil {
		r.Fatal(err)
	}
	u, err := url.Parse(*out.QueueUrl)
	if err != nil {
		r.Fatal(err)
	}
	r.queue = u.Path
	r.open("cityflow-artifacts")
	for name, value := range map[string]string{"secret": strings.Repeat("s", 40), "openai-api-key": "sk-test", "token-hashes": strings.Repeat("ab", 32)} {
		r.moto.SetParameter(r, "/cityflow/prod/"+name, value)
	}
}

func (r *calls) open(bucket string) {
	r.Helper()
	u, err := url.Parse(r.moto.BucketURL(bucket, ""))
	if err != nil {
		r.Fatal(err)
	}
	if r.bucket, err = cloud.OpenBucket(r.Context(), u); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = r.bucket.Close() })
}

// publishTo copies a small city with the command of operators.
func (r *calls) publishTo(bucket string) {
	r.Helper()
	c := exec.CommandContext(r.Context(), program(r, "cityflow"), "city", "publish", "--packs", packs(r), "--store", r.moto.BucketURL(bucket, r.as("operator")))
	c.Env = environment(r.moto, r.as("operator"))
	if out, err := c.CombinedOutput(); err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
}

func (r *calls) settings(who string, more ...string) []string {
	at := r.as(who)
	return append(r.moto.Env(at), append([]string{"CITYFLOW_STORE=" + r.moto.BucketURL("cityflow-artifacts", at), "CITYFLOW_QUEUE=" + at + r.queue,
		"CITYFLOW_LEASE=5s", "CITYFLOW_TASK_SECONDS_PER_DAY=50000"}, more...)...)
}

func (r *calls) function(c lambdatest.Config) *lambdatest.Function {
	r.Helper()
	var log bytes.Buffer
	c.Stderr = &log
	f, err := lambdatest.Start(c)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := f.Close(); err != nil {
			r.Error(err)
		}
		if r.Failed() {
			for line := range strings.Lines(log.String()) {
				if !strings.HasPrefix(line, `{"_aws"`) {
					r.Log(c.Name, line)
				}
			}
		}
	})
	return f
}

// service is a day of the service: jobs asked for, woken for, run, cancelled,
// given up, promised and lost, removed when they are old.
func (r *calls) service() {
	r.Helper()
	ecs := awstest.NewECS(r, "cityflow-worker", awstest.Fate{Grace: 10 * time.Second},
		[]string{program(r, "cityflow"), "worker", "--task", "--task-idle", "3s", "--task-paid", "4s"}, r.settings("worker"))
	starter := awstest.NewRecorder(r, ecs.URL)
	reconciler := func(more ...string) *lambdatest.Function {
		return r.function(lambdatest.Config{Name: "cityflow-reconciler", Bootstrap: program(r, "lambda-reconciler"), Concurrency: 1, Timeout: time.Minute,
			Env: append(r.settings("lambda-reconciler", "AWS_ENDPOINT_URL_ECS="+starter.URL, "CITYFLOW_SUBNETS=subnet-a", "CITYFLOW_SECURITY_GROUPS=sg-1", "CITYFLOW_MAX_TASKS=2"), more...)})
	}
	first := reconciler()
	waker := awstest.NewRecorder(r, serve(r, lambdatest.API(first)))
	model := serve(r, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		http.Error(w, `{"error":{"message":"busy"}}`, http.StatusInternalServerError)
	}))
	api := serve(r, r.function(lambdatest.Config{Name: "cityflow-api", Bootstrap: program(r, "lambda-api"), Timeout: 29 * time.Second, Stage: "prod",
		Env: r.settings("lambda-api", "AWS_ENDPOINT_URL_LAMBDA="+waker.URL, "CITYFLOW_RECONCILER=cityflow-reconciler:live", "CITYFLOW_SECRET_PARAMETER=/cityflow/prod/secret",
			"OPENAI_API_KEY_PARAMETER=/cityflow/prod/openai-api-key", "OPENAI_BASE_URL="+model, "CITYFLOW_TOKEN_HASHES_PARAMETER=/cityflow/prod/token-hashes",
			"CITYFLOW_FILES_BASE=https://cityflow.obaidmalik.co.uk/files", "CITYFLOW_RATE_SUBMIT=none", "CITYFLOW_RATE_READ=none")}))

	var cities []spec.CityInfo
	r.ask("GET", api+"/v1/health", "", nil)
	r.ask("GET", api+"/v1/cities", "", &cities)
	city := cities[0].Slug
	var detail spec.CityDetail
	r.ask("GET", api+"/v1/cities/"+city, "", &detail)
	r.ask("GET", api+strings.TrimPrefix(detail.Streets, "/prod"), "", nil)
	submit := func(seed int) string {
		var sub spec.Submitted
		r.ask("POST", api+"/v1/submit", fmt.Sprintf(`{"city":%q,"agents":2000,"replications":4,"seed":%d}`, city, seed), &sub)
		return sub.JobID
	}
	tick := func(f *lambdatest.Function) {
		r.Helper()
		tryFor(r, time.Minute, func() error { // one at a time: another may be at it
			_, err := f.Invoke(r.Context(), []byte(`{"source":"aws.events","detail-type":"Scheduled Event"}`))
			return err
		})
	}
	until := func(id string, want spec.State) {
		r.Helper()
		tryFor(r, 4*time.Minute, func() error {
			var st spec.Status
			r.ask("GET", api+"/v1/status/"+id, "", &st)
			if st.State != want {
				if st.Attempt > 0 && st.State == spec.Queued {
					tick(first) // as every minute: on a busy machine an attempt may lose its lease
				}
				return fmt.Errorf("job %s is %s: %s", id, st.State, st.Message)
			}
			return nil
		})
	}
	one := submit(1)
	until(one, spec.Complete)
	// Calls of the language model of another day, which the first call of today
	// removes.
	r.write("spend/2024-01-02/model-"+strings.Repeat("a", 26), "\n")
	r.ask("POST", api+"/v1/insights/"+one, "", nil)
	r.ask("POST", api+"/v1/chat", `{"messages":[{"role":"user","content":"Why is it better?"}]}`, nil)
	submit(1) // answered at once
	two := submit(2)
	r.ask("POST", api+"/v1/jobs/"+two+"/cancel", "", nil)

	// A message that names no job is buried by the worker; one that SQS gave up
	// gets its end from the reconciler; a promise without a message is kept.
	queues := sqs.NewFromConfig(r.moto.Config())
	send := func(address, body string) {
		if _, err := queues.SendMessage(r.Context(), &sqs.SendMessageInput{QueueUrl: &address, MessageBody: &body}); err != nil {
			r.Fatal(err)
		}
	}
	send(r.moto.URL+r.queue, `no json`)
	tick(first)
	tryFor(r, time.Minute, func() error {
		if !slices.Contains(r.recorders["worker"].Calls(), awstest.Call{Action: "sqs:SendMessage", Resource: "arn:aws:sqs:eu-west-2:123456789012:cityflow-jobs-dlq"}) {
			return fmt.Errorf("the worker buried nothing")
		}
		return nil
	})
	three := submit(3)
	tryFor(r, 4*time.Minute, func() error {
		tick(first) // as every minute: the task before may have ended with this message
		var st spec.Status
		if r.ask("GET", api+"/v1/status/"+three, "", &st); st.State != spec.Complete {
			return fmt.Errorf("job %s is %s: %s", three, st.State, st.Message)
		}
		return nil
	})
	r.lose(one)
	tick(first)
	// A reconciler with a shorter memory follows, as after a deploy.
	if err := r.bucket.Delete(r.Context(), "reconcile/lease.json"); err != nil {
		r.Fatal(err)
	}
	r.write("spend/2024-01-02.json", "{}\n")
	second := reconciler("CITYFLOW_KEEP=1s")
	tryFor(r, 4*time.Minute, func() error {
		time.Sleep(time.Second) // the promise is looked after when it is half a minute old
		tick(second)
		stopped := slices.ContainsFunc(starter.Calls(), func(c awstest.Call) bool { return c.Action == "ecs:StopTask" })
		if !stopped {
			ecs.Age(24 * time.Hour) // whatever runs now has run for a day: the next tick stops it
		}
		seen := r.recorders["lambda-reconciler"].Calls()
		for _, c := range []awstest.Call{
			{Action: "s3:PutObject", Resource: "arn:aws:s3:::cityflow-artifacts/jobs/<id>/<file>"}, {Action: "sqs:SendMessage", Resource: "arn:aws:sqs:eu-west-2:123456789012:cityflow-jobs"},
			{Action: "s3:DeleteObject", Resource: "arn:aws:s3:::cityflow-artifacts/jobs/<id>/<file>"}, {Action: "s3:DeleteObject", Resource: "arn:aws:s3:::cityflow-artifacts/pending/<id>"},
			{Action: "s3:DeleteObject", Resource: "arn:aws:s3:::cityflow-artifacts/runs/<run>.json"},
		} {
			if !slices.Contains(seen, c) {
				return fmt.Errorf("the reconciler never called %s", c)
			}
		}
		if !stopped {
			submit(4) // something to run, should nothing be left
			return fmt.Errorf("the reconciler stopped no task")
		}
		return nil
	})
	r.also = map[string]*awstest.Recorder{"lambda-reconciler": starter, "lambda-api": waker}
}

// lose makes a promise whose message is lost, and an old dead letter.
func (r *calls) lose(like string) {
	r.Helper()
	config, err := r.bucket.ReadAll(r.Context(), "jobs/"+like+"/config.json")
	if err != nil {
		r.Fatal(err)
	}
	id := strings.Repeat("b", 26)
	r.write("jobs/"+id+"/config.json", string(config))
	r.write("pending/"+id, "\n")
	dead := r.moto.URL + r.queue + "-dlq"
	gone := strings.Repeat("c", 26)
	r.write("jobs/"+gone+"/config.json", string(config))
	body := fmt.Sprintf(`{"v":1,"job_id":%q,"config_key":"jobs/%s/config.json"}`, gone, gone)
	if _, err := sqs.NewFromConfig(r.moto.Config()).SendMessage(r.Context(), &sqs.SendMessageInput{QueueUrl: &dead, MessageBody: &body}); err != nil {
		r.Fatal(err)
	}
}

func (r *calls) write(key, text string) {
	r.Helper()
	if err := r.bucket.WriteAll(r.Context(), key, []byte(text), nil); err != nil {
		r.Fatal(err)
	}
}

func serve(t testing.TB, h http.Handler) string {
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

// ask sends a request to the API and wants a good answer.
func (r *calls) ask(method, address, body string, into any) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, address, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		r.Fatalf("%s %s: %d %.500s (%v)", method, address, res.StatusCode, b, err)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			r.Fatalf("%s %s: %v in %.200s", method, address, err, b)
		}
	}
}

// scripts are the deploys of page, code and image, the first time and again.
func (r *calls) scripts() {
	r.Helper()
	site := newSite(r, r.moto, "cityflow-web", "prod")
	deploy(r, environment(r.moto, r.as("scripts/deploy/web")), "web", site.dist(r, "a"))

	canary := serve(r, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for name, check := range map[string]string{"cityflow-api": canary, "cityflow-reconciler": "invoke"} {
		code := newCode(r, r.moto, name)
		rec := awstest.NewRecorder(r, code.url)
		env := environment(r.moto, rec.URL, "CITYFLOW_CANARY_PAUSE=0")
		deploy(r, env, "function", name, code.zip(r, "one"), check)
		deploy(r, env, "function", name, "--settings", check)
		// As api-deploy.yml asks for the address of the check.
		c := exec.CommandContext(r.Context(), "bash", "-c", ". scripts/deploy/lib.sh; parameter api-base") // #nosec G204 -- of this test
		c.Dir, c.Env = root, env
		if out, err := c.CombinedOutput(); err != nil {
			r.Fatalf("%v\n%s", err, out)
		}
		r.recorders["scripts/deploy/function"], r.also["scripts/deploy/function"] = rec, r.recorders["scripts/deploy/function"]
	}

	images := newImages(r, r.moto)
	registry := awstest.NewRegistryRecorder(r, "http://"+images.registry)
	images.registry = strings.TrimPrefix(registry.URL, "http://")
	worker := environment(r.moto, r.as("scripts/deploy/worker"), "CITYFLOW_REGISTRY="+images.registry)
	deploy(r, worker, "push", images.layout(r, "v1.0.0"), "v1.0.0")
	deploy(r, worker, "worker", images.inECR(r, "v1.0.0"))
	r.also["scripts/deploy/worker"] = registry
	r.stacks()

	deploy(r, environment(r.moto, r.as("operator")), "secrets", "secret", "--rotate")
}

// stacks is what the script does besides CDK, whose own calls the module infra
// knows from what it synthesizes.
func (r *calls) stacks() {
	r.Helper()
	const group = "/aws/vendedlogs/RUMService_cityflow01234567"
	aws(r, environment(r.moto, ""), "logs", "create-log-group", "--log-group-name", group)
	dir := r.TempDir()
	for name, text := range map[string]string{"npm": "exit 0\n", "npx": `while [ $# -gt 1 ]; do
if [ "$1" = --outputs-file ]; then printf '{"cityflow-observability":{"RumLogGroup":"` + group + `"}}' >"$2"; fi
shift
done
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o700); err != nil { // #nosec G306 -- it is run
			r.Fatal(err)
		}
	}
	env := environment(r.moto, r.as("scripts/deploy/infra"))
	deploy(r, append(env, "PATH="+dir+string(os.PathListSeparator)+searchPath()), "infra", "deploy")
	if days := aws(r, environment(r.moto, ""), "logs", "describe-log-groups", "--log-group-name-prefix", group, "--query", "logGroups[0].retentionInDays", "--output", "text"); days != "14" {
		r.Errorf("what RUM logs is kept %s days", days)
	}
}
