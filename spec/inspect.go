package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a request document, far above what any what-if needs. They keep
// the work and the answer small whatever a stranger sends.
const (
	maxDepth    = 32
	maxText     = 256  // characters of one text
	maxItems    = 5000 // of one list
	maxProblems = 100  // told in one answer
	// MaxSeed is the largest whole number that canonical JSON (RFC 8785) keeps
	// exactly: two seeds beyond it would share a run key.
	MaxSeed = 1<<53 - 1
)

// level is one object or list that inspect is inside of.
type level struct {
	path  string
	list  bool
	index int
	key   string          // of the value that comes next; "" when a key comes
	named bool            // key is set
	seen  map[string]bool // lower case: some readers match fields in any case
}

// inspect looks at the document as such, before it is read into fields: fields
// given twice (readers disagree about which one counts), text with characters
// that would break a log line, a CSV file or the look of a page, and shapes
// that only an attack has. raw must be valid JSON.
func inspect(raw []byte) Problems {
	var ps Problems
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var stack []level
	for len(ps) < maxProblems {
		token, err := dec.Token()
		if err != nil {
			break // the end; raw was valid
		}
		var top *level
		path := ""
		if len(stack) > 0 {
			top = &stack[len(stack)-1]
			path = top.path
		}
		if d, ok := token.(json.Delim); ok && (d == '}' || d == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		switch {
		case top == nil:
		case top.list:
			path = fmt.Sprintf("%s[%d]", path, top.index)
			top.index++
		case !top.named:
			key := token.(string)
			at := join(path, key)
			checkText(&ps, at, key)
			if fold := strings.ToLower(key); top.seen[fold] {
				ps.Add(at, "the field is given twice", "each field once")
			} else {
				top.seen[fold] = true
			}
			top.key, top.named = key, true
			continue
		default:
			path = join(path, top.key)
			top.named = false
		}
		switch v := token.(type) {
		case json.Delim:
			if len(stack) == maxDepth {
				ps.Add(path, "lists and objects are nested too deep", fmt.Sprintf("at most %d levels", maxDepth))
				return ps
			}
			stack = append(stack, level{path: path, list: v == '[', seen: map[string]bool{}})
		case string:
			checkText(&ps, path, v)
		}
	}
	return ps
}

func checkText(ps *Problems, path, s string) {
	if n := utf8.RuneCountInString(s); n > maxText {
		ps.Add(path, fmt.Sprintf("a text of %d characters is too long", n), fmt.Sprintf("at most %d characters", maxText))
		return
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) && r != '\u200e' && r != '\u200f' || r == '\u2028' || r == '\u2029' {
			ps.Add(path, fmt.Sprintf("the text has the control character %U", r), "text on one line, without control characters")
			return
		}
	}
}
