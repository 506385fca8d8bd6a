package assign

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with an input. Line is 0 when no single line is
// to blame.
type Problem struct {
	Line int
	Text string
}

// Problems are all things wrong with an input, in order. It is an error when
// it holds any (Err).
type Problems struct {
	list []Problem
	// more counts those left out: a file of a million bad lines must not become
	// a million messages.
	more int
}

// maxProblems is how many are kept.
const maxProblems = 100

func (p *Problems) add(line int, format string, a ...any) {
	if len(p.list) >= maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, Problem{line, fmt.Sprintf(format, a...)})
}

// List gives the problems that were kept and the number left out.
func (p Problems) List() ([]Problem, int) { return p.list, p.more }

// Err is nil when there are none.
func (p Problems) Err() error {
	if len(p.list) == 0 {
		return nil
	}
	return p
}

func (p Problems) Error() string {
	var b strings.Builder
	for i, x := range p.list {
		if i > 0 {
			b.WriteByte('\n')
		}
		if x.Line > 0 {
			fmt.Fprintf(&b, "line %d: ", x.Line)
		}
		b.WriteString(x.Text)
	}
	if p.more > 0 {
		fmt.Fprintf(&b, "\nand %d more", p.more)
	}
	return b.String()
}
