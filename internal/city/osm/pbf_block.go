package osm

import (
	"errors"
	"fmt"

	"github.com/paulmach/osm"
	"google.golang.org/protobuf/encoding/protowire"
)

var errShort = errors.New("a damaged block: its columns are not of one length")

// packed is a column of varints that is read from the front.
type packed []byte

func (p *packed) next() (uint64, error) {
	v, n := protowire.ConsumeVarint(*p)
	if n < 0 {
		if len(*p) == 0 {
			return 0, errShort
		}
		return 0, damaged(n)
	}
	*p = (*p)[n:]
	return v, nil
}

// delta adds the next signed difference.
func (p *packed) delta(sum *int64) error {
	v, err := p.next()
	*sum += protowire.DecodeZigZag(v)
	return err
}

// data reads a block of nodes, ways and relations. The table of texts and the
// scale of coordinates may stand behind the groups that need them.
func (p *pbf) data(raw []byte) error {
	p.table, p.granularity, p.lonOff, p.latOff = p.table[:0], 100, 0, 0
	err := fields(raw, func(f protowire.Number, v uint64, b []byte) error {
		switch f {
		case 1:
			return fields(b, func(f protowire.Number, _ uint64, s []byte) error {
				if f == 1 {
					p.table = append(p.table, s)
				}
				return nil
			})
		case 17:
			p.granularity = int64(int32(v))
		case 19:
			p.latOff = int64(v)
		case 20:
			p.lonOff = int64(v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if cap(p.texts) < len(p.table) {
		p.texts, p.have = make([]string, len(p.table)), make([]bool, len(p.table))
	}
	p.texts, p.have = p.texts[:len(p.table)], p.have[:len(p.table)]
	clear(p.have)
	return fields(raw, func(f protowire.Number, _ uint64, b []byte) error {
		if f != 2 {
			return nil
		}
		return fields(b, func(f protowire.Number, _ uint64, b []byte) error {
			switch f {
			case 1:
				return p.node(b)
			case 2:
				return p.dense(b)
			case 3:
				return p.way(b)
			case 4:
				return p.relation(b)
			}
			return nil
		})
	})
}

// text is an entry of the block's table.
func (p *pbf) text(i uint64) (string, error) {
	if i >= uint64(len(p.table)) {
		return "", fmt.Errorf("a damaged block: text %d of %d", i, len(p.table))
	}
	if !p.have[i] {
		s, err := p.c.text(p.table[i])
		if err != nil {
			return "", err
		}
		p.texts[i], p.have[i] = s, true
	}
	return p.texts[i], nil
}

func (p *pbf) tag(k, v uint64) error {
	ks, err := p.text(k)
	if err != nil {
		return err
	}
	vs, err := p.text(v)
	if err != nil {
		return err
	}
	p.tags = append(p.tags, osm.Tag{Key: ks, Value: vs})
	return nil
}

// column reads keys or values of tags, which stand in one field or in many.
func column(into []uint64, v uint64, b []byte) ([]uint64, error) {
	if b == nil {
		return append(into, v), nil
	}
	for c := packed(b); len(c) > 0; {
		v, err := c.next()
		if err != nil {
			return into, err
		}
		into = append(into, v)
	}
	return into, nil
}

// pair joins keys and values into tags.
func (p *pbf) pair() error {
	if len(p.keys) != len(p.values) {
		return errShort
	}
	p.tags = p.tags[:0]
	for i, k := range p.keys {
		if err := p.tag(k, p.values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *pbf) degrees(off, v int64) float64 { return 1e-9 * float64(off+p.granularity*v) }

func (p *pbf) node(b []byte) error {
	var id, lat, lon int64
	p.keys, p.values = p.keys[:0], p.values[:0]
	err := fields(b, func(f protowire.Number, v uint64, b []byte) (err error) {
		switch f {
		case 1:
			id = protowire.DecodeZigZag(v)
		case 2:
			p.keys, err = column(p.keys, v, b)
		case 3:
			p.values, err = column(p.values, v, b)
		case 8:
			lat = protowire.DecodeZigZag(v)
		case 9:
			lon = protowire.DecodeZigZag(v)
		}
		return err
	})
	if err == nil {
		err = p.pair()
	}
	if err != nil {
		return err
	}
	return p.c.node(id, p.degrees(p.lonOff, lon), p.degrees(p.latOff, lat), p.tags)
}

func (p *pbf) dense(b []byte) error {
	var ids, lats, lons, tags packed
	err := fields(b, func(f protowire.Number, _ uint64, b []byte) error {
		switch f {
		case 1:
			ids = b
		case 8:
			lats = b
		case 9:
			lons = b
		case 10:
			tags = b
		}
		return nil
	})
	if err != nil {
		return err
	}
	some := len(tags) > 0
	var id, lat, lon int64
	for len(ids) > 0 {
		if err := errors.Join(ids.delta(&id), lats.delta(&lat), lons.delta(&lon)); err != nil {
			return err
		}
		p.tags = p.tags[:0]
		for some {
			k, err := tags.next()
			if err != nil {
				return err
			}
			if k == 0 {
				break
			}
			v, err := tags.next()
			if err == nil {
				err = p.tag(k, v)
			}
			if err != nil {
				return err
			}
		}
		if err := p.c.node(id, p.degrees(p.lonOff, lon), p.degrees(p.latOff, lat), p.tags); err != nil {
			return err
		}
	}
	if len(lats) > 0 || len(lons) > 0 || len(tags) > 0 {
		return errShort
	}
	return nil
}

func (p *pbf) way(b []byte) error {
	var id int64
	p.keys, p.values, p.refs = p.keys[:0], p.values[:0], p.refs[:0]
	err := fields(b, func(f protowire.Number, v uint64, b []byte) (err error) {
		switch f {
		case 1:
			id = int64(v)
		case 2:
			p.keys, err = column(p.keys, v, b)
		case 3:
			p.values, err = column(p.values, v, b)
		case 8:
			var ref int64
			for c := packed(b); len(c) > 0; {
				if err := c.delta(&ref); err != nil {
					return err
				}
				p.refs = append(p.refs, ref)
			}
		}
		return err
	})
	if err == nil {
		err = p.pair()
	}
	if err != nil {
		return err
	}
	return p.c.way(id, p.refs, p.tags)
}

func (p *pbf) relation(b []byte) error {
	var id int64
	var roles, refs, types packed
	p.keys, p.values = p.keys[:0], p.values[:0]
	err := fields(b, func(f protowire.Number, v uint64, b []byte) (err error) {
		switch f {
		case 1:
			id = int64(v)
		case 2:
			p.keys, err = column(p.keys, v, b)
		case 3:
			p.values, err = column(p.values, v, b)
		case 8:
			roles = b
		case 9:
			refs = b
		case 10:
			types = b
		}
		return err
	})
	if err == nil {
		err = p.pair()
	}
	if err != nil {
		return err
	}
	p.members = p.members[:0]
	var ref int64
	for len(roles) > 0 {
		role, err := roles.next()
		if err != nil {
			return err
		}
		if err := refs.delta(&ref); err != nil {
			return err
		}
		kind, err := types.next()
		if err != nil {
			return err
		}
		s, err := p.text(role)
		if err != nil {
			return err
		}
		m := osm.Member{Type: osm.TypeNode, Ref: ref, Role: s}
		switch kind {
		case 1:
			m.Type = osm.TypeWay
		case 2:
			m.Type = osm.TypeRelation
		}
		p.members = append(p.members, m)
	}
	if len(refs) > 0 || len(types) > 0 {
		return errShort
	}
	return p.c.relation(id, p.members, p.tags)
}
