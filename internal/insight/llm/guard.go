package llm

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxAnswer is the most characters of an answer that are kept.
const maxAnswer = 4000

var (
	htmlComment  = regexp.MustCompile(`(?s)<!--.*?(-->|$)`)
	htmlTag      = regexp.MustCompile(`<[/!?a-zA-Z][^<>]*>?`)
	markdownLink = regexp.MustCompile(`!?\[([^\[\]]*)\](\([^()]*\)|\[[^\[\]]*\])`)
	definition   = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]*\]:.*$`)
	address      = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.|mailto:|javascript:|data:)\S*`)
	headingMark  = regexp.MustCompile(`(?m)^ {0,3}#{1,6} +`)
	blankLines   = regexp.MustCompile(`\n{3,}`)
)

// Sanitise makes Markdown of what a model wrote that holds words only: no HTML,
// no links, no pictures, no headings, no invisible characters, bounded length.
func Sanitise(text string) string {
	text = strings.Map(func(r rune) rune {
		// Control and format characters: direction marks, zero widths, tags.
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	if len(text) > 4*maxAnswer {
		text = text[:4*maxAnswer] // what follows need not be looked at
	}
	text = strings.ToValidUTF8(text, "")
	// Taking something out can put something together: until nothing changes.
	for range 20 {
		before := text
		text = htmlComment.ReplaceAllString(text, "")
		text = htmlTag.ReplaceAllString(text, "")
		text = definition.ReplaceAllString(text, "")
		text = markdownLink.ReplaceAllString(text, "$1")
		text = address.ReplaceAllString(text, "")
		if text == before {
			break
		}
	}
	text = headingMark.ReplaceAllString(text, "")
	// A lone mark cannot open anything any more.
	text = strings.NewReplacer("<", `\<`, "[", `\[`, "]", `\]`).Replace(text)
	text = strings.TrimSpace(blankLines.ReplaceAllString(text, "\n\n"))
	if runes := []rune(text); len(runes) > maxAnswer {
		text = string(runes[:maxAnswer])
		if i := strings.LastIndexAny(text, ".\n"); i > maxAnswer/2 {
			text = text[:i+1]
		}
	}
	return text
}

var (
	number    = regexp.MustCompile(`\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?`)
	listMark  = regexp.MustCompile(`(?m)^ *\d{1,2}[.)] `)
	ambiguous = regexp.MustCompile(`\d,\d{1,2}(?:\D|$)|\d,\d{4,}|\d[ \x{a0}\x{2009}\x{202f}']\d{3}(?:\D|$)|\d(?:[kKmMbB]|bn|mn|e\d)\b|\d\^|\d\*\*\d`)
	quantity  = regexp.MustCompile(`(?i)\b(?:eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens?|twice|thrice|doubl(?:e|es|ed|ing)|tripl(?:e|es|ed|ing)|quadrupl(?:e|es|ed|ing)|halv(?:e|es|ed|ing)|half|thirds?|fifths?|tenths?|\w+fold)\b`)
	small     = regexp.MustCompile(`(?i)\b(?:two|three|four|five|six|seven|eight|nine|ten)\b`)
)

var smallWords = map[string]float64{"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}

type figure struct {
	value    float64
	decimals int
}

func figures(text string) []figure {
	var out []figure
	for _, m := range number.FindAllString(text, -1) {
		m = strings.ReplaceAll(m, ",", "")
		v, _ := strconv.ParseFloat(m, 64) // infinite when too long, and then equal to nothing
		_, frac, _ := strings.Cut(m, ".")
		out = append(out, figure{v, len(frac)})
	}
	return out
}

// Invented lists the numbers of an answer that the sources do not hold. A number
// may drop decimals of one in the sources; anything else (rounded, added up,
// written as a word or in a form that can be read in two ways) counts as
// invented: the answer is refused rather than believed.
func Invented(answer string, sources ...string) []string {
	var have []figure
	for _, s := range sources {
		have = append(have, figures(s)...)
	}
	known := func(f figure) bool {
		return slices.ContainsFunc(have, func(h figure) bool {
			if h.decimals < f.decimals {
				return h.value == f.value
			}
			scale := math.Pow(10, float64(f.decimals))
			return math.Abs(math.Round(h.value*scale)/scale-f.value) < 1e-9*math.Max(1, f.value)
		})
	}
	var out []string
	for _, r := range answer {
		if unicode.IsNumber(r) && (r < '0' || r > '9') {
			out = append(out, string(r))
		}
	}
	out = append(out, quantity.FindAllString(answer, -1)...)
	for _, w := range small.FindAllString(answer, -1) {
		if !known(figure{value: smallWords[strings.ToLower(w)]}) {
			out = append(out, w)
		}
	}
	answer = listMark.ReplaceAllString(answer, "")
	out = append(out, ambiguous.FindAllString(answer, -1)...)
	for _, f := range figures(answer) {
		if !known(f) {
			out = append(out, strconv.FormatFloat(f.value, 'f', f.decimals, 64))
		}
	}
	return out
}

// without takes names out of a text: "Tram 12" is no number. A name that would
// cut a number in two stays.
func without(text string, names []string) string {
	for _, name := range names {
		var b strings.Builder
		rest := text
		for {
			i := strings.Index(rest, name)
			if i < 0 {
				break
			}
			end := i + len(name)
			if joins(rest[:i], false) || joins(rest[end:], true) {
				b.WriteString(rest[:end])
			} else {
				b.WriteString(rest[:i] + " ")
			}
			rest = rest[end:]
		}
		text = b.String() + rest
	}
	return text
}

// joins says that a number goes on at the end, or the start, of a text.
func joins(text string, start bool) bool {
	near := ""
	if start {
		near = text[:min(2, len(text))]
	} else {
		near = text[max(0, len(text)-2):]
	}
	return strings.ContainsAny(near, "0123456789")
}

// marked is text for a prompt that cannot end its own block.
func marked(tag, text string) string {
	text = strings.NewReplacer("<", "‹", ">", "›").Replace(text)
	return fmt.Sprintf("<%s>\n%s\n</%s>\n", tag, text, tag)
}
