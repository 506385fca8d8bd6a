//go:build slow

package cloud

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

var (
	seedFlag   = flag.Uint64("chaos-seed", 0, "seed of the chaos test; 0 takes the usual one")
	logsFlag   = flag.Bool("chaos-logs", false, "keep the logs of all processes of the chaos test in any case")
	reportFlag = flag.String("chaos-report", "", "file to which the figures of the chaos test are appended, a line of JSON each")
)

const (
	usualSeed = 1
	jobsInAll = 60
	poisoned  = 3
	chaosTime = 3 * time.Minute
	town      = "testcity"
	poison    = "poison"
)

// towns makes a folder with two compiled cities that are the same but for the
// name: small, so that the real engine runs one in a moment.
func towns(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "build")
	b, err := fileblob.OpenBucket(dir, &fileblob.Options{CreateDir: true, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cities := catalog.Over(b)
	for _, slug := range []string{town, poison} {
		o := testcity.Default()
		o.N, o.Population, o.Headway = 8, 3000, 1200
		c := testcity.Grid(o)
		c.Info.Slug = slug
		if err := cities.Add(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// question is the body of the i-th job.
func question(i int) string {
	slug := town
	if i < poisoned {
		slug = poison
	}
	return fmt.Sprintf(`{"city":%q,"num_agents":100,"replications":2,"iterations":2,"average_last":1,"seed":%d}`, slug, i+1)
}

// undisturbed answers the good questions with the same program on one machine,
// where nothing fails: the artifacts of each.
func undisturbed(t *testing.T, packs string) map[int]map[string]string {
	t.Helper()
	data := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program(t, "cityflow"), "serve", "--addr", "127.0.0.1:0", "--data", data, "--rate-submit", "none", "--rate-read", "none", "--log-level", "warn")
	c.Dir, c.Stderr = filepath.Dir(packs), os.Stderr
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = c.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), "at ")
	if err != nil || !ok {
		t.Fatalf("no address in %q: %v", line, err)
	}
	calm := &deployment{TB: t, apiURL: url, client: newClient(t)}
	ids := map[int]string{}
	for i := poisoned; i < jobsInAll; i++ {
		var sub spec.Submitted
		calm.must("POST", "/v1/submit", question(i), &sub)
		ids[i] = sub.JobID
	}
	store, err := fileblob.OpenBucket(filepath.Join(data, "store"), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	want := map[int]map[string]string{}
	for i, id := range ids {
		calm.complete(id, 2*time.Minute)
		want[i] = artifacts(t, store, id)
	}
	return want
}

// artifacts are the bytes of all files of a job that equal runs share.
func artifacts(t testing.TB, store *blob.Bucket, id string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range list(t, store, "jobs/"+id+"/") {
		b, err := store.ReadAll(t.Context(), "jobs/"+id+"/"+name)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case name == "progress.json", name == "run.log", strings.HasPrefix(name, "insights."):
			continue
		case name == "manifest.json":
			var m spec.Manifest
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			m.Timing = spec.Timing{}
			for i := range m.Artifacts {
				if m.Artifacts[i].SHA256 == "" { // of the files left out above
					m.Artifacts[i].Bytes = 0
				}
			}
			if b, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		out[name] = string(b)
	}
	return out
}

// list gives the keys below a prefix, without it.
func list(t testing.TB, b *blob.Bucket, prefix string) []string {
	t.Helper()
	var out []string
	it := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimPrefix(o.Key, prefix))
	}
}

// storeOrQueue are the services whose calls go wrong.
func storeOrQueue(op string) bool {
	return strings.HasPrefix(op, "s3 ") || strings.HasPrefix(op, "sqs ")
}

// figures of one run.
type figures struct {
	Seed       uint64            `json:"seed"`
	Wall       float64           `json:"wall_seconds"`
	Jobs       int               `json:"jobs"`
	Starts     float64           `json:"starts_per_job"`
	ECS        awstest.ECSCounts `json:"tasks"`
	PaidSec    float64           `json:"paid_seconds"`
	LedgerSec  float64           `json:"ledger_seconds"`
	Faults     map[string]int    `json:"faults"`
	FailedAsks int               `json:"failed_requests"`
	Attempts   map[int]int       `json:"jobs_by_attempts"`
}

// Sixty jobs while starts get lost, workers are killed and taken away, store
// and queue fail in both ways for each part, messages and submits come twice,
// and three jobs kill every worker that takes them. All of it ends as it should:
// whatever was promised is complete, to the byte, or failed with its reason.
//
// A poison job dies by the failpoint worker.took_job for its city: the process
// kills itself (SIGKILL) once the attempt is counted, as one does that the
// kernel ends for want of memory. A panic would not do, workers survive that.
func TestChaos(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = usualSeed
	}
	t.Logf("seed %d (again with: go test -tags slow -run TestChaos ./test/cloud -chaos-seed %d)", seed, seed)
	packs := towns(t)
	want := undisturbed(t, packs)

	// Faults that the SDK's own retry hides, and before them, for each part,
	// faults that it does not: every try of the call fails.
	moto := awstest.Moto(t)
	short := awstest.NewProxy(t, moto.URL, awstest.Faults{})
	hard := map[string]*awstest.Proxy{}
	for _, part := range []string{"api", "reconciler", "worker"} {
		hard[part] = awstest.NewProxy(t, short.URL, awstest.Faults{})
	}
	d := deploy(t, plan{lease: 6 * time.Second, maxTasks: 6, schedule: 3 * time.Second,
		fate: awstest.Fate{Seed: seed, Full: 0.1, Lost: 0.25, Killed: 0.45, Termed: 0.15, Within: 5 * time.Second, Grace: 10 * time.Second, Boot: 300 * time.Millisecond},
		// A task's minute is ten seconds here, and pauses are as much shorter.
		worker: []string{"--task-idle", "6s", "--task-paid", "10s", "--backoff", "150ms"},
		api:    []string{"CITYFLOW_RATE_SUBMIT=none", "CITYFLOW_RATE_READ=none"}, task: []string{"CITYFLOW_FAILPOINT=worker.took_job@" + poison},
		faults: func(part string) string { return hard[part].URL }})
	d.publish(packs)
	short.Set(awstest.Faults{Seed: seed, NotStored: 0.04, StoredButError: 0.04, Cut: 0.02, Single: true, Match: storeOrQueue})
	for i, part := range slices.Sorted(maps.Keys(hard)) {
		hard[part].Set(awstest.Faults{Seed: seed + uint64(i)<<32, NotStored: 0.01, StoredButError: 0.01, Match: storeOrQueue})
	}

	began := time.Now()
	end := began.Add(chaosTime)
	ids, failed := d.submitAll(seed, end)
	d.settle(ids, end)
	f := figures{Seed: seed, Wall: time.Since(began).Seconds(), Jobs: jobsInAll, ECS: d.ecs.Counts(), Faults: map[string]int{}, FailedAsks: failed, Attempts: map[int]int{}}
	for _, p := range append(slices.Collect(maps.Values(hard)), short) {
		for what, n := range p.Struck() {
			kind, _, _ := strings.Cut(what, ":")
			f.Faults[kind] += n
		}
		p.Set(awstest.Faults{}) // what follows only looks
	}
	f.Starts = float64(f.ECS.Accepted) / jobsInAll
	if f.Wall > chaosTime.Seconds() {
		t.Errorf("it took %.0f s, want at most %.0f", f.Wall, chaosTime.Seconds())
	}
	// A test that disturbs nothing proves nothing: a fifth of the starts is lost, a
	// fifth of the workers killed. More are drawn, for some end before their time.
	if c := f.ECS; 5*c.Lost < c.Accepted || 5*c.Killed < c.Ran || c.Termed == 0 || f.Faults["not stored"] < 10 || f.Faults["stored but error"] < 10 {
		t.Errorf("too little went wrong: %+v %v", c, f.Faults)
	}
	d.checkJobs(ids, want, &f)
	d.checkLetters(ids)
	d.checkLedger(began, &f)
	if f.Starts >= 1.6 {
		t.Errorf("%.2f starts a job, want under 1.6", f.Starts)
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", b)
	if *logsFlag && !t.Failed() {
		d.keepLogs()
	}
	if *reportFlag != "" {
		out, err := os.OpenFile(*reportFlag, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = out.Write(append(b, '\n'))
			err = errors.Join(err, out.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// submitAll asks all questions, from four clients. A request that fails is
// repeated, by a client with an Idempotency-Key as by one without. Every second
// question is sent twice: as a second submit with the same key, or as a second
// message in the queue. It returns all ids that a question was given.
func (d *deployment) submitAll(seed uint64, end time.Time) (ids [jobsInAll][]string, failed int) {
	d.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan int)
	ask := func(i int, key string) (string, bool) {
		for time.Now().Before(end) {
			var headers []string
			if key != "" {
				headers = []string{"Idempotency-Key", key}
			}
			var sub spec.Submitted
			status, err := d.ask("POST", "/v1/submit", question(i), &sub, headers...)
			if err == nil {
				mu.Lock()
				ids[i] = append(ids[i], sub.JobID)
				mu.Unlock()
				return sub.JobID, true
			}
			mu.Lock()
			failed++
			mu.Unlock()
			if status != 0 && status < 500 {
				d.Errorf("question %d: %v", i, err)
				return "", false
			}
			time.Sleep(200 * time.Millisecond)
		}
		d.Errorf("question %d could not be asked in time", i)
		return "", false
	}
	for client := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, client))
		wg.Go(func() {
			for i := range next {
				time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
				key := ""
				if i%2 == 0 || i%4 == 1 {
					key = fmt.Sprintf("question-%d-%d", seed, i)
				}
				switch id, ok := ask(i, key); {
				case !ok:
				case i%4 == 1:
					if again, ok := ask(i, key); ok && again != id {
						d.Errorf("question %d is two jobs with one key: %s and %s", i, id, again)
					}
				case i%4 == 3:
					body := fmt.Sprintf(`{"v":1,"job_id":%q,"config_key":"jobs/%s/config.json"}`, id, id)
					if err := d.queue.Send(d.Context(), id, []byte(body)); err != nil {
						d.Error(err)
					}
				}
			}
		})
	}
	order := rand.New(rand.NewPCG(seed, 99)).Perm(jobsInAll)
	for _, i := range order {
		next <- i
	}
	close(next)
	wg.Wait()
	return ids, failed
}

// settle waits until nothing is left to do: all jobs ended, the queue empty,
// no marker, no task. The faults go on all the while.
func (d *deployment) settle(ids [jobsInAll][]string, end time.Time) {
	d.Helper()
	open := map[string]bool{}
	for _, some := range ids {
		for _, id := range some {
			open[id] = true
		}
	}
	for {
		for id := range open {
			var st spec.Status
			if _, err := d.ask("GET", "/v1/status/"+id, "", &st); err == nil && (st.State == spec.Complete || st.State == spec.Failed) {
				delete(open, id)
			}
			time.Sleep(20 * time.Millisecond)
		}
		depth, err := d.queue.Depth(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		markers := list(d, d.bucket, "pending/")
		_, tasks := d.ecs.Paid()
		if len(open)+depth.Waiting+depth.Leased+len(markers)+tasks == 0 {
			return
		}
		if time.Now().After(end) {
			d.Errorf("not settled in time: %d jobs open %v, queue %+v, markers %v, %d tasks", len(open), slices.Collect(maps.Keys(open)), depth, markers, tasks)
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// checkJobs looks at every job of the store, also at those whose client never
// got to know the id.
func (d *deployment) checkJobs(ids [jobsInAll][]string, want map[int]map[string]string, f *figures) {
	d.Helper()
	of := map[string]int{}
	for i, some := range ids {
		for _, id := range some {
			of[id] = i
		}
	}
	bad := map[string]bool{}
	for i := range poisoned {
		for _, id := range ids[i] {
			bad[id] = true
			var st spec.Status
			d.must("GET", "/v1/status/"+id, "", &st)
			var failed struct {
				Reason  string
				Attempt int
			}
			b, err := d.bucket.ReadAll(d.Context(), "jobs/"+id+"/failed.json")
			if err == nil {
				err = json.Unmarshal(b, &failed)
			}
			if err != nil || st.State != spec.Failed || failed.Reason != "worker_lost" || !strings.Contains(st.Message, fmt.Sprintf("given up after %d attempts", failed.Attempt)) || failed.Attempt < 5 {
				d.Errorf("poison job %s: %+v, %s %v", id, st, b, err)
			}
		}
	}
	seen := map[string]bool{}
	for _, key := range list(d, d.bucket, "jobs/") {
		id, _, _ := strings.Cut(key, "/")
		if seen[id] || bad[id] {
			continue
		}
		seen[id] = true
		var st spec.Status
		d.must("GET", "/v1/status/"+id, "", &st)
		i, known := of[id]
		if !known && st.Config.City == poison {
			if st.State != spec.Failed {
				d.Errorf("job %s that nobody knows of: %+v", id, st)
			}
			continue
		}
		if !known {
			i = int(st.Config.Seed) - 1
		}
		if st.State != spec.Complete {
			d.Errorf("job %s of question %d: %+v", id, i, st)
			continue
		}
		f.Attempts[st.Attempt]++
		if diff := cmp.Diff(want[i], artifacts(d, d.bucket, id)); diff != "" {
			d.Errorf("job %s of question %d differs from the undisturbed run:\n%.2000s", id, i, diff)
		}
	}
	for id, i := range of {
		if i >= poisoned && !seen[id] {
			d.Errorf("job %s of question %d is gone", id, i)
		}
	}
}

// checkLetters: the messages of poison jobs are kept, and of no others.
func (d *deployment) checkLetters(ids [jobsInAll][]string) {
	d.Helper()
	depth, err := d.queue.Depth(d.Context())
	if err != nil || depth.Waiting+depth.Leased != 0 {
		d.Errorf("queue: %+v %v", depth, err)
	}
	// Two readers at once see a part each, and a reader that is cut off leaves
	// letters hidden for some seconds: the reconciler reads them, too.
	kept, keys := map[string]queue.DeadLetter{}, map[string]bool{}
	for end := time.Now().Add(30 * time.Second); len(keys) < depth.Dead && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		letters, err := d.queue.Dead(d.Context(), 100)
		if err != nil {
			d.Fatal(err)
		}
		for _, l := range letters {
			kept[l.ID], keys[l.Key] = l, true
		}
	}
	for i, some := range ids {
		for _, id := range some {
			l, ok := kept[id]
			switch {
			case i < poisoned && (!ok || !strings.Contains(l.Reason, "given up") || !bytes.Contains(l.Body, []byte(id))):
				d.Errorf("letter of poison job %s: %+v", id, l)
			case i >= poisoned && ok:
				d.Errorf("good job %s is among the dead letters: %+v", id, l)
			}
		}
	}
}

// checkLedger compares what was noted as spent with the platform's bill.
func (d *deployment) checkLedger(began time.Time, f *figures) {
	d.Helper()
	var open int
	if f.PaidSec, open = d.ecs.Paid(); open > 0 {
		d.Errorf("%d tasks still run", open)
	}
	// A last look: the end of the last task may have come after the last tick.
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := d.reconciler.Invoke(d.Context(), scheduled); err == nil {
			break
		} else if time.Now().After(end) {
			d.Fatal(err)
		}
	}
	for _, key := range list(d, d.bucket, "spend/") {
		var day struct{ Seconds float64 }
		b, err := d.bucket.ReadAll(d.Context(), "spend/"+key)
		if err == nil {
			err = json.Unmarshal(b, &day)
		}
		if err != nil {
			d.Fatal(err)
		}
		f.LedgerSec += day.Seconds
	}
	if f.LedgerSec < f.PaidSec {
		d.Errorf("the ledger says %.0f s since %v, the bill %.0f", f.LedgerSec, began.UTC().Format(time.DateTime), f.PaidSec)
	}
}
