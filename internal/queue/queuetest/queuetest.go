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
	"sync"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
)

// Lease is the lease that opened queues must have: short, so that lapses are
// seen in a test, long enough for a busy machine to answer within it.
const Lease = 1 * time.Second

// patience bounds every wait of the suite.
const patience = 20 * time.Second

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
		{"one message while the queue holds the id", oneWhileHeld},
		{"every message reaches exactly one of many receivers", manyReceivers},
		{"Receive ends with its context", receiveEnds},
		{"Close ends Receive", closeEnds},
		{"messages survive a restart", restart},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, d)
		})
	}
}

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
	must(t, q.Send(ctx, "a", nil))
	must(t, q.Done(ctx, take(ctx, t, q, "a")))
	nothing(ctx, t, q, 2*Lease)
}

func lapse(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", nil))
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
	must(t, q.Send(ctx, "a", nil))
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
	must(t, q.Send(ctx, "a", nil))
	must(t, q.Release(ctx, take(ctx, t, q, "a"), 0))
	must(t, q.Done(ctx, take(ctx, t, q, "a")))
}

func releaseDelay(t *testing.T, d Driver) {
	ctx, q := opened(t, d)
	must(t, q.Send(ctx, "a", nil))
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
	must(t, q.Send(ctx, "a", nil))
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
	nothing(ctx, t, q, Lease/4)
	must(t, q.Done(ctx, held))
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
	must(t, q.Send(ctx, "a", nil))
	must(t, q.Send(ctx, "a", nil)) // while waiting
	holds(true)
	l := take(ctx, t, q, "a")
	must(t, q.Send(ctx, "a", nil)) // while leased
	holds(true)
	must(t, q.Done(ctx, l))
	holds(false)
	nothing(ctx, t, q, Lease/2)
	must(t, q.Send(ctx, "a", nil)) // new work under an old id
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
		must(t, q.Send(ctx, fmt.Sprint("m-", i), nil))
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
