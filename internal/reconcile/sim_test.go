package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sort"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch"
	"github.com/malikobaid/cityflow/internal/queue"
)

// cloud is a queue and a platform in virtual time, with everything that goes
// wrong: starts without room, starts that never run, answers that get lost,
// lists that lag, tasks that die, hang or are taken away, messages sent twice.
type cloud struct {
	mu    sync.Mutex
	rng   *rand.Rand
	lease time.Duration
	poke  chan struct{}

	visible map[string]time.Time     // message -> when it can be had
	work    map[string]time.Duration // job -> how long it takes
	sent    map[string]time.Time
	done    map[string]time.Time

	tasks  map[string]*simTask
	starts int // tasks accepted
	wg     sync.WaitGroup

	maxTasks, peak int
	// mild leaves out one of two faults that no cap survives together: a program
	// that does not even keep its own hard end, while nobody is there to stop it.
	mild mildness
}

type mildness int

const (
	wild       mildness = iota
	endsItself          // a program that hangs is ended by its own hard end
	watched             // somebody ticks all the time
)

type simTask struct {
	launch.Task
	stop   chan struct{}
	once   sync.Once
	listed time.Time // when a list shows it
}

// simMax is CITYFLOW_TASK_MAX_SECONDS of the simulation.
const simMax = 20 * time.Minute

func (c *cloud) Send(context.Context, string, []byte) error                 { return nil }
func (c *cloud) Receive(context.Context) (*queue.Lease, error)              { return nil, errors.New("not here") }
func (c *cloud) Extend(context.Context, *queue.Lease) error                 { return nil }
func (c *cloud) Done(context.Context, *queue.Lease) error                   { return nil }
func (c *cloud) Bury(context.Context, *queue.Lease, string) error           { return nil }
func (c *cloud) Close() error                                               { return nil }
func (c *cloud) Release(context.Context, *queue.Lease, time.Duration) error { return nil }

// Depth is what SQS would say: a little wrong now and then.
func (c *cloud) Depth(context.Context) (queue.Depth, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var d queue.Depth
	now := time.Now()
	for _, at := range c.visible {
		if at.After(now) {
			d.Leased++
		} else {
			d.Waiting++
		}
	}
	if c.rng.IntN(20) == 0 {
		d.Waiting = max(0, d.Waiting-1)
	}
	if c.rng.IntN(100) == 0 {
		return d, errors.New("throttled")
	}
	return d, nil
}

func (c *cloud) Tasks(context.Context) ([]launch.Task, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rng.IntN(100) == 0 {
		return nil, errors.New("throttled")
	}
	now := time.Now()
	var out []launch.Task
	for id, t := range c.tasks {
		if t.State == launch.Stopped && now.Sub(t.Ended) > time.Hour+time.Minute {
			delete(c.tasks, id)
			continue
		}
		if !now.Before(t.listed) {
			out = append(out, t.Task)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, nil
}

func (c *cloud) Start(_ context.Context, n int, k launch.Capacity, token string) (started []launch.Task, failures []launch.Failure, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rng.IntN(50) == 0 {
		return nil, nil, fmt.Errorf("%w: throttled", launch.ErrRefused)
	}
	for range n {
		if k == launch.Spot && c.rng.IntN(5) == 0 || c.rng.IntN(50) == 0 {
			failures = append(failures, launch.Failure{Reason: "Capacity is unavailable at this time", Capacity: true})
			continue
		}
		c.starts++
		t := &simTask{stop: make(chan struct{}), listed: time.Now().Add(time.Duration(c.rng.IntN(30)) * time.Second)}
		t.Task = launch.Task{ID: fmt.Sprintf("t%06d", c.starts), State: launch.Pending, Capacity: k, Token: token, Created: time.Now()}
		c.tasks[t.ID] = t
		started = append(started, t.Task)
		rng := rand.New(rand.NewPCG(c.rng.Uint64(), 1))
		c.wg.Go(func() { c.live(t, rng) })
	}
	if c.rng.IntN(50) == 0 { // accepted, but the answer is lost
		return nil, nil, errors.New("connection reset")
	}
	return started, failures, nil
}

func (c *cloud) Stop(_ context.Context, id, _ string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tasks[id]; t != nil {
		t.once.Do(func() { close(t.stop) })
	}
	return nil
}

// set changes a task under the lock.
func (c *cloud) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// live is a task from its start to its end.
func (c *cloud) live(t *simTask, rng *rand.Rand) {
	reason := "Essential container in task exited"
	defer func() {
		time.Sleep(time.Duration(rng.IntN(5)) * time.Second)
		c.set(func() {
			t.State, t.Ended, t.Reason = launch.Stopped, time.Now(), reason
		})
		select { // the platform's event
		case c.poke <- struct{}{}:
		default:
		}
	}()
	sleep := func(d time.Duration) bool {
		select {
		case <-t.stop:
			return false
		case <-time.After(d):
			return true
		}
	}
	fate := rng.IntN(100)
	if fate < 5 { // never as far as fetching
		sleep(30 * time.Second)
		reason = "ResourceInitializationError"
		return
	}
	if !sleep(time.Duration(5+rng.IntN(20)) * time.Second) {
		return
	}
	c.set(func() { t.Billed = time.Now() })
	if fate < 20 {
		sleep(40 * time.Second)
		reason = "CannotPullContainerError"
		return
	}
	if !sleep(time.Duration(5+rng.IntN(20)) * time.Second) {
		return
	}
	c.set(func() {
		t.State, t.Ran = launch.Running, time.Now()
		n := 0
		for _, o := range c.tasks {
			if o.State == launch.Running {
				n++
			}
		}
		c.peak = max(c.peak, n)
	})
	if fate < 22 { // hangs, and would for ever
		if c.mild == endsItself {
			sleep(simMax)
			return
		}
		<-t.stop
		time.Sleep(30 * time.Second)
		return
	}
	began := time.Now()
	dies := 24 * time.Hour
	if fate < 40 { // killed at some moment
		dies = time.Duration(rng.IntN(200)) * time.Second
	}
	for first := true; ; first = false {
		wait := 20 * time.Second
		if age := time.Since(began); !first && age >= time.Minute {
			wait = time.Second
		} else if !first {
			wait = min(wait, time.Minute-age)
		}
		if time.Since(began) > simMax/2 {
			return
		}
		id, ok := c.take(wait)
		if !ok {
			return
		}
		d := c.work[id]
		if left := dies - time.Since(began); d > left {
			sleep(max(0, left))
			return // the lease lapses
		}
		// Leases are renewed while it works.
		c.set(func() { c.visible[id] = time.Now().Add(d + c.lease) })
		sleep(d)
		c.set(func() {
			delete(c.visible, id)
			if _, ok := c.done[id]; !ok {
				c.done[id] = time.Now()
			}
		})
	}
}

func (c *cloud) take(wait time.Duration) (string, bool) {
	for end := time.Now().Add(wait); ; time.Sleep(time.Second) {
		now := time.Now()
		var best string
		c.set(func() {
			for id, at := range c.visible {
				if !at.After(now) && (best == "" || id < best) {
					best = id
				}
			}
			if best != "" {
				c.visible[best] = now.Add(c.lease)
			}
		})
		if best != "" {
			return best, true
		}
		if !now.Before(end) {
			return "", false
		}
	}
}

type simResult struct {
	jobs, starts, peak int
	slowest            time.Duration
	days               map[string]float64
}

// simulate runs n jobs over a span through a real Reconciler.
func simulate(t *testing.T, seed uint64, n int, span time.Duration, limit job.Cap, most int, mild mildness) (res simResult) {
	synctest.Test(t, func(t *testing.T) {
		b := memblob.OpenBucket(nil)
		defer b.Close()
		rng := rand.New(rand.NewPCG(seed, 7))
		c := &cloud{rng: rand.New(rand.NewPCG(seed, 8)), lease: 2 * time.Minute, poke: make(chan struct{}, 1), maxTasks: most, mild: mild,
			visible: map[string]time.Time{}, work: map[string]time.Duration{}, sent: map[string]time.Time{}, done: map[string]time.Time{}, tasks: map[string]*simTask{}}
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		fresh := func() *Reconciler {
			r := &Reconciler{Store: &job.Store{Bucket: b}, Queue: c, Launcher: c, MaxTasks: most, TaskMax: simMax, Cap: limit,
				SweepIdle: 5 * time.Minute, WalkEvery: 24 * time.Hour, Log: log}
			if err := r.Validate(); err != nil {
				t.Fatal(err)
			}
			return r
		}
		// Every task is billed to the days it lives on, whether listed or not.
		billed := map[string]*simTask{}
		begin := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		c.wg.Go(func() { // jobs arrive, in bursts
			for i := 0; i < n; {
				burst := min(n-i, 1+rng.IntN(20))
				for range burst {
					id := fmt.Sprintf("job-%05d", i)
					i++
					c.set(func() {
						c.work[id] = time.Duration(5+rng.IntN(115)) * time.Second
						c.visible[id], c.sent[id] = time.Now(), time.Now()
					})
				}
				select {
				case c.poke <- struct{}{}:
				default:
				}
				time.Sleep(time.Duration(rng.Float64() * 2 * float64(span) * float64(burst) / float64(n)))
			}
		})
		c.wg.Go(func() { // ticks: every minute, and when poked
			r := fresh()
			tick := time.NewTicker(time.Minute)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				case <-c.poke:
				}
				switch k := rng.IntN(2000); {
				case k == 0 && mild != watched: // nothing ticks for a while
					time.Sleep(90 * time.Minute)
				case k < 100:
					continue
				case k < 200: // another process
					r = fresh()
				}
				_, _ = r.Tick(ctx)
				c.set(func() {
					for id, t := range c.tasks {
						billed[id] = t
					}
				})
			}
		})
		finished := func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.done) == n
		}
		for !finished() {
			if time.Since(begin) > span+30*24*time.Hour {
				t.Fatalf("seed %d: %d of %d jobs done after a month", seed, len(c.done), n)
			}
			time.Sleep(time.Minute)
		}
		stop()
		c.set(func() {
			for _, s := range c.tasks {
				s.once.Do(func() { close(s.stop) })
			}
		})
		c.wg.Wait()
		res = simResult{jobs: n, starts: c.starts, peak: c.peak, days: map[string]float64{}}
		for id, at := range c.done {
			res.slowest = max(res.slowest, at.Sub(c.sent[id]))
		}
		if len(billed) < c.starts {
			t.Logf("seed %d: %d of %d tasks were seen", seed, len(billed), c.starts)
		}
		for _, s := range billed {
			for d := dayStart(begin); !d.After(time.Now()); d = d.Add(24 * time.Hour) {
				res.days[job.Day(d)] += share(d, s.Billed, s.Ended)
			}
		}
	})
	return res
}

// Starts of lost, killed and hanging tasks included, and all jobs done.
func TestNoJobWaitsForeverAndStartsStayBounded(t *testing.T) {
	jobs, starts := 0, 0
	for seed := range uint64(simSeeds) {
		r := simulate(t, seed, simJobs, 10*time.Hour, nil, 10, wild)
		t.Logf("seed %d: %d jobs, %d starts (%.2f a job), at most %d at once, slowest %v", seed, r.jobs, r.starts, float64(r.starts)/float64(r.jobs), r.peak, r.slowest)
		jobs, starts = jobs+r.jobs, starts+r.starts
		if r.peak > 10 {
			t.Errorf("seed %d: %d tasks at once", seed, r.peak)
		}
		// The longest legitimate wait: nothing ticks for 90 minutes, and a few
		// bad starts after it.
		if r.slowest > 3*time.Hour {
			t.Errorf("seed %d: a job took %v", seed, r.slowest)
		}
	}
	if avg := float64(starts) / float64(jobs); avg > 1.6 {
		t.Errorf("%.2f starts a job on average", avg)
	}
}

// The cap holds while nobody ticks for an hour and a half, because programs end
// themselves; it holds for programs that hang for ever, because the tick stops
// them. Both at once cost what the hanging ones are billed until the next tick.
func TestADayNeverCostsMoreThanItsCap(t *testing.T) {
	for seed := range uint64(simSeeds) {
		limit := 4 * 3600.0
		r := simulate(t, 100+seed, simJobs, 10*time.Hour, &limit, 10, endsItself+mildness(seed%2))
		t.Logf("seed %d: %d starts, spent by day %v", seed, r.starts, r.days)
		full := false
		for d, s := range r.days {
			if s > limit {
				t.Errorf("seed %d: %s cost %.0f of %.0f seconds", seed, d, s, limit)
			}
			full = full || s > limit/2
		}
		if !full {
			t.Errorf("seed %d: the cap was never near, the test shows nothing", seed)
		}
	}
}
