//go:build slow

package own

import (
	"bufio"
	"context"
	"encoding/json"
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

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/proctest"
	"github.com/malikobaid/cityflow/internal/testcity"
)

// root is the top of the checkout.
const root = "../.."

// patience bounds every single wait.
const patience = time.Minute

// change is one edit of the sources that a program is built from.
type change struct{ file, old, new string }

// Builds of the program. All are made from the checkout; the sources of some
// are changed on the way into the compiler (go build -overlay), never on disk.
var (
	// poisoned kills its own process in the middle of a run whose seed is one
	// of poisonSeeds, as a run does that needs more memory than there is.
	poisoned = []change{{"internal/run/engine.go", "\n// Check implements Model.\n", `
func poison(cfg *spec.Config) {
	if cfg.Seed >= 9001 && cfg.Seed <= 9003 {
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}
}

// Check implements Model.
`}, {"internal/run/engine.go", "import (\n", "import (\n\t\"os\"\n"},
		{"internal/run/pipeline.go", "\treal.ModelVersion, real.CityDigest =", "\tpoison(cfg)\n\treal.ModelVersion, real.CityDigest ="}}
)

const firstPoison, lastPoison = 9001, 9003

var (
	builds   sync.Map // by name: func() (string, error)
	workRoot string
)

func TestMain(m *testing.M) {
	var err error
	if workRoot, err = os.MkdirTemp("", "cityflow-own-"); err == nil {
		err = os.Chmod(workRoot, 0o755) // other users run the programs in it
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(workRoot)
	os.Exit(code)
}

// program is the path of a build of cityflow.
func program(t *testing.T, name string, changes ...change) string {
	t.Helper()
	f, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) { return compile(name, changes) }))
	path, err := f.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func compile(name string, changes []change) (string, error) {
	top, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(workRoot, "build-"+name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	text := map[string]string{}
	for _, c := range changes {
		path := filepath.Join(top, filepath.FromSlash(c.file))
		if _, ok := text[path]; !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text[path] = string(b)
		}
		if strings.Count(text[path], c.old) != 1 {
			return "", fmt.Errorf("build %s: %q is %d times in %s, want once: adapt the change", name, c.old, strings.Count(text[path], c.old), c.file)
		}
		text[path] = strings.Replace(text[path], c.old, c.new, 1)
	}
	replace := map[string]string{}
	for path, s := range text {
		other := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(other, []byte(s), 0o600); err != nil {
			return "", err
		}
		replace[path] = other
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		return "", err
	}
	out := filepath.Join(dir, "bin", "cityflow")
	cmd := exec.Command("go", "build", "-overlay", overlay, "-ldflags", "-X main.version="+name, "-o", out, "./cmd/cityflow")
	cmd.Dir = top
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, msg)
	}
	return out, nil
}

// town is an analytical city whose runs take a fraction of a second.
func town() *city.City {
	o := testcity.Default()
	o.N, o.Population, o.Headway = 8, 2000, 1200
	return testcity.Grid(o)
}

// request is a small what-if about town; equal seeds ask the same.
func request(seed int) string {
	return fmt.Sprintf(`{"city":"testcity","num_agents":100,"replications":2,"iterations":2,"average_last":1,"seed":%d}`, seed)
}

// withTown leaves a compiled town below dir as `make build` would, so that a
// program started in dir finds it.
func withTown(t *testing.T, dir string) string {
	t.Helper()
	publish(t, filepath.Join(dir, "build"), town())
	return dir
}

func publish(t *testing.T, dir string, c *city.City) {
	t.Helper()
	b := folder(t, dir)
	defer b.Close()
	if err := catalog.Over(b).Add(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// process is a running program.
type process struct {
	proctest.Output // its log
	name            string
	cmd             *exec.Cmd
	url             string // of a server
	ended           chan struct{}
	err             error
}

// nobody is the user that servers run as where the tests run as root, who may
// write everywhere.
const nobody = 65534

// shared is a folder of this test that nobody can use too.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(workRoot, "test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// give makes a folder nobody's.
func give(t *testing.T, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	}); err != nil {
		t.Fatal(err)
	}
}

// launch prepares a program in a folder, to run as the folder's owner.
func launch(bin, dir string, args ...string) *process {
	p := &process{name: args[0], ended: make(chan struct{})}
	p.cmd = exec.Command(bin, append(args, "--log-level", "info", "--log-format", "text")...)
	p.cmd.Dir, p.cmd.Stderr = dir, p
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	if info, err := os.Stat(dir); err == nil && os.Getuid() == 0 {
		own := info.Sys().(*syscall.Stat_t)
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: own.Uid, Gid: own.Gid}}
	}
	return p
}

// launched starts a worker, or any program that prints no address.
func launched(t *testing.T, bin, dir string, args ...string) *process {
	t.Helper()
	p := launch(bin, dir, args...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.reap(t)
	return p
}

func (p *process) reap(t *testing.T) {
	go func() { p.err = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() { p.kill() })
}

// serve starts "serve" and waits for its address. The error says that it ended
// before it had one.
func serve(t *testing.T, bin, dir string, args ...string) (*process, error) {
	t.Helper()
	p := launch(bin, dir, append([]string{"serve"}, args...)...)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, rerr := bufio.NewReader(out).ReadString('\n')
	p.reap(t)
	_, url, ok := strings.Cut(strings.TrimSpace(line), "at ")
	if !ok || rerr != nil {
		p.wait(t)
		return p, fmt.Errorf("no address: %w\n%s", errors.Join(rerr, p.err), p.String())
	}
	p.url = url
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process the way a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks it to end and returns how it did.
func (p *process) stop(t *testing.T) error {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait(t)
}

func (p *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		t.Fatalf("%s does not end\n%s", p.name, p.String())
		return nil
	}
}
