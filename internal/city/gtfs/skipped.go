package gtfs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxExamples is how many rows of one reason are named.
const maxExamples = 3

// Skipped counts the rows that could not be used by "file: reason" and names
// the first few lines of each, so that whoever publishes the feed finds them.
type Skipped struct {
	of map[string]*tally // look-ups only; Keys sorts
}

type tally struct {
	rows  int
	lines []int
}

// add counts one row of a file; line 0 is not known.
func (s *Skipped) add(file, reason string, line int) {
	if s.of == nil {
		s.of = map[string]*tally{}
	}
	t, ok := s.of[file+": "+reason]
	if !ok {
		t = &tally{}
		s.of[file+": "+reason] = t
	}
	t.rows++
	if line > 0 && len(t.lines) < maxExamples {
		t.lines = append(t.lines, line)
	}
}

// Keys are the counted reasons, sorted.
func (s *Skipped) Keys() []string { return slices.Sorted(maps.Keys(s.of)) }

// Count is the number of rows of a reason.
func (s *Skipped) Count(key string) int {
	if t, ok := s.of[key]; ok {
		return t.rows
	}
	return 0
}

// Examples are the first lines of a reason in words, "" where none is known.
func (s *Skipped) Examples(key string) string {
	t, ok := s.of[key]
	if !ok || len(t.lines) == 0 {
		return ""
	}
	words := make([]string, len(t.lines))
	for i, l := range t.lines {
		words[i] = fmt.Sprint(l)
	}
	if len(words) == 1 {
		return "line " + words[0]
	}
	return "lines " + strings.Join(words, ", ")
}
