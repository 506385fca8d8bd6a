package city

import (
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/units"
)

// Label is what people call a line: its mode and its name, "Bus 31".
func (l *Line) Label() string {
	mode, name := l.Mode.String(), strings.TrimSpace(l.Name)
	if name == "" {
		name = l.ID
	}
	if strings.HasPrefix(foldName(name), mode) { // "Metro Circle" says it itself
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return strings.ToUpper(mode[:1]) + mode[1:] + " " + name
}

// LookupLine finds lines by the feed's route id, else by name, else by mode and
// name ("bus 31"), the latter two without regard to case and punctuation. Lines
// of one name may be several, of two modes or of two feeds: the caller decides
// whether that is ambiguous. When nothing matches, near holds the labels of up
// to eight lines like it, best first.
func (c *City) LookupLine(q string) (lines []units.LineID, near []string) {
	t := &c.Timetable
	q = strings.TrimSpace(q)
	if q == "" {
		return nil, nil
	}
	var byID, byName, byLabel []units.LineID
	want := foldName(q)
	labels, folded := make([]string, len(t.Lines)), make([]string, len(t.Lines))
	for i := range t.Lines {
		l, id := &t.Lines[i], units.LineID(i)
		labels[i] = l.Label()
		folded[i] = foldName(labels[i])
		if l.ID == q {
			byID = append(byID, id)
		}
		if want != "" && foldName(l.Name) == want {
			byName = append(byName, id)
		}
		if want != "" && (folded[i] == want || foldName(l.Mode.String()+" "+l.Name) == want) {
			byLabel = append(byLabel, id)
		}
	}
	for _, found := range [][]units.LineID{byID, byName, byLabel} {
		if len(found) > 0 {
			return found, nil
		}
	}
	// "31A" is like "Bus 31": names are compared without the mode, too.
	near = nearNames(want, labels, folded)
	short := make([]string, len(t.Lines))
	for i := range t.Lines {
		short[i] = foldName(t.Lines[i].Name)
	}
	for _, label := range nearNames(want, labels, short) {
		if len(near) < maxNear && !slices.Contains(near, label) {
			near = append(near, label)
		}
	}
	return nil, near
}
