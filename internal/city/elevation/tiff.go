package elevation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// MaxCells bounds the grid: 10,000 x 10,000 heights, 400 MB, cover a region.
const MaxCells = 100_000_000

// Tags of TIFF and GeoTIFF that are read.
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBits            = 258
	tagCompression     = 259
	tagStripOffsets    = 273
	tagSamples         = 277
	tagRowsPerStrip    = 278
	tagStripBytes      = 279
	tagPredictor       = 317
	tagTileWidth       = 322
	tagTileHeight      = 323
	tagTileOffsets     = 324
	tagTileBytes       = 325
	tagSampleFormat    = 339
	tagPixelScale      = 33550
	tagTiePoint        = 33922
	tagTransformation  = 34264
	tagGeoKeys         = 34735
	tagNoData          = 42113
	keyModelType       = 1024
	keyRasterType      = 1025
	keyGeographicType  = 2048
	modelGeographic    = 2
	rasterPixelIsPoint = 2
)

// directory is the first image directory of a file.
type directory struct {
	raw   []byte
	order binary.ByteOrder
	at    map[uint16]entry // look-ups only
}

type entry struct {
	kind  uint16
	count uint32
	value []byte
}

// sizes are the bytes of one value by TIFF type.
var sizes = [...]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}

func readDirectory(raw []byte) (*directory, error) {
	if len(raw) < 8 {
		return nil, errors.New("the file is too short for a TIFF")
	}
	d := &directory{raw: raw, at: map[uint16]entry{}}
	switch string(raw[:2]) {
	case "II":
		d.order = binary.LittleEndian
	case "MM":
		d.order = binary.BigEndian
	default:
		return nil, errors.New("not a TIFF file")
	}
	switch v := d.order.Uint16(raw[2:]); v {
	case 42:
	case 43:
		return nil, errors.New("a BigTIFF, which is not read: gdal_translate -co BIGTIFF=NO writes the classic form")
	default:
		return nil, errors.New("not a TIFF file")
	}
	start := uint64(d.order.Uint32(raw[4:]))
	if start+2 > uint64(len(raw)) {
		return nil, errors.New("the image directory lies beyond the end of the file")
	}
	n := uint64(d.order.Uint16(raw[start:]))
	if start+2+12*n > uint64(len(raw)) {
		return nil, errors.New("the image directory is cut off")
	}
	for i := range n {
		b := raw[start+2+12*i:]
		tag, e := d.order.Uint16(b), entry{kind: d.order.Uint16(b[2:]), count: d.order.Uint32(b[4:])}
		if int(e.kind) >= len(sizes) || sizes[e.kind] == 0 {
			continue // a type of a later time
		}
		size := sizes[e.kind] * uint64(e.count)
		from := start + 2 + 12*i + 8
		if size > 4 {
			from = uint64(d.order.Uint32(b[8:]))
		}
		if from+size > uint64(len(raw)) {
			return nil, fmt.Errorf("tag %d lies beyond the end of the file", tag)
		}
		e.value = raw[from : from+size]
		if _, twice := d.at[tag]; !twice {
			d.at[tag] = e
		}
	}
	return d, nil
}

// numbers are the values of a tag; ok is false where it is missing or no number.
func (d *directory) numbers(tag uint16) (v []float64, ok bool) {
	e, ok := d.at[tag]
	if !ok || e.count == 0 {
		return nil, false
	}
	v = make([]float64, e.count)
	for i := range v {
		b := e.value[uint64(i)*sizes[e.kind]:]
		switch e.kind {
		case 1:
			v[i] = float64(b[0])
		case 3:
			v[i] = float64(d.order.Uint16(b))
		case 4:
			v[i] = float64(d.order.Uint32(b))
		case 11:
			v[i] = float64(math.Float32frombits(d.order.Uint32(b)))
		case 12:
			v[i] = math.Float64frombits(d.order.Uint64(b))
		default:
			return nil, false
		}
	}
	return v, true
}

// first is the first value of a tag, or what holds where it is missing.
func (d *directory) first(tag uint16, missing int) int {
	if v, ok := d.numbers(tag); ok && v[0] >= 0 && v[0] <= math.MaxInt32 {
		return int(v[0])
	}
	return missing
}

// layout is how the samples lie in the file.
type layout struct {
	width, height         int
	bits, format          int
	compression, predicts int
	blockW, blockH        int // a strip is as wide as the image
	offsets, bytes        []float64
	across, down          int
	tiled                 bool
}

// Values of SampleFormat.
const (
	unsigned = 1
	signed   = 2
	floating = 3
)

func (d *directory) layout() (*layout, error) {
	l := &layout{
		width: d.first(tagWidth, 0), height: d.first(tagHeight, 0), bits: d.first(tagBits, 1), format: d.first(tagSampleFormat, unsigned),
		compression: d.first(tagCompression, 1), predicts: d.first(tagPredictor, 1),
	}
	if l.width < 1 || l.height < 1 || l.width > MaxCells/l.height {
		return nil, fmt.Errorf("%d x %d heights, want 1 to %d in all: cut the terrain to the city", l.width, l.height, MaxCells)
	}
	if n := d.first(tagSamples, 1); n != 1 {
		return nil, fmt.Errorf("%d bands, want one with heights", n)
	}
	ok := l.format == floating && (l.bits == 32 || l.bits == 64) || (l.format == unsigned || l.format == signed) && (l.bits == 8 || l.bits == 16 || l.bits == 32)
	if !ok {
		return nil, fmt.Errorf("samples of %d bits in format %d are not heights that are read (8, 16 or 32 bits, floating 32 or 64)", l.bits, l.format)
	}
	switch l.predicts {
	case 1, 2:
		if l.predicts == 2 && l.bits == 64 {
			return nil, errors.New("horizontal differences of 64 bits are not read")
		}
	case 3:
		if l.format != floating {
			return nil, errors.New("the floating-point predictor on whole numbers")
		}
	default:
		return nil, fmt.Errorf("predictor %d is not read", l.predicts)
	}
	offsets, sizes := uint16(tagStripOffsets), uint16(tagStripBytes)
	if _, l.tiled = d.at[tagTileWidth]; l.tiled {
		l.blockW, l.blockH = d.first(tagTileWidth, 0), d.first(tagTileHeight, 0)
		offsets, sizes = tagTileOffsets, tagTileBytes
	} else {
		l.blockW, l.blockH = l.width, min(d.first(tagRowsPerStrip, l.height), l.height)
	}
	if l.blockW < 1 || l.blockH < 1 || l.blockW > MaxCells/l.blockH {
		return nil, fmt.Errorf("blocks of %d x %d heights", l.blockW, l.blockH)
	}
	l.across, l.down = (l.width+l.blockW-1)/l.blockW, (l.height+l.blockH-1)/l.blockH
	var ok1, ok2 bool
	l.offsets, ok1 = d.numbers(offsets)
	l.bytes, ok2 = d.numbers(sizes)
	if n := l.across * l.down; !ok1 || !ok2 || len(l.offsets) != n || len(l.bytes) != n {
		return nil, fmt.Errorf("%d blocks and %d sizes, want %d of both", len(l.offsets), len(l.bytes), n)
	}
	return l, nil
}
