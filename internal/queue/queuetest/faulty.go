package queuetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
)

// ErrInjected is the error of a call that went wrong on purpose.
var ErrInjected = errors.New("queuetest: injected")

// Shares says how much goes wrong, of 1: calls that fail and do nothing, calls
// that do their work and still report an error, and calls that come late.
type Shares struct {
	NotStored, StoredButError, Delayed float64
	Delay                              time.Duration
}

// Some is enough to hit every kind of call a few times.
var Some = Shares{NotStored: 0.15, StoredButError: 0.15, Delayed: 0.1, Delay: Lease / 10}

// Faulty is a queue that goes wrong. The draws follow from Seed and the order
// of calls.
type Faulty struct {
	queue.Queue
	Shares
	Seed uint64

	mu     sync.Mutex
	random *rand.Rand
	struck int
}

// Struck is how many calls went wrong.
func (f *Faulty) Struck() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.struck
}

func (f *Faulty) call(ctx context.Context, do func() error) error {
	f.mu.Lock()
	if f.random == nil {
		f.random = rand.New(rand.NewPCG(f.Seed, 1)) // #nosec G404 -- faults of a test, by seed
	}
	u, late := f.random.Float64(), f.random.Float64() < f.Delayed
	if u < f.NotStored+f.StoredButError {
		f.struck++
	}
	f.mu.Unlock()
	if late {
		select {
		case <-time.After(f.Delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if u < f.NotStored {
		return ErrInjected
	}
	if err := do(); err != nil {
		return err
	}
	if u < f.NotStored+f.StoredButError {
		return ErrInjected
	}
	return nil
}

// Send implements queue.Queue.
func (f *Faulty) Send(ctx context.Context, id string, body []byte) error {
	return f.call(ctx, func() error { return f.Queue.Send(ctx, id, body) })
}

// Receive implements queue.Queue. A message that is received but reported as an
// error stays leased to nobody.
func (f *Faulty) Receive(ctx context.Context) (l *queue.Lease, err error) {
	if err := f.call(ctx, func() error { l, err = f.Queue.Receive(ctx); return err }); err != nil {
		return nil, err
	}
	return l, nil
}

// Extend implements queue.Queue.
func (f *Faulty) Extend(ctx context.Context, l *queue.Lease) error {
	return f.call(ctx, func() error { return f.Queue.Extend(ctx, l) })
}

// Done implements queue.Queue.
func (f *Faulty) Done(ctx context.Context, l *queue.Lease) error {
	return f.call(ctx, func() error { return f.Queue.Done(ctx, l) })
}

// Release implements queue.Queue.
func (f *Faulty) Release(ctx context.Context, l *queue.Lease, delay time.Duration) error {
	return f.call(ctx, func() error { return f.Queue.Release(ctx, l, delay) })
}

// Bury implements queue.Queue.
func (f *Faulty) Bury(ctx context.Context, l *queue.Lease, reason string) error {
	return f.call(ctx, func() error { return f.Queue.Bury(ctx, l, reason) })
}

// RunFaulty runs what must hold of a driver while calls go wrong: a message
// that was taken in is worked on, buried once it is poison, and never lost. The
// zero Shares add nothing to faults that the driver has already.
func RunFaulty(t *testing.T, d Driver, s Shares) {
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			nothingIsLost(t, d, s, seed)
		})
	}
}

// nothingIsLost sends messages until each was taken in, works on them with
// several receivers that release some once and bury some, and counts.
func nothingIsLost(t *testing.T, d Driver, s Shares, seed uint64) {
	ctx, inner := opened(t, d)
	f := &Faulty{Queue: inner, Shares: s, Seed: seed}
	const n = 12
	poison := func(id string) bool { return id[len(id)-1] == '0' } // m-0 and m-10
	var mu sync.Mutex
	worked, released := map[string]int{}, map[string]bool{}

	working, stop := context.WithCancel(ctx)
	defer stop()
	var receivers sync.WaitGroup
	for range 3 {
		receivers.Go(func() {
			for working.Err() == nil {
				l, err := f.Receive(working)
				if err != nil {
					continue
				}
				mu.Lock()
				worked[l.ID]++
				first := !released[l.ID]
				released[l.ID] = true
				mu.Unlock()
				// Errors are borne as a worker bears them: the lease lapses and
				// the message comes again.
				switch {
				case poison(l.ID):
					_ = f.Bury(ctx, l, "poison")
				case first:
					_ = f.Release(ctx, l, 0)
				default:
					_ = f.Extend(ctx, l)
					_ = f.Done(ctx, l)
				}
			}
		})
	}
	for i := range n {
		for f.Send(ctx, fmt.Sprint("m-", i), body) != nil {
			must(t, ctx.Err())
		}
	}
	for {
		depth, err := inner.Depth(ctx)
		must(t, err)
		mu.Lock()
		all := len(worked) == n
		mu.Unlock()
		if all && depth.Waiting+depth.Leased == 0 {
			break
		}
		time.Sleep(Lease / 10)
	}
	stop()
	receivers.Wait()
	must(t, ctx.Err())
	if s != (Shares{}) && f.Struck() < n/4 {
		t.Errorf("only %d calls went wrong: the test shows nothing", f.Struck())
	}
	reader, ok := inner.(queue.DeadLetters)
	if !ok {
		return
	}
	// A reader whose own call went wrong may hide letters from the next for a
	// while; none may be gone.
	buried := map[string]bool{}
	for len(buried) < n/6 { // m-0 and m-10
		letters, err := reader.Dead(ctx, 10*n)
		must(t, ctx.Err())
		for _, l := range letters {
			if !poison(l.ID) {
				t.Fatalf("%s was buried", l.ID)
			}
			buried[l.ID] = true
		}
		if err != nil {
			t.Log(err)
		}
	}
}
