package stacks

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// planLines are all lines of the deployment plan, by the ids of
// docs/plan-coverage.md.
const planLines = `G1 G2 G3 G4 G5 G6 S1 S2 S3 T1 T2 T3 T4 T5 T6
P0.1 P0.2a P0.2b P0.2c P0.2d P0.3a P0.3b P0.3c P1.1 P1.2a P1.2b P1.2c P1.2d P1.3 P2.1 P2.2a P2.2b P2.2c P2.3a P2.3b P2.3c
P3.1 P3.2 P3.3a P3.3b P3.3c P3.4a P3.4b P3.4c P3.5 P4.1 P4.2 P4.3 P4.4 P5.1 P5.2 P5.3a P5.3b P5.3c P5.3d P5.4 P6.1 P6.2 P6.3 P6.4
R1 R2 R3 R4 R5 R6 R7 K1 K2 C1 C2 C3 C4 A1 A2 A3 A4 A5 N1 N2 N3 N4 N5 N6 N7 N8`

// owners are the lines that only the owner of the accounts can do.
var owners = []string{"S1", "S2", "P0.1", "P4.4", "N1", "N8"}

func TestPlanCoverage(t *testing.T) {
	root := filepath.Join("..", "..")
	tests := map[string]bool{}
	for _, dir := range []string{"infra", "internal", "cmd", "spec", "test"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && d.Name() == "node_modules" {
				if d != nil && d.IsDir() && d.Name() == "node_modules" {
					return fs.SkipDir
				}
				return err
			}
			if strings.HasSuffix(path, "_test.py") {
				tests[d.Name()] = true
			}
			if strings.HasSuffix(path, "_test.go") {
				b, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllSubmatch(b, -1) {
					tests[string(m[1])] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(root, "docs", "plan-coverage.md"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, line := range strings.Split(string(b), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 4 || !regexp.MustCompile(`^ [A-Z][0-9.a-d]+ $`).MatchString(cells[0]) {
			continue
		}
		id := strings.TrimSpace(cells[0])
		seen = append(seen, id)
		links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(cells[2], -1)
		if len(links) == 0 {
			t.Errorf("%s names no place", id)
		}
		for _, l := range links {
			if !exists(filepath.Join(root, "docs", l[1])) {
				t.Errorf("%s: there is no %s", id, l[1])
			}
		}
		if strings.TrimSpace(cells[3]) == "owner" {
			if !slices.Contains(owners, id) {
				t.Errorf("%s ends at a document, and is not the owner's to do", id)
			}
			continue
		}
		names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[3], -1)
		if len(names) == 0 {
			t.Errorf("%s is shown by nothing", id)
		}
		for _, n := range names {
			if !tests[n[1]] {
				t.Errorf("%s: there is no test %s", id, n[1])
			}
		}
	}
	if want := strings.Fields(planLines); !slices.Equal(seen, want) {
		t.Errorf("lines\n%v, want\n%v", seen, want)
	}
}

type workflow struct {
	On          map[string]any
	Permissions map[string]string
	Concurrency struct {
		Group  string
		Cancel any `yaml:"cancel-in-progress"`
	}
	Jobs map[string]struct {
		Environment struct{ Name string }
		Timeout     int `yaml:"timeout-minutes"`
		Steps       []struct {
			Uses string
			Run  string
		}
	}
}

// TestWorkflows: each runs when the plan says, in its environment, one at a
// time, with tokens only, and every action is pinned by its commit.
func TestWorkflows(t *testing.T) {
	dir := filepath.Join("..", "..", ".github", "workflows")
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d workflows (%v)", len(files), err)
	}
	all := map[string]workflow{}
	texts := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(b, &w); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".yml")
		all[name], texts[name] = w, string(b)
		if strings.Contains(string(b), "secrets.") || strings.Contains(string(b), "AWS_ACCESS_KEY") {
			t.Errorf("%s uses long-lived keys", name)
		}
		if w.Concurrency.Group == "" || w.Permissions["contents"] != "read" {
			t.Errorf("%s: concurrency %q, permissions %v", name, w.Concurrency.Group, w.Permissions)
		}
		for job, j := range w.Jobs {
			if j.Timeout == 0 {
				t.Errorf("%s/%s may run for hours", name, job)
			}
			for _, s := range j.Steps {
				if s.Uses != "" && !regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40}$`).MatchString(s.Uses) {
					t.Errorf("%s/%s uses %s: not GitHub's own, or not pinned by commit", name, job, s.Uses)
				}
				// What a script does can be rehearsed; nothing else deploys.
				if regexp.MustCompile(`\baws [a-z]`).MatchString(s.Run) {
					t.Errorf("%s/%s deploys by itself: %s", name, job, s.Run)
				}
			}
		}
	}
	if _, ok := all["ci"].Permissions["id-token"]; ok {
		t.Error("ci can get a token")
	}
	roles := map[string]bool{}
	for _, w := range Workflows {
		f := all[w.File+"-deploy"]
		found := false
		for _, j := range f.Jobs {
			found = found || j.Environment.Name == w.Name
		}
		if !found || f.Permissions["id-token"] != "write" || f.Concurrency.Cancel != false {
			t.Errorf("%s: no job of %s-deploy runs in that environment with a token and to its end", w.Name, w.File)
		}
		roles[w.File] = true
		push, _ := f.On["push"].(map[string]any)
		if w.File == "infra" {
			if push != nil {
				t.Error("stacks deploy on a push")
			}
			continue
		}
		if (push["branches"] != nil) != w.Main || (push["tags"] != nil) != w.Tags {
			t.Errorf("%s-deploy runs on %v, its role trusts main %v, tags %v", w.File, push, w.Main, w.Tags)
		}
	}
	for name, script := range map[string]string{"web-deploy": "scripts/deploy/web web/dist", "api-deploy": "/v1/health", "worker-deploy": "scripts/deploy/worker", "infra-deploy": "scripts/deploy/infra deploy", "ci": ".ci/run"} {
		if !strings.Contains(texts[name], script) {
			t.Errorf("%s does not run %s", name, script)
		}
	}
	if api := texts["api-deploy"]; strings.Index(api, "function cityflow-reconciler") > strings.Index(api, "function cityflow-api") {
		t.Error("the API is deployed before the reconciler that must understand it")
	}
}

// TestWebScriptSaysHowLongThingsHold reads the one place that says it.
func TestWebScriptSaysHowLongThingsHold(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "scripts", "deploy", "web"))
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	// In this order: whatever a page names is there before the page is.
	for _, want := range []string{"'public, max-age=31536000, immutable'", "'public, max-age=300'", "'public, max-age=60, s-maxage=300'", "web/config/site.json 'public, max-age=60'", "create-invalidation"} {
		i := strings.Index(string(b), want)
		if i <= last {
			t.Errorf("%s is missing or too early", want)
		}
		last = i
	}
	for _, want := range []string{"apiBaseUrl=api", `filesBaseUrl="/files"`, "rum=json.loads(rum)", "version=version"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("site.json is written without %s", want)
		}
	}
}

// TestAPIDeployWatchesWhatItIsMadeOf: a push that changes any package of the
// functions deploys them. Pages of docs are such a package: questions are
// answered from them.
func TestAPIDeployWatchesWhatItIsMadeOf(t *testing.T) {
	c := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}", "./cmd/lambda-api", "./cmd/lambda-reconciler")
	c.Dir = filepath.Join("..", "..")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(c.Dir, ".github", "workflows", "api-deploy.yml"))
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]bool{}
	for _, p := range strings.Fields(string(out)) {
		folder, _, _ := strings.Cut(strings.TrimPrefix(p, "github.com/malikobaid/cityflow/"), "/")
		folders[folder] = true
	}
	if len(folders) < 3 {
		t.Errorf("the functions are made of %v", folders)
	}
	for f := range folders {
		if !strings.Contains(string(b), " "+f+"/**,") && !strings.Contains(string(b), "["+f+"/**,") {
			t.Errorf("a change of %s deploys nothing", f)
		}
	}
}
