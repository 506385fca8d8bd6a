package spec

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with a request.
type Problem struct {
	// Path is the JSON path of the field, such as "modifications[0].stops[1]";
	// "" means the document as a whole.
	Path string `json:"path"`
	// Message says what is wrong, for a person.
	Message string `json:"message"`
	// Valid says what would be accepted: a range, a list, near matches.
	Valid []string `json:"valid,omitempty"`
}

func (p Problem) String() string {
	s := p.Message
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if len(p.Valid) > 0 {
		s += " (valid: " + strings.Join(p.Valid, "; ") + ")"
	}
	return s
}

// Problems is every problem of one request. It is an error when not empty.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	if len(ps) == 1 {
		return "one problem in the request:\n  " + lines[0]
	}
	return fmt.Sprintf("%d problems in the request:\n  %s", len(ps), strings.Join(lines, "\n  "))
}

// Err is nil when there are no problems.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// With adds the problems of a later check, less those that only follow from
// one already found at the same place.
func (ps Problems) With(later Problems) Problems {
	out := append(Problems(nil), ps...)
	for _, l := range later {
		follows := false
		for _, p := range ps {
			follows = follows || p.Path == l.Path || strings.HasPrefix(l.Path, p.Path+".") || strings.HasPrefix(l.Path, p.Path+"[")
		}
		if !follows {
			out = append(out, l)
		}
	}
	return out
}

// Add appends one problem.
func (ps *Problems) Add(path, message string, valid ...string) {
	*ps = append(*ps, Problem{Path: path, Message: message, Valid: valid})
}
