package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/x509"
	"debug/elf"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is whom the program runs as: nobody of importance, and never root.
const user = "65532"

// epoch is the time of every file: a clock would change the digest.
var epoch = time.Unix(0, 0).UTC()

type input struct {
	binaries [2]string // by architectures
	roots    string
	version  string
}

var architectures = [2]struct {
	name    string
	machine elf.Machine
}{{"amd64", elf.EM_X86_64}, {"arm64", elf.EM_AARCH64}}

// write builds the index of both architectures into a fresh folder and returns
// its digest.
func write(in input, out string) (string, error) {
	if out == "" || in.version == "" {
		return "", errors.New("-out and -version are needed")
	}
	roots, err := certificates(in.roots)
	if err != nil {
		return "", err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for i, arch := range architectures {
		img, err := image(in, i, roots)
		if err != nil {
			return "", fmt.Errorf("%s: %w", arch.name, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: arch.name},
		}})
	}
	if err := os.RemoveAll(out); err != nil {
		return "", err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", err
	}
	if _, err := layout.Write(out, index); err != nil {
		return "", err
	}
	digest, err := index.Digest()
	return digest.String(), err
}

// certificates turns DER one after another into the file that programs read.
func certificates(path string) ([]byte, error) {
	der, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("-roots: %w", err)
	}
	certs, err := x509.ParseCertificates(der)
	if err != nil || len(certs) < 50 {
		return nil, fmt.Errorf("-roots %s: %d certificates (%v), want a whole bundle", path, len(certs), err)
	}
	var out bytes.Buffer
	for _, c := range certs {
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

func image(in input, i int, roots []byte) (v1.Image, error) {
	program, err := os.ReadFile(in.binaries[i])
	if err != nil {
		return nil, err
	}
	if err := static(program, architectures[i].machine); err != nil {
		return nil, fmt.Errorf("%s: %w", in.binaries[i], err)
	}
	bill, err := sbom(bytes.NewReader(program), in.version)
	if err != nil {
		return nil, err
	}
	base, err := layer([]file{
		{name: "etc/", mode: 0o755}, {name: "etc/ssl/", mode: 0o755}, {name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/group", mode: 0o644, data: []byte("cityflow:x:" + user + ":\n")},
		{name: "etc/passwd", mode: 0o644, data: []byte("cityflow:x:" + user + ":" + user + "::/tmp:/sbin/nologin\n")},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: roots},
		{name: "tmp/", mode: 0o1777},
	})
	if err != nil {
		return nil, err
	}
	top, err := layer([]file{
		{name: "cityflow", mode: 0o755, data: program},
		{name: "sbom.spdx.json", mode: 0o644, data: bill},
	})
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.AppendLayers(img, base, top); err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, &v1.ConfigFile{
		OS: "linux", Architecture: architectures[i].name, Created: v1.Time{Time: epoch}, RootFS: rootFS(img),
		History: []v1.History{{CreatedBy: "ship", Comment: "certificates", Created: v1.Time{Time: epoch}}, {CreatedBy: "ship", Comment: "program", Created: v1.Time{Time: epoch}}},
		Config: v1.Config{
			Entrypoint: []string{"/cityflow"}, Cmd: []string{"worker", "--task"}, User: user + ":" + user, WorkingDir: "/tmp",
			Env: []string{"HOME=/tmp", "TMPDIR=/tmp", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
			Labels: map[string]string{
				"org.opencontainers.image.title": "cityflow-worker", "org.opencontainers.image.version": in.version,
				"org.opencontainers.image.source": "https://github.com/malikobaid/cityflow", "org.opencontainers.image.licenses": "MIT",
			},
		},
	})
}

func rootFS(img v1.Image) v1.RootFS {
	c, err := img.ConfigFile()
	if err != nil {
		panic(err) // made in memory a moment ago
	}
	return c.RootFS
}

// static makes sure that a program runs in an image that holds nothing else.
func static(program []byte, want elf.Machine) error {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return fmt.Errorf("is no program for Linux: %w", err)
	}
	if f.Machine != want {
		return fmt.Errorf("is for %v, want %v", f.Machine, want)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("needs a loader and libraries: build it with CGO_ENABLED=0")
		}
	}
	return nil
}

type file struct {
	name string // folders end with a slash
	mode int64
	data []byte
}

// layer packs files in the order given, all of one time and of root, whom
// nobody is inside.
func layer(files []file) (v1.Layer, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: epoch, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
}

// push sends a layout to a registry and returns the reference by digest. A tag
// that names another image already is an error: tags of versions do not move.
func push(ctx context.Context, dir, repository, tag string, auth authn.Authenticator, insecure bool) (string, error) {
	index, err := layout.ImageIndexFromPath(filepath.Clean(dir))
	if err != nil {
		return "", fmt.Errorf("-layout: %w", err)
	}
	// The layout's own index lists the one that we wrote.
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) == 0 {
		return "", fmt.Errorf("-layout %s is empty (%v)", dir, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return "", err
	}
	var options []name.Option
	if insecure {
		options = append(options, name.Insecure)
	}
	repo, err := name.NewRepository(repository, options...)
	if err != nil {
		return "", fmt.Errorf("-repository: %w", err)
	}
	ref := repo.Name() + "@" + digest.String()
	with := []remote.Option{remote.WithAuth(auth), remote.WithContext(ctx)}
	there, err := remote.Head(repo.Tag(tag), with...)
	var status *transport.Error
	switch {
	case err == nil && there.Digest == digest:
		return ref, nil
	case err == nil:
		return "", fmt.Errorf("%s is %s already, and would become %s", repo.Tag(tag), there.Digest, digest)
	case !errors.As(err, &status) || status.StatusCode != 404:
		return "", err
	}
	return ref, remote.WriteIndex(repo.Tag(tag), index, with...)
}
