package osm

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/paulmach/osm"
	"google.golang.org/protobuf/encoding/protowire"
)

// The PBF format as the OSM wiki's page "PBF Format" writes it down: blobs of
// at most 32 MiB, each with a header of at most 64 KiB. Its own limits are held
// to before anything is allocated.
const (
	maxBlobHeader = 64 << 10
	maxBlob       = 32 << 20
	// maxRatio is how much a blob may grow when unpacked. Map data shrinks to a
	// half or a quarter; what grows a hundredfold was made to fill memory.
	maxRatio  = 100
	ratioFree = 64 << 10 // bytes that any blob may unpack to
)

// readPBF reads blob after blob; one of them is in memory at a time.
func readPBF(r io.Reader, c *collector) error {
	p := pbf{r: r, c: c}
	for n := 0; ; n++ {
		kind, blob, err := p.next()
		if errors.Is(err, io.EOF) {
			if n == 0 {
				return errors.New("the file is cut short: it ends inside its first block")
			}
			return nil
		}
		if err == nil {
			err = p.block(kind, blob, n == 0)
		}
		if err != nil {
			return fmt.Errorf("block %d, before byte %d: %w", n+1, p.at, err)
		}
	}
}

type pbf struct {
	r  io.Reader
	c  *collector
	at int64 // bytes read

	head, blob, raw []byte
	zr              io.ReadCloser

	// Of the block at hand.
	table        [][]byte
	texts        []string // of table, made on first use
	have         []bool
	granularity  int64
	lonOff       int64
	latOff       int64
	tags         osm.Tags
	refs         []int64
	members      osm.Members
	keys, values []uint64
}

// read fills b; io.ErrUnexpectedEOF and a file that ends here are one error.
func (p *pbf) read(b []byte) error {
	n, err := io.ReadFull(p.r, b)
	p.at += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is cut short")
	}
	return err
}

// next reads one blob with its header. io.EOF: the file ended between blobs.
func (p *pbf) next() (kind string, blob []byte, err error) {
	var size [4]byte
	n, err := io.ReadFull(p.r, size[:])
	p.at += int64(n)
	if n == 0 && errors.Is(err, io.EOF) {
		return "", nil, io.EOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "", nil, errors.New("the file is cut short")
	}
	if err != nil {
		return "", nil, err
	}
	length := binary.BigEndian.Uint32(size[:])
	if length > maxBlobHeader {
		return "", nil, fmt.Errorf("a block header of %d bytes: this is no PBF file, or a damaged one", length)
	}
	p.head = grow(p.head, int(length))
	if err := p.read(p.head); err != nil {
		return "", nil, err
	}
	data := int64(-1)
	err = fields(p.head, func(f protowire.Number, v uint64, b []byte) error {
		switch f {
		case 1:
			kind = string(b)
		case 3:
			data = int64(v)
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	if data < 0 || data > maxBlob {
		return "", nil, fmt.Errorf("a block of %d bytes: at most %d are allowed", data, maxBlob)
	}
	p.blob = grow(p.blob, int(data))
	if err := p.read(p.blob); err != nil {
		return "", nil, err
	}
	return kind, p.blob, nil
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

func (p *pbf) block(kind string, blob []byte, first bool) error {
	if first && kind != "OSMHeader" {
		return fmt.Errorf("the first block is of kind %.40q, not OSMHeader: this is no OSM PBF file", kind)
	}
	if kind != "OSMHeader" && kind != "OSMData" {
		return nil // the format asks readers to pass over kinds they do not know
	}
	raw, err := p.unpack(blob)
	if err != nil {
		return err
	}
	if kind == "OSMHeader" {
		return header(raw)
	}
	return p.data(raw)
}

// header refuses files that need what this reader cannot do.
func header(raw []byte) error {
	return fields(raw, func(f protowire.Number, _ uint64, b []byte) error {
		if f != 4 {
			return nil
		}
		switch s := string(b); s {
		case "OsmSchema-V0.6", "DenseNodes":
			return nil
		case "HistoricalInformation":
			return errors.New("the file holds the history of objects, not their present state")
		default:
			return fmt.Errorf("the file needs the feature %.40q, which is not supported", s)
		}
	})
}

// unpack gives the bytes of a blob. They are valid until the next one.
func (p *pbf) unpack(blob []byte) ([]byte, error) {
	var packed []byte
	rawSize, field := int64(-1), protowire.Number(0)
	err := fields(blob, func(f protowire.Number, v uint64, b []byte) error {
		switch f {
		case 1, 3, 4, 5, 6, 7:
			field, packed = f, b
		case 2:
			rawSize = int64(v)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case field == 1:
		return packed, nil
	case field == 0:
		return nil, errors.New("a block without data")
	case field != 3:
		return nil, errors.New("blocks are packed with a method other than zlib: write the file anew with zlib")
	case rawSize < 0 || rawSize > maxBlob:
		return nil, fmt.Errorf("a block of %d bytes unpacked: at most %d are allowed", rawSize, maxBlob)
	case rawSize > ratioFree+maxRatio*int64(len(packed)):
		return nil, fmt.Errorf("%d bytes that claim to unpack to %d: this is no map", len(packed), rawSize)
	}
	if p.zr == nil {
		p.zr, err = zlib.NewReader(bytes.NewReader(packed))
	} else {
		err = p.zr.(zlib.Resetter).Reset(bytes.NewReader(packed), nil)
	}
	if err != nil {
		return nil, fmt.Errorf("a block cannot be unpacked: %w", err)
	}
	p.raw = grow(p.raw, int(rawSize))
	if _, err := io.ReadFull(p.zr, p.raw); err != nil {
		return nil, fmt.Errorf("a block cannot be unpacked to its %d bytes: %w", rawSize, err)
	}
	// The end of the stream carries the checksum.
	var more [1]byte
	if n, err := p.zr.Read(more[:]); n > 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("a block does not unpack to its %d bytes", rawSize)
	}
	return p.raw, nil
}

// fields walks the fields of a message: v holds varints, b everything with a
// length. Other wire types are passed over.
func fields(b []byte, f func(num protowire.Number, v uint64, b []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return damaged(n)
		}
		b = b[n:]
		var v uint64
		var body []byte
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			body, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
			num = 0
		}
		if n < 0 {
			return damaged(n)
		}
		b = b[n:]
		if num == 0 {
			continue
		}
		if err := f(num, v, body); err != nil {
			return err
		}
	}
	return nil
}

func damaged(n int) error { return fmt.Errorf("a damaged block: %w", protowire.ParseError(n)) }
