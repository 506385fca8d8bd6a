package elevation

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/image/tiff/lzw"
)

// pixels reads all heights, row by row from the north-west.
func (d *directory) pixels(l *layout) ([]float32, error) {
	// A block is refused before its memory is taken if no compression could
	// have made so little of it: Deflate's best is about 1,030 to one.
	const mostRatio = 1100
	size := l.bits / 8
	var stored float64
	for _, b := range l.bytes {
		stored += b
	}
	if announced := float64(l.width) * float64(l.height) * float64(size); announced > (stored+1)*mostRatio || stored > float64(len(d.raw))+float64(len(l.bytes)) {
		return nil, fmt.Errorf("%.0f bytes of heights are announced, the file holds %d", announced, len(d.raw))
	}
	out := make([]float32, l.width*l.height)
	for by := range l.down {
		for bx := range l.across {
			i := by*l.across + bx
			rows := l.blockH
			if !l.tiled {
				rows = min(rows, l.height-by*l.blockH)
			}
			block, err := d.block(l, i, l.blockW*rows*size)
			if err != nil {
				return nil, fmt.Errorf("block %d: %w", i, err)
			}
			for y := range rows {
				row := block[y*l.blockW*size : (y+1)*l.blockW*size]
				d.unpredict(row, l)
				if oy := by*l.blockH + y; oy < l.height {
					for x := 0; x < l.blockW && bx*l.blockW+x < l.width; x++ {
						out[oy*l.width+bx*l.blockW+x] = d.sample(row[x*size:], l)
					}
				}
			}
		}
	}
	return out, nil
}

// block is the decompressed bytes of one strip or tile.
func (d *directory) block(l *layout, i, want int) ([]byte, error) {
	from, n := uint64(l.offsets[i]), uint64(l.bytes[i])
	if from+n > uint64(len(d.raw)) {
		return nil, errors.New("lies beyond the end of the file")
	}
	raw := d.raw[from : from+n]
	var r io.Reader
	switch l.compression {
	case 1:
		r = bytes.NewReader(raw)
	case 5:
		z := lzw.NewReader(bytes.NewReader(raw), lzw.MSB, 8)
		defer z.Close()
		r = z
	case 8, 32946:
		z, err := zlib.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	case 32773:
		return unpackBits(raw, want)
	default:
		return nil, fmt.Errorf("compression %d is not read: gdal_translate -co COMPRESS=DEFLATE rewrites the file", l.compression)
	}
	// Grows with what really comes, so that a lie in the header costs little.
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(r, int64(want))); err != nil {
		return nil, err
	}
	if out.Len() < want {
		return nil, fmt.Errorf("%d bytes, want %d", out.Len(), want)
	}
	return out.Bytes(), nil
}

// unpackBits undoes the run lengths of Apple's PackBits (TIFF 6.0, section 9).
func unpackBits(raw []byte, want int) ([]byte, error) {
	if want > 64*(len(raw)+1) { // two bytes give at most 128
		return nil, fmt.Errorf("%d bytes cannot hold %d", len(raw), want)
	}
	out := make([]byte, 0, want)
	for len(raw) > 0 && len(out) < want {
		n := int(int8(raw[0]))
		raw = raw[1:]
		switch {
		case n >= 0 && len(raw) > n:
			out, raw = append(out, raw[:n+1]...), raw[n+1:]
		case n < 0 && n > -128 && len(raw) > 0:
			for range 1 - n {
				out = append(out, raw[0])
			}
			raw = raw[1:]
		case n == -128: // no operation
		default:
			return nil, errors.New("a run goes beyond the end")
		}
	}
	if len(out) < want {
		return nil, fmt.Errorf("%d bytes, want %d", len(out), want)
	}
	return out[:want], nil
}

// unpredict turns the differences of a row into values, in place.
func (d *directory) unpredict(row []byte, l *layout) {
	switch {
	case l.predicts == 2 && l.bits == 8:
		for i := 1; i < len(row); i++ {
			row[i] += row[i-1]
		}
	case l.predicts == 2 && l.bits == 16:
		for i := 2; i+1 < len(row); i += 2 {
			d.order.PutUint16(row[i:], d.order.Uint16(row[i:])+d.order.Uint16(row[i-2:]))
		}
	case l.predicts == 2:
		for i := 4; i+3 < len(row); i += 4 {
			d.order.PutUint32(row[i:], d.order.Uint32(row[i:])+d.order.Uint32(row[i-4:]))
		}
	case l.predicts == 3:
		// Bytes of one significance lie together, the highest first, and hold
		// differences (Technical Note 3).
		for i := 1; i < len(row); i++ {
			row[i] += row[i-1]
		}
		size := l.bits / 8
		n := len(row) / size
		plain := make([]byte, len(row))
		for i := range n {
			for b := range size {
				at := b // of the sample, from its most significant byte
				if d.order.Uint16([]byte{1, 0}) == 1 {
					at = size - 1 - b
				}
				plain[i*size+at] = row[b*n+i]
			}
		}
		copy(row, plain)
	}
}

func (d *directory) sample(b []byte, l *layout) float32 {
	switch l.bits {
	case 8:
		if l.format == signed {
			return float32(int8(b[0]))
		}
		return float32(b[0])
	case 16:
		if l.format == signed {
			return float32(int16(d.order.Uint16(b)))
		}
		return float32(d.order.Uint16(b))
	case 64:
		return float32(math.Float64frombits(d.order.Uint64(b)))
	}
	switch v := d.order.Uint32(b); l.format {
	case floating:
		return math.Float32frombits(v)
	case signed:
		return float32(int32(v))
	default:
		return float32(v)
	}
}
