package assign

import (
	"bufio"
	"io"
	"slices"
	"strconv"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// WriteFlows writes link volumes and costs as CSV: tail, head, volume, cost, in
// the order of the network, numbers in the shortest form that reads back the
// same.
func WriteFlows(w io.Writer, n *Network, r *Result) error {
	b := bufio.NewWriter(w) // keeps its first error until Flush
	_, _ = b.WriteString("tail,head,volume,cost\n")
	var row []byte
	for l := range n.Tail {
		row = strconv.AppendInt(row[:0], int64(n.Tail[l])+1, 10)
		row = strconv.AppendInt(append(row, ','), int64(n.Head[l])+1, 10)
		row = strconv.AppendFloat(append(row, ','), r.Volume[l], 'g', -1, 64)
		row = strconv.AppendFloat(append(row, ','), r.Cost[l], 'g', -1, 64)
		_, _ = b.Write(append(row, '\n'))
	}
	return b.Flush()
}

// WritePaths writes path flows as CSV: origin, destination, flow, cost and the
// nodes from end to end, separated by blanks.
func WritePaths(w io.Writer, n *Network, d *Demand, r *Result) error {
	b := bufio.NewWriter(w) // keeps its first error until Flush
	_, _ = b.WriteString("origin,destination,flow,cost,nodes\n")
	var row []byte
	r.Paths(d, func(p Path) bool {
		row = strconv.AppendInt(row[:0], int64(p.From)+1, 10)
		row = strconv.AppendInt(append(row, ','), int64(p.To)+1, 10)
		row = strconv.AppendFloat(append(row, ','), p.Flow, 'g', -1, 64)
		row = strconv.AppendFloat(append(row, ','), p.Cost, 'g', -1, 64)
		row = strconv.AppendInt(append(row, ','), int64(p.From)+1, 10)
		for _, l := range p.Links {
			row = strconv.AppendInt(append(row, ' '), int64(n.Head[l])+1, 10)
		}
		_, err := b.Write(append(row, '\n'))
		return err == nil
	})
	return b.Flush()
}

// volumes is the traffic of each link with that of the copies of its street,
// and -1 for these copies.
func volumes(net *city.Network, n *CityNetwork, r *Result) []float64 {
	of := net.Originals()
	at := map[units.LinkID]int{} // look-up only
	for i, l := range n.Street {
		if l != units.NoLink {
			at[l] = i
		}
	}
	out := slices.Clone(r.Volume)
	for i, l := range n.Street {
		if l == units.NoLink || of[l] == l {
			continue
		}
		if o, ok := at[of[l]]; ok {
			out[o] += r.Volume[i]
			out[i] = -1
		}
	}
	return out
}

// WriteStreets writes the volumes of a city as CSV, one row per direction of a
// street: OSM way and end nodes, vehicles per hour, capacity, minutes now and on
// an empty street.
func WriteStreets(w io.Writer, net *city.Network, n *CityNetwork, r *Result) error {
	b := bufio.NewWriter(w) // keeps its first error until Flush
	_, _ = b.WriteString("way,from,to,volume,capacity,minutes,free_minutes\n")
	var row []byte
	volume := volumes(net, n, r)
	for i, l := range n.Street {
		if l == units.NoLink || volume[i] < 0 {
			continue
		}
		row = strconv.AppendInt(row[:0], net.WayOSM[l], 10)
		row = strconv.AppendInt(append(row, ','), net.NodeOSM[net.From[l]], 10)
		row = strconv.AppendInt(append(row, ','), net.NodeOSM[net.To[l]], 10)
		for _, v := range [...]float64{volume[i], n.Capacity[i], r.Cost[i], n.FreeFlow[i]} {
			row = strconv.AppendFloat(append(row, ','), v, 'g', 8, 64)
		}
		_, _ = b.Write(append(row, '\n'))
	}
	return b.Flush()
}

// WriteStreetsGeoJSON writes the same as lines; streets without traffic are
// left out.
func WriteStreetsGeoJSON(w io.Writer, net *city.Network, n *CityNetwork, r *Result) error {
	b := bufio.NewWriter(w) // keeps its first error until Flush
	_, _ = b.WriteString(`{"type":"FeatureCollection","features":[`)
	var row []byte
	comma := ""
	volume := volumes(net, n, r)
	for i, l := range n.Street {
		if l == units.NoLink || volume[i] <= 0 {
			continue
		}
		row = append(append(row[:0], comma...), "\n"+`{"type":"Feature","properties":{"way":`...)
		comma = ","
		row = strconv.AppendInt(row, net.WayOSM[l], 10)
		row = strconv.AppendInt(append(row, `,"from":`...), net.NodeOSM[net.From[l]], 10)
		row = strconv.AppendInt(append(row, `,"to":`...), net.NodeOSM[net.To[l]], 10)
		for k, name := range [...]string{"volume", "capacity", "minutes", "free_minutes"} {
			row = append(append(append(row, `,"`...), name...), `":`...)
			row = appendJSONFloat(row, [...]float64{volume[i], n.Capacity[i], r.Cost[i], n.FreeFlow[i]}[k])
		}
		row = append(row, `},"geometry":{"type":"LineString","coordinates":[`...)
		for g := net.GeomFirst[l]; g < net.GeomFirst[l+1]; g++ {
			if g > net.GeomFirst[l] {
				row = append(row, ',')
			}
			row = strconv.AppendFloat(append(row, '['), float64(net.GeomLon[g]), 'f', 6, 64)
			row = strconv.AppendFloat(append(row, ','), float64(net.GeomLat[g]), 'f', 6, 64)
			row = append(row, ']')
		}
		_, _ = b.Write(append(row, "]}}"...))
	}
	_, _ = b.WriteString("]}\n")
	return b.Flush()
}

// appendJSONFloat writes a number without the "+" that Go puts into exponents
// and some readers refuse.
func appendJSONFloat(to []byte, v float64) []byte {
	return strconv.AppendFloat(to, v, 'f', -1, 64)
}
