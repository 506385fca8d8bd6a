package tiles

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// This file writes PMTiles, version 3 of its specification
// (github.com/protomaps/PMTiles, spec/v3): a header of 127 bytes, a root
// directory, metadata, leaf directories and the tiles, all but the header
// compressed. Its Go library brings three clouds, a database and a web server
// along; the format is a page.

const (
	headerBytes = 127
	// rootLimit is what the root directory may take: header and root are read
	// with one request of 16 KiB.
	rootLimit = 16384 - headerBytes
	// leafEntries is the size of one leaf directory.
	leafEntries = 4096
)

// tile is one encoded tile, not compressed.
type tile struct {
	id   uint64
	data []byte
}

// entry is a line of a directory: length bytes at offset are the tiles from id
// on, run of them; run 0 is a leaf directory.
type entry struct {
	id, offset  uint64
	length, run uint32
}

// tileID is the place of a tile on the Hilbert curve, after all smaller zooms.
func tileID(z, x, y uint32) uint64 {
	var before uint64
	for i := range z {
		before += uint64(1) << (2 * i)
	}
	var d uint64
	for s := uint32(1) << z >> 1; s > 0; s >>= 1 {
		var rx, ry uint32
		if x&s != 0 {
			rx = 1
		}
		if y&s != 0 {
			ry = 1
		}
		d += uint64(s) * uint64(s) * uint64(3*rx^ry)
		if ry == 0 { // turn the quadrant
			if rx == 1 {
				x, y = s-1-x&(s-1), s-1-y&(s-1)
			}
			x, y = y, x
		}
	}
	return before + d
}

// archive joins tiles, which stand in order of id, into one file.
func archive(tiles []tile, box [4]float64, meta []byte, limit int) ([]byte, error) {
	var data bytes.Buffer
	z := newZip()
	var entries []entry
	seen := map[[32]byte]entry{} // look-ups only
	for _, t := range tiles {
		zipped, err := z.compress(t.data)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(zipped)
		at, known := seen[sum]
		if !known {
			at = entry{offset: uint64(data.Len()), length: uint32(len(zipped))}
			seen[sum] = at
			data.Write(zipped)
		}
		if n := len(entries); n > 0 && entries[n-1].offset == at.offset && entries[n-1].id+uint64(entries[n-1].run) == t.id {
			entries[n-1].run++
			continue
		}
		entries = append(entries, entry{t.id, at.offset, at.length, 1})
	}
	root, err := z.directory(entries)
	if err != nil {
		return nil, err
	}
	var leaves bytes.Buffer
	if len(root) > limit {
		var top []entry
		for part := range slices.Chunk(entries, leafEntries) {
			leaf, err := z.directory(part)
			if err != nil {
				return nil, err
			}
			top = append(top, entry{part[0].id, uint64(leaves.Len()), uint32(len(leaf)), 0})
			leaves.Write(leaf)
		}
		if root, err = z.directory(top); err != nil {
			return nil, err
		}
		if len(root) > limit {
			return nil, fmt.Errorf("tiles: %d tiles need a root directory of %d bytes", len(tiles), len(root))
		}
	}
	zippedMeta, err := z.compress(meta)
	if err != nil {
		return nil, err
	}

	le := binary.LittleEndian
	h := append([]byte("PMTiles"), 3)
	at := uint64(headerBytes)
	for _, n := range []int{len(root), len(zippedMeta), leaves.Len(), data.Len()} {
		h = le.AppendUint64(le.AppendUint64(h, at), uint64(n))
		at += uint64(n)
	}
	h = le.AppendUint64(h, uint64(len(tiles)))
	h = le.AppendUint64(h, uint64(len(entries)))
	h = le.AppendUint64(h, uint64(len(seen)))
	// Clustered: tiles stand in order of id. Then: directories and tiles are
	// gzipped (2), tiles are MVT (1).
	h = append(h, 1, 2, 2, 1, MinZoom, MaxZoom)
	e7 := func(deg float64) { h = le.AppendUint32(h, uint32(int32(math.Round(deg*1e7)))) }
	for _, deg := range box {
		e7(deg)
	}
	h = append(h, centreZoom)
	e7((box[0] + box[2]) / 2)
	e7((box[1] + box[3]) / 2)
	return slices.Concat(h, root, zippedMeta, leaves.Bytes(), data.Bytes()), nil
}

// centreZoom is where a viewer without a wish opens the archive.
const centreZoom = 12

// directory encodes entries: ids as differences, then runs, lengths and
// offsets, each column as varints.
func (z *zip) directory(entries []entry) ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(len(entries)))
	var last uint64
	for _, e := range entries {
		b = binary.AppendUvarint(b, e.id-last)
		last = e.id
	}
	for _, e := range entries {
		b = binary.AppendUvarint(b, uint64(e.run))
	}
	for _, e := range entries {
		b = binary.AppendUvarint(b, uint64(e.length))
	}
	for i, e := range entries {
		if i > 0 && e.offset == entries[i-1].offset+uint64(entries[i-1].length) {
			b = binary.AppendUvarint(b, 0) // directly after the one before
			continue
		}
		b = binary.AppendUvarint(b, e.offset+1)
	}
	return z.compress(b)
}

// zip packs many small pieces with one compressor.
type zip struct{ w *gzip.Writer }

func newZip() *zip {
	w, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		panic("tiles: " + err.Error()) // the level is a constant
	}
	return &zip{w}
}

// compress writes no name and no time into the header: equal data give equal
// bytes. The answer is valid for good.
func (z *zip) compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	z.w.Reset(&out)
	_, err := z.w.Write(data)
	if err == nil {
		err = z.w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("tiles: compress: %w", err)
	}
	return out.Bytes(), nil
}
