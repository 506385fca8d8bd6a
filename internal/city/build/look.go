package build

import (
	"fmt"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/osm"
)

// farStopM is the distance to the nearest walkable street beyond which a stop
// is probably in the wrong place (assumed).
const farStopM = 150

// maxListed bounds how many things of a kind are listed one by one.
const maxListed = 50

// look goes through the finished city for what its users should know.
func (b *builder) look() {
	t, info := &b.city.Timetable, &b.city.Info
	far := 0
	for s, m := range t.StopWalkM {
		if m <= farStopM {
			continue
		}
		if far++; far <= maxListed {
			b.find("timetable", "stop far from a street", city.Warning, 1, fmt.Sprintf("%s (%s) is %.0f m from any street on foot: is its place wrong, or a footway missing on the map?", t.StopName[s], t.StopID[s], m), city.MapLink(t.StopLon[s], t.StopLat[s]))
		}
	}
	if far > maxListed {
		b.find("timetable", "stop far from a street", city.Warning, far-maxListed, "more of the same, not listed", "")
	}
	assumed := 0
	for _, l := range t.Lines {
		if l.Assumed {
			assumed++
		}
	}
	if assumed > 0 {
		b.find("timetable", "assumed service", city.Warning, assumed, "lines whose service is no published timetable: waiting times and loads on them are assumptions", "")
	}
	if d := info.ServiceTo - info.ServiceFrom; d < 12*3600 && b.inputs == nil {
		b.find("timetable", "short day", city.Note, int(d)/3600, "the timetable is trusted for these hours only: runs outside are refused", "")
	}
	if info.Population.Assumed && b.inputs == nil {
		b.find("settings", "population", city.Note, 1, "the number of residents is assumed: "+info.Population.Source, "")
	}
	if info.ModeShareAssumed {
		b.find("settings", "mode shares", city.Warning, 1, "no survey of how people travel is given; the baseline is fitted to assumed shares: "+info.ModeShareSource, "")
	}
	if len(info.DefaultStops) < 2 {
		b.find("settings", "what-if", city.Note, 1, "the city has no what-if of its own: runs must name a line or changes", "")
	}
}

// mapFindings takes over what is suspicious in the map, each object with the
// page where it can be mended; how many there are beyond those listed is said.
func (b *builder) mapFindings(all []osm.Findings) {
	for _, k := range all {
		for _, f := range k.Shown {
			detail := f.Detail
			if detail == "" {
				detail = fmt.Sprintf("%s %d", f.OSMType, f.ID)
			}
			b.find("streets", k.Kind, city.Warning, 1, detail+": "+k.Means, f.Link())
		}
		if more := k.Total - len(k.Shown); more > 0 {
			b.find("streets", k.Kind, city.Warning, more, "more of the same, not listed", "")
		}
	}
}
