package raptor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// The town, walked at 1 m/s:
//
//	         line 1                  line 2
//	A ------- B ------- C ---------- D
//	          |         .            |
//	   line 3 |         . 100 m      | line 4 (night)
//	          |         .            |
//	          '-------- E ---------- F
//	                       line 3
//
// One can walk between C and E (100 m), and between B and E (200 m).
const town = `
stop A B C D E F
walk C E 100
walk B E 200
line 1  A     B          C
        8:00  8:05/8:06  8:10
        8:20  8:25/8:26  8:30
        8:40  8:45/8:46  8:50
line 2  C     D
        8:10  8:20           # leaves the second line 1 arrives
        8:33  8:43
line 3  B     E     F
        8:28  8:36  8:50
line 3  E     F
        8:31:40  8:50        # also at F at 8:50, from where one must walk
line 4  D     F
        23:58 24:03
        24:08 24:13
`

func TestTown(t *testing.T) {
	for _, c := range []struct{ name, from, depart, to, want string }{
		{"direct", "A+60", "7:59", "C", `
1: 8:10 = access 60 wait 0 ride 600, fare 2
   A 8:00 -1- 8:10 C`},
		{"no time to change is enough", "A+0", "8:00", "D", `
2: 8:20 = access 0 wait 0 ride 1200, fare 4
   A 8:00 -1- 8:10 C
   C 8:10 -2- 8:20 D`},
		{"one second late", "A+1", "8:00", "D", `
2: 8:43 = access 1 wait 1199 ride 1200 changing 0+180, fare 4
   A 8:20 -1- 8:30 C
   C 8:33 -2- 8:43 D`},
		{"no walk beats a walk to the same arrival", "A+0", "8:15", "F", `
2: 8:50 = access 0 wait 300 ride 1620 changing 0+180, fare 4
   A 8:20 -1- 8:25 B
   B 8:28 -3- 8:50 F`},
		{"access and a footpath are never strung together", "C+0", "8:25", "F", `
`},
		{"the last express has gone", "A+0", "8:35", "E", `
`},
		{"nearest stop of the same vehicle", "A+300 B+120 C+900", "8:15", "C", `
1: 8:30 = access 120 wait 540 ride 240, fare 2
   B 8:26 -1- 8:30 C`},
		{"over midnight", "D+0", "23:59", "F", `
1: 24:13 = access 0 wait 540 ride 300, fare 2
   D 24:08 -4- 24:13 F`},
		{"fewer boardings and earlier arrivals are both kept", "A+0 C+1500", "8:00", "D", `
1: 8:43 = access 1500 wait 480 ride 600, fare 2
   C 8:33 -2- 8:43 D
2: 8:20 = access 0 wait 0 ride 1200, fare 4
   A 8:00 -1- 8:10 C
   C 8:10 -2- 8:20 D`},
		{"too late in the day", "A+0", "8:41", "C", `
`},
	} {
		if got := journeys(t, testcity.ParseTimetable(town), c.from, c.depart, c.to); got != c.want {
			t.Errorf("%s: from %s at %s to %s:%s\nwant:%s", c.name, c.from, c.depart, c.to, got, c.want)
		}
	}
}

// A walk between vehicles: the only way from the end of line 1 to line 2.
//
//	A --1-- B . 65 m . C --2-- D
func TestWalkBetweenVehicles(t *testing.T) {
	tt := testcity.ParseTimetable(`
stop A B C D
walk B C 65
line 1 A B
       8:00 8:10
line 2 C D
       8:11:04 8:20
       8:11:05 8:21
`)
	want := `
2: 8:21 = access 0 wait 0 ride 1195 changing 65+0, fare 4
   A 8:00 -1- 8:10 B
   walk 65
   C 8:11:05 -2- 8:21 D`
	if got := journeys(t, tt, "A+0", "8:00", "D"); got != want {
		t.Errorf("got:%s\nwant:%s", got, want)
	}
	// A walk ends at a stop only to board there: C is not reached by vehicle.
	if got := journeys(t, tt, "A+0", "8:00", "C"); got != "\n" {
		t.Errorf("to C:%s", got)
	}
}

// Two ways to stand at D at 8:11 with the same walking behind one: the walk
// from the lower stop wins over the other, and no walk over both, whichever
// line or origin comes first.
//
//	A --1,2-- B . 60 m . D --4-- E
//	 '--1,2-- C . 60 m .'
//	A'  --3------------- D
func TestTiedWalks(t *testing.T) {
	const stops = "stop A A' B C D E\nwalk C D 60\nwalk B D 60\nline 4 D E\n8:15 8:20\n"
	toB, toC, toD := "line 1 A B\n8:00 8:10\n", "line 2 A C\n8:00 8:10\n", "line 3 A' D\n8:01 8:11\n"
	viaB := `
2: 8:20 = access 0 wait 0 ride 900 changing 60+240, fare 4
   A 8:00 -1- 8:10 B
   walk 60
   D 8:15 -4- 8:20 E`
	direct := `
2: 8:20 = access 60 wait 0 ride 900 changing 0+240, fare 4
   A' 8:01 -3- 8:11 D
   D 8:15 -4- 8:20 E`
	for _, c := range []struct{ lines, from, want string }{
		{toB + toC, "A+0", viaB},
		{toC + toB, "A+0", viaB},
		{toB + toC + toD, "A+0 A'+60", direct},
		{toD + toC + toB, "A'+60 A+0", direct},
	} {
		if got := journeys(t, testcity.ParseTimetable(stops+c.lines), c.from, "8:00", "E"); got != c.want {
			t.Errorf("with\n%sgot:%s\nwant:%s", c.lines, got, c.want)
		}
	}
}

// A ring line calls twice at A: no leg ends where it began, but those who got
// on elsewhere may get off there. (Two legs may lead back, out and home; the
// caller's comparison with walking makes nothing of them.)
func TestRing(t *testing.T) {
	tt := testcity.ParseTimetable(`
stop A B C
line R A B C A
       8:00 8:05 8:10 8:15
`)
	s := NewData(tt, 1).NewSearch()
	s.Run([]Access{{Stop: 0}}, 8*3600, 1, 9*3600)
	if got := s.Arrival(1, 0); got != units.Never {
		t.Errorf("round the ring from A to A: %s", testcity.Clock(got))
	}
	want := `
1: 8:15 = access 60 wait 240 ride 600, fare 2
   B 8:05 -R- 8:15 A`
	if got := journeys(t, tt, "A+0 B+60", "8:00", "A"); got != want {
		t.Errorf("got:%s\nwant:%s", got, want)
	}
}

// journeys prints every label at a stop, a line per leg.
func journeys(t *testing.T, tt *city.Timetable, from, depart, to string) string {
	t.Helper()
	stop := func(name string) units.StopID {
		for s, id := range tt.StopID {
			if id == name {
				return units.StopID(s)
			}
		}
		t.Fatalf("no stop %q", name)
		return units.NoStop
	}
	var access []Access
	for _, a := range strings.Fields(from) {
		name, walk, _ := strings.Cut(a, "+")
		var s units.Seconds
		if _, err := fmt.Sscan(walk, &s); err != nil {
			t.Fatal(err)
		}
		access = append(access, Access{stop(name), s})
	}
	at, err := testcity.ParseClock(depart)
	if err != nil {
		t.Fatal(err)
	}
	s := NewData(tt, 1).NewSearch()
	s.Run(access, at, MaxRounds, at+3*3600)
	var out strings.Builder
	for k := 1; k <= MaxRounds; k++ {
		if s.Arrival(k, stop(to)) == units.Never {
			continue
		}
		p := s.Parts(k, stop(to))
		fmt.Fprintf(&out, "\n%d: %s = access %d wait %d ride %d", k, testcity.Clock(s.Arrival(k, stop(to))), p.AccessS, p.WaitS, p.InVehicleS)
		if p.TransferWalkS+p.TransferWaitS > 0 {
			fmt.Fprintf(&out, " changing %d+%d", p.TransferWalkS, p.TransferWaitS)
		}
		fmt.Fprintf(&out, ", fare %v", p.Fare)
		for i, l := range s.Journey(k, stop(to), nil) {
			if i > 0 && l.WalkBeforeS > 0 {
				fmt.Fprintf(&out, "\n   walk %d", l.WalkBeforeS)
			}
			fmt.Fprintf(&out, "\n   %s %s -%s- %s %s", tt.StopID[l.Board], testcity.Clock(l.BoardS),
				tt.Lines[tt.PatternLine[l.Pattern]].Name, testcity.Clock(l.AlightS), tt.StopID[l.Alight])
		}
	}
	if out.Len() == 0 {
		return "\n"
	}
	return out.String()
}
