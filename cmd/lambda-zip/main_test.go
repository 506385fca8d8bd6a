package main

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The archive holds the program as Lambda wants it, whatever the file was
// called, when it was written and what its mode was.
func TestTheSameProgramGivesTheSameArchive(t *testing.T) {
	dir := t.TempDir()
	program := bytes.Repeat([]byte("program "), 10_000)
	var archives [][]byte
	for i, name := range []string{"bootstrap", "other"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, program, []os.FileMode{0o755, 0o600}[i]); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(1_700_000_000+i*1000), 0)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "out", name+".zip")
		if err := write(out, path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, b)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the archives differ")
	}
	z, err := zip.NewReader(bytes.NewReader(archives[0]), int64(len(archives[0])))
	if err != nil || len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode() != 0o755 {
		t.Fatalf("%v %+v", err, z)
	}
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, program) {
		t.Error("not the program:", err)
	}
}

func TestAnArchiveThatIsTooLargeIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	noise := make([]byte, most+1)
	_, _ = rand.Read(noise)
	path, out := filepath.Join(dir, "p"), filepath.Join(dir, "p.zip")
	if err := os.WriteFile(path, noise, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(out, path); err == nil {
		t.Error("written")
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("left behind")
	}
}
