package main

import (
	"bufio"
	"encoding/binary"
	"math"
	"os"

	"github.com/malikobaid/cityflow/internal/units"
)

// eventFile is a loading.Observer that writes link traversals as they happen,
// 24 bytes each; the file appears under its name when it is whole.
type eventFile struct {
	name string
	f    *os.File
	w    *bufio.Writer
	err  error
}

func newEventFile(name string) (*eventFile, error) {
	f, err := os.Create(name + ".new") // #nosec G304 -- the caller's own file, on the caller's machine
	if err != nil {
		return nil, err
	}
	return &eventFile{name: name, f: f, w: bufio.NewWriterSize(f, 1<<16)}, nil
}

func (e *eventFile) Exit(p uint32, l units.LinkID, enter, exit float64) {
	if e.err != nil {
		return
	}
	var b [24]byte
	binary.LittleEndian.PutUint64(b[0:], math.Float64bits(exit))
	binary.LittleEndian.PutUint64(b[8:], math.Float64bits(enter))
	binary.LittleEndian.PutUint32(b[16:], uint32(l))
	binary.LittleEndian.PutUint32(b[20:], p)
	_, e.err = e.w.Write(b[:])
}

func (e *eventFile) close() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	if err := e.f.Close(); e.err == nil {
		e.err = err
	}
	if e.err == nil {
		e.err = os.Rename(e.name+".new", e.name)
	}
	return e.err
}

// abandon removes what was written unless close went well; then there is nothing
// to close or to remove, and those errors are of no interest.
func (e *eventFile) abandon() {
	_ = e.f.Close()
	_ = os.Remove(e.name + ".new")
}
