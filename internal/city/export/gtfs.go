package export

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

const (
	// project is named where GTFS wants an address and the pack has none.
	project = "https://github.com/malikobaid/cityflow"
	// service is the only service: that of the service date.
	service = "day"
	// maxShortName is what the format's best practices allow a short name.
	maxShortName = 12
)

// GTFS is the timetable of the service date as a feed. Times past midnight stay
// times over 24:00 of that date.
func GTFS(c *city.City) []File {
	t := &c.Timetable
	day := strings.ReplaceAll(c.Info.ServiceDate, "-", "")
	agencies, agencyOf := gtfsAgencies(t)
	tripID := uniqueTrips(t)
	fares := gtfsFares(c, agencyOf)
	files := []File{
		csvFile("agency.txt", "agency_id,agency_name,agency_url,agency_timezone", func(w *table) {
			for i, name := range agencies {
				w.int(int64(i))
				w.text(name)
				w.text(project)
				w.text(c.Info.TimeZone)
				w.end()
			}
		}),
		csvFile("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station", func(w *table) {
			for s := range t.NumStops() {
				w.text(t.StopID[s])
				w.text(t.StopName[s])
				w.float(t.StopLat[s])
				w.float(t.StopLon[s])
				w.int(0)
				if len(t.StopStation) > 0 && t.StopStation[s] != city.NoStation {
					w.text(t.StationID[t.StopStation[s]])
				} else {
					w.text("")
				}
				w.end()
			}
			for s := range t.StationID {
				w.text(t.StationID[s])
				w.text(t.StationName[s])
				w.float(t.StationLat[s])
				w.float(t.StationLon[s])
				w.int(1)
				w.text("")
				w.end()
			}
		}),
		csvFile("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_desc,route_type", func(w *table) {
			for i := range t.Lines {
				l := &t.Lines[i]
				w.text(l.ID)
				w.int(int64(agencyOf[i]))
				short, long := l.Name, ""
				if len([]rune(short)) > maxShortName {
					short, long = "", l.Name
				}
				w.text(short)
				w.text(long)
				if l.Assumed {
					w.text("Assumed service, not from a published timetable.")
				} else {
					w.text("")
				}
				w.int(routeTypes[l.Mode])
				w.end()
			}
		}),
		csvFile("calendar_dates.txt", "service_id,date,exception_type", func(w *table) {
			w.text(service)
			w.text(day)
			w.int(1)
			w.end()
		}),
		csvFile("trips.txt", "route_id,service_id,trip_id,trip_headsign,shape_id", func(w *table) {
			for p := range t.NumPatterns() {
				stops := t.StopsOf(units.PatternID(p))
				for v := t.PatternTrips[p]; v < t.PatternTrips[p+1]; v++ {
					w.text(t.Lines[t.PatternLine[p]].ID)
					w.text(service)
					w.text(tripID[v])
					w.text(t.StopName[stops[len(stops)-1]])
					if lon, _ := t.Shape(units.PatternID(p)); lon != nil {
						w.text(shapeID(t.PatternShape[p]))
					} else {
						w.text("")
					}
					w.end()
				}
			}
		}),
		csvFile("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled", func(w *table) {
			for p := range t.NumPatterns() {
				stops := t.StopsOf(units.PatternID(p))
				lon, _ := t.Shape(units.PatternID(p))
				shaped := lon != nil
				for v := t.PatternTrips[p]; v < t.PatternTrips[p+1]; v++ {
					arr, dep := t.Times(units.PatternID(p), units.VehicleTripID(v))
					for i, s := range stops {
						w.text(tripID[v])
						w.text(clock(arr[i]))
						w.text(clock(dep[i]))
						w.text(t.StopID[s])
						w.int(int64(i + 1))
						if shaped {
							w.float32(t.ShapeM[int(t.PatternStops[p])+i])
						} else {
							w.text("")
						}
						w.end()
					}
				}
			}
		}),
		csvFile("transfers.txt", "from_stop_id,to_stop_id,transfer_type,min_transfer_time", func(w *table) {
			for s := range t.NumStops() {
				for i := t.TransferFirst[s]; i < t.TransferFirst[s+1]; i++ {
					w.text(t.StopID[s])
					w.text(t.StopID[t.TransferTo[i]])
					w.int(2)
					seconds := int64(math.Ceil(float64(t.TransferM[i]) / city.WalkMS))
					if len(t.TransferS) > 0 {
						seconds = max(seconds, int64(t.TransferS[i]))
					}
					w.int(seconds)
					w.end()
				}
			}
		}),
		csvFile("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,default_lang,feed_start_date,feed_end_date,feed_version,feed_contact_url", func(w *table) {
			w.text("CityFlow, from the sources in attributions.txt")
			w.text(project)
			w.text("mul")
			w.text(tongue(c.Info.Country))
			w.text(day)
			w.text(day)
			w.text(fmt.Sprintf("%.12s", c.Info.Digest))
			w.text(project)
			w.end()
		}),
		csvFile("attributions.txt", "attribution_id,organization_name,is_producer", func(w *table) {
			w.int(1)
			w.text(strings.Join(strings.Fields(c.Info.Attribution), " "))
			w.int(1)
			w.end()
		}),
	}
	// Optional files are written where they hold something.
	if len(t.ShapeLon) > 0 {
		files = append(files, csvFile("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled", func(w *table) {
			for s := range len(t.ShapeFirst) - 1 {
				// Metres, as ShapeM has them.
				lo := t.ShapeFirst[s]
				pr := city.ProjectionOf([4]float64{float64(t.ShapeLon[lo]), float64(t.ShapeLat[lo]), float64(t.ShapeLon[lo]), float64(t.ShapeLat[lo])})
				metres, px, py := 0.0, 0.0, 0.0
				for i := lo; i < t.ShapeFirst[s+1]; i++ {
					w.text(shapeID(uint32(s)))
					w.float32(t.ShapeLat[i])
					w.float32(t.ShapeLon[i])
					w.int(int64(i - lo))
					x, y := pr.XY(float64(t.ShapeLon[i]), float64(t.ShapeLat[i]))
					if i > lo {
						metres += math.Hypot(x-px, y-py)
					}
					px, py = x, y
					w.float32(float32(metres))
					w.end()
				}
			}
		}))
	}
	if len(fares) > 0 {
		files = append(files, csvFile("fare_attributes.txt", "fare_id,price,currency_type,payment_method,transfers,agency_id", func(w *table) {
			for k, f := range fares {
				w.int(int64(k))
				w.float32(f.price)
				w.text(f.currency)
				w.int(0) // paid on board
				w.int(0) // a price is that of one boarding
				w.int(int64(f.agency))
				w.end()
			}
		}), csvFile("fare_rules.txt", "fare_id,route_id", func(w *table) {
			for k, f := range fares {
				for _, l := range f.lines {
					w.int(int64(k))
					w.text(t.Lines[l].ID)
					w.end()
				}
			}
		}))
	}
	return files
}

func shapeID(s uint32) string { return "shape-" + strconv.Itoa(int(s)) }

// fare is one price of one operator, and its lines.
type fare struct {
	price    float32
	currency string
	agency   int
	lines    []int
}

// gtfsFares are the prices of a boarding in order of first line. Lines without
// a price are left out: the pack does not tell free from unknown. So is
// everything where the country's currency is not known.
func gtfsFares(c *city.City, agencyOf []int) []fare {
	region, err := language.ParseRegion(c.Info.Country)
	if err != nil {
		return nil
	}
	unit, ok := currency.FromRegion(region)
	if !ok {
		return nil
	}
	var fares []fare
	for i := range c.Timetable.Lines {
		price := c.Timetable.Lines[i].Fare
		if price <= 0 {
			continue
		}
		k := slices.IndexFunc(fares, func(f fare) bool { return f.price == price && f.agency == agencyOf[i] })
		if k < 0 {
			k = len(fares)
			fares = append(fares, fare{price: price, currency: unit.String(), agency: agencyOf[i]})
		}
		fares[k].lines = append(fares[k].lines, i)
	}
	return fares
}

// routeTypes are GTFS's own, and Google's extended type for coaches, for which
// the specification has none.
var routeTypes = [...]int64{city.Bus: 3, city.Tram: 0, city.Rail: 2, city.Metro: 1, city.Coach: 200, city.Ferry: 4}

// unnamed stands for an operator that the sources do not name.
const unnamed = "Operator not named in the source"

// gtfsAgencies are the operators in order of first line.
func gtfsAgencies(t *city.Timetable) (names []string, of []int) {
	number := map[string]int{} // look-ups only
	for i := range t.Lines {
		name := t.Lines[i].Agency
		if strings.TrimSpace(name) == "" {
			name = unnamed
		}
		k, ok := number[name]
		if !ok {
			k = len(names)
			number[name] = k
			names = append(names, name)
		}
		of = append(of, k)
	}
	return names, of
}

// uniqueTrips are the trips' ids. Two feeds of one city may use an id twice:
// from the second on it gets a number behind it.
func uniqueTrips(t *city.Timetable) []string {
	taken := make(map[string]bool, t.NumTrips()) // look-ups only
	for _, id := range t.TripID {
		taken[id] = true
	}
	used := make(map[string]bool, t.NumTrips()) // look-ups only
	out := make([]string, t.NumTrips())
	for v, id := range t.TripID {
		name := id
		for k := 2; used[name] || name != id && taken[name]; k++ {
			name = id + "#" + strconv.Itoa(k)
		}
		used[name] = true
		out[v] = name
	}
	return out
}

func clock(s units.Seconds) string {
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// tongue is the language of most names of a country.
func tongue(country string) string {
	switch country {
	case "GB":
		return "en"
	case "DE":
		return "de"
	case "BR":
		return "pt"
	}
	return "mul"
}
