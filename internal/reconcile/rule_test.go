package reconcile

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNeed(t *testing.T) {
	for _, c := range []struct {
		why                                     string
		most, visible, leased, running, pending int
		want                                    int
	}{
		{"nothing to do", 10, 0, 0, 0, 0, 0},
		{"one job waits", 10, 1, 0, 0, 0, 1},
		{"its task is on the way", 10, 1, 0, 0, 1, 0},
		{"its task was lost before it ran", 10, 1, 0, 0, 0, 1},
		{"a busy task is not free for the job that waits", 10, 1, 1, 1, 0, 1},
		{"an idle task is", 10, 1, 0, 1, 0, 0},
		{"a dead task's message starts nothing", 10, 0, 1, 0, 0, 0},
		{"nor beside a busy one", 10, 0, 2, 1, 0, 0},
		{"nor beside an idle one", 10, 0, 1, 1, 0, 0},
		{"a dead task's message that is visible again does", 10, 1, 0, 0, 0, 1},
		{"a delayed message (counted as leased) starts nothing", 10, 0, 1, 0, 0, 0},
		{"many jobs, some on the way", 10, 7, 2, 2, 3, 4},
		{"never more than the most", 10, 100, 4, 4, 2, 4},
		{"already at the most", 10, 100, 10, 10, 0, 0},
		{"above the most", 10, 100, 12, 12, 0, 0},
		{"the most is none", 0, 5, 0, 0, 0, 0},
		{"more tasks than work", 10, 1, 1, 5, 2, 0},
	} {
		if got := need(c.most, c.visible, c.leased, c.running, c.pending); got != c.want {
			t.Errorf("%s: %d, want %d", c.why, got, c.want)
		}
	}
}

func TestNeedKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30)
		most, visible, leased, running, pending := n.Draw(t, "most"), n.Draw(t, "visible"), n.Draw(t, "leased"), n.Draw(t, "running"), n.Draw(t, "pending")
		got := need(most, visible, leased, running, pending)
		switch {
		case got < 0 || got > visible:
			t.Fatalf("%d starts for %d visible messages", got, visible)
		case got > 0 && got+running+pending > most:
			t.Fatalf("%d starts beside %d tasks, at most %d", got, running+pending, most)
		case got == 0 && visible > 0 && running+pending == 0 && most > 0:
			t.Fatal("messages wait and nobody is coming")
		case visible > 0 && need(most, visible-1, leased, running, pending) > got:
			t.Fatal("less work wants more tasks")
		case leased > running && need(most, visible, running, running, pending) != got:
			t.Fatal("messages of dead tasks count")
		}
	})
}
