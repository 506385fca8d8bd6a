// Package gtfs turns General Transit Feed Specification archives into the
// timetable of one service date.
//
// Read parses one feed with its calendar; Compile clips the trips of one or
// more feeds to a city's box, removes exact duplicates and writes the columns
// of a city.Timetable except the ones that need streets (StopNode, StopWalkM
// and the transfers), which the build package fills.
//
// Every row that cannot be used is counted by file and reason, never silently
// lost. Sizes are bounded, so that a hostile archive costs bounded memory.
package gtfs

import (
	"archive/zip"
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Limits of one feed. A national feed fits; a zip bomb does not.
const (
	maxMembers  = 1000
	maxFileSize = 1 << 30 // uncompressed bytes of one file
	maxFeedSize = 2 << 30 // of all files read
	maxRows     = 50_000_000
	maxColumns  = 200
)

// archive reads the tables of a feed.
type archive struct {
	files map[string]*zip.File // by base name; look-ups only
	read  int64
}

func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("gtfs: not a zip archive: %w", err)
	}
	if len(z.File) > maxMembers {
		return nil, fmt.Errorf("gtfs: %d files in the archive, at most %d are accepted", len(z.File), maxMembers)
	}
	a := &archive{files: map[string]*zip.File{}}
	for _, f := range z.File {
		// Some publishers wrap the files in one folder. Names are only keys
		// here, nothing is ever written, so "../" can do no harm.
		name := path.Base(f.Name)
		if _, dup := a.files[name]; !dup && strings.HasSuffix(name, ".txt") {
			a.files[name] = f
		}
	}
	return a, nil
}

// table is one CSV file being read row by row.
type table struct {
	name string
	csv  *csv.Reader
	col  map[string]int
	row  []string
	rows int
	bad  int // rows that are not CSV at all
	body io.Closer
}

var errNoFile = errors.New("file is missing")

// open starts reading a table. Header cells are trimmed of spaces and a byte
// order mark; need lists the columns that must exist.
func (a *archive) open(name string, need ...string) (*table, error) {
	f, ok := a.files[name]
	if !ok {
		return nil, fmt.Errorf("gtfs: %s: %w", name, errNoFile)
	}
	if f.UncompressedSize64 > maxFileSize || a.read+int64(f.UncompressedSize64) > maxFeedSize {
		return nil, fmt.Errorf("gtfs: %s: %d bytes uncompressed, more than accepted", name, f.UncompressedSize64)
	}
	a.read += int64(f.UncompressedSize64)
	body, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("gtfs: %s: %w", name, err)
	}
	// The declared size may lie: the reader stops there whatever follows.
	br := bufio.NewReaderSize(io.LimitReader(body, maxFileSize), 1<<16)
	if bom, _ := br.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = br.Discard(3) // peeked before
	}
	c := csv.NewReader(br)
	c.ReuseRecord = true
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	t := &table{name: name, csv: c, col: map[string]int{}, body: body}
	head, err := c.Read()
	if err == io.EOF {
		head, err = nil, nil
	}
	if err != nil {
		_ = body.Close()
		return nil, fmt.Errorf("gtfs: %s: header: %w", name, err)
	}
	if len(head) > maxColumns {
		_ = body.Close()
		return nil, fmt.Errorf("gtfs: %s: %d columns", name, len(head))
	}
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(h))
		if _, dup := t.col[h]; !dup {
			t.col[h] = i
		}
	}
	var missing []string
	for _, n := range need {
		if _, ok := t.col[n]; !ok {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		_ = body.Close()
		slices.Sort(missing)
		return nil, fmt.Errorf("gtfs: %s: no column %s", name, strings.Join(missing, ", "))
	}
	return t, nil
}

// next moves to the next row; false at the end.
func (t *table) next() (bool, error) {
	for {
		row, err := t.csv.Read()
		if err == io.EOF {
			return false, nil
		}
		t.rows++
		if t.rows > maxRows {
			return false, fmt.Errorf("gtfs: %s: more than %d rows", t.name, maxRows)
		}
		var pe *csv.ParseError
		if errors.As(err, &pe) {
			t.bad++
			continue
		}
		if err != nil {
			return false, fmt.Errorf("gtfs: %s: row %d: %w", t.name, t.rows, err)
		}
		t.row = row
		return true, nil
	}
}

// get is a trimmed cell, "" where the column or cell is missing. The string
// shares the row's memory: clone what is kept for long.
func (t *table) get(col string) string {
	i, ok := t.col[col]
	if !ok || i >= len(t.row) {
		return ""
	}
	return strings.TrimSpace(t.row[i])
}

// index is the position of a column, -1 if there is none (for hot loops).
func (t *table) index(col string) int {
	if i, ok := t.col[col]; ok {
		return i
	}
	return -1
}

func (t *table) at(i int) string {
	if i < 0 || i >= len(t.row) {
		return ""
	}
	return strings.TrimSpace(t.row[i])
}

func (t *table) close() { _ = t.body.Close() }
