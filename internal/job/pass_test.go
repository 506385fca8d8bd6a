package job

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/spec"
)

// walk makes a whole pass in small pieces.
func walk(t *testing.T, p *Pass) (sum PassReport) {
	t.Helper()
	for at := (Cursor{}); ; {
		rep, err := p.Piece(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		sum.Jobs, sum.Resent, sum.Buried, sum.Removed = sum.Jobs+rep.Jobs, sum.Resent+rep.Resent, sum.Buried+rep.Buried, sum.Removed+rep.Removed
		if at = rep.Next; !rep.More {
			return sum
		}
	}
}

func keys(t *testing.T, s *Store, prefix string) []string {
	t.Helper()
	es, err := s.list(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range es {
		out = append(out, e.key)
	}
	return out
}

func TestAPassRemovesWhatHasBeenKeptLongEnough(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		old := send(t, svc, 1)
		cancelled := send(t, svc, 2)
		if _, err := svc.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(48 * time.Hour)
		young := send(t, svc, 3)
		if err := w.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := &Pass{Store: svc.Store, Queue: q, Log: quiet()}
		if rep := walk(t, p); rep.Removed != 0 || rep.Jobs != 3 {
			t.Fatalf("%+v, want nothing removed for ever", rep)
		}
		p.Keep = 24 * time.Hour
		if rep := walk(t, p); rep.Removed != 2 || rep.Resent != 0 {
			t.Fatalf("%+v", rep)
		}
		for _, id := range []string{old, cancelled} {
			if _, err := svc.Status(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("%v", err)
			}
			if left := keys(t, svc.Store, Key(id, "")); len(left) > 0 {
				t.Error(left)
			}
		}
		if stateOf(t, svc, young).State != spec.Complete || len(keys(t, svc.Store, "runs/")) != 1 {
			t.Error("a young job was touched", keys(t, svc.Store, ""))
		}
		if id := send(t, svc, 1); id == old {
			t.Error("a removed job was taken for a cached one")
		}
	})
}

// A pointer may name another job by now: then it stays.
func TestAPassLeavesThePointersOfOthers(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		send(t, svc, 1)
		if err := w.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		run := keys(t, svc.Store, "runs/")
		other := newID()
		if err := svc.Store.Write(t.Context(), run[0], pointer{JobID: other}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		if rep := walk(t, &Pass{Store: svc.Store, Queue: q, Keep: time.Hour, Log: quiet()}); rep.Removed != 1 || len(keys(t, svc.Store, "runs/")) != 1 {
			t.Fatalf("%+v %v", rep, keys(t, svc.Store, ""))
		}
	})
}

// However a removal is interrupted, the job never looks complete with files
// missing, and never open; the next pass takes the rest away.
func TestAnInterruptedRemovalIsNeverSeenHalf(t *testing.T) {
	for at := 0; ; at++ {
		over := false
		virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
			id := send(t, svc, 1)
			if err := w.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			all := len(keys(t, svc.Store, Key(id, "")))
			time.Sleep(48 * time.Hour)
			g := grouped(func() []entry { es, _ := svc.Store.list(t.Context(), "jobs/"); return es }(), "")[0]
			// Do what the removal does, and stop after a number of steps.
			steps := svc.Store.removal(t.Context(), g)
			if err := do(steps[:min(at, len(steps))]); err != nil {
				t.Fatal(err)
			}
			over = at >= len(steps)
			st, err := svc.Status(t.Context(), id)
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				t.Fatal(err)
			case st.State == spec.Complete:
				if n := len(keys(t, svc.Store, Key(id, ""))); n < all {
					t.Errorf("after %d steps: complete with %d of %d files", at, n, all)
				}
			case st.State != spec.Cancelled:
				t.Errorf("after %d steps: %s", at, st.State)
			}
			rep := walk(t, &Pass{Store: svc.Store, Queue: q, Keep: 24 * time.Hour, Empty: true, Log: quiet()})
			if rep.Resent != 0 {
				t.Errorf("after %d steps: sent again", at)
			}
			time.Sleep(72 * time.Hour)
			walk(t, &Pass{Store: svc.Store, Queue: q, Keep: 24 * time.Hour, Empty: true, Log: quiet()})
			if left := keys(t, svc.Store, "jobs/"); len(left) > 0 || len(keys(t, svc.Store, "runs/")) > 0 {
				t.Errorf("after %d steps: left %v", at, left)
			}
		})
		if over {
			return
		}
	}
}

func TestAPassSendsForgottenJobsAndBuriesHopelessOnes(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		ids := map[string]string{}
		for i, name := range []string{"forgotten", "hopeless", "at work", "released"} {
			ids[name] = send(t, svc, uint64(i))
			delete(q.at, ids[name]) // the queue lost everything
		}
		now := time.Now().UTC()
		put := func(name string, p progress) {
			p.LeaseSec, p.StartedAt = 60, now
			if err := svc.Store.putJSON(t.Context(), Key(ids[name], ProgressFile), p); err != nil {
				t.Fatal(err)
			}
		}
		put("hopeless", progress{Attempt: 5, Failed: 4, UpdatedAt: now, LastError: "out of memory"})
		put("released", progress{Attempt: 9, Failed: 4, UpdatedAt: now, Released: true})
		time.Sleep(20 * time.Minute)
		put("at work", progress{Attempt: 5, Failed: 4, UpdatedAt: time.Now().UTC()})

		p := &Pass{Store: svc.Store, Queue: q, Log: quiet()}
		if rep := walk(t, p); rep.Resent != 0 || rep.Buried != 1 {
			t.Fatalf("%+v, want nothing sent before the queue is known to be empty", rep)
		}
		p.Empty = true
		if rep := walk(t, p); rep.Resent != 2 || rep.Buried != 0 {
			t.Fatalf("%+v", rep)
		}
		if st := stateOf(t, svc, ids["hopeless"]); st.State != spec.Failed || !strings.Contains(st.Message, "out of memory") || !strings.Contains(st.Message, "5 attempts") {
			t.Fatalf("%+v", st)
		}
		for _, name := range []string{"forgotten", "released"} {
			if _, ok := q.at[ids[name]]; !ok {
				t.Errorf("%s was not sent", name)
			}
		}
		// A message of a buried job that still comes is kept as a dead letter.
		if err := q.Send(t.Context(), ids["hopeless"], encodeMessage(ids["hopeless"])); err != nil {
			t.Fatal(err)
		}
		delete(q.at, ids["forgotten"])
		delete(q.at, ids["released"])
		if err := w.Once(t.Context()); err != nil || len(q.dead) != 1 {
			t.Fatal(err, q.dead)
		}
	})
}

func TestDeadLettersEndTheirJobsAndStay(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		tried, fresh, done := send(t, svc, 1), send(t, svc, 2), send(t, svc, 3)
		for range 3 {
			l, _ := q.Receive(t.Context())
			if l.ID == done {
				w.handle(t.Context(), l, limit{})
				q.dead = append(q.dead, queue.DeadLetter{ID: l.ID, Body: l.Body})
				continue
			}
			if err := q.Bury(t.Context(), l, ""); err != nil {
				t.Fatal(err)
			}
		}
		q.dead = append(q.dead, queue.DeadLetter{ID: "x", Body: []byte("not ours")}, queue.DeadLetter{ID: "y", Body: encodeMessage(newID())})
		q.dead = append(q.dead, q.dead[0]) // of a message that was sent twice
		now := time.Now().UTC()
		if err := svc.Store.putJSON(t.Context(), Key(tried, ProgressFile), progress{Attempt: 3, LeaseSec: 60, StartedAt: now, UpdatedAt: now, LastError: "disk full"}); err != nil {
			t.Fatal(err)
		}
		u := &Undertaker{Store: svc.Store, Queue: q, Log: quiet()}
		if n, err := u.DeadLetters(t.Context(), len(q.dead)); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		for range 3 {
			if n, err := u.DeadLetters(t.Context(), len(q.dead)); n != 0 || err != nil || len(q.dead) != 6 {
				t.Fatal(n, err)
			}
		}
		if q.looks != 2 {
			t.Fatalf("%d looks at letters that are known", q.looks)
		}
		// One expires and another one comes: the count is the same.
		q.dead[3] = queue.DeadLetter{ID: "late", Body: encodeMessage(send(t, svc, 9))}
		time.Sleep(time.Hour)
		if n, err := u.DeadLetters(t.Context(), len(q.dead)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for id, want := range map[string]string{tried: "disk full", fresh: "no worker came as far"} {
			if st := stateOf(t, svc, id); st.State != spec.Failed || !strings.Contains(st.Message, want) {
				t.Errorf("%+v, want %q", st, want)
			}
		}
		if st := stateOf(t, svc, done); st.State != spec.Complete {
			t.Errorf("%+v", st)
		}
	})
}

// Pages may end within a job: every job is seen once, with all its files.
func TestAPassInPiecesSeesEveryJobOnce(t *testing.T) {
	virtual(t, func(t *testing.T, svc *Service, q *slow, w *Worker) {
		const n = 900 // of eight files each: more than one page
		for i := range n {
			send(t, svc, uint64(i))
			if err := w.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		p := &Pass{Store: svc.Store, Queue: q, Objects: 1, Log: quiet()}
		if rep := walk(t, p); rep.Jobs != n {
			t.Fatalf("%+v", rep)
		}
		time.Sleep(48 * time.Hour)
		p.Keep = time.Hour
		if rep := walk(t, p); rep.Removed != n {
			t.Fatalf("%+v", rep)
		}
		for _, k := range keys(t, svc.Store, "") {
			if !strings.HasPrefix(k, "spend/") {
				t.Fatal("left", k)
			}
		}
		time.Sleep(91 * 24 * time.Hour)
		walk(t, p)
		if left := keys(t, svc.Store, ""); len(left) != 0 {
			t.Fatal(len(left), left[0])
		}
	})
}
