//go:build slow

package own

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/spec"
)

// refuses starts a server that must not come up, and holds what it says.
func refuses(t *testing.T, dir string, says []string, args ...string) {
	t.Helper()
	p, err := serve(t, program(t, "plain"), dir, args...)
	if err == nil {
		t.Fatalf("it starts\n%s", p.String())
	}
	log := p.String()
	if code := p.cmd.ProcessState.ExitCode(); code != 1 || strings.Contains(log, "goroutine ") {
		t.Errorf("exit code %d\n%s", code, log)
	}
	for _, s := range says {
		if !strings.Contains(log, s) {
			t.Errorf("does not say %q:\n%s", s, log)
		}
	}
}

func TestAFolderThatCannotBeUsedIsSaidAtTheStart(t *testing.T) {
	dir := withTown(t, shared(t))
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	give(t, dir)
	args := []string{"--addr", "127.0.0.1:0", "--data", data}
	repair := refuseWrites(t, data)
	refuses(t, dir, []string{"cannot be written", "--data"}, args...)
	repair()

	p, err := serve(t, program(t, "plain"), dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, []string{"in use by another", "--data"}, args...)
	if id, err := submit(p.url, request(1), ""); err != nil {
		t.Error(err)
	} else {
		until(t, p, id, spec.Complete) // the first one does not mind
	}
	if err := p.stop(t); err != nil {
		t.Error(err)
	}
	// A file where the folder should be.
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, []string{file, "--data"}, "--addr", "127.0.0.1:0", "--data", file)
}

// The queue's files are damaged while nothing runs: the jobs are in the store,
// and whatever the queue forgot is sent again.
func TestADamagedQueueIsMadeWholeFromTheStore(t *testing.T) {
	for name, damage := range map[string]func(path string, size int64) error{
		"truncated": func(path string, size int64) error { return os.Truncate(path, size/2) },
		"garbage": func(path string, size int64) error {
			b := make([]byte, size)
			for i := range b {
				b[i] = byte(i * 7)
			}
			return os.WriteFile(path, b, 0o600)
		},
		"removed": func(path string, _ int64) error { return os.Remove(path) },
	} {
		for _, which := range []string{".blk", "meta.inf", ""} {
			label := name + " " + which
			if which == "" {
				label = name + ", all of them"
			}
			t.Run(label, func(t *testing.T) {
				dir := withTown(t, t.TempDir())
				args := []string{"--addr", "127.0.0.1:0", "--data", "data", "--lease", "1s"}
				p, err := serve(t, program(t, "plain"), dir, append(args, "--workers", "0")...)
				if err != nil {
					t.Fatal(err)
				}
				var ids []string
				for seed := 1; seed <= 3; seed++ {
					id, err := submit(p.url, request(seed), "")
					if err != nil {
						t.Fatal(err)
					}
					ids = append(ids, id)
				}
				p.kill()
				hit := 0
				err = filepath.WalkDir(filepath.Join(dir, "data", "queue"), func(path string, d os.DirEntry, err error) error {
					if err != nil || d.IsDir() || d.Name() == "lock" || !strings.HasSuffix(path, which) {
						return err
					}
					info, err := d.Info()
					if err != nil {
						return err
					}
					hit++
					return damage(path, info.Size())
				})
				if err != nil || hit == 0 {
					t.Fatal(hit, err)
				}
				if p, err = serve(t, program(t, "plain"), dir, args...); err != nil {
					// It may refuse, if it says what to do; doing that helps.
					if log := p.String(); p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(log, "remove") {
						t.Fatalf("%v", err)
					}
					if err := os.RemoveAll(filepath.Join(dir, "data", "queue")); err != nil {
						t.Fatal(err)
					}
					if p, err = serve(t, program(t, "plain"), dir, args...); err != nil {
						t.Fatal(err)
					}
				}
				for _, id := range ids {
					until(t, p, id, spec.Complete)
				}
				if err := p.stop(t); err != nil {
					t.Errorf("%v\n%s", err, p.String())
				}
			})
		}
	}
}

// The data folder is removed under a running server: it says so instead of
// accepting jobs that nobody will find, and a new start works.
func TestARemovedDataFolder(t *testing.T) {
	dir := withTown(t, t.TempDir())
	args := []string{"--addr", "127.0.0.1:0", "--data", "data", "--lease", "1s"}
	p, err := serve(t, program(t, "plain"), dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		// A file may have been written meanwhile.
		if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := ask("GET", p.url+"/v1/health", "", ""); err != nil || a.code != 503 {
		t.Errorf("health: %+v %v", a, err)
	}
	if !p.running() {
		t.Fatalf("it ended\n%s", p.String())
	}
	_ = p.stop(t)
	if p, err = serve(t, program(t, "plain"), dir, args...); err != nil {
		t.Fatal(err)
	}
	id, err := submit(p.url, request(1), "")
	if err != nil {
		t.Fatal(err)
	}
	until(t, p, id, spec.Complete)
	if err := p.stop(t); err != nil {
		t.Error(err)
	}
}

// The embedded queue on a disk of its own that fills up: what it confirmed is
// there, and it takes messages again once there is space, without a restart.
func TestAQueueWhoseDiskWasFull(t *testing.T) {
	at := disk(t, 8)
	q, err := jetstream.Embed(t.Context(), filepath.Join(at, "queue"), jetstream.Options{Lease: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	body := []byte(`{"` + strings.Repeat("x", 2000) + `":1}`)
	confirmed := map[string]bool{}
	send := func(from, to int) (errs error) {
		for i := from; i < to; i++ {
			id := "m-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
			if err := q.Send(t.Context(), id, body); err != nil {
				errs = errors.Join(errs, err)
			} else {
				confirmed[id] = true
			}
		}
		return errs
	}
	if err := send(0, 10); err != nil {
		t.Fatal(err)
	}
	ballast := fill(t, at)
	if send(10, 40) == nil {
		t.Fatal("a full disk takes everything: the test shows nothing")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); send(40, 50) != nil; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(send(40, 50))
		}
	}
	t.Logf("%d messages confirmed", len(confirmed))
	for len(confirmed) > 0 {
		l, err := q.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Done(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		delete(confirmed, l.ID)
	}
}

// What docs/own-servers.md says of backups: store and secret are enough.
func TestABackupIsTheStoreAndTheSecret(t *testing.T) {
	dir := withTown(t, t.TempDir())
	args := []string{"--addr", "127.0.0.1:0", "--lease", "1s"}
	p, err := serve(t, program(t, "plain"), dir, append(args, "--data", "data", "--workers", "0")...)
	if err != nil {
		t.Fatal(err)
	}
	id, err := submit(p.url, request(1), "a key")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "restored"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"store", "secret"} {
		if out, err := exec.Command("cp", "-a", filepath.Join(dir, "data", what), filepath.Join(dir, "restored")).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	p.kill()
	if p, err = serve(t, program(t, "plain"), dir, append(args, "--data", "restored")...); err != nil {
		t.Fatal(err)
	}
	until(t, p, id, spec.Complete)
	again, err := submit(p.url, request(1), "a key")
	if err != nil || again != id {
		t.Errorf("the same key gives job %s, want %s (%v)", again, id, err)
	}
	if err := p.stop(t); err != nil {
		t.Error(err)
	}
}
