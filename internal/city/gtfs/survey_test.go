package gtfs

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func survey(t testing.TB, tables ...string) (*Survey, error) {
	tables = append(tables, "stops.txt", "stop_id,stop_lat,stop_lon\n", "routes.txt", "route_id,route_type\n", "stop_times.txt", timesHead)
	b := feedOf(t, tables...)
	return ReadSurvey(bytes.NewReader(b), int64(len(b)))
}

func TestSurvey(t *testing.T) {
	s, err := survey(t,
		"agency.txt", "agency_id,agency_name,agency_timezone\n1,Red Buses,Europe/London\n2,Blue Buses,Europe/London\n3,Red Buses,\n",
		"feed_info.txt", "feed_publisher_name,feed_lang\nThe City,en\n",
		"calendar.txt", "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"+
			"wd,1,1,1,0,0,0,0,20230605,20230613\nnobody,1,1,1,1,1,1,1,20230101,20231231\nbroken,1,1,1,1,1,1,1,soon,later\n",
		"calendar_dates.txt", "service_id,date,exception_type\nwd,20230612,2\nwd,20230701,1\nwd,never,1\n",
		"trips.txt", "route_id,service_id,trip_id\nr,wd,a\nr,wd,b\nr,broken,c\n",
		"frequencies.txt", "trip_id,start_time,end_time,headway_secs\nb,06:00:00,07:00:00,600\nb,07:00:00,07:10:00,601\nb,08:00:00,07:00:00,10\nb,,09:00:00,1\n")
	if err != nil {
		t.Fatal(err)
	}
	// Trip a once, trip b six times and once more.
	want := &Survey{Agencies: []string{"Red Buses", "Blue Buses"}, TimeZone: "Europe/London", Publisher: "The City",
		Days: []Day{{"20230605", 8}, {"20230606", 8}, {"20230607", 8}, {"20230613", 8}, {"20230701", 8}}}
	if d := cmp.Diff(want, s); d != "" {
		t.Error(d)
	}
}

func TestSurveyRefusals(t *testing.T) {
	trips := "route_id,service_id,trip_id\nr,wd,a\n"
	if _, err := survey(t, "trips.txt", trips); err == nil || !strings.Contains(err.Error(), "neither calendar") {
		t.Error(err)
	}
	if _, err := survey(t, "calendar_dates.txt", "service_id,date,exception_type\n"); err == nil || !strings.Contains(err.Error(), "trips.txt") {
		t.Error(err)
	}
	// Services for ever cost a bounded time.
	var long strings.Builder
	long.WriteString("service_id,monday,start_date,end_date\n")
	for range 5000 {
		long.WriteString("wd,1,19010101,99991231\n")
	}
	if _, err := survey(t, "trips.txt", trips, "calendar.txt", long.String()); err == nil || !strings.Contains(err.Error(), "more days") {
		t.Error(err)
	}
}

func FuzzSurvey(f *testing.F) {
	f.Add("service_id,monday,start_date,end_date\nwd,1,20230605,20230613\n", "service_id,date,exception_type\nwd,20230612,2\n", "trip_id,start_time,end_time,headway_secs\na,06:00:00,07:00:00,600\n")
	f.Add("service_id,start_date,end_date\nwd,99990101,00010101\n", "", "trip_id,start_time,end_time,headway_secs\na,999:59:59,0:0:0,-1\n")
	f.Fuzz(func(t *testing.T, calendar, dates, frequencies string) {
		s, err := survey(t, "trips.txt", "route_id,service_id,trip_id\nr,wd,a\n", "calendar.txt", calendar, "calendar_dates.txt", dates, "frequencies.txt", frequencies)
		if (s == nil) == (err == nil) {
			t.Fatalf("%v %v", s, err)
		}
		if s != nil {
			for _, d := range s.Days {
				if len(d.Date) != 8 || d.Trips <= 0 {
					t.Fatalf("%+v", d)
				}
			}
		}
	})
}
