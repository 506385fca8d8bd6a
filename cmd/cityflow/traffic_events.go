package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"

	"github.com/malikobaid/cityflow/internal/units"
)

// eventFile is a loading.Observer that writes link traversals as they happen,
// 24 bytes each.
type eventFile struct {
	w   *bufio.Writer
	err error // the first
}

func newEventFile(w io.Writer) *eventFile { return &eventFile{w: bufio.NewWriterSize(w, 1<<16)} }

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

// flush writes what is left and says whether all of it was written.
func (e *eventFile) flush() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	return e.err
}
