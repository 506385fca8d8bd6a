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
	maxFeedSize = 2 << 30 // of all tables
	maxRows     = 20_000_000
	maxColumns  = 200
	maxRowSize  = 1 << 20 // bytes of one row: an unclosed quote ends here
	// maxRatio is how much smaller than its content a file may be, once it is
	// larger than freeSize. Timetables shrink 5 to 30 times; deflate ends at
	// about 1,030.
	maxRatio = 200
	freeSize = 16 << 20
)

// required are the tables without which there is no timetable, and the columns
// they cannot be without.
var required = []struct {
	name string
	need []string
}{
	{"stops.txt", []string{"stop_id", "stop_lat", "stop_lon"}},
	{"routes.txt", []string{"route_id", "route_type"}},
	{"trips.txt", []string{"trip_id", "route_id", "service_id"}},
	{"stop_times.txt", []string{"trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"}},
}

// archive reads the tables of a feed.
type archive struct {
	files   map[string]*zip.File // by base name; look-ups only
	skipped *Skipped
}

func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("gtfs: not a zip archive: %w", err)
	}
	if len(z.File) > maxMembers {
		return nil, fmt.Errorf("gtfs: %d files in the archive, at most %d are accepted", len(z.File), maxMembers)
	}
	a := &archive{files: map[string]*zip.File{}, skipped: &Skipped{}}
	depth := map[string]int{}
	total, inner := uint64(0), ""
	for _, f := range z.File {
		// Nothing is ever written, so a name can do no harm here; but who packs
		// "../stops.txt" means harm, or has a broken tool.
		name := strings.ReplaceAll(f.Name, "\\", "/")
		if path.IsAbs(name) || slices.Contains(strings.Split(name, "/"), "..") || strings.Contains(name, ":/") {
			return nil, fmt.Errorf("gtfs: the archive holds %.80q, a path that leads out of it", f.Name)
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		base, deep := path.Base(name), strings.Count(path.Clean(name), "/")
		if strings.HasSuffix(base, ".zip") {
			inner = base
		}
		// Macs add a shadow of each file.
		if !strings.HasSuffix(base, ".txt") || strings.HasPrefix(base, "._") {
			continue
		}
		// Some publishers wrap the files in one folder. Of two of one name the
		// one nearer to the root counts; two side by side are no feed.
		if other, dup := depth[base]; dup && other == deep {
			return nil, fmt.Errorf("gtfs: %s is in the archive twice", base)
		} else if dup && other < deep {
			continue
		}
		if f.Flags&1 != 0 {
			return nil, fmt.Errorf("gtfs: %s is encrypted", base)
		}
		a.files[base], depth[base] = f, deep
	}
	for _, f := range a.files { // a sum and a limit: order is no matter
		n := f.UncompressedSize64
		if total += min(n, maxFeedSize+1); n > maxFileSize || total > maxFeedSize {
			return nil, fmt.Errorf("gtfs: the tables take %d bytes and more uncompressed, more than accepted", total)
		}
	}
	if len(a.files) == 0 && inner != "" {
		return nil, fmt.Errorf("gtfs: no table is in the archive, but another archive, %.80q: unpack it first", inner)
	}
	return a, a.check()
}

// check finds every missing table and column at once.
func (a *archive) check() error {
	var errs []error
	for _, r := range required {
		t, err := a.open(r.name, r.need...)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		t.close()
	}
	if !a.has("calendar.txt") && !a.has("calendar_dates.txt") {
		errs = append(errs, errors.New("gtfs: neither calendar.txt nor calendar_dates.txt is in the feed"))
	}
	return errors.Join(errs...)
}

func (a *archive) has(name string) bool {
	_, ok := a.files[name]
	return ok
}

// gate stands between an archive and the CSV reader: it ends a file that is
// larger than it may be, and a row that does not end.
type gate struct {
	r         io.Reader
	file, row int64 // bytes left
	ratio     error
}

var (
	errFileSize = errors.New("more bytes than accepted")
	errRowSize  = fmt.Errorf("a row of more than %d bytes: is a quote not closed?", maxRowSize)
	errRatio    = fmt.Errorf("unpacks to more than %d times its size: refused as a zip bomb", maxRatio)
)

func (g *gate) Read(p []byte) (int, error) {
	if g.row <= 0 {
		return 0, errRowSize
	}
	if g.file <= 0 {
		return 0, g.ratio
	}
	n, err := g.r.Read(p[:min(int64(len(p)), g.file)])
	g.file -= int64(n)
	g.row -= int64(n)
	return n, err
}

// table is one CSV file being read row by row.
type table struct {
	name    string
	csv     *csv.Reader
	gate    *gate
	skipped *Skipped
	col     map[string]int
	row     []string
	rows    int
	body    io.Closer
}

var errNoFile = errors.New("file is missing")

// open starts reading a table. Header cells are trimmed of spaces and a byte
// order mark; need lists the columns that must exist.
func (a *archive) open(name string, need ...string) (*table, error) {
	f, ok := a.files[name]
	if !ok {
		return nil, fmt.Errorf("gtfs: %s: %w", name, errNoFile)
	}
	body, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("gtfs: %s: %w", name, err)
	}
	// The declared sizes may lie: what is really read is counted.
	g := &gate{r: body, file: maxFileSize, row: maxRowSize, ratio: errFileSize}
	if most := max(int64(min(f.CompressedSize64, maxFileSize))*maxRatio, freeSize); most < maxFileSize {
		g.file, g.ratio = most, errRatio
	}
	br := bufio.NewReaderSize(g, 1<<16)
	if bom, _ := br.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = br.Discard(3) // peeked before
	}
	c := csv.NewReader(br)
	c.ReuseRecord = true
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	t := &table{name: name, csv: c, gate: g, skipped: a.skipped, col: map[string]int{}, body: body}
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
		return nil, fmt.Errorf("gtfs: %s: %d columns, at most %d are accepted", name, len(head), maxColumns)
	}
	for i, h := range head {
		h = strings.Clone(strings.ToLower(strings.TrimSpace(h)))
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

// rows runs f over the rows of a table; a missing optional file is no error.
func (a *archive) rows(name string, optional bool, need []string, f func(t *table)) error {
	t, err := a.open(name, need...)
	if err != nil {
		if optional && errors.Is(err, errNoFile) {
			return nil
		}
		return err
	}
	defer t.close()
	for {
		more, err := t.next()
		if err != nil || !more {
			return err
		}
		f(t)
	}
}

// next moves to the next row; false at the end.
func (t *table) next() (bool, error) {
	for {
		// What the buffer read ahead belongs to rows to come: a row is refused
		// at its limit or at most a buffer later.
		t.gate.row = maxRowSize
		row, err := t.csv.Read()
		if err == io.EOF {
			return false, nil
		}
		t.rows++
		if t.rows > maxRows {
			return false, fmt.Errorf("gtfs: %s: more than %d rows: cut the feed to the city first", t.name, maxRows)
		}
		var pe *csv.ParseError
		if errors.As(err, &pe) {
			t.skipped.add(t.name, "not CSV", pe.StartLine)
			continue
		}
		if err != nil {
			return false, fmt.Errorf("gtfs: %s: row %d: %w", t.name, t.rows, err)
		}
		t.row = row
		return true, nil
	}
}

// line is where the row begins, the header being line 1.
func (t *table) line() int {
	l, _ := t.csv.FieldPos(0)
	return l
}

// skip counts the row.
func (t *table) skip(reason string) { t.skipped.add(t.name, reason, t.line()) }

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
