package osm_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/malikobaid/cityflow/internal/city/osm"
)

func BenchmarkRead(b *testing.B) {
	for _, c := range rawCities {
		b.Run(c.slug, func(b *testing.B) {
			file, err := os.ReadFile(filepath.Join("..", "..", "..", "cities", c.slug, "osm.pbf"))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := osm.Read(bytes.NewReader(file)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStreets(b *testing.B) {
	for _, c := range rawCities {
		b.Run(c.slug, func(b *testing.B) {
			file, err := os.ReadFile(filepath.Join("..", "..", "..", "cities", c.slug, "osm.pbf"))
			if err != nil {
				b.Fatal(err)
			}
			src, err := osm.Read(bytes.NewReader(file))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := osm.Import(src, osm.Options{BBox: c.box, Country: c.country}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
