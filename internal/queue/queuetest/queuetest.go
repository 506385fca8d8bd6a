// Package queuetest is the conformance suite of queue drivers: what the worker
// relies on, stated as tests. A driver's own test calls Run with a function
// that opens a fresh queue whose lease is Lease.
//
// Nothing here asserts that something happens fast, only that it happens, or
// that it does not happen before the lease allows it.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/malikobaid/cityflow/internal/queue"
)

// Lease is the lease that opened queues must have: short, so that lapses are
// seen in a test, long enough for a busy machine to answer within it.
const Lease = 1 * time.Second

// patience bounds every wait of the suite.
const patience = time.Minute

// body is what messages hold where it does not matter.
var body = []byte(`{"job_id":"x"}`)

// Driver opens queues for the suite.
type Driver struct {
	// Open returns the queue kept in dir, which is empty at first. The suite
	// closes it, and may open it again.
	Open func(t *testing.T, dir string) queue.Queue
	// Forgets says that nothing survives a Close.
	Forgets bool
}

// Run runs the suite.
func Run(t *testing.T, d Driver) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Driver)
	}{
		{"what is sent is received, with its id and body", sendReceive},
		{"Done removes for good", done},
		{"a lapsed lease hands the message out again, attempt counted", lapse},
		{"Extend keeps the message away from others", extend},
		{"Release hands out again at once", release},
		{"Release with a delay waits", releaseDelay},
		{"a lapsed lease can change nothing", staleLease},
		{"Bury keeps the message out of sight", bury},
		{deadLettersRule, deadLetters},
		{"an ended lease can change nothing", endedLease},
		{"every delivery counts, whatever ended the one before", attempts},
		{"a message that is sent twice can be worked on twice and goes away", duplicates},
		{"bodies come back byte for byte", bodies},
		{"one message while the queue holds the id", oneWhileHeld},
		{"every message reaches exactly one of many receivers", manyReceivers},
		{"Receive ends with its context", receiveEnds},
		{"Close ends Receive", closeEnds},
		{"a closed queue takes nothing", closedTakesNothing},
		{"messages survive a restart", restart},
	} {
		t.Run(c.name, func(t *testing.T) {
			// A dozen leases one after another, none of which may lapse on a
			// busy machine: not beside the others.
			if c.name != deadLettersRule {
				t.Parallel()
			}
			c.run(t, d)
		})
	}
}

const deadLettersRule = "dead letters can be read, with their reason"

func opened(t *testing.T, d Driver) (context.Context, queue.Queue) {
	t.Helper()
	q := d.Open(t, t.TempDir())
	t.Cleanup(func() { _ = q.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx, q
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func take(ctx context.Context, t *testing.T, q queue.Queue, id string) *queue.Lease {
	t.Helper()
	l, err := q.Receive(ctx)
	must(t, err)
	if l.ID != id {
		t.Fatalf("received %q, want %q", l.ID, id)
	}
	return l
}

// nothing asserts that no message can be had for the duration.
func nothing(ctx context.Context, t *testing.T, q queue.Queue, d time.Duration) {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if l, err := q.Receive(short); err == nil {
		t.Fatalf("received %q, want nothing", l.ID)
	}
}

func sendReceive(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a-1", []byte("body")))
	l := take(ctx, t, q, "a-1")
	if string(l.Body) != "body" || l.Attempt != 1 {
		t.Fatalf("body %q attempt %d", l.Body, l.Attempt)
	}
	depth, err := q.Depth(ctx)
	must(t, err)
	if depth != (queue.Depth{Leased: 1}) {
		t.Fatalf("depth %+v", depth)
	}
	must(t, q.Done(ctx, l))
}

func done(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	must(t, q.Done(ctx, take(ctx, t, q, "a")))
	nothing(ctx, t, q, 2*Lease)
}

func lapse(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	before := time.Now()
	take(ctx, t, q, "a")
	l := take(ctx, t, q, "a")
	if got := time.Since(before); got < Lease*9/10 {
		t.Fatalf("handed out again after %v, within the lease", got)
	}
	if l.Attempt != 2 {
		t.Fatalf("attempt %d, want 2", l.Attempt)
	}
	must(t, q.Done(ctx, l))
}

func extend(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	l := take(ctx, t, q, "a")
	quiet, cancel := context.WithTimeout(ctx, 3*Lease)
	defer cancel()
	got := make(chan *queue.Lease, 1)
	go func() {
		defer close(got)
		if l, err := q.Receive(quiet); err == nil {
			got <- l
		}
	}()
	tick := time.NewTicker(Lease / 4)
	defer tick.Stop()
	for {
		select {
		case l, ok := <-got:
			if ok {
				t.Fatalf("%q was handed out during an extended lease", l.ID)
			}
			must(t, q.Done(ctx, take(ctx, t, q, "a"))) // once nobody extends
			return
		case <-tick.C:
			must(t, q.Extend(ctx, l))
		}
	}
}

func release(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	must(t, q.Release(ctx, take(ctx, t, q, "a"), 0))
	must(t, q.Done(ctx, take(ctx, t, q, "a")))
}

func releaseDelay(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	before := time.Now()
	must(t, q.Release(ctx, take(ctx, t, q, "a"), 2*Lease))
	l := take(ctx, t, q, "a")
	if got := time.Since(before); got < 2*Lease*9/10 {
		t.Fatalf("handed out after %v, before the delay", got)
	}
	must(t, q.Done(ctx, l))
}

func staleLease(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	old := take(ctx, t, q, "a")
	held := take(ctx, t, q, "a") // only after the first lease lapsed
	if err := q.Extend(ctx, old); !errors.Is(err, queue.ErrLeaseLost) {
		t.Errorf("Extend: %v", err)
	}
	if err := q.Release(ctx, old, 0); !errors.Is(err, queue.ErrLeaseLost) {
		t.Errorf("Release: %v", err)
	}
	if err := q.Bury(ctx, old, "late"); !errors.Is(err, queue.ErrLeaseLost) {
		t.Errorf("Bury: %v", err)
	}
	if err := q.Done(ctx, old); !errors.Is(err, queue.ErrLeaseLost) {
		t.Errorf("Done: %v", err)
	}
	// The message is still there for whoever holds it, or for the next.
	depth, err := q.Depth(ctx)
	must(t, err)
	if depth.Waiting+depth.Leased != 1 || depth.Dead != 0 {
		t.Errorf("depth %+v, want one message", depth)
	}
	if err := q.Done(ctx, held); errors.Is(err, queue.ErrLeaseLost) {
		held = take(ctx, t, q, "a") // a busy machine took longer than the lease
		err = q.Done(ctx, held)
		must(t, err)
	} else {
		must(t, err)
	}
}

func bury(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", []byte("poison")))
	must(t, q.Bury(ctx, take(ctx, t, q, "a"), "unknown\nversion"))
	nothing(ctx, t, q, 2*Lease)
	depth, err := q.Depth(ctx)
	must(t, err)
	if depth != (queue.Depth{Dead: 1}) {
		t.Fatalf("depth %+v", depth)
	}
}

func deadLetters(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	reader, ok := q.(queue.DeadLetters)
	if !ok {
		t.Skip("the driver cannot read dead letters")
	}
	if all, err := reader.Dead(ctx, 10); err != nil || len(all) != 0 {
		t.Fatalf("dead letters of a fresh queue: %v %v", all, err)
	}
	const n = 12
	long := strings.Repeat("\u00e9", 5000)
	for i := range n {
		id := fmt.Sprint("m-", i)
		must(t, q.Send(ctx, id, []byte("poison "+id)))
		l := take(ctx, t, q, id)
		reason := "unknown version of " + id
		if i == 0 {
			reason = "line\nend, \"quoted\", \u00e9\x00\xff"
		} else if i == 1 {
			reason = long
		}
		must(t, q.Bury(ctx, l, reason))
	}
	for range 2 { // reading takes nothing away
		all, err := reader.Dead(ctx, 100)
		must(t, err)
		seen := map[string]queue.DeadLetter{}
		for _, l := range all {
			seen[l.ID] = l
		}
		if len(all) != n || len(seen) != n {
			t.Fatalf("%d letters of %d messages, want %d", len(all), len(seen), n)
		}
		for id, l := range seen {
			if string(l.Body) != "poison "+id || l.Attempt != 1 {
				t.Errorf("%s: body %q, attempt %d", id, l.Body, l.Attempt)
			}
			if id != "m-0" && id != "m-1" && l.Reason != "unknown version of "+id {
				t.Errorf("%s: reason %q", id, l.Reason)
			}
			if l.Buried.IsZero() || time.Since(l.Buried) > time.Hour || time.Since(l.Buried) < -time.Hour {
				t.Errorf("%s: buried at %v", id, l.Buried)
			}
		}
		if r := seen["m-0"].Reason; !strings.Contains(r, "line end, \"quoted\", \u00e9") {
			t.Errorf("reason %q", r)
		}
		if r := seen["m-1"].Reason; !strings.HasPrefix(r, long[:1000]) || !utf8.ValidString(r) {
			t.Errorf("a long reason of %d bytes is not kept", len(r))
		}
	}
	few, err := reader.Dead(ctx, 3)
	must(t, err)
	if len(few) != 3 {
		t.Errorf("%d letters, want 3", len(few))
	}
}

func endedLease(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	for _, end := range []func(*queue.Lease) error{
		func(l *queue.Lease) error { return q.Done(ctx, l) },
		func(l *queue.Lease) error { return q.Bury(ctx, l, "poison") },
		func(l *queue.Lease) error { return q.Release(ctx, l, time.Hour) },
	} {
		must(t, q.Send(ctx, "a", body))
		l := take(ctx, t, q, "a")
		must(t, end(l))
		for what, err := range map[string]error{"Extend": q.Extend(ctx, l), "Done": q.Done(ctx, l), "Release": q.Release(ctx, l, 0), "Bury": q.Bury(ctx, l, "again")} {
			if !errors.Is(err, queue.ErrLeaseLost) {
				t.Errorf("%s: %v", what, err)
			}
		}
		nothing(ctx, t, q, Lease/2)
	}
}

func attempts(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	for n := 1; n <= 3; n++ {
		l := take(ctx, t, q, "a")
		if l.Attempt != n {
			t.Fatalf("attempt %d, want %d", l.Attempt, n)
		}
		if n < 3 {
			must(t, q.Release(ctx, l, 0))
		} else {
			must(t, q.Done(ctx, l))
		}
	}
}

func duplicates(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", body))
	must(t, q.Send(ctx, "a", body))
	for {
		depth, err := q.Depth(ctx)
		must(t, err)
		if depth == (queue.Depth{}) {
			return
		}
		must(t, q.Done(ctx, take(ctx, t, q, "a")))
	}
}

func bodies(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	for i, want := range []string{"x", "{\n\t\"city\": \"Z\u00fcrich <&> \U0001f68b\"\r\n}", strings.Repeat("0123456789", 20<<10)} {
		id := fmt.Sprint("m-", i)
		must(t, q.Send(ctx, id, []byte(want)))
		l := take(ctx, t, q, id)
		if string(l.Body) != want {
			t.Errorf("%d bytes came back as %d, or others", len(want), len(l.Body))
		}
		must(t, q.Done(ctx, l))
	}
}

func oneWhileHeld(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	h, ok := q.(queue.Holder)
	if !ok {
		t.Skip("the driver cannot tell what it holds")
	}
	holds := func(want bool) {
		t.Helper()
		got, err := h.Holds(ctx, "a")
		must(t, err)
		if got != want {
			t.Fatalf("Holds = %v, want %v", got, want)
		}
	}
	holds(false)
	must(t, q.Send(ctx, "a", body))
	must(t, q.Send(ctx, "a", body)) // while waiting
	holds(true)
	l := take(ctx, t, q, "a")
	must(t, q.Send(ctx, "a", body)) // while leased
	holds(true)
	must(t, q.Done(ctx, l))
	// Servers of a cluster tell each other after they told us.
	for end := time.Now().Add(10 * Lease); time.Now().Before(end); time.Sleep(Lease / 20) {
		if got, err := h.Holds(ctx, "a"); err != nil || !got {
			break
		}
	}
	holds(false)
	nothing(ctx, t, q, Lease/2)
	must(t, q.Send(ctx, "a", body)) // new work under an old id
	must(t, q.Done(ctx, take(ctx, t, q, "a")))
}

func manyReceivers(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	const n = 40
	var mu sync.Mutex
	seen := map[string]int{}
	all, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				l, err := q.Receive(all)
				if err != nil {
					return
				}
				if err := q.Done(ctx, l); err != nil {
					t.Error(err)
				}
				mu.Lock()
				if seen[l.ID]++; len(seen) == n {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		must(t, q.Send(ctx, fmt.Sprint("m-", i), body))
	}
	wg.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s received %d times", id, times)
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d received", len(seen), n)
	}
}

func receiveEnds(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { _, err := q.Receive(ctx); ended <- err }()
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("Receive did not end")
	}
}

func closeEnds(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	ended := make(chan error, 1)
	go func() { _, err := q.Receive(ctx); ended <- err }()
	must(t, q.Close())
	select {
	case err := <-ended:
		if err == nil {
			t.Fatal("a closed queue gave a message")
		}
	case <-time.After(patience):
		t.Fatal("Receive did not end")
	}
}

func closedTakesNothing(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Close())
	if err := q.Send(ctx, "a", body); err == nil {
		t.Error("Send")
	}
	if _, err := q.Receive(ctx); err == nil {
		t.Error("Receive")
	}
	if _, err := q.Depth(ctx); err == nil {
		t.Error("Depth")
	}
	if err := q.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

func restart(t *testing.T, d Driver) {
	if d.Forgets {
		t.Skip("the driver keeps no data of its own")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir := t.TempDir()
	q := d.Open(t, dir)
	must(t, q.Send(ctx, "waiting", []byte("w")))
	must(t, q.Send(ctx, "leased", []byte("l")))
	take(ctx, t, q, "waiting")
	must(t, q.Close())
	q = d.Open(t, dir)
	defer q.Close()
	// The leased one comes back when its lease lapses, not never.
	seen := map[string]string{}
	for range 2 {
		l, err := q.Receive(ctx)
		must(t, err)
		seen[l.ID] = string(l.Body)
		must(t, q.Done(ctx, l))
	}
	if seen["waiting"] != "w" || seen["leased"] != "l" {
		t.Fatalf("after the restart: %v", seen)
	}
}
