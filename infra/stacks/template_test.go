package stacks

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/jsii-runtime-go"

	"github.com/malikobaid/cityflow/infra/config"
)

// Every template test reads what the app really writes. Synthesis is done once
// for each config: it starts a process of Node's.

func TestMain(m *testing.M) {
	// Not about this code: CDK calls what it deprecates.
	os.Setenv("JSII_DEPRECATED", "quiet")
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// resource is one resource of a template.
type resource struct {
	ID             string
	Stack          string
	Type           string         `json:"Type"`
	Properties     map[string]any `json:"Properties"`
	DeletionPolicy string         `json:"DeletionPolicy"`
	DependsOn      any            `json:"DependsOn"`
}

// get walks down: keys, and indices as "0".
func (r resource) get(path ...string) any { return dig(r.Properties, path...) }

func dig(v any, path ...string) any {
	for _, k := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[k]
		case []any:
			var i int
			if _, err := fmt.Sscan(k, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func (r resource) json() string { return text(r.Properties) }

func text(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// assembly is everything that one synthesis wrote.
type assembly struct {
	dir       string
	resources []resource
	manifest  map[string]any
}

func (a *assembly) all(stack, kind string) []resource {
	var out []resource
	for _, r := range a.resources {
		if (stack == "" || r.Stack == stack) && (kind == "" || r.Type == kind) {
			out = append(out, r)
		}
	}
	return out
}

// one is the only resource of a type that satisfies where ("key=value" of a
// property; none means any).
func (a *assembly) one(t *testing.T, stack, kind string, where ...string) resource {
	t.Helper()
	var out []resource
next:
	for _, r := range a.all(stack, kind) {
		for _, w := range where {
			k, v, _ := strings.Cut(w, "=")
			if got := r.get(strings.Split(k, ".")...); fmt.Sprint(got) != v {
				continue next
			}
		}
		out = append(out, r)
	}
	if len(out) != 1 {
		t.Fatalf("%d of %s with %v in %q, want 1", len(out), kind, where, stack)
	}
	return out[0]
}

// want compares one property with a value, as JSON.
func (r resource) want(t *testing.T, value any, path ...string) {
	t.Helper()
	if got, want := text(r.get(path...)), text(value); got != want {
		t.Errorf("%s %s: %s = %s, want %s", r.Stack, r.ID, strings.Join(path, "."), got, want)
	}
}

func synth(t *testing.T, c *config.Config) *assembly {
	t.Helper()
	dir := t.TempDir()
	Build(c, dir).Synth(nil)
	return readAssembly(t, dir)
}

func readAssembly(t *testing.T, dir string) *assembly {
	t.Helper()
	a := &assembly{dir: dir}
	files, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates in %s: %v", dir, err)
	}
	for _, f := range files {
		var tpl struct{ Resources map[string]resource }
		readJSON(t, f, &tpl)
		stack := strings.TrimSuffix(filepath.Base(f), ".template.json")
		for id, r := range tpl.Resources {
			r.ID, r.Stack = id, stack
			a.resources = append(a.resources, r)
		}
	}
	slices.SortFunc(a.resources, func(x, y resource) int { return strings.Compare(x.Stack+x.ID, y.Stack+y.ID) })
	readJSON(t, filepath.Join(dir, "manifest.json"), &a.manifest)
	return a
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// planned is the committed config, synthesized once.
var planned = sync.OnceValues(func() (string, error) {
	c, err := config.Load("../config.yaml")
	if err != nil {
		return "", err
	}
	// Left behind for cfn-lint (make test-infra), which comes after.
	dir := os.Getenv("CITYFLOW_TEMPLATES")
	if dir == "" {
		if dir, err = os.MkdirTemp("", "cityflow-templates-"); err != nil {
			return "", err
		}
	}
	Build(c, dir).Synth(nil)
	return dir, nil
})

func plan(t *testing.T) *assembly {
	t.Helper()
	dir, err := planned()
	if err != nil {
		t.Fatal(err)
	}
	return readAssembly(t, dir)
}

// statements are the statements of a policy document.
type policyStatement struct {
	where      string // stack, resource and Sid
	sid        string
	effect     string
	actions    []string
	resources  []any
	principal  any
	conditions any
}

func statementsOf(where string, doc any) []policyStatement {
	var out []policyStatement
	ss, _ := dig(doc, "Statement").([]any)
	for _, s := range ss {
		p := policyStatement{where: where + "/" + fmt.Sprint(dig(s, "Sid")), sid: fmt.Sprint(dig(s, "Sid")), effect: fmt.Sprint(dig(s, "Effect")),
			principal: dig(s, "Principal"), conditions: dig(s, "Condition")}
		switch a := dig(s, "Action").(type) {
		case string:
			p.actions = []string{a}
		case []any:
			for _, x := range a {
				p.actions = append(p.actions, fmt.Sprint(x))
			}
		}
		switch r := dig(s, "Resource").(type) {
		case []any:
			p.resources = r
		case nil:
		default:
			p.resources = []any{r}
		}
		out = append(out, p)
	}
	return out
}

// permissions of a role: its inline policies.
func (r resource) permissions() []policyStatement {
	var out []policyStatement
	ps, _ := r.get("Policies").([]any)
	for _, p := range ps {
		out = append(out, statementsOf(r.Stack+"/"+r.ID, dig(p, "PolicyDocument"))...)
	}
	return out
}

// actionsOf are all actions that statements allow, sorted.
func actionsOf(ss []policyStatement) []string {
	var out []string
	for _, s := range ss {
		if s.effect == "Allow" {
			out = append(out, s.actions...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
