package reconcile

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/launch"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	day  = dayStart(noon)
)

const bound = 33 * time.Minute

func stopped(id string, from time.Time, d time.Duration) launch.Task {
	return launch.Task{ID: id, State: launch.Stopped, Created: from, Billed: from, Ran: from, Ended: from.Add(d)}
}

func running(id string, from time.Time) launch.Task {
	return launch.Task{ID: id, State: launch.Running, Created: from, Billed: from, Ran: from}
}

func TestTheShareOfADay(t *testing.T) {
	at := func(h, m, s int) time.Time {
		return day.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
	}
	for _, c := range []struct {
		why           string
		billed, until time.Time
		want          float64
	}{
		{"never billed", time.Time{}, noon, 0},
		{"a quarter of an hour", at(1, 0, 0), at(1, 15, 0), 900},
		{"at least a minute", at(1, 0, 0), at(1, 0, 5), 60},
		{"seconds are rounded up", at(1, 0, 0), at(1, 2, 0).Add(time.Millisecond), 121},
		{"from the day before", at(-1, 0, 0), at(0, 10, 0), 600},
		{"all on the day before", at(-2, 0, 0), at(-1, 0, 0), 0},
		{"into the next day", at(23, 50, 0), at(24, 30, 0), 600},
		{"the minute that ends tomorrow", at(23, 59, 50), at(23, 59, 55), 10},
	} {
		if got := share(day, c.billed, c.until); got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}

func TestCountingAgainGivesTheSame(t *testing.T) {
	tasks := []launch.Task{
		stopped("a", noon.Add(-time.Hour), 10*time.Minute), stopped("b", noon.Add(-time.Hour), time.Second), running("c", noon.Add(-5*time.Minute)),
		{ID: "d", State: launch.Pending, Created: noon}, {ID: "e", State: launch.Stopped, Created: noon, Ended: noon, Reason: "CannotPullContainerError"},
	}
	l := &ledger{}
	l.count(tasks, noon, bound)
	if l.Seconds != 600+60+300 || l.Reserved != (bound-5*time.Minute).Seconds()+bound.Seconds() {
		t.Fatalf("%+v", l)
	}
	one := encode(l)
	for range 3 {
		back := &ledger{}
		if err := json.Unmarshal(encode(l), back); err != nil {
			t.Fatal(err)
		}
		l = back
		l.count(tasks, noon, bound)
	}
	if d := cmp.Diff(string(one), string(encode(l))); d != "" {
		t.Fatal(d)
	}
	// Missed ticks change nothing either.
	once, often := &ledger{}, &ledger{}
	for m := range 30 {
		often.count([]launch.Task{running("x", noon)}, noon.Add(time.Duration(m)*time.Minute), bound)
	}
	end := []launch.Task{stopped("x", noon, 29*time.Minute)}
	once.count(end, noon.Add(time.Hour), bound)
	often.count(end, noon.Add(time.Hour), bound)
	if once.Seconds != 29*60 || often.Seconds != once.Seconds {
		t.Fatal(once.Seconds, often.Seconds)
	}
}

func TestATaskThatVanishedIsChargedInFull(t *testing.T) {
	l := &ledger{}
	l.count([]launch.Task{running("a", noon)}, noon.Add(time.Minute), bound)
	// Missing for a moment: the list lags.
	l.Tasks["a"].Created = noon
	if unseen := l.count(nil, noon.Add(90*time.Second), bound); unseen != 1 || l.Reserved == 0 {
		t.Fatalf("%d %+v", unseen, l)
	}
	if unseen := l.count(nil, noon.Add(2*time.Hour), bound); unseen != 0 || l.Seconds != bound.Seconds() || l.Reserved != 0 {
		t.Fatalf("%d %+v", unseen, l)
	}
	// It was there after all.
	l.count([]launch.Task{stopped("a", noon, 2*time.Minute)}, noon.Add(2*time.Hour), bound)
	if l.Seconds != 120 {
		t.Fatalf("%+v", l)
	}
	// Long after it is only a number, and an old list does not count it twice.
	l.count(nil, noon.Add(9*time.Hour), bound)
	l.count([]launch.Task{stopped("a", noon, 2*time.Minute)}, noon.Add(9*time.Hour), bound)
	if l.Seconds != 120 || len(l.Tasks) != 0 || l.Folded.Tasks != 1 {
		t.Fatalf("%+v", l)
	}
}

// A crash between the call and its answer: what may have been started is
// reserved until the list shows it, or it is surely not there.
func TestACallWithoutAnswerIsReserved(t *testing.T) {
	l := &ledger{Starts: []intent{{Token: "tok", Tasks: 3, At: noon}}}
	if unseen := l.count(nil, noon.Add(time.Minute), bound); unseen != 3 || l.Reserved != 3*bound.Seconds() {
		t.Fatalf("%d %+v", unseen, l)
	}
	a := running("a", noon)
	a.Token = "tok"
	if unseen := l.count([]launch.Task{a}, noon.Add(time.Minute), bound); unseen != 2 || l.Reserved != 2*bound.Seconds()+(bound-time.Minute).Seconds() {
		t.Fatalf("%d %+v", unseen, l)
	}
	soon := *l
	if unseen := soon.count([]launch.Task{a}, noon.Add(10*time.Minute), bound); unseen != 0 || len(soon.Starts) != 0 || soon.Seconds != 600 {
		t.Fatalf("%d %+v", unseen, soon)
	}
	// Nobody looked for longer than stopped tasks are listed.
	l = &ledger{Starts: []intent{{Token: "tok", Tasks: 3, At: noon}}}
	if l.count(nil, noon.Add(2*time.Hour), bound); l.Seconds != 3*bound.Seconds() || len(l.Starts) != 0 {
		t.Fatalf("%+v", l)
	}
}

func TestRoomLeavesTheMostToEveryTask(t *testing.T) {
	l := &ledger{}
	l.count([]launch.Task{running("a", noon.Add(-3*time.Minute))}, noon, bound)
	b := bound.Seconds()
	for limit, want := range map[float64]int{0: 0, b: 0, 2*b - 1: 0, 2 * b: 1, 5*b + 1: 4} {
		if got := l.room(&limit, bound); got != want {
			t.Errorf("cap %v: %d, want %d", limit, got, want)
		}
		l.close(&limit, bound)
		if want := 180+b > limit; l.Closed != want {
			t.Errorf("cap %v: closed %v, want %v", limit, l.Closed, want)
		}
	}
	if l.room(nil, bound) < 1000 {
		t.Error("no cap, no limit")
	}
}
