package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// outputs are files that appear whole or not at all: opened under another name
// before the work begins, so that a path that cannot be written is said first.
// What is no plain file (a pipe, a terminal, /dev/stdout) is written as it is,
// for a file in its place would take it away.
type outputs struct {
	files []*os.File
	names []string // "" for what has its name already
	paths map[string]bool
	bad   []error
}

func (o *outputs) open(path string) io.Writer {
	if path == "" {
		return nil
	}
	f, name, err := o.create(path)
	if err != nil {
		o.bad = append(o.bad, fmt.Errorf("%s cannot be written: %w", path, err))
		return nil
	}
	o.files, o.names = append(o.files, f), append(o.names, name)
	return f
}

func (o *outputs) create(path string) (*os.File, string, error) {
	if o.paths == nil {
		o.paths = map[string]bool{}
	}
	if o.paths[filepath.Clean(path)] {
		return nil, "", errors.New("two files of one name")
	}
	o.paths[filepath.Clean(path)] = true
	switch info, err := os.Stat(path); {
	case err != nil || info.Mode().IsRegular():
	case info.IsDir():
		return nil, "", errors.New("it is a folder")
	default:
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // #nosec G304 -- the user's own device
		return f, "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".cityflow-*")
	return f, path, err
}

func (o *outputs) fail(err error) {
	if err != nil {
		o.bad = append(o.bad, err)
	}
}

// keep gives the files their names.
func (o *outputs) keep() error {
	for i, f := range o.files {
		if o.names[i] == "" {
			o.fail(f.Close())
			continue
		}
		o.fail(f.Chmod(0o644))
		o.fail(f.Close())
		if len(o.bad) == 0 {
			o.fail(os.Rename(f.Name(), o.names[i]))
		}
	}
	return errors.Join(o.bad...)
}

// drop removes what was not kept.
func (o *outputs) drop() {
	for i, f := range o.files {
		_ = f.Close()
		if o.names[i] != "" {
			_ = os.Remove(f.Name()) // renamed files are not there any more
		}
	}
}
