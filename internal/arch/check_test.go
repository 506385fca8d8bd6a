package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const ours = "github.com/malikobaid/cityflow/"

// source is one file that is part of the program: tests are left out.
type source struct {
	room, name string
	file       *ast.File
}

// sources parses every file below a tree, whatever its build tags. Folders
// with a go.mod of their own are other modules.
func sources(t testing.TB, tree fs.FS, set *token.FileSet) []source {
	t.Helper()
	var out []source
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == "." {
				return nil
			}
			base := path.Base(name)
			_, foreign := fs.Stat(tree, path.Join(name, "go.mod"))
			if base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules" || base == "vendor" || foreign == nil {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{path.Dir(name), name, f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// find is the line of a room in the table.
func find(name string) *room {
	for i := range rooms {
		if r := &rooms[i]; r.path == name || strings.HasSuffix(r.path, "/*") && path.Dir(name) == strings.TrimSuffix(r.path, "/*") {
			return r
		}
	}
	return nil
}

func under(p, banned string) bool { return p == banned || strings.HasPrefix(p, banned+"/") }

// check gives every broken rule of a tree, in file order.
func check(t testing.TB, tree fs.FS) []string {
	set := token.NewFileSet()
	var out []string
	for _, s := range sources(t, tree, set) {
		say := func(at token.Pos, format string, a ...any) {
			out = append(out, fmt.Sprintf("%s: ", set.Position(at))+fmt.Sprintf(format, a...))
		}
		line := find(s.room)
		if line == nil {
			say(s.file.Package, "%s is a room without a line in the table: say what it may import, and why", s.room)
			continue
		}
		clock := ""
		for _, im := range s.file.Imports {
			p, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if im.Name != nil && im.Name.Name == "." {
				say(im.Pos(), "%s is imported with a dot: the reader cannot see where names come from, nor can these rules", p)
			}
			if p == "time" {
				clock = "time"
				if im.Name != nil {
					clock = im.Name.Name
				}
			}
			if other, ok := strings.CutPrefix(p, ours); ok && !line.anything && !slices.Contains(line.may, other) {
				say(im.Pos(), "%s may not import %s: %s", s.room, other, line.because)
			}
			for _, b := range bans {
				if (b.rooms[0] == "*" || slices.Contains(b.rooms, s.room)) && !slices.Contains(b.except, s.room) &&
					slices.ContainsFunc(b.paths, func(banned string) bool { return under(p, banned) }) {
					say(im.Pos(), "%s may never import %s: %s", s.room, p, b.because)
				}
			}
		}
		if clock == "" || !slices.Contains(model, s.room) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if x, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := x.X.(*ast.Ident); ok && id.Name == clock && !slices.Contains(dates, x.Sel.Name) {
					say(x.Pos(), "%s may not use time.%s: %s", s.room, x.Sel.Name, datesBecause)
				}
			}
			return true
		})
	}
	return out
}

// root is the folder of the module.
func root() string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(self), "..", "..")
}

func TestWhoMayImportWhom(t *testing.T) {
	for _, broken := range check(t, os.DirFS(root())) {
		t.Error(broken)
	}
}

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rooms {
		if r.because == "" || seen[r.path] {
			t.Errorf("room %s: listed twice or without a reason", r.path)
		}
		seen[r.path] = true
		if r.anything != (strings.HasPrefix(r.path, "cmd/") || strings.HasPrefix(r.path, "test/")) {
			t.Errorf("room %s: only commands, and tests of them, join the halves", r.path)
		}
		for _, m := range r.may {
			if find(m) == nil {
				t.Errorf("room %s may import %s, which has no line", r.path, m)
			}
		}
	}
	for _, b := range bans {
		if b.because == "" || len(b.paths) == 0 {
			t.Errorf("ban %v has no paths or no reason", b)
		}
	}
	for _, m := range model {
		if find(m) == nil {
			t.Errorf("model room %s has no line", m)
		}
	}
}

// Every kind of broken rule is found on a tree that breaks just that one.
func TestBrokenTreesAreRefused(t *testing.T) {
	imports := func(names ...string) string {
		s := "package x\n"
		for _, n := range names {
			s += "import _ \"" + n + "\"\n"
		}
		return s
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"files in the model", "internal/city/x.go", imports("os"), "may never import os:"},
		{"below a banned path", "internal/demand/x.go", imports("net/http"), "may never import net/http:"},
		{"environment", "internal/run/x.go", imports("os/exec"), "may never import os/exec:"},
		{"global random", "internal/choice/x.go", imports("math/rand/v2"), "may never import math/rand/v2:"},
		{"a clock where no dates are", "internal/routing/x.go", imports("time"), "may never import time:"},
		{"the clock itself", "internal/scenario/x.go", "package x\nimport \"time\"\nvar t = time.Now()\n", "may not use time.Now:"},
		{"a renamed clock", "internal/city/gtfs/x.go", "package x\nimport tm \"time\"\nfunc f() { tm.Sleep(1) }\n", "may not use time.Sleep:"},
		{"elapsed time", "internal/city/build/x.go", "package x\nimport \"time\"\nvar d = time.Since\n", "may not use time.Since:"},
		{"a dot import", "internal/scenario/x.go", "package x\nimport . \"time\"\nvar t = Now()\n", "imported with a dot"},
		{"kpi sees loading", "internal/kpi/x.go", imports(ours + "internal/loading"), "kpi may never import"},
		{"loading sees kpi", "internal/loading/x.go", imports(ours + "internal/kpi"), "loading may never import"},
		{"the contract leans on us", "spec/x.go", imports(ours + "internal/units"), "spec may not import internal/units:"},
		{"a room that takes plain parameters reads a request", "internal/demand/x.go", imports(ours + "spec"), "internal/demand may not import spec:"},
		{"the model knows the service", "internal/run/x.go", imports(ours + "internal/job"), "may never import " + ours + "internal/job:"},
		{"the service looks behind run.Model", "internal/job/x.go", imports(ours + "internal/city"), "may never import " + ours + "internal/city:"},
		{"test aids in the program", "cmd/cityflow/x.go", imports(ours + "internal/testcity"), "what exists for tests"},
		{"a new room", "internal/tiles/x.go", imports("fmt"), "room without a line"},
		{"hidden by a build tag", "internal/city/x.go", "//go:build neverset\n\n" + imports("os"), "may never import os:"},
	} {
		got := check(t, fstest.MapFS{c.file: {Data: []byte(c.text)}})
		if len(got) == 0 || !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, c.want) && strings.HasPrefix(s, c.file) }) {
			t.Errorf("%s: got %q, want one that says %q", c.name, got, c.want)
		}
	}
}

// What is allowed, or not ours to judge, stays silent.
func TestSoundTreesPass(t *testing.T) {
	tree := fstest.MapFS{
		"cmd/cityflow/main.go":          {Data: []byte("package main\nimport _ \"os\"\nimport _ \"" + ours + "internal/run\"\nimport _ \"" + ours + "internal/job\"\n")},
		"internal/city/gtfs/x.go":       {Data: []byte("package x\nimport \"time\"\nvar d, _ = time.Parse(\"2006-01-02\", \"2026-03-04\")\n")},
		"internal/kpi/x_test.go":        {Data: []byte("package x\nimport _ \"os\"\n")},
		"internal/city/testdata/bad.go": {Data: []byte("package x\nimport _ \"os\"\n")},
		"infra/go.mod":                  {Data: []byte("module infra\n")},
		"infra/main.go":                 {Data: []byte("package main\nimport _ \"os\"\n")},
		"internal/queue/q.go":           {Data: []byte("package queue\nimport _ \"time\"\n")},
	}
	if got := check(t, tree); len(got) > 0 {
		t.Errorf("complains of %q", got)
	}
}
