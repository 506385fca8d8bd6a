//go:build slow

package tiles

import (
	"bytes"
	"testing"
)

// What the other shipped cities' sources hold is on their maps.
func TestCities(t *testing.T) {
	for _, c := range []struct {
		slug  string
		box   [4]float64
		known []known
	}{
		{"heidelberg", [4]float64{8.5817, 49.3478, 8.7996, 49.4633}, []known{
			{8.67542, 49.40347, "pois", "name", "Heidelberg Hauptbahnhof"},
			{8.6761, 49.41959, "roads", "name", "Berliner Straße"},
			{8.68443, 49.40734, "roads", "name", "Alte Bergheimer Straße"},
			{8.6761, 49.41959, "roads", "kind_detail", "tram"},
			{8.72088, 49.41524, "pois", "name", "Heidelberg-Altstadt"},
		}},
		{"porto-alegre", [4]float64{-51.2664, -30.1133, -51.1322, -29.9905}, []known{
			{-51.22824, -30.02622, "pois", "name", "Mercado"},
			{-51.18411, -30.05814, "roads", "name", "Avenida Ipiranga"},
			{-51.20939, -30.00632, "pois", "name", "São Pedro"},
			{-51.20939, -30.00632, "roads", "kind_detail", "subway"},
		}},
		{"london-camden", [4]float64{-0.2132, 51.5085, -0.0895, 51.5832}, []known{
			{-0.12577, 51.53468, "water", "name", "Regent's Canal"},
			{-0.13425, 51.52881, "pois", "name", "London Euston"},
			{-0.12267, 51.53053, "roads", "name", "Euston Road"},
			{-0.12607, 51.52313, "places", "name", "Bloomsbury"},
			{-0.1650, 51.5610, "landuse", "", "park"}, // Hampstead Heath
		}},
	} {
		t.Run(c.slug, func(t *testing.T) {
			res, a, src := city(t, c.slug, c.box)
			if again, err := Build(src, Options{Box: c.box, Name: c.slug}); err != nil || !bytes.Equal(again.Archive, res.Archive) {
				t.Errorf("the second archive differs: %v", err)
			}
			a.sound(t)
			for _, k := range c.known {
				k.check(t, a, MaxZoom)
			}
		})
	}
}
