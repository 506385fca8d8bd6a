package osm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/paulmach/osm"
)

const (
	// maxToken bounds one XML tag with its attributes, or one run of text.
	maxToken = 1 << 20
	// maxDepth bounds nesting; OSM needs three levels.
	maxDepth = 16
)

// leash hands bytes on until one token has taken more than maxToken: the XML
// reader of the standard library would collect a token without end.
type leash struct {
	r    io.Reader
	left int
}

func (l *leash) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("an XML tag is longer than %d bytes", maxToken)
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// readXML reads OSM XML (0.6, as the editing API and Overpass write it) tag by
// tag. Deleted objects are left out.
func readXML(r io.Reader, c *collector) error {
	l := &leash{r: r, left: maxToken}
	d := xml.NewDecoder(l)
	x := xmlReader{c: c}
	for {
		l.left = maxToken
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			if !x.root {
				return errors.New("the file holds no XML element")
			}
			return nil
		}
		if err == nil {
			switch t := tok.(type) {
			case xml.StartElement:
				err = x.open(t)
			case xml.EndElement:
				err = x.close()
			}
		}
		if err != nil {
			return fmt.Errorf("at byte %d: %w", d.InputOffset(), err)
		}
	}
}

// xmlReader gathers the object that is open.
type xmlReader struct {
	c        *collector
	root     bool
	depth    int
	kind     string // of the open object; "" is none, "-" one that is left out
	id       int64
	lon, lat float64
	tags     osm.Tags
	refs     []int64
	members  osm.Members
}

func attr(t xml.StartElement, name string) (string, bool) {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

func number(t xml.StartElement, name string) (int64, error) {
	v, _ := attr(t, name)
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("<%s> has %s=%.40q: want a whole number", t.Name.Local, name, v)
	}
	return n, nil
}

func degrees(t xml.StartElement, name string) (float64, error) {
	v, _ := attr(t, name)
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return 0, fmt.Errorf("<%s> has %s=%.40q: want degrees", t.Name.Local, name, v)
	}
	return f, nil
}

func (x *xmlReader) open(t xml.StartElement) (err error) {
	x.depth++
	name := t.Name.Local
	switch {
	case x.depth > maxDepth:
		return fmt.Errorf("elements are nested more than %d deep", maxDepth)
	case x.depth == 1:
		if x.root || name != "osm" {
			return fmt.Errorf("the file is not OSM XML: its root is <%.40s>", name)
		}
		x.root = true
	case x.depth == 2:
		return x.object(t)
	case x.depth == 3 && x.kind != "" && x.kind != "-":
		return x.part(t)
	}
	return nil
}

func (x *xmlReader) object(t xml.StartElement) (err error) {
	x.kind = t.Name.Local
	x.tags, x.refs, x.members = x.tags[:0], x.refs[:0], x.members[:0]
	switch x.kind {
	case "node", "way", "relation":
	default:
		x.kind = "-"
		return nil
	}
	if v, _ := attr(t, "visible"); v == "false" {
		x.kind = "-"
	}
	if v, _ := attr(t, "action"); v == "delete" {
		x.kind = "-"
	}
	if x.kind == "-" {
		return nil
	}
	if x.id, err = number(t, "id"); err != nil {
		return err
	}
	if x.kind == "node" {
		if x.lon, err = degrees(t, "lon"); err == nil {
			x.lat, err = degrees(t, "lat")
		}
	}
	return err
}

func (x *xmlReader) part(t xml.StartElement) error {
	switch name := t.Name.Local; {
	case name == "tag":
		k, _ := attr(t, "k")
		v, _ := attr(t, "v")
		ks, err := x.c.text([]byte(k))
		if err != nil {
			return err
		}
		vs, err := x.c.text([]byte(v))
		if err != nil {
			return err
		}
		x.tags = append(x.tags, osm.Tag{Key: ks, Value: vs})
	case name == "nd" && x.kind == "way":
		ref, err := number(t, "ref")
		if err != nil {
			return err
		}
		x.refs = append(x.refs, ref)
	case name == "member" && x.kind == "relation":
		ref, err := number(t, "ref")
		if err != nil {
			return err
		}
		kind, _ := attr(t, "type")
		role, _ := attr(t, "role")
		role, err = x.c.text([]byte(role))
		if err != nil {
			return err
		}
		x.members = append(x.members, osm.Member{Type: memberType(kind), Ref: ref, Role: role})
	}
	// What the object at hand holds already, before it is claimed for good.
	if int64(len(x.refs))*refBytes+int64(len(x.members))*memberBytes+int64(len(x.tags))*tagBytes > x.c.left {
		return x.c.claim(x.c.left + 1)
	}
	return nil
}

func memberType(s string) osm.Type {
	switch s {
	case "way":
		return osm.TypeWay
	case "relation":
		return osm.TypeRelation
	}
	return osm.TypeNode
}

func (x *xmlReader) close() error {
	x.depth--
	if x.depth != 1 {
		return nil
	}
	kind := x.kind
	x.kind = ""
	switch kind {
	case "node":
		return x.c.node(x.id, x.lon, x.lat, x.tags)
	case "way":
		return x.c.way(x.id, x.refs, x.tags)
	case "relation":
		return x.c.relation(x.id, x.members, x.tags)
	}
	return nil
}
