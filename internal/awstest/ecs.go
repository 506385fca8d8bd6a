package awstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Fate says how starts and tasks of an ECS go wrong. Shares are of 1; all draws
// come from one seeded source, in the order of calls, those of Lost, Killed and
// Termed spread evenly.
type Fate struct {
	Seed uint64
	// Full is the share of starts that find no room: HTTP 200, and in failures.
	Full float64
	// Lost is the share that is accepted and never runs.
	Lost float64
	// Killed is the share of tasks that die by SIGKILL, Termed those that are
	// taken away (SIGTERM, then SIGKILL after Grace): between After and
	// After+Within.
	Killed, Termed float64
	After, Within  time.Duration
	Grace          time.Duration
	// Boot is how long a task takes until its program runs.
	Boot time.Duration
}

// ECS is a stand-in of the ECS control plane on loopback that runs each task as
// a process of this machine. It speaks the calls that CityFlow makes: RunTask,
// ListTasks, DescribeTasks, StopTask, DescribeTaskDefinition.
type ECS struct {
	// URL is for AWS_ENDPOINT_URL_ECS.
	URL string
	// Stopped is called, if set before the first start, after each task's end,
	// like the rule on task state changes that EventBridge would call.
	Stopped func(id string)

	t      testing.TB
	family string
	fate   Fate
	argv   []string
	env    []string
	logs   string

	mu       sync.Mutex
	rng      *rand.Rand
	revision int
	tasks    map[string]*ecsTask
	tokens   map[string][]string // client token -> tasks
	// losses and ends are where the sequences of these draws stand.
	losses, ends float64
	count        ECSCounts
	closed       bool
	wg           sync.WaitGroup
}

// ECSCounts is what happened so far.
type ECSCounts struct{ Accepted, Full, Lost, Ran, Killed, Termed int }

type ecsTask struct {
	doc  map[string]any
	arn  string
	stop chan struct{}
	once sync.Once
}

const ecsArn = "arn:aws:ecs:" + Region + ":123456789012:"

// NewECS starts one whose tasks run argv with env added to an otherwise empty
// environment. Everything ends with the test.
func NewECS(t testing.TB, family string, fate Fate, argv, env []string) *ECS {
	t.Helper()
	e := &ECS{t: t, family: family, fate: fate, argv: argv, env: env, logs: t.TempDir(), revision: 1,
		tasks: map[string]*ecsTask{}, tokens: map[string][]string{}}
	e.rng = rand.New(rand.NewPCG(fate.Seed, 20)) // #nosec G404 -- faults of a test, by seed
	e.losses, e.ends = e.rng.Float64(), e.rng.Float64()
	srv := httptest.NewServer(e)
	e.URL = srv.URL
	t.Cleanup(func() {
		srv.Close()
		e.mu.Lock()
		e.closed = true
		for _, k := range e.tasks {
			k.once.Do(func() { close(k.stop) })
		}
		e.mu.Unlock()
		e.wg.Wait()
	})
	return e
}

// Deploy registers a new revision of the family, as a worker's deployment does.
func (e *ECS) Deploy() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.revision++
}

// Age makes every running task older: what hangs need not be waited for.
func (e *ECS) Age(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.tasks {
		if k.doc["lastStatus"] == "RUNNING" {
			k.doc["startedAt"] = epoch(time.Now().Add(-d))
		}
	}
}

// Calm ends all mishaps: what starts from now on runs.
func (e *ECS) Calm() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fate.Full, e.fate.Lost, e.fate.Killed, e.fate.Termed = 0, 0, 0, 0
}

// Exhaust takes all room away: no start succeeds from now on.
func (e *ECS) Exhaust() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fate.Full = 2 // more than any draw
}

// Counts is what happened so far.
func (e *ECS) Counts() ECSCounts {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count
}

// Revisions counts the tasks by the revision they ran.
func (e *ECS) Revisions() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]int{}
	for _, k := range e.tasks {
		out[k.doc["taskDefinitionArn"].(string)]++
	}
	return out
}

// Logs is what all tasks wrote, by task.
func (e *ECS) Logs() map[string]string {
	out := map[string]string{}
	files, _ := filepath.Glob(filepath.Join(e.logs, "*"))
	for _, f := range files {
		b, err := os.ReadFile(f) // #nosec G304 -- a test's own folder
		if err == nil {
			out[filepath.Base(f)] = string(b)
		}
	}
	return out
}

// ServeHTTP implements the AWS JSON 1.1 protocol.
func (e *ECS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	_, call, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	do := map[string]func([]byte) (any, error){
		"RunTask": e.runTask, "ListTasks": e.listTasks, "DescribeTasks": e.describeTasks, "StopTask": e.stopTask, "DescribeTaskDefinition": e.describeDefinition,
	}[call]
	if !ok || do == nil || r.Method != http.MethodPost {
		e.t.Errorf("ECS stand-in: unknown call %q", r.Header.Get("X-Amz-Target"))
		http.Error(w, "unknown call", http.StatusBadRequest)
		return
	}
	out, err := do(body)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var refused *refusedError
	if errors.As(err, &refused) {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": refused.code, "message": refused.message}
	}
	_ = json.NewEncoder(w).Encode(out)
}

type refusedError struct{ code, message string }

func (e *refusedError) Error() string { return e.message }

func refuse(code, format string, args ...any) error {
	return &refusedError{code, fmt.Sprintf(format, args...)}
}

func read(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return refuse("SerializationException", "%v", err)
	}
	return nil
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (e *ECS) definition(name string) (string, error) {
	family, rev, pinned := strings.Cut(name, ":")
	if family != e.family {
		return "", refuse("ClientException", "TaskDefinition not found.")
	}
	if !pinned {
		rev = strconv.Itoa(e.revision)
	}
	return ecsArn + "task-definition/" + family + ":" + rev, nil
}

func (e *ECS) describeDefinition(body []byte) (any, error) {
	var in struct{ TaskDefinition string }
	if err := read(body, &in); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	arn, err := e.definition(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	return map[string]any{"taskDefinition": map[string]any{"taskDefinitionArn": arn, "family": e.family, "revision": e.revision, "status": "ACTIVE"}}, nil
}

func (e *ECS) runTask(body []byte) (any, error) {
	var in struct {
		Cluster, TaskDefinition, ClientToken, StartedBy string
		Count                                           int
		CapacityProviderStrategy                        []struct{ CapacityProvider string }
		NetworkConfiguration                            struct {
			AwsvpcConfiguration struct{ Subnets, SecurityGroups []string }
		}
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	arn, err := e.definition(in.TaskDefinition)
	switch {
	case err != nil:
		return nil, err
	case in.Count < 1 || in.Count > 10:
		return nil, refuse("InvalidParameterException", "count %d", in.Count)
	case len(in.ClientToken) > 64 || len(in.StartedBy) > 128:
		return nil, refuse("InvalidParameterException", "clientToken or startedBy too long")
	case len(in.CapacityProviderStrategy) != 1 || len(in.NetworkConfiguration.AwsvpcConfiguration.Subnets) == 0:
		return nil, refuse("InvalidParameterException", "capacity provider strategy and subnets are needed")
	case e.closed:
		return nil, refuse("ClientException", "the test is over")
	}
	tasks, failures := []any{}, []any{}
	if ids, again := e.tokens[in.ClientToken]; again && in.ClientToken != "" {
		for _, id := range ids {
			tasks = append(tasks, clone(e.tasks[id].doc))
		}
		return map[string]any{"tasks": tasks, "failures": failures}, nil
	}
	for range in.Count {
		if e.rng.Float64() < e.fate.Full {
			e.count.Full++
			failures = append(failures, map[string]any{"reason": "Capacity is unavailable at this time. Please try again later or in a different availability zone"})
			continue
		}
		e.count.Accepted++
		id := fmt.Sprintf("%032x", e.count.Accepted)
		k := &ecsTask{arn: ecsArn + "task/" + in.Cluster + "/" + id, stop: make(chan struct{})}
		k.doc = map[string]any{"taskArn": k.arn, "taskDefinitionArn": arn, "clusterArn": ecsArn + "cluster/" + in.Cluster, "lastStatus": "PROVISIONING", "desiredStatus": "RUNNING",
			"createdAt": epoch(time.Now()), "startedBy": in.StartedBy, "capacityProviderName": in.CapacityProviderStrategy[0].CapacityProvider, "launchType": "FARGATE"}
		e.tasks[id] = k
		if in.ClientToken != "" {
			e.tokens[in.ClientToken] = append(e.tokens[in.ClientToken], id)
		}
		tasks = append(tasks, clone(k.doc))
		lost, end, when := e.next(&e.losses, math.Phi-1) < e.fate.Lost, e.next(&e.ends, math.Sqrt2-1), e.fate.After+time.Duration(e.rng.Float64()*float64(e.fate.Within))
		e.wg.Go(func() { e.live(id, k, lost, end, when) })
	}
	return map[string]any{"tasks": tasks, "failures": failures}, nil
}

// next is the next draw of an evenly spread sequence (multiples of an irrational
// number), so that shares hold for twenty tasks as for a thousand.
func (e *ECS) next(at *float64, step float64) float64 {
	_, *at = math.Modf(*at + step)
	return *at
}

func clone(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (e *ECS) set(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

// live is the life of one task.
func (e *ECS) live(id string, k *ecsTask, lost bool, end float64, when time.Duration) {
	why, code := "Essential container in task exited", "EssentialContainerExited"
	defer func() {
		var told func(string)
		e.set(func() {
			k.doc["lastStatus"], k.doc["desiredStatus"], k.doc["stoppedAt"] = "STOPPED", "STOPPED", epoch(time.Now())
			k.doc["stoppedReason"], k.doc["stopCode"] = why, code
			if !e.closed {
				told = e.Stopped
			}
		})
		if told != nil {
			told(id)
		}
	}()
	e.set(func() { k.doc["lastStatus"], k.doc["pullStartedAt"] = "PENDING", epoch(time.Now()) })
	select {
	case <-k.stop:
		return
	case <-time.After(e.fate.Boot):
	}
	if lost {
		e.set(func() { e.count.Lost++ })
		why, code = "CannotPullContainerError: pull image manifest has been retried 5 time(s)", "TaskFailedToStart"
		return
	}
	out, err := os.Create(filepath.Join(e.logs, id)) // #nosec G304 -- a test's own folder
	if err != nil {
		e.t.Errorf("ECS stand-in: %v", err)
		return
	}
	defer out.Close()
	cmd := exec.Command(e.argv[0], e.argv[1:]...) // #nosec G204 -- the program under test
	cmd.Env, cmd.Stdout, cmd.Stderr = e.env, out, out
	if err := cmd.Start(); err != nil {
		e.t.Errorf("ECS stand-in: %v", err)
		return
	}
	e.set(func() { e.count.Ran++; k.doc["lastStatus"], k.doc["startedAt"] = "RUNNING", epoch(time.Now()) })
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	var doom <-chan time.Time
	if end < e.fate.Killed+e.fate.Termed {
		doom = time.After(when)
	}
	select {
	case <-gone:
		return
	case <-doom:
		if end < e.fate.Killed {
			e.set(func() { e.count.Killed++ })
			_ = cmd.Process.Kill()
			<-gone
			return
		}
		e.set(func() { e.count.Termed++ })
		why, code = "Your Spot Task was interrupted.", "SpotInterruption"
	case <-k.stop:
		why, code = "Task stopped by user", "UserInitiated"
	}
	e.set(func() { k.doc["desiredStatus"], k.doc["stoppingAt"] = "STOPPED", epoch(time.Now()) })
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-gone:
	case <-time.After(e.fate.Grace):
		_ = cmd.Process.Kill()
		<-gone
	}
}

// listPage is small, so that paging happens in tests.
const listPage = 5

func (e *ECS) listTasks(body []byte) (any, error) {
	var in struct{ Family, DesiredStatus, NextToken string }
	if err := read(body, &in); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var arns []string
	for _, k := range e.tasks {
		if in.Family == e.family && k.doc["desiredStatus"] == in.DesiredStatus && k.arn > in.NextToken {
			arns = append(arns, k.arn)
		}
	}
	sort.Strings(arns)
	out := map[string]any{"taskArns": append([]string{}, arns[:min(listPage, len(arns))]...)}
	if len(arns) > listPage {
		out["nextToken"] = arns[listPage-1]
	}
	return out, nil
}

func (e *ECS) find(name string) *ecsTask { return e.tasks[name[strings.LastIndexByte(name, '/')+1:]] }

func (e *ECS) describeTasks(body []byte) (any, error) {
	var in struct{ Tasks []string }
	if err := read(body, &in); err != nil {
		return nil, err
	}
	if len(in.Tasks) == 0 || len(in.Tasks) > 100 {
		return nil, refuse("InvalidParameterException", "%d tasks", len(in.Tasks))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	tasks, failures := []any{}, []any{}
	for _, name := range in.Tasks {
		if k := e.find(name); k != nil {
			tasks = append(tasks, clone(k.doc))
		} else {
			failures = append(failures, map[string]any{"arn": name, "reason": "MISSING"})
		}
	}
	return map[string]any{"tasks": tasks, "failures": failures}, nil
}

func (e *ECS) stopTask(body []byte) (any, error) {
	var in struct{ Task, Reason string }
	if err := read(body, &in); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.find(in.Task)
	if k == nil {
		return nil, refuse("InvalidParameterException", "The referenced task was not found.")
	}
	k.once.Do(func() { close(k.stop) })
	return map[string]any{"task": clone(k.doc)}, nil
}

// Paid is the billed time of all tasks, as the platform would put it on the
// bill: from the first byte of the image to the end, a minute at least, in whole
// seconds. open counts those that have not ended.
func (e *ECS) Paid() (seconds float64, open int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.tasks {
		from, began := k.doc["pullStartedAt"].(float64)
		to, ended := k.doc["stoppedAt"].(float64)
		switch {
		case !ended:
			open++
		case began:
			seconds += max(60, math.Ceil(to-from))
		}
	}
	return seconds, open
}
