package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
)

type cityValidateCmd struct {
	packsFlag
	City string `arg:"" help:"City by slug or name, or a pack file."`
}

func (c *cityValidateCmd) Help() string {
	return `Reads a pack and checks every promise its columns make: lengths, numbers in range, sorted and matching indices, opposite links,
times that never run backwards or overtake, one connected network for cars and one for people on foot, that every stop and place
hangs on them, and that the city's own what-if can be run. Exit code 1 when something is wrong.`
}

type validation struct {
	City     string   `json:"city"`
	Links    int      `json:"links"`
	Stops    int      `json:"stops"`
	Trips    int      `json:"vehicle_trips"`
	Places   int      `json:"places"`
	Problems []string `json:"problems"`
}

func (c *cityValidateCmd) Run(e *env) error {
	pack, err := loadPack(e.ctx, c.Packs, c.City)
	if err != nil {
		return err
	}
	v := validation{City: c.City, Problems: []string{}}
	ct, err := city.Decode(pack)
	if err == nil {
		v.City, v.Links, v.Stops, v.Trips, v.Places = ct.Info.Slug, ct.Net.NumLinks(), ct.Timetable.NumStops(), ct.Timetable.NumTrips(), ct.Places.Num()
		err = errors.Join(append(unsoundDefault(ct), ct.Connected())...)
	}
	if err != nil {
		v.Problems = strings.Split(err.Error(), "\n")
	}
	if e.json {
		err = printJSON(e, v)
	} else if len(v.Problems) == 0 {
		_, err = fmt.Fprintf(e.stdout, "%s: %d links, %d stops, %d vehicle trips, %d places; nothing wrong\n", v.City, v.Links, v.Stops, v.Trips, v.Places)
	} else {
		for _, p := range v.Problems {
			fmt.Fprintln(e.stdout, p)
		}
		err = nil
	}
	if len(v.Problems) > 0 {
		err = errors.Join(err, fmt.Errorf("%s: %d problems", v.City, len(v.Problems)))
	}
	return err
}
