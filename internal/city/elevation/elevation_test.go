package elevation

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
)

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// picture describes a TIFF to write.
type picture struct {
	order                       byteOrder
	w, h, bits, format          int
	compression, predictor      int
	tileW, tileH, rowsPerStrip  int
	at                          func(x, y int) float64
	noData                      string
	model, datum, raster, bands int
	transform                   bool
	step                        float64 // east; half of it south
}

func standard() picture {
	return picture{order: binary.LittleEndian, w: 5, h: 4, bits: 16, format: signed, compression: 1, predictor: 1, rowsPerStrip: 2,
		at: func(x, y int) float64 { return float64(10*y + x - 3) }, model: 2, datum: 4326, raster: 2, bands: 1, step: 0.5}
}

// tiff writes a picture; plain and slow, from the specification.
func (p picture) tiff() []byte {
	size := p.bits / 8
	bw, bh := p.w, p.rowsPerStrip
	if p.tileW > 0 {
		bw, bh = p.tileW, p.tileH
	}
	var blocks [][]byte
	for y0 := 0; y0 < p.h; y0 += bh {
		for x0 := 0; x0 < p.w; x0 += bw {
			rows := bh
			if p.tileW == 0 {
				rows = min(bh, p.h-y0)
			}
			var block []byte
			for y := y0; y < y0+rows; y++ {
				row := make([]byte, bw*size)
				for x := range bw {
					v := 0.0
					if x0+x < p.w && y < p.h {
						v = p.at(x0+x, y)
					}
					p.put(row[x*size:], v)
				}
				block = append(block, p.predict(row)...)
			}
			switch p.compression {
			case 8:
				var z bytes.Buffer
				w := zlib.NewWriter(&z)
				w.Write(block)
				w.Close()
				block = z.Bytes()
			case 32773: // runs of one byte alone
				var packed []byte
				for _, b := range block {
					packed = append(packed, 0, b)
				}
				block = append(packed, 128)
			}
			blocks = append(blocks, block)
		}
	}
	out := []byte("II\x2a\x00\x00\x00\x00\x00")
	if p.order.String() == "BigEndian" {
		out = []byte("MM\x00\x2a\x00\x00\x00\x00")
	}
	var offsets, sizes []float64
	for _, b := range blocks {
		offsets, sizes = append(offsets, float64(len(out))), append(sizes, float64(len(b)))
		out = append(out, b...)
	}
	type field struct {
		tag, kind uint16
		v         []float64
		text      string
	}
	fields := []field{
		{tagWidth, 3, []float64{float64(p.w)}, ""}, {tagHeight, 4, []float64{float64(p.h)}, ""}, {tagBits, 3, []float64{float64(p.bits)}, ""},
		{tagCompression, 3, []float64{float64(p.compression)}, ""}, {tagSamples, 3, []float64{float64(p.bands)}, ""},
		{tagPredictor, 3, []float64{float64(p.predictor)}, ""}, {tagSampleFormat, 3, []float64{float64(p.format)}, ""},
		{tagGeoKeys, 3, []float64{1, 1, 0, 3, keyModelType, 0, 1, float64(p.model), keyRasterType, 0, 1, float64(p.raster), keyGeographicType, 0, 1, float64(p.datum)}, ""},
	}
	if p.transform {
		fields = append(fields, field{tagTransformation, 12, []float64{0.5, 0, 0, 10, 0, -0.25, 0, 50, 0, 0, 0, 0, 0, 0, 0, 1}, ""})
	} else {
		fields = append(fields, field{tagPixelScale, 12, []float64{p.step, p.step / 2, 0}, ""}, field{tagTiePoint, 12, []float64{0, 0, 0, 10, 50, 0}, ""})
	}
	if p.tileW > 0 {
		fields = append(fields, field{tagTileWidth, 3, []float64{float64(p.tileW)}, ""}, field{tagTileHeight, 3, []float64{float64(p.tileH)}, ""}, field{tagTileOffsets, 4, offsets, ""}, field{tagTileBytes, 4, sizes, ""})
	} else {
		fields = append(fields, field{tagRowsPerStrip, 3, []float64{float64(p.rowsPerStrip)}, ""}, field{tagStripOffsets, 4, offsets, ""}, field{tagStripBytes, 4, sizes, ""})
	}
	if p.noData != "" {
		fields = append(fields, field{tagNoData, 2, nil, p.noData + "\x00"})
	}
	var dir []byte
	dir = p.order.AppendUint16(dir, uint16(len(fields)))
	for _, f := range fields {
		var value []byte
		n := len(f.v)
		for _, v := range f.v {
			switch f.kind {
			case 3:
				value = p.order.AppendUint16(value, uint16(v))
			case 4:
				value = p.order.AppendUint32(value, uint32(v))
			case 12:
				value = p.order.AppendUint64(value, math.Float64bits(v))
			}
		}
		if f.kind == 2 {
			value, n = []byte(f.text), len(f.text)
		}
		dir = p.order.AppendUint16(p.order.AppendUint16(dir, f.tag), f.kind)
		dir = p.order.AppendUint32(dir, uint32(n))
		if len(value) > 4 {
			dir = p.order.AppendUint32(dir, uint32(len(out)))
			out = append(out, value...)
		} else {
			dir = append(dir, append(value, 0, 0, 0, 0)[:4]...)
		}
	}
	p.order.PutUint32(out[4:], uint32(len(out)))
	return append(append(out, dir...), 0, 0, 0, 0)
}

func (p picture) put(b []byte, v float64) {
	switch {
	case p.format == floating && p.bits == 64:
		p.order.PutUint64(b, math.Float64bits(v))
	case p.format == floating:
		p.order.PutUint32(b, math.Float32bits(float32(v)))
	case p.bits == 8:
		b[0] = byte(int(v))
	case p.bits == 16:
		p.order.PutUint16(b, uint16(int(v)))
	default:
		p.order.PutUint32(b, uint32(int(v)))
	}
}

func (p picture) predict(row []byte) []byte {
	size := p.bits / 8
	out := bytes.Clone(row)
	switch p.predictor {
	case 2:
		for i := len(row) - size; i >= size; i -= size {
			switch size {
			case 1:
				out[i] = row[i] - row[i-1]
			case 2:
				p.order.PutUint16(out[i:], p.order.Uint16(row[i:])-p.order.Uint16(row[i-2:]))
			case 4:
				p.order.PutUint32(out[i:], p.order.Uint32(row[i:])-p.order.Uint32(row[i-4:]))
			}
		}
	case 3:
		n := len(row) / size
		planes := make([]byte, len(row))
		for i := range n {
			for b := range size {
				at := b
				if p.order.String() == "LittleEndian" {
					at = size - 1 - b
				}
				planes[b*n+i] = row[i*size+at]
			}
		}
		out[0] = planes[0]
		for i := 1; i < len(planes); i++ {
			out[i] = planes[i] - planes[i-1]
		}
	}
	return out
}

// Every form gives the same heights.
func TestForms(t *testing.T) {
	forms := map[string]func(p *picture){
		"strips":               func(*picture) {},
		"one strip":            func(p *picture) { p.rowsPerStrip = 4 },
		"strips of three":      func(p *picture) { p.rowsPerStrip = 3 },
		"tiles beyond the end": func(p *picture) { p.tileW, p.tileH = 3, 3 },
		"big-endian":           func(p *picture) { p.order = binary.BigEndian },
		"deflate":              func(p *picture) { p.compression = 8 },
		"differences":          func(p *picture) { p.compression, p.predictor = 8, 2 },
		"big differences":      func(p *picture) { p.order, p.predictor = binary.BigEndian, 2 },
		"packbits":             func(p *picture) { p.compression = 32773 },
		"32 bits":              func(p *picture) { p.bits, p.predictor = 32, 2 },
		"float32":              func(p *picture) { p.bits, p.format = 32, floating },
		"float32 predicted":    func(p *picture) { p.bits, p.format, p.predictor, p.compression = 32, floating, 3, 8 },
		"big float predicted":  func(p *picture) { p.order, p.bits, p.format, p.predictor = binary.BigEndian, 32, floating, 3 },
		"float64 tiles":        func(p *picture) { p.bits, p.format, p.predictor, p.tileW, p.tileH = 64, floating, 3, 4, 4 },
		"a transformation":     func(p *picture) { p.transform = true },
		"SIRGAS 2000":          func(p *picture) { p.datum = 4674 },
	}
	for name, edit := range forms {
		p := standard()
		edit(&p)
		g, err := Read(p.tiff())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for y := range p.h {
			for x := range p.w {
				if m, ok := g.At(10+0.5*float64(x), 50-0.25*float64(y)); !ok || math.Abs(m-p.at(x, y)) > 1e-6 {
					t.Errorf("%s: height %d, %d is %g (%v), want %g", name, x, y, m, ok, p.at(x, y))
				}
			}
		}
	}
}

func TestPlaces(t *testing.T) {
	p := standard()
	g, err := Read(p.tiff())
	if err != nil {
		t.Fatal(err)
	}
	// Between four heights, linearly.
	if m, ok := g.At(10.25, 49.875); !ok || math.Abs(m-(-3+0.5+5)) > 1e-9 {
		t.Errorf("between: %g %v", m, ok)
	}
	// A plane stays a plane under the filter.
	if m, ok := g.Smooth(11, 49.5); !ok || math.Abs(m-19) > 1e-9 {
		t.Errorf("smoothed: %g %v", m, ok)
	}
	for _, at := range [][2]float64{{9.7, 50}, {12.3, 50}, {11, 50.2}, {11, 49}} {
		if _, ok := g.At(at[0], at[1]); ok {
			t.Errorf("%v lies outside", at)
		}
	}
	// Places of corners: half a cell to the south-east.
	p.raster = 1
	if g, err = Read(p.tiff()); err != nil {
		t.Fatal(err)
	}
	if m, ok := g.At(10.25, 49.875); !ok || m != -3 {
		t.Errorf("corner: %g %v", m, ok)
	}
	// Unknown heights are unknown, and so is what lies between them.
	p = standard()
	p.noData = "-3"
	if g, err = Read(p.tiff()); err != nil {
		t.Fatal(err)
	}
	if _, ok := g.At(10.1, 49.95); ok {
		t.Error("a height beside an unknown one is given")
	}
	if m, ok := g.Smooth(10.5, 49.75); !ok || m < 8 {
		t.Errorf("around an unknown height: %g %v", m, ok)
	}
}

func TestRefusals(t *testing.T) {
	good := standard()
	huge := standard()
	for want, raw := range map[string][]byte{
		"too short":          nil,
		"not a TIFF":         []byte("PK\x03\x04 an archive"),
		"BigTIFF":            []byte("II\x2b\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"beyond the end":     good.tiff()[:60],
		"map projection":     func() []byte { p := good; p.model = 1; return p.tiff() }(),
		"EPSG:4277":          func() []byte { p := good; p.datum = 4277; return p.tiff() }(),
		"3 bands":            func() []byte { p := good; p.bands = 3; return p.tiff() }(),
		"compression 7":      func() []byte { p := good; p.compression = 7; return p.tiff() }(),
		"predictor 9":        func() []byte { p := good; p.predictor = 9; return p.tiff() }(),
		"want 1 to":          func() []byte { p := huge; b := p.tiff(); setLong(b, tagHeight, 1<<30); return b }(),
		"blocks and":         func() []byte { b := good.tiff(); setLong(b, tagHeight, 4000); return b }(),
		"zlib":               func() []byte { p := good; b := p.tiff(); setShort(b, tagCompression, 8); return b }(),
		"bits in format":     func() []byte { p := good; b := p.tiff(); setShort(b, tagBits, 12); return b }(),
		"does not say where": func() []byte { p := good; b := p.tiff(); setTag(b, tagGeoKeys, 9999); return b }(),
	} {
		if _, err := Read(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

// entryAt finds a directory entry of a little-endian file.
func entryAt(b []byte, tag uint16) []byte {
	at := binary.LittleEndian.Uint32(b[4:])
	for i := range uint32(binary.LittleEndian.Uint16(b[at:])) {
		if e := b[at+2+12*i:]; binary.LittleEndian.Uint16(e) == tag {
			return e
		}
	}
	panic("no such tag")
}

func setLong(b []byte, tag uint16, v uint32)  { binary.LittleEndian.PutUint32(entryAt(b, tag)[8:], v) }
func setShort(b []byte, tag uint16, v uint16) { binary.LittleEndian.PutUint16(entryAt(b, tag)[8:], v) }
func setTag(b []byte, tag, to uint16)         { binary.LittleEndian.PutUint16(entryAt(b, tag), to) }

// A small file that announces a large grid costs no memory for it.
func TestBombs(t *testing.T) {
	bomb := standard()
	bomb.compression, bomb.w, bomb.h, bomb.rowsPerStrip = 8, 30, 30, 30
	bomb.at = func(int, int) float64 { return 0 }
	bomb.step = 1e-4
	raw := bomb.tiff()
	setShort(raw, tagWidth, 10000)
	setLong(raw, tagHeight, 10000)
	setShort(raw, tagRowsPerStrip, 10000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(raw)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "announced") {
		t.Errorf("a bomb is read: %v", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d bytes were allocated", got)
	}
}

// The shipped terrain of Porto Alegre: 413 x 403 heights of one byte. Morro da
// Polícia, its highest hill, is 291 m; a byte holds 255.
func TestPortoAlegre(t *testing.T) {
	raw, err := os.ReadFile("../../../cities/porto-alegre/elevation.tif")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: the data of Porto Alegre is missing: %v", err)
	}
	g, err := Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	if g.Width != 413 || g.Height != 403 {
		t.Errorf("%d x %d", g.Width, g.Height)
	}
	// The market by the lake lies low; the hills of the south-east high.
	if m, ok := g.Smooth(-51.2278, -30.0276); !ok || m < 0 || m > 25 {
		t.Errorf("the public market at %g m (%v)", m, ok)
	}
	highest := float32(0)
	for _, v := range g.M {
		highest = max(highest, v)
	}
	if highest < 150 || highest > 255 {
		t.Errorf("highest %g m", highest)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(standard().tiff())
	for _, edit := range []func(p *picture){
		func(p *picture) { p.tileW, p.tileH, p.compression, p.predictor = 3, 3, 8, 2 },
		func(p *picture) { p.bits, p.format, p.predictor, p.compression = 32, floating, 3, 32773 },
		func(p *picture) { p.order, p.transform, p.noData = binary.BigEndian, true, "-9999" },
		func(p *picture) { p.compression = 5 },
	} {
		p := standard()
		edit(&p)
		f.Add(p.tiff())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		g, err := Read(raw)
		if (g == nil) == (err == nil) {
			t.Fatalf("grid %v, error %v", g != nil, err)
		}
		if g != nil {
			if len(g.M) != g.Width*g.Height {
				t.Fatalf("%d heights for %d x %d", len(g.M), g.Width, g.Height)
			}
			if m, ok := g.Smooth(g.West, g.North); ok && !(m >= -500 && m <= 9000) {
				t.Fatalf("height %g", m)
			}
			g.At(math.NaN(), 1e300)
		}
	})
}
