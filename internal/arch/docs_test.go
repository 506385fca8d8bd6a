package arch

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Every noun that the docs link to a file must lead to one.
func TestDocsLinkToFiles(t *testing.T) {
	tree := os.DirFS(root())
	pages := []string{"README.md", "CHANGELOG.md"}
	for _, dir := range []string{"docs", "cities", "web", "bench"} {
		_ = fs.WalkDir(tree, dir, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil: // a folder that is not there holds no pages
				return nil
			case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "dist"):
				return fs.SkipDir
			case path.Ext(name) == ".md":
				pages = append(pages, name)
			}
			return nil
		})
	}
	links := 0
	for _, page := range pages {
		text, err := fs.ReadFile(tree, page)
		if err != nil {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			links++
			if _, err := fs.Stat(tree, path.Join(path.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were looked at: are the docs where they were?", links)
	}
}

// The list of rooms that people read names every room of the table.
func TestDocsNameEveryRoom(t *testing.T) {
	text, err := os.ReadFile(root() + "/docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms {
		if !strings.Contains(string(text), "[`"+r.path+"`]") {
			t.Errorf("docs/ARCHITECTURE.md does not list %s", r.path)
		}
	}
}

// Every direct dependency has its reason, and no reason outlives its dependency.
func TestDocsExplainEveryDependency(t *testing.T) {
	text, err := os.ReadFile(root() + "/docs/decisions/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	_, deployment, _ := strings.Cut(string(text), "## Deployment")
	deployment, _, _ = strings.Cut(deployment, "\n## ")
	program, _, _ := strings.Cut(string(text), "## Deployment")
	for _, x := range []struct{ mod, told string }{{"go.mod", program}, {"infra/go.mod", deployment}} {
		mod, err := os.ReadFile(root() + "/" + x.mod)
		if err != nil {
			t.Fatal(err)
		}
		var direct []string
		for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*(\S+\.\S+/?\S*) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
			direct = append(direct, m[1])
		}
		if len(direct) == 0 {
			t.Fatalf("%s has no direct dependency that could be read", x.mod)
		}
		var told []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(x.told, -1) {
			told = append(told, m[1])
		}
		slices.Sort(direct)
		slices.Sort(told)
		if !slices.Equal(direct, told) {
			t.Errorf("dependencies.md explains %q, %s requires %q", told, x.mod, direct)
		}
	}
}
