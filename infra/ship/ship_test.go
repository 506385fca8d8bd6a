package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// programs builds ship itself for both architectures: a real static program
// with dependencies.
func programs(t *testing.T) input {
	t.Helper()
	in := input{version: "v1.2.3"}
	dir := t.TempDir()
	for i, arch := range architectures {
		in.binaries[i] = filepath.Join(dir, arch.name)
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", in.binaries[i], ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch.name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/crypto/x509roots/fallback").Output()
	if err != nil {
		t.Fatal(err)
	}
	in.roots = filepath.Join(strings.TrimSpace(string(out)), "bundle.der")
	return in
}

// unpack reads the files of an image as a container would see them.
func unpack(t *testing.T, img v1.Image) map[string]*tar.Header {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	out := map[string]*tar.Header{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = h
		if h.Name == "sbom.spdx.json" {
			var bill struct {
				Packages []struct{ Name, VersionInfo string }
			}
			if err := json.NewDecoder(tr).Decode(&bill); err != nil {
				t.Fatal(err)
			}
			seen := map[string]string{}
			for _, p := range bill.Packages {
				seen[p.Name] = p.VersionInfo
			}
			if seen["github.com/malikobaid/cityflow/infra"] != "v1.2.3" || seen["github.com/google/go-containerregistry"] != "v0.22.1" || seen["stdlib"] == "" {
				t.Errorf("bill of materials: %v", seen)
			}
		}
	}
}

func TestTheImage(t *testing.T) {
	in := programs(t)
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	digest, err := write(in, first)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := write(in, second); err != nil || again != digest {
		t.Errorf("built again it is %s, was %s (%v)", again, digest, err)
	}
	index, err := layout.ImageIndexFromPath(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 2 {
		t.Fatalf("%d images (%v)", len(m.Manifests), err)
	}
	for i, d := range m.Manifests {
		if d.Platform.Architecture != architectures[i].name || d.Platform.OS != "linux" {
			t.Errorf("image %d is for %v", i, d.Platform)
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		c, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if c.Config.User != "65532:65532" || strings.Join(c.Config.Entrypoint, " ") != "/cityflow" || strings.Join(c.Config.Cmd, " ") != "worker --task" {
			t.Errorf("%+v", c.Config)
		}
		files := unpack(t, img)
		if len(files) != 9 || files["cityflow"] == nil || files["cityflow"].Mode != 0o755 || files["tmp"] == nil || files["tmp"].Mode != 0o1777 {
			t.Errorf("files %v", files)
		}
		for path, h := range files {
			if !h.ModTime.Equal(epoch) || h.Uid != 0 {
				t.Errorf("%s is of %v, user %d", path, h.ModTime, h.Uid)
			}
			if h.Mode&0o022 != 0 && path != "tmp" {
				t.Errorf("%s can be written to: %o", path, h.Mode)
			}
		}
	}

	// Pushed to a registry in this process, and once more.
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	repository := strings.TrimPrefix(server.URL, "http://") + "/cityflow-worker"
	args := []string{"push", "-layout", first, "-repository", repository, "-tag", "v1.2.3", "-insecure", "-user", "AWS"}
	for range 2 {
		var out bytes.Buffer
		if err := run(context.Background(), args, strings.NewReader("password\n"), &out); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(out.String()); got != repository+"@"+digest {
			t.Errorf("pushed %s, want %s@%s", got, repository, digest)
		}
	}
	ref, err := name.NewDigest(repository+"@"+digest, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	there, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(there); err != nil {
		t.Error(err)
	}
	// Another image under the same version is refused.
	in.version = "v1.2.4"
	if _, err := write(in, second); err != nil {
		t.Fatal(err)
	}
	args[2] = second
	if err := run(context.Background(), args, strings.NewReader("x"), io.Discard); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a version was moved: %v", err)
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	in := programs(t)
	swapped, cut, noRoots := in, in, in
	swapped.binaries[0], swapped.binaries[1] = in.binaries[1], in.binaries[0]
	cut.binaries[0] = filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut.binaries[0], []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	noRoots.roots = cut.binaries[0]
	for what, bad := range map[string]input{"swapped architectures": swapped, "a script": cut, "no certificates": noRoots} {
		out := filepath.Join(t.TempDir(), "out")
		if _, err := write(bad, out); err == nil {
			t.Errorf("%s: accepted", what)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was written", what)
		}
	}
	for _, args := range [][]string{{}, {"sail"}, {"image"}, {"push", "-layout", "/nowhere"}} {
		if err := run(context.Background(), args, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%v: accepted", args)
		}
	}
}
