package traffic

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing wrong with the input.
type Problem struct {
	File         string
	Line, Column int // 1-based; column in bytes; 0 when it is about the whole
	Message      string
}

func (p Problem) String() string {
	switch {
	case p.Line == 0:
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	default:
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	}
}

// Problems is all that is wrong, in order of file and line.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	if len(ps) == 1 {
		return "one problem in the scenario:\n  " + lines[0]
	}
	return fmt.Sprintf("%d problems in the scenario:\n  %s", len(ps), strings.Join(lines, "\n  "))
}

// Limits on what one scenario may hold: far above any city. What the memory of a
// laptop can hold depends on the platoons, too (maxBytes).
const (
	maxRows     = 5_000_000
	maxNodes    = 1 << 20 // a destination and a count of junctions share 32 bits
	maxPlatoons = 1 << 30
	maxWants    = 1 << 28 // preferences, and nodes in order by destination: a gigabyte each
	maxProblems = 100
	maxValue    = 1e9
)

// column is one field of a table.
type column struct {
	names    []string // as headers may spell it
	required bool
}

// table reads one CSV file by header.
type table struct {
	name     string
	r        *csv.Reader
	at       []int // by column: index in the record, -1 when absent
	record   []string
	rows     int
	problems *Problems
	notes    *[]string
}

// full reports that no more problems are kept.
func (t *table) full() bool { return len(*t.problems) > maxProblems }

func (t *table) complain(field int, format string, args ...any) {
	p := Problem{File: t.name, Message: fmt.Sprintf(format, args...)}
	if field >= 0 && field < len(t.record) {
		p.Line, p.Column = t.r.FieldPos(field)
	} else if len(t.record) > 0 {
		p.Line, p.Column = t.r.FieldPos(0)
	}
	t.add(p)
}

func (t *table) add(p Problem) {
	if len(*t.problems) < maxProblems {
		*t.problems = append(*t.problems, p)
	} else if len(*t.problems) == maxProblems {
		*t.problems = append(*t.problems, Problem{File: p.File, Message: fmt.Sprintf("more problems than %d: the rest is left out", maxProblems)})
	}
}

// open reads the header. It gives nil when the table cannot be read.
func open(name string, r io.Reader, columns []column, problems *Problems, notes *[]string) *table {
	t := &table{name: name, r: csv.NewReader(r), problems: problems, notes: notes}
	t.r.FieldsPerRecord = -1
	t.r.ReuseRecord = true
	t.r.TrimLeadingSpace = true
	header, err := t.r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		t.fault(err)
		return nil
	}
	header = slices.Clone(header)
	t.record = header
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	t.at = make([]int, len(columns))
	for c := range columns {
		t.at[c] = -1
	}
	var unused []string
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		c := slices.IndexFunc(columns, func(c column) bool { return slices.Contains(c.names, h) })
		switch {
		case c < 0:
			unused = append(unused, strconv.Quote(h))
		case t.at[c] >= 0:
			t.complain(i, "column %q stands twice", columns[c].names[0])
		default:
			t.at[c] = i
		}
	}
	missing := false
	for i, c := range columns {
		if c.required && t.at[i] < 0 {
			t.complain(-1, "no column %s", strings.Join(c.names, " or "))
			missing = true
		}
	}
	if missing {
		return nil
	}
	if len(unused) > 0 {
		*notes = append(*notes, fmt.Sprintf("%s: not used: %s", name, strings.Join(unused, ", ")))
	}
	return t
}

// fault records an error of reading.
func (t *table) fault(err error) {
	var broken *csv.ParseError
	if errors.As(err, &broken) {
		t.add(Problem{t.name, broken.Line, broken.Column, broken.Err.Error()})
		return
	}
	t.add(Problem{File: t.name, Message: err.Error()})
}

// next reads one row; false at the end.
func (t *table) next() bool {
	for !t.full() {
		record, err := t.r.Read()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			var broken *csv.ParseError
			t.fault(err)
			if errors.As(err, &broken) {
				continue
			}
			return false
		}
		t.record = record
		if t.rows++; t.rows > maxRows {
			t.complain(-1, "more than %d rows", maxRows)
			return false
		}
		return true
	}
	return false
}

// text is a field, "" when it is absent or blank.
func (t *table) text(c int) string {
	if i := t.at[c]; i >= 0 && i < len(t.record) {
		return strings.TrimSpace(t.record[i])
	}
	return ""
}

// number is a field as a number in [lo, hi]; absent or blank gives def, NaN def
// means that there must be one. ok is false after a complaint.
func (t *table) number(c int, what string, def, lo, hi float64) (v float64, ok bool) {
	s := t.text(c)
	if s == "" {
		if math.IsNaN(def) {
			t.complain(t.at[c], "%s is missing", what)
			return 0, false
		}
		return def, true
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || v < lo || v > hi {
		t.complain(t.at[c], "%s %q: want a number from %g to %g", what, s, lo, hi)
		return 0, false
	}
	return v, true
}

// name is a field that must not be blank.
func (t *table) label(c int, what string) (string, bool) {
	s := t.text(c)
	if s == "" {
		t.complain(t.at[c], "%s is missing", what)
	}
	return s, s != ""
}
