package build

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxCSV bounds a file of points: a country's census points fit.
const maxCSV = 256 << 20

// Headers of the columns that every form has (docs/places.md shows the forms).
// They are compared without case, spaces around them and a byte order mark.
var (
	lonNames = []string{"lon", "lng", "long", "longitude", "x"}
	latNames = []string{"lat", "latitude", "y"}
	idNames  = []string{"id", "h3", "h3_address", "hex", "hex_id", "cell", "code", "name"}
)

// sheet is a CSV file whose header has been read.
type sheet struct {
	*csv.Reader
	head []string
}

func openSheet(raw []byte) (*sheet, error) {
	if len(raw) > maxCSV {
		return nil, fmt.Errorf("%d bytes, at most %d are accepted", len(raw), maxCSV)
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	if !utf8.Valid(first) || bytes.IndexByte(first, 0) >= 0 {
		return nil, errors.New("not a CSV file in UTF-8")
	}
	s := &sheet{Reader: csv.NewReader(bytes.NewReader(raw))}
	s.FieldsPerRecord, s.ReuseRecord, s.Comma = -1, true, delimiter(first)
	head, err := s.Read()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	s.head = slices.Clone(head)
	return s, nil
}

// column is the place of the first of some names that the header has, or -1.
func (s *sheet) column(names ...string) int {
	for _, n := range names {
		if i := slices.IndexFunc(s.head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), n) }); i >= 0 {
			return i
		}
	}
	return -1
}

// header is the header for an error message.
func (s *sheet) header() string { return clipped(strings.Join(s.head, string(s.Comma)), 200) }

// number is a cell as a number, NaN where it is none. Where the comma is no
// delimiter it may be the decimal point, as spreadsheets in many countries
// write it.
func (s *sheet) number(row []string, i int) float64 {
	if i >= len(row) {
		return math.NaN()
	}
	cell := row[i]
	if s.Comma != ',' {
		cell = strings.Replace(cell, ",", ".", 1)
	}
	return number(cell)
}

// number reads a number, NaN where there is none.
func number(s string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || strings.ContainsAny(s, "xXpP_") { // no hexadecimal here
		return math.NaN()
	}
	return f
}

// delimiter is the one of comma, semicolon and tab that the header holds most.
func delimiter(head []byte) rune {
	best, most := ',', bytes.Count(head, []byte(","))
	for _, d := range []rune{';', '\t'} {
		if n := bytes.Count(head, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}

func clipped(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
