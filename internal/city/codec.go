package city

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

// PackFormat is the version of the pack layout. Raise it whenever a column is
// added, removed, reordered or changes its meaning or unit: readers refuse
// other versions with a clear message, and packs are rebuilt from the sources.
//
//	2: Net.Roundabout follows Net.Class; small roundabouts are one node.
//	3: lanes learnt from the map; streets doubled for restrictions over ways.
//	3: Timetable: TransferS, stations, shapes and the hops through the streets.
//	4: Net.NodeHeightM follows Net.NodeSignal, Net.Grade Net.Roundabout.
const PackFormat = 4

// A pack is
//
//	magic "CITYPACK" | format uint32 | raw length uint64 | CRC-32C of raw uint32 | zstd(raw)
//
// all little-endian. raw is the columns of columns() one after another: a
// uint64 count, then the values. One list of columns serves both directions,
// so the writer and the reader cannot drift apart. CRC-32C (not SHA-256) finds
// damage at memory speed; the identity of a city is Info.Digest, of the
// sources.
const packMagic = "CITYPACK"

const headerLen = len(packMagic) + 4 + 8 + 4

// maxRaw bounds the memory that a pack may claim.
const maxRaw = 1 << 30

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrPack is the kind of every error about unreadable packs.
var ErrPack = errors.New("city pack")

// ErrFormat is besides the kind of error about a pack of another version.
var ErrFormat = errors.New("another format")

// Encode writes a city as a pack. The same city gives the same bytes.
func Encode(w io.Writer, c *City) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: not written: %w", ErrPack, err)
	}
	e := &encoder{}
	columns(c, e)
	head := make([]byte, 0, headerLen)
	head = append(head, packMagic...)
	head = binary.LittleEndian.AppendUint32(head, PackFormat)
	head = binary.LittleEndian.AppendUint64(head, uint64(len(e.raw)))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(e.raw, castagnoli))
	// One goroutine: the block split, and so the bytes, stay the same anywhere.
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPack, err)
	}
	defer z.Close()
	if _, err := w.Write(z.EncodeAll(e.raw, head)); err != nil {
		return fmt.Errorf("%w: %w", ErrPack, err)
	}
	return nil
}

// Decode reads a pack and validates it. Damaged or foreign bytes give an error,
// never a panic; memory stays within a small factor of what the bytes hold.
func Decode(pack []byte) (*City, error) {
	if len(pack) < headerLen || !bytes.Equal(pack[:len(packMagic)], []byte(packMagic)) {
		return nil, fmt.Errorf("%w: not a city pack", ErrPack)
	}
	h := pack[len(packMagic):headerLen]
	if v := binary.LittleEndian.Uint32(h); v != PackFormat {
		remedy := "an older version made it: build the city again from its sources (cityflow city build)"
		if v > PackFormat {
			remedy = "a newer version made it: use that version of cityflow, or build the city again with this one"
		}
		return nil, fmt.Errorf("%w: %w: %d, this version reads %d: %s", ErrPack, ErrFormat, v, PackFormat, remedy)
	}
	size := binary.LittleEndian.Uint64(h[4:])
	if size > maxRaw {
		return nil, fmt.Errorf("%w: claims %d bytes, at most %d are accepted", ErrPack, size, maxRaw)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(max(size, 1<<10)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPack, err)
	}
	defer z.Close()
	raw, err := z.DecodeAll(pack[headerLen:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPack, err)
	}
	if uint64(len(raw)) != size {
		return nil, fmt.Errorf("%w: %d bytes, header says %d", ErrPack, len(raw), size)
	}
	if crc32.Checksum(raw, castagnoli) != binary.LittleEndian.Uint32(h[12:]) {
		return nil, fmt.Errorf("%w: damaged (checksum differs)", ErrPack)
	}
	c := &City{}
	d := &decoder{raw: raw}
	columns(c, d)
	if d.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPack, d.err)
	}
	if len(d.raw) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrPack, len(d.raw))
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPack, err)
	}
	return c, nil
}

// RawSize is the size of the columns of a pack that Decode accepts, in bytes:
// about what the decoded city holds in memory.
func RawSize(pack []byte) int {
	if len(pack) < headerLen {
		return 0
	}
	return int(min(binary.LittleEndian.Uint64(pack[len(packMagic)+4:]), maxRaw))
}
