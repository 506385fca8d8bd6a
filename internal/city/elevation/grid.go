package elevation

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Grid is heights at evenly spaced points.
type Grid struct {
	Width, Height int
	// West and North are the position of the first height, in degrees; StepX
	// and StepY are the degrees to the next one east and south.
	West, North, StepX, StepY float64
	// M is metres above the sea, row by row from the north-west; NaN is unknown.
	M []float32
}

// Read reads a GeoTIFF.
func Read(raw []byte) (*Grid, error) {
	g, err := read(raw)
	if err != nil {
		return nil, fmt.Errorf("elevation: %w", err)
	}
	return g, nil
}

func read(raw []byte) (*Grid, error) {
	d, err := readDirectory(raw)
	if err != nil {
		return nil, err
	}
	l, err := d.layout()
	if err != nil {
		return nil, err
	}
	g := &Grid{Width: l.width, Height: l.height}
	if err := d.place(g); err != nil {
		return nil, err
	}
	if g.M, err = d.pixels(l); err != nil {
		return nil, err
	}
	none, hasNone := d.noData()
	for i, v := range g.M {
		// No land lies lower than the Dead Sea's shore or higher than Everest.
		if hasNone && v == none || !(v >= -500 && v <= 9000) {
			g.M[i] = float32(math.NaN())
		}
	}
	return g, nil
}

// place reads where the grid lies.
func (d *directory) place(g *Grid) error {
	keys, ok := d.numbers(tagGeoKeys)
	if !ok || len(keys) < 4 {
		return errors.New("no GeoTIFF keys: the file does not say where it lies")
	}
	key := func(id float64) (int, bool) {
		for i := 4; i+3 < len(keys); i += 4 {
			if keys[i] == id && keys[i+1] == 0 {
				return int(keys[i+3]), true
			}
		}
		return 0, false
	}
	if model, ok := key(keyModelType); !ok || model != modelGeographic {
		return errors.New("heights are on a map projection, want longitude and latitude: gdalwarp -t_srs EPSG:4326 IN.tif OUT.tif")
	}
	datum, _ := key(keyGeographicType)
	switch datum {
	// WGS 84, and datums that lie within a metre or two of it, less than any
	// terrain cell: ETRS89, NAD83, SIRGAS 2000, GDA94, GDA2020, NZGD2000, CGCS2000,
	// JGD2011.
	case 4326, 4258, 4269, 4674, 4283, 7844, 4167, 4490, 6668:
	default:
		return fmt.Errorf("geographic system EPSG:%d is not read, want WGS 84: gdalwarp -t_srs EPSG:4326 IN.tif OUT.tif", datum)
	}
	switch scale, ok := d.numbers(tagPixelScale); {
	case ok && len(scale) >= 2:
		tie, ok := d.numbers(tagTiePoint)
		if !ok || len(tie) != 6 {
			return errors.New("want one tie point with the pixel scale")
		}
		g.StepX, g.StepY = scale[0], scale[1]
		g.West, g.North = tie[3]-tie[0]*g.StepX, tie[4]+tie[1]*g.StepY
	default:
		m, ok := d.numbers(tagTransformation)
		if !ok || len(m) != 16 {
			return errors.New("neither a pixel scale nor a transformation says where the grid lies")
		}
		if m[1] != 0 || m[4] != 0 {
			return errors.New("the grid is rotated, want one along longitude and latitude")
		}
		g.StepX, g.StepY, g.West, g.North = m[0], -m[5], m[3], m[7]
	}
	if raster, _ := key(keyRasterType); raster != rasterPixelIsPoint {
		// Places are of corners; heights stand for the middle of their cell.
		g.West, g.North = g.West+g.StepX/2, g.North-g.StepY/2
	}
	east, south := g.West+float64(g.Width-1)*g.StepX, g.North-float64(g.Height-1)*g.StepY
	if !(g.StepX > 0 && g.StepY > 0 && g.West >= -181 && east <= 181 && g.North <= 91 && south >= -91) {
		return fmt.Errorf("the grid from %g, %g by %g, %g degrees is not on Earth", g.West, g.North, g.StepX, g.StepY)
	}
	return nil
}

// noData is the value that stands for unknown, as GDAL writes it.
func (d *directory) noData() (float32, bool) {
	e, ok := d.at[tagNoData]
	if !ok || e.kind != 2 {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.Trim(string(e.value), "\x00 "), 64)
	return float32(v), err == nil
}

// At is the height at a position in metres, between the four heights around;
// ok is false outside the grid and where one of them is unknown.
func (g *Grid) At(lon, lat float64) (m float64, ok bool) {
	x, y := (lon-g.West)/g.StepX, (g.North-lat)/g.StepY
	// Half a cell beyond the outer heights still lies in their cells.
	if !(x >= -0.5 && y >= -0.5 && x <= float64(g.Width)-0.5 && y <= float64(g.Height)-0.5) {
		return 0, false
	}
	x, y = clamp(x, g.Width), clamp(y, g.Height)
	i, j := min(int(x), max(g.Width-2, 0)), min(int(y), max(g.Height-2, 0))
	fx, fy := x-float64(i), y-float64(j)
	i1, j1 := min(i+1, g.Width-1), min(j+1, g.Height-1)
	at := func(i, j int) float64 { return float64(g.M[j*g.Width+i]) }
	m = (1-fy)*((1-fx)*at(i, j)+fx*at(i1, j)) + fy*((1-fx)*at(i, j1)+fx*at(i1, j1))
	return m, !math.IsNaN(m)
}

// Smooth is the mean of the heights around a position: its own with weight
// 4, those a cell away with 2 and 1 (a binomial filter). Terrain seen from
// space is off by some metres from cell to cell, which on a short street would
// be a steep hill.
func (g *Grid) Smooth(lon, lat float64) (m float64, ok bool) {
	var sum, weight float64
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			w := float64((2 - dx*dx) * (2 - dy*dy))
			if v, ok := g.At(lon+float64(dx)*g.StepX, lat+float64(dy)*g.StepY); ok {
				sum, weight = sum+w*v, weight+w
			}
		}
	}
	if _, ok := g.At(lon, lat); !ok || weight == 0 {
		return 0, false
	}
	return sum / weight, true
}

func clamp(v float64, n int) float64 { return math.Max(0, math.Min(v, float64(n-1))) }
