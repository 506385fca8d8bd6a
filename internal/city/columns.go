package city

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"unsafe"
)

// visitor is a direction of the codec: it writes or fills the column it is
// shown. Types of columns are few, so one method each is enough.
type visitor interface {
	json(v any) // small, irregular parts
	u8s(n int, at func(i int) uint8, make func(n int), set func(i int, v uint8))
	u32s(p *[]uint32)
	f32s(p *[]float32)
	f64s(p *[]float64)
	i64s(p *[]int64)
	strings(p *[]string)
}

// columns shows every part of a city to v, in the order of the pack.
func columns(c *City, v visitor) {
	v.json(&c.Info)

	n := &c.Net
	v.f64s(&n.NodeLon)
	v.f64s(&n.NodeLat)
	v.f32s(&n.NodeX)
	v.f32s(&n.NodeY)
	v.i64s(&n.NodeOSM)
	bools(v, &n.NodeSignal)
	v.f32s(&n.NodeHeightM)
	v.u32s(&n.FirstOut)
	v.u32s(words(&n.From))
	v.u32s(words(&n.To))
	v.f32s(&n.LengthM)
	v.f32s(&n.SpeedMS)
	v.f32s(&n.Lanes)
	v.f32s(&n.CapacityVS)
	v.f32s(&n.JamVM)
	octets(v, &n.Modes)
	octets(v, &n.Class)
	bools(v, &n.Roundabout)
	v.f32s(&n.Grade)
	v.i64s(&n.WayOSM)
	v.u32s(&n.NameIdx)
	v.strings(&n.Names)
	v.u32s(words(&n.Reverse))
	v.u32s(&n.GeomFirst)
	v.f32s(&n.GeomLon)
	v.f32s(&n.GeomLat)
	v.u32s(&n.FirstIn)
	v.u32s(words(&n.InLink))
	v.u32s(&n.BanFirst)
	v.u32s(words(&n.BanTo))

	t := &c.Timetable
	v.strings(&t.StopID)
	v.strings(&t.StopName)
	v.f64s(&t.StopLon)
	v.f64s(&t.StopLat)
	v.u32s(words(&t.StopNode))
	v.f32s(&t.StopWalkM)
	v.u32s(&t.StopGroup)
	v.json(&t.Lines)
	v.u32s(words(&t.PatternLine))
	v.u32s(&t.PatternStops)
	v.u32s(words(&t.Stop))
	v.u32s(&t.PatternTrips)
	v.strings(&t.TripID)
	v.f32s(&t.TripCapacity)
	v.u32s(&t.TimeFirst)
	v.u32s(words(&t.Arr))
	v.u32s(words(&t.Dep))
	v.u32s(&t.TransferFirst)
	v.u32s(words(&t.TransferTo))
	v.f32s(&t.TransferM)
	v.u32s(words(&t.TransferS))
	v.u32s(&t.StopStation)
	v.strings(&t.StationID)
	v.strings(&t.StationName)
	v.f64s(&t.StationLon)
	v.f64s(&t.StationLat)
	v.u32s(&t.PatternShape)
	v.u32s(&t.ShapeFirst)
	v.f32s(&t.ShapeLon)
	v.f32s(&t.ShapeLat)
	v.f32s(&t.ShapeM)
	v.u32s(&t.HopFirst)
	v.u32s(words(&t.HopLink))
	v.f32s(&t.HopFrom)
	v.f32s(&t.HopTo)
	octets(v, &t.HopMatch)
	v.f32s(&t.HopOffM)

	p := &c.Places
	v.f64s(&p.Lon)
	v.f64s(&p.Lat)
	v.u32s(words(&p.CarNode))
	v.u32s(words(&p.WalkNode))
	v.f32s(&p.AccessM)
	v.f32s(&p.Residents)
	for k := range p.Attraction {
		v.f32s(&p.Attraction[k])
	}
	v.u32s(words(&p.Cluster))
	v.u32s(words(&p.ClusterNode))
	v.u8s(2*len(p.AreaOf), func(i int) uint8 { return uint8(p.AreaOf[i/2] >> (8 * (i % 2))) },
		func(k int) { p.AreaOf = make([]uint16, k/2) }, func(i int, b uint8) {
			if i/2 < len(p.AreaOf) {
				p.AreaOf[i/2] |= uint16(b) << (8 * (i % 2))
			}
		})
	v.strings(&p.AreaName)
}

func bools(v visitor, p *[]bool) {
	v.u8s(len(*p), func(i int) uint8 { return b2u((*p)[i]) }, func(n int) { *p = make([]bool, n) }, func(i int, b uint8) { (*p)[i] = b != 0 })
}

func octets[T ~uint8](v visitor, p *[]T) {
	v.u8s(len(*p), func(i int) uint8 { return uint8((*p)[i]) }, func(n int) { *p = make([]T, n) }, func(i int, b uint8) { (*p)[i] = T(b) })
}

// word is any of the 32-bit integer types of the columns.
type word interface {
	~uint32 | ~int32
}

// words views a column of typed ids as plain 32-bit words, which lets one
// method read and write them all. It is safe: the types have one size and
// layout, and the view shares the slice header itself.
func words[T word](p *[]T) *[]uint32 {
	return (*[]uint32)(unsafe.Pointer(p)) // #nosec G103 -- see above
}

func b2u(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

type encoder struct{ raw []byte }

func (e *encoder) count(n int) { e.raw = binary.LittleEndian.AppendUint64(e.raw, uint64(n)) }

func (e *encoder) json(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("city: %T cannot be written: %v", v, err))
	}
	e.count(len(b))
	e.raw = append(e.raw, b...)
}

func (e *encoder) u8s(n int, at func(int) uint8, _ func(int), _ func(int, uint8)) {
	e.count(n)
	for i := range n {
		e.raw = append(e.raw, at(i))
	}
}

func (e *encoder) u32s(p *[]uint32) {
	e.count(len(*p))
	for _, v := range *p {
		e.raw = binary.LittleEndian.AppendUint32(e.raw, v)
	}
}

func (e *encoder) f32s(p *[]float32) {
	e.count(len(*p))
	for _, v := range *p {
		e.raw = binary.LittleEndian.AppendUint32(e.raw, math.Float32bits(v))
	}
}

func (e *encoder) f64s(p *[]float64) {
	e.count(len(*p))
	for _, v := range *p {
		e.raw = binary.LittleEndian.AppendUint64(e.raw, math.Float64bits(v))
	}
}

func (e *encoder) i64s(p *[]int64) {
	e.count(len(*p))
	for _, v := range *p {
		e.raw = binary.LittleEndian.AppendUint64(e.raw, uint64(v))
	}
}

func (e *encoder) strings(p *[]string) {
	e.count(len(*p))
	for _, s := range *p {
		e.raw = binary.LittleEndian.AppendUint32(e.raw, uint32(len(s)))
		e.raw = append(e.raw, s...)
	}
}

// decoder consumes raw; after the first error every column is empty.
type decoder struct {
	raw []byte
	err error
}

// take returns the bytes of a column of n-byte values. The count is checked
// against the bytes that are really there before anything is allocated.
func (d *decoder) take(size int) (b []byte, n int) {
	if d.err != nil {
		return nil, 0
	}
	if len(d.raw) < 8 {
		d.err = fmt.Errorf("ends early")
		return nil, 0
	}
	count := binary.LittleEndian.Uint64(d.raw)
	rest := d.raw[8:]
	if count > uint64(len(rest)/size) {
		d.err = fmt.Errorf("a column claims %d values, %d bytes are left", count, len(rest))
		return nil, 0
	}
	n = int(count)
	d.raw = rest[n*size:]
	return rest[:n*size], n
}

func (d *decoder) json(v any) {
	b, _ := d.take(1)
	if d.err != nil {
		return
	}
	if err := json.Unmarshal(b, v); err != nil {
		d.err = err
	}
}

func (d *decoder) u8s(_ int, _ func(int) uint8, alloc func(int), set func(int, uint8)) {
	b, n := d.take(1)
	if n == 0 {
		return
	}
	alloc(n)
	for i, v := range b {
		set(i, v)
	}
}

func (d *decoder) u32s(p *[]uint32) {
	b, n := d.take(4)
	if n == 0 {
		return
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	*p = out
}

func (d *decoder) f32s(p *[]float32) {
	b, n := d.take(4)
	if n == 0 {
		return
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	*p = out
}

func (d *decoder) f64s(p *[]float64) {
	b, n := d.take(8)
	if n == 0 {
		return
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	*p = out
}

func (d *decoder) i64s(p *[]int64) {
	b, n := d.take(8)
	if n == 0 {
		return
	}
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	*p = out
}

func (d *decoder) strings(p *[]string) {
	// Each string takes four bytes of length at least, which bounds the count;
	// take(4) would also skip them, so the check is made here.
	if d.err != nil {
		return
	}
	if len(d.raw) < 8 {
		d.err = fmt.Errorf("ends early")
		return
	}
	count := binary.LittleEndian.Uint64(d.raw)
	d.raw = d.raw[8:]
	if count > uint64(len(d.raw)/4) {
		d.err = fmt.Errorf("a column claims %d strings, %d bytes are left", count, len(d.raw))
		return
	}
	if count == 0 {
		return
	}
	out := make([]string, count)
	for i := range out {
		if len(d.raw) < 4 {
			d.err = fmt.Errorf("ends early")
			return
		}
		n := binary.LittleEndian.Uint32(d.raw)
		d.raw = d.raw[4:]
		if uint64(n) > uint64(len(d.raw)) {
			d.err = fmt.Errorf("a string claims %d bytes, %d are left", n, len(d.raw))
			return
		}
		out[i] = string(d.raw[:n])
		d.raw = d.raw[n:]
	}
	*p = out
}

var _ visitor = (*encoder)(nil)
var _ visitor = (*decoder)(nil)
