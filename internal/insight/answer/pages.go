package answer

import (
	"io/fs"
	"math"
	"path"
	"regexp"
	"sort"
	"strings"
	"sync"
	"unicode"

	"github.com/malikobaid/cityflow/docs"
)

// Section is a part of a page below one heading, or one row of a table whose
// rows explain words.
type Section struct {
	Page, Title, Text string
	terms             map[string]int
	length            int
}

// Index finds sections by the words of a question (Okapi BM25).
type Index struct {
	sections []Section
	// in how many sections a term stands
	spread map[string]int
	mean   float64
}

var (
	mdLink   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	mdTicks  = regexp.MustCompile("`([^`]*)`")
	ruleLine = regexp.MustCompile(`^\|[-:| ]+\|$`)
)

// NewIndex reads every Markdown file of a tree.
func NewIndex(pages fs.FS) (*Index, error) {
	x := &Index{spread: map[string]int{}}
	err := fs.WalkDir(pages, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".md" {
			return err
		}
		text, err := fs.ReadFile(pages, name)
		if err == nil {
			x.page(name, string(text))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range x.sections {
		s := &x.sections[i]
		s.terms = map[string]int{}
		// A title says what the text is about: it counts three times.
		for _, t := range terms(strings.Repeat(s.Title+" ", 3) + s.Text) {
			s.terms[t]++
			s.length++
		}
		for t := range s.terms { // counting: the order does not matter
			x.spread[t]++
		}
		x.mean += float64(s.length) / float64(len(x.sections))
	}
	return x, nil
}

// Documentation is the index of the pages in docs, made once.
var Documentation = sync.OnceValue(func() *Index {
	x, err := NewIndex(docs.Pages)
	if err != nil {
		panic("answer: the embedded pages cannot be read: " + err.Error())
	}
	return x
})

// page cuts a page at its headings. Rows of tables with a word in the first
// column become sections of their own: a glossary is asked word by word.
func (x *Index) page(name, text string) {
	title, body, top := path.Base(name), []string(nil), ""
	fenced := false
	var head []string // of the table that is being read
	flush := func() {
		if t := strings.TrimSpace(strings.Join(body, "\n")); t != "" {
			x.sections = append(x.sections, Section{Page: name, Title: title, Text: t})
		}
		body = nil
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			continue
		}
		if h := strings.TrimLeft(line, "#"); !fenced && h != line && strings.HasPrefix(h, " ") {
			flush()
			if title = plain(strings.TrimSpace(h)); top == "" {
				top = title
			}
			continue
		}
		switch {
		case fenced:
			body = append(body, line)
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			for i, c := range cells {
				cells[i] = plain(strings.TrimSpace(c))
			}
			switch {
			case head == nil:
				head = cells
			case !ruleLine.MatchString(line):
				if text := row(head, cells); text != "" {
					x.sections = append(x.sections, Section{Page: name, Title: cells[0], Text: text})
				}
			}
			continue
		default:
			body = append(body, plain(line))
		}
		head = nil
	}
	flush()
}

// row is what a table says of the word in its first column: the column that
// holds the meaning first, the others with their names.
func row(head, cells []string) string {
	var first string
	var more []string
	for i, c := range cells {
		switch {
		case i == 0 || c == "" || c == "-" || i >= len(head):
		case head[i] == "meaning":
			first = c
		case head[i] == "":
			more = append(more, c)
		default:
			more = append(more, head[i]+": "+c)
		}
	}
	switch {
	case first == "":
		return strings.Join(more, "; ")
	case len(more) > 0:
		return first + " (" + strings.Join(more, "; ") + ")"
	}
	return first
}

func plain(s string) string {
	return mdTicks.ReplaceAllString(mdLink.ReplaceAllString(s, "$1"), "$1")
}

// stopWords say nothing about what is asked.
var stopWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields("a an and are as at be been but by can could did do does for from had has have how i if in into is it its me my of on or our should so than that the their them then there these they this to was we were what when where which who why will with would you your cityflow about tell please explain mean means") {
		m[w] = true
	}
	return m
}()

// terms of a text: lower case, without plural and the commonest endings.
func terms(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if !stopWords[w] {
			out = append(out, stem(w))
		}
	}
	return out
}

func stem(w string) string {
	for _, end := range []string{"ations", "ation", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "s", "e", "y"} {
		if rest, ok := strings.CutSuffix(w, end); ok && len(rest) >= 3 {
			return rest
		}
	}
	return w
}

// Find gives the best sections for a question, best first; none when no word
// of it stands anywhere.
func (x *Index) Find(question string, most int) []Section {
	const k1, b = 1.2, 0.75 // the usual values
	asked := map[string]bool{}
	var order []string
	for _, t := range terms(question) {
		if !asked[t] && x.spread[t] > 0 {
			asked[t] = true
			order = append(order, t)
		}
	}
	type hit struct {
		at    int
		score float64
	}
	var hits []hit
	n := float64(len(x.sections))
	for i := range x.sections {
		s, score := &x.sections[i], 0.0
		for _, t := range order {
			if f := float64(s.terms[t]); f > 0 {
				in := float64(x.spread[t])
				idf := math.Log(1 + (n-in+0.5)/(in+0.5))
				score += idf * f * (k1 + 1) / (f + k1*(1-b+b*float64(s.length)/x.mean))
			}
		}
		if score > 0 {
			hits = append(hits, hit{i, score})
		}
	}
	sort.SliceStable(hits, func(i, j int) bool { return hits[i].score > hits[j].score })
	var out []Section
	for _, h := range hits[:min(most, len(hits))] {
		out = append(out, x.sections[h.at])
	}
	return out
}
