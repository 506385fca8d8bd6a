//go:build slow

package export

// realCities are those that tests compile.
var realCities = []string{"newport", "heidelberg", "porto-alegre", "london-camden"}
