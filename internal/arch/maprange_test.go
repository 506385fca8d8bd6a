package arch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mapRanges finds every loop over a map, and every call of package maps that
// gives a map's contents in its own order. Let pass are a loop that only
// collects, with a sort as the very next statement; what goes straight into
// slices.Sorted; and what has a comment, on its line or the line above, that says
// why the order does no harm.
func mapRanges(set *token.FileSet, files []*ast.File, info *types.Info) []string {
	var out []string
	for _, f := range files {
		told := map[int]bool{}
		for _, g := range f.Comments {
			for l := set.Position(g.Pos()).Line; l <= set.Position(g.End()).Line; l++ {
				told[l] = true
			}
		}
		object := func(at token.Pos, what string) {
			p := set.Position(at)
			if !told[p.Line] && !told[p.Line-1] {
				out = append(out, fmt.Sprintf("%s:%d: %s in an order that changes from run to run: sort first, or say in a comment there why it does no harm", filepath.Base(p.Filename), p.Line, what))
			}
		}
		sorted := map[ast.Node]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.BlockStmt:
				for i := 1; i < len(x.List); i++ {
					if loop, ok := x.List[i-1].(*ast.RangeStmt); ok && collects(loop.Body) && sorts(x.List[i], info) {
						sorted[loop] = true
					}
				}
			case *ast.RangeStmt:
				// A type parameter counts as what all of its types are.
				if t := info.TypeOf(x.X); t != nil && !sorted[x] {
					if _, ok := coreOf(t).(*types.Map); ok {
						object(x.Pos(), "ranges over a map")
					}
				}
			case *ast.CallExpr:
				if fn, ok := callee(x, info); ok && fn.Pkg().Path() == "slices" && fn.Name() == "Sorted" {
					if inner, ok := x.Args[0].(*ast.CallExpr); ok {
						sorted[inner.Fun] = true
					}
				}
			case *ast.SelectorExpr:
				if sorted[x] {
					break
				}
				if fn, ok := info.Uses[x.Sel].(*types.Func); ok && fn.Pkg() != nil && fn.Pkg().Path() == "maps" &&
					slices.Contains([]string{"Keys", "Values", "All"}, fn.Name()) {
					object(x.Pos(), "takes maps."+fn.Name())
				}
			}
			return true
		})
	}
	return out
}

// collects: the body is one append, or an if around one.
func collects(b *ast.BlockStmt) bool {
	if len(b.List) != 1 {
		return false
	}
	switch s := b.List[0].(type) {
	case *ast.IfStmt:
		return s.Else == nil && s.Init == nil && collects(s.Body)
	case *ast.AssignStmt:
		if call, ok := s.Rhs[0].(*ast.CallExpr); ok && len(s.Rhs) == 1 {
			id, ok := call.Fun.(*ast.Ident)
			return ok && id.Name == "append"
		}
	}
	return false
}

// sorts: the statement is a call of package sort, or of slices.Sort*.
func sorts(s ast.Stmt, info *types.Info) bool {
	x, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := x.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	fn, ok := callee(call, info)
	return ok && (fn.Pkg().Path() == "sort" || fn.Pkg().Path() == "slices" && strings.HasPrefix(fn.Name(), "Sort"))
}

// callee is the function of a package that is called by its name.
func callee(call *ast.CallExpr, info *types.Info) (*types.Func, bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil, false
	}
	fn, ok := info.Uses[sel.Sel].(*types.Func)
	return fn, ok && fn.Pkg() != nil
}

func coreOf(t types.Type) types.Type {
	if p, ok := t.(*types.TypeParam); ok {
		if u, ok := p.Constraint().Underlying().(*types.Interface); ok && u.NumEmbeddeds() > 0 {
			if union, ok := u.EmbeddedType(0).(*types.Union); ok {
				return union.Term(0).Type().Underlying()
			}
			return u.EmbeddedType(0).Underlying()
		}
	}
	return t.Underlying()
}

type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

func TestMapOrderDecidesNothing(t *testing.T) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./internal/...")
	cmd.Dir = root()
	var problems bytes.Buffer
	cmd.Stderr = &problems
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, problems.String())
	}
	export := map[string]string{}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(b)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		export[p.ImportPath] = p.Export
		all = append(all, p)
	}
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })
	checked := 0
	for _, p := range all {
		room, mine := strings.CutPrefix(p.ImportPath, ours)
		if !mine || !slices.Contains(model, room) {
			continue
		}
		checked++
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
		if _, err := (&types.Config{Importer: imports}).Check(p.ImportPath, set, files, info); err != nil {
			t.Fatalf("types of %s: %v", room, err)
		}
		for _, broken := range mapRanges(set, files, info) {
			t.Errorf("%s/%s", room, broken)
		}
	}
	if checked != len(model) {
		t.Errorf("looked at %d rooms of the model half, the table has %d", checked, len(model))
	}
}

func TestMapLoopsAreSeen(t *testing.T) {
	const text = `package x

import (
	"maps"
	"slices"
	"sort"
)

type set map[string]bool

var inOrder = slices.Sorted(maps.Keys(set{}))
var inNone = slices.Collect(maps.Keys(set{}))

func f(m map[int]int, s set, list []int, keep func(func(int) bool)) (n int) {
	for k := range m {
		n += k
	}
	for range s {
		n++
	}
	for i := range list {
		n += i
	}
	for i := range keep {
		n += i
	}
	// A sum of whole numbers is the same in any order.
	for _, v := range m {
		n += v
	}
	for k := range m { // sorted below
		n += k
	}
	var keys []int
	for k := range m {
		if k > 0 {
			keys = append(keys, k)
		}
	}
	sort.Ints(keys)
	for k := range m {
		n += len(keys)
		keys = append(keys, k)
	}
	sort.Ints(keys)
	for k := range m {
		keys = append(keys, k)
	}
	return n
}

func g[M ~map[K]V, K comparable, V any](m M) (n int) {
	for range m {
		n++
	}
	return n
}
`
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "x.go", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	if _, err := (&types.Config{Importer: importer.ForCompiler(set, "source", nil)}).Check("x", set, []*ast.File{f}, info); err != nil {
		t.Fatal(err)
	}
	got := mapRanges(set, []*ast.File{f}, info)
	want := []string{"x.go:12:", "x.go:15:", "x.go:18:", "x.go:41:", "x.go:46:", "x.go:53:"}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got %q, want lines %q", got, want)
	}
}
