//go:build slow

package own

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/spec"
)

// disk is a small file system of its own, which takes the right to mount.
func disk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := shared(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		missing(t, "a small disk needs the right to mount: "+err.Error())
	}
	t.Cleanup(func() {
		for range 50 { // processes may still be ending
			if syscall.Unmount(dir, 0) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	})
	return dir
}

// missing skips loudly, and fails in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	fmt.Fprintf(os.Stderr, "SKIPPED: %s: %s\n", t.Name(), what)
	t.Skip(what)
}

// fill takes all space of a disk.
func fill(t *testing.T, dir string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.OpenFile(ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return ballast
}

// trouble is how a disk can fail, and how it is repaired.
type trouble struct {
	name   string
	strike func(t *testing.T, dir string) (repair func())
	says   string
	code   int
}

var troubles = []trouble{
	{"full", func(t *testing.T, dir string) func() {
		ballast := fill(t, dir)
		return func() { _ = os.Remove(ballast) }
	}, "full", http.StatusInsufficientStorage},
	{"read-only", func(t *testing.T, dir string) func() {
		// A file system with files open for writing cannot be made read-only
		// as a kernel does that lost trust in a disk. The folders refuse new
		// files instead, for whoever is not root.
		return refuseWrites(t, dir)
	}, "cannot be written", http.StatusServiceUnavailable},
}

// refuseWrites makes every folder below dir immutable for this user.
func refuseWrites(t *testing.T, dir string) (repair func()) {
	t.Helper()
	set := func(mode os.FileMode) {
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, mode)
			}
			return nil
		})
	}
	set(0o500)
	return func() { set(0o700) }
}

// A disk that fails in the middle of the work: whoever submits is told so, what
// was accepted is delayed, and all of it completes once the disk works again.
func TestADiskThatFailsMidRun(t *testing.T) {
	want := undisturbed(t)
	for _, tr := range troubles {
		for _, restart := range []bool{false, true} {
			name := tr.name
			if restart {
				name += ", and the server is restarted meanwhile"
			}
			t.Run(name, func(t *testing.T) { diskFails(t, tr, restart, want) })
		}
	}
}

func diskFails(t *testing.T, tr trouble, restart bool, want map[int]map[string]string) {
	dir := withTown(t, shared(t))
	at := disk(t, 24)
	give(t, dir)
	give(t, at)
	data := filepath.Join(at, "data")
	bin := program(t, "plain")
	args := []string{"--addr", "127.0.0.1:0", "--data", data, "--lease", "1s", "--workers", "2"}
	// Work first collects, so that enough of it is left when the disk fails.
	p, err := serve(t, bin, dir, append(args, "--workers", "0")...)
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[int]string{}
	for seed := firstGood; seed < firstGood+20; seed++ {
		if jobs[seed], err = submit(p.url, request(seed), fmt.Sprint("key-", seed)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	if p, err = serve(t, bin, dir, args...); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if done, _ := filepath.Glob(filepath.Join(data, "store", "jobs", "*", "manifest.json")); len(done) >= 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing completes\n%s", p.String())
		}
	}
	repair := tr.strike(t, at)
	before, _ := filepath.Glob(filepath.Join(data, "store", "jobs", "*", "manifest.json"))
	if len(before) >= len(jobs) {
		t.Error("everything was complete before the disk failed: the test shows nothing")
	}

	refused := 0
	for seed := firstGood + 20; seed < firstGood+30; seed++ {
		a, err := ask("POST", p.url+"/v1/submit", request(seed), fmt.Sprint("key-", seed))
		if err != nil {
			t.Fatal(err)
		}
		if a.code == http.StatusAccepted {
			var s spec.Submitted
			if err := json.Unmarshal([]byte(a.body), &s); err != nil {
				t.Fatal(err)
			}
			jobs[seed] = s.JobID // it had room for that: then it is a promise
			continue
		}
		refused++
		if a.code != tr.code || !strings.Contains(a.body, tr.says) || !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("submit: %d %s %s", a.code, a.header.Get("Content-Type"), a.body)
		}
		if strings.Contains(a.body, at) {
			t.Errorf("a stranger is told of the server's folders: %s", a.body)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused: the test shows nothing")
	}
	// Long enough for several deliveries of each job, were they all taken.
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for seed, id := range jobs {
			st, err := statusOf(p.url, id)
			if err != nil {
				c, rerr := os.ReadFile(filepath.Join(data, "store", "jobs", id, "config.json"))
				t.Fatalf("seed %d: %v; its config: %q %v\n%s", seed, err, c, rerr, p.String())
			}
			if st.State == spec.Failed {
				t.Fatalf("seed %d failed: %s", seed, st.Message)
			}
			if st.State != spec.Complete && len(st.Artifacts) > 0 {
				t.Fatalf("seed %d is %s and shows %d artifacts", seed, st.State, len(st.Artifacts))
			}
		}
	}
	if a, err := ask("GET", p.url+"/v1/health", "", ""); err != nil || a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, tr.says) {
		t.Errorf("health: %+v %v", a, err)
	}
	if restart {
		if err := p.stop(t); err != nil {
			t.Errorf("%v\n%s", err, p.String())
		}
		broken, err := serve(t, bin, dir, args...)
		if err == nil {
			t.Error("it starts on a disk that does not work")
			broken.kill()
		} else if log := broken.String(); broken.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(log, tr.says) || !strings.Contains(log, "--data") || strings.Contains(log, "panic") {
			t.Errorf("start: %v\n%s", broken.cmd.ProcessState, log)
		}
	}
	repair()
	repaired := time.Now()
	if restart {
		if p, err = serve(t, bin, dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	b := folder(t, filepath.Join(data, "store"))
	defer b.Close()
	worst := 0
	for _, id := range jobs {
		st := until(t, p, id, spec.Complete)
		worst = max(worst, st.Attempt)
	}
	t.Logf("%d of %d jobs were complete when the disk failed, all of them %.1f s after it worked again; %d submits refused; at most %d attempts", len(before), len(jobs), time.Since(repaired).Seconds(), refused, worst)
	for seed := firstGood + 30; seed < firstGood+32; seed++ {
		id, err := submit(p.url, request(seed), "")
		if err != nil {
			t.Fatal(err)
		}
		jobs[seed] = id
		until(t, p, id, spec.Complete)
	}
	if a, err := ask("GET", p.url+"/v1/health", "", ""); err != nil || a.code != http.StatusOK {
		t.Errorf("health: %+v %v", a, err)
	}
	var all []*promised
	ended := map[string]*spec.Status{}
	for seed, id := range jobs {
		all = append(all, &promised{seed: seed, id: id})
		ended[id] = until(t, p, id, spec.Complete)
	}
	settle(t, p, data)
	q, err := jetstream.Embed(t.Context(), filepath.Join(data, "queue"), jetstream.Options{Lease: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	judge(t, q, b, all, ended, want, 0)
}
