// Package proctest is what tests of real processes share: building a program of
// this checkout as it is deployed, and keeping what a process writes. A test aid:
// it never reaches a program.
package proctest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// Root is the folder of the checkout.
func Root() string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(self), "..", "..")
}

// Program is one to build; its version is "test".
type Program struct {
	Module  string // folder of the module below Root; "" is Root itself
	Package string // below the module, "./cmd/cityflow"
	Tags    string
	Arch    string // GOARCH of a Linux machine; "" is this machine
}

// Lambda is a function's program, by the name of its folder below cmd.
func Lambda(name string) Program { return Program{Package: "./cmd/" + name, Tags: "lambda.norpc"} }

// Build writes the program to a path. What is there and up to date stays.
func (p Program) Build(path string) error {
	c := exec.Command("go", "build", "-tags", p.Tags, "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=test", "-o", path, p.Package) // #nosec G204 -- of a test
	c.Dir, c.Env = filepath.Join(Root(), p.Module), append(os.Environ(), "CGO_ENABLED=0")
	if p.Arch != "" {
		c.Env = append(c.Env, "GOOS=linux", "GOARCH="+p.Arch)
	}
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", p.Package, err, text)
	}
	return nil
}

// Output keeps what processes write. The zero value is empty.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

// String is all that was written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
