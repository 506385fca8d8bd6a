package assign

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The TNTP format: metadata lines "<TAG> value" up to <END OF METADATA>; what
// follows a "~" is a comment; a network row is ten figures and ";", a matrix
// is "Origin n" and entries "destination : trips ;". (Transportation Networks
// for Research, github.com/bstabler/TransportationNetworks.)

const endOfMetadata = "END OF METADATA"

// lines calls do for each line without its comment and surrounding blanks,
// numbered from 1; empty ones are left out.
func lines(data []byte, do func(number int, line []byte) bool) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for number := 1; len(data) > 0; number++ {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		if i := bytes.IndexByte(line, '~'); i >= 0 {
			line = line[:i]
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && !do(number, line) {
			return
		}
	}
}

// shown is input quoted in a message: a bad file must not become a long one.
func shown(b []byte) string {
	if len(b) > 40 {
		return strconv.Quote(string(b[:40])) + "..."
	}
	return strconv.Quote(string(b))
}

// metadata reads the tags. want are those that must be there, as whole
// numbers; others are kept as text. body is the number of the last line of it.
type metadata struct {
	number map[string]int
	text   map[string]string
	body   int
}

func readMetadata(data []byte, want []string, most int, ps *Problems) metadata {
	m := metadata{map[string]int{}, map[string]string{}, 0}
	ended := false
	lines(data, func(number int, line []byte) bool {
		end := bytes.IndexByte(line, '>')
		if line[0] != '<' || end < 0 {
			ps.add(number, "%s before <%s>: want <TAG> value", shown(line), endOfMetadata)
			m.body = number - 1
			return false
		}
		tag, value := string(line[1:end]), strings.TrimSpace(string(line[end+1:]))
		if tag == endOfMetadata {
			m.body, ended = number, true
			return false
		}
		if _, twice := m.text[tag]; twice {
			ps.add(number, "<%s> is given twice", tag)
		}
		m.text[tag] = value
		for _, w := range want {
			if w != tag {
				continue
			}
			v, err := strconv.Atoi(value)
			if err != nil || v < 0 || v > most {
				ps.add(number, "<%s> %s: want a whole number from 0 to %d", tag, shown([]byte(value)), most)
				v = 0
			}
			m.number[tag] = v
		}
		return true
	})
	if !ended && m.body == 0 {
		ps.add(0, "there is no <%s>", endOfMetadata)
		m.body = math.MaxInt
	}
	for _, w := range want {
		if _, ok := m.text[w]; !ok {
			ps.add(0, "there is no <%s>", w)
		}
	}
	return m
}

// tags of a network file.
const (
	tagZones = "NUMBER OF ZONES"
	tagNodes = "NUMBER OF NODES"
	tagThru  = "FIRST THRU NODE"
	tagLinks = "NUMBER OF LINKS"
	tagTotal = "TOTAL OD FLOW"
)

// columns of a link row.
var columns = [...]string{"init_node", "term_node", "capacity", "length", "free_flow_time", "b", "power", "speed", "toll", "link_type"}

// ReadNetwork reads a TNTP network. Links may be parallel; a link from a node
// to itself is kept and never used. Speed and link type must be numbers and
// are not used. The error is Problems with the line of each.
func ReadNetwork(data []byte) (*Network, error) {
	var ps Problems
	meta := readMetadata(data, []string{tagZones, tagNodes, tagThru, tagLinks}, maxLinks, &ps)
	n := &Network{Zones: meta.number[tagZones], Nodes: meta.number[tagNodes]}
	if n.Nodes > maxNodes || n.Zones > n.Nodes {
		ps.add(0, "%d zones of %d nodes: want zones <= nodes <= %d", n.Zones, n.Nodes, maxNodes)
	}
	lines(data, func(number int, line []byte) bool {
		if number > meta.body {
			n.readLink(number, line, &ps)
		}
		return n.NumLinks() <= maxLinks
	})
	if want, ok := meta.number[tagLinks]; ok && want != n.NumLinks() && len(ps.list) == 0 {
		ps.add(0, "<%s> is %d, the file holds %d", tagLinks, want, n.NumLinks())
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	if first := meta.number[tagThru]; first > 1 {
		n.NoThru = make([]bool, n.Nodes)
		for v := range min(first-1, n.Nodes) {
			n.NoThru[v] = true
		}
	}
	return n, nil
}

func (n *Network) readLink(number int, line []byte, ps *Problems) {
	row, rest, ended := bytes.Cut(line, []byte(";"))
	if rest = bytes.TrimSpace(rest); ended && len(rest) > 0 {
		ps.add(number, "%s behind the ;", shown(rest))
		return
	}
	fields := bytes.Fields(row)
	if len(fields) != len(columns) {
		ps.add(number, "%d figures, want %d: %s", len(fields), len(columns), strings.Join(columns[:], " "))
		return
	}
	var v [len(columns)]float64
	ok := true
	for i, f := range fields {
		x, err := strconv.ParseFloat(string(f), 64)
		switch {
		case err != nil || math.IsNaN(x) || math.IsInf(x, 0):
			ps.add(number, "%s %s is not a finite number", columns[i], shown(f))
			ok = false
		case i < 2 && (x != math.Trunc(x) || x < 1 || x > float64(n.Nodes)):
			ps.add(number, "%s %s: the network has nodes 1 to %d", columns[i], shown(f), n.Nodes)
			ok = false
		}
		v[i] = x
	}
	if !ok {
		return
	}
	for _, s := range checkLink(v[2], v[3], v[4], v[5], v[6], v[8]) {
		ps.add(number, "%s", s)
		ok = false
	}
	n.Tail, n.Head = append(n.Tail, int32(v[0])-1), append(n.Head, int32(v[1])-1)
	n.Capacity, n.Length, n.FreeFlow = append(n.Capacity, v[2]), append(n.Length, v[3]), append(n.FreeFlow, v[4])
	n.B, n.Power, n.Toll = append(n.B, v[5]), append(n.Power, v[6]), append(n.Toll, v[8])
}

// ReadTrips reads a TNTP matrix for a network of so many zones (0: whatever
// the file says). Zeros are dropped. Warnings are differences that do no harm:
// a stated total that is not the sum. The error is Problems.
func ReadTrips(data []byte, zones int) (d *Demand, warnings []string, err error) {
	var ps Problems
	meta := readMetadata(data, []string{tagZones}, maxNodes, &ps)
	if z, ok := meta.number[tagZones]; ok && zones > 0 && z != zones {
		ps.add(0, "<%s> is %d, the network has %d", tagZones, z, zones)
	} else if zones == 0 {
		zones = z
	}
	r := tripReader{zones: zones, origin: -1, ps: &ps}
	lines(data, func(number int, line []byte) bool {
		if number > meta.body {
			r.line(number, line)
		}
		return true
	})
	d = r.demand()
	if err := ps.Err(); err != nil {
		return nil, nil, err
	}
	if s, ok := meta.text[tagTotal]; ok {
		var total sum
		for _, t := range d.Trips {
			total.add(t)
		}
		if v, err := strconv.ParseFloat(s, 64); err != nil || math.Abs(v-total.value()) > 1e-6*math.Max(v, total.value()) {
			warnings = append(warnings, fmt.Sprintf("<%s> says %s, the entries sum to %.10g", tagTotal, shown([]byte(s)), total.value()))
		}
	}
	return d, warnings, nil
}
