package arch

import (
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// linked are all packages that a program is made of.
func linked(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", pkg)
	cmd.Dir, cmd.Stderr = root(), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list of %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}

func TestWhatProgramsMustNotLink(t *testing.T) {
	programs, err := os.ReadDir(root() + "/cmd")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range unlinked {
		looked := 0
		for _, p := range programs {
			if ok, err := path.Match(u.programs, p.Name()); err != nil || !ok {
				continue
			}
			looked++
			for _, pkg := range linked(t, "./cmd/"+p.Name()) {
				if slices.ContainsFunc(u.packages, func(banned string) bool { return under(pkg, banned) || under(pkg, banned+"/v2") }) {
					t.Errorf("cmd/%s links %s: %s", p.Name(), pkg, u.because)
				}
			}
		}
		if looked == 0 {
			t.Errorf("no program is named %s", u.programs)
		}
	}
	// The rule can fail: the laptop's program has all that functions must not.
	have := linked(t, "./cmd/cityflow")
	for _, u := range unlinked {
		for _, banned := range u.packages {
			if !slices.ContainsFunc(have, func(pkg string) bool { return under(pkg, banned) }) {
				t.Errorf("%s is linked by nobody: is its name right?", banned)
			}
		}
	}
}
