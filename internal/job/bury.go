package job

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/malikobaid/cityflow/internal/queue"
)

// Undertaker ends jobs that nobody will bring to an end any more, so that
// their status says so. The messages stay where they are, as evidence.
type Undertaker struct {
	Store *Store
	Queue queue.Queue
	Log   *slog.Logger

	// seen are letters that need no second look. All of this only saves
	// requests: after a restart they are looked at again.
	seen   map[string]bool
	dead   int       // how many there were at the last look
	looked time.Time // when that was
	quiet  bool      // it showed nothing new
}

const (
	// lettersAtOnce bounds one look at the dead letters.
	lettersAtOnce = 10
	// maxSeen bounds what is remembered; then it starts afresh.
	maxSeen = 10_000
	// lookAgain is for a letter that came just when another one expired.
	lookAgain = time.Hour
)

// DeadLetters looks at the dead letters, of which the queue has dead, and fails
// their jobs where those are still open: the queue gave them up by itself after
// too many deliveries, or a worker buried the message and died before it could
// write why. It returns how many jobs it ended.
func (u *Undertaker) DeadLetters(ctx context.Context, dead int) (buried int, err error) {
	letters, ok := u.Queue.(queue.DeadLetters)
	if !ok || dead == 0 || u.quiet && dead == u.dead && time.Since(u.looked) < lookAgain {
		return 0, nil
	}
	if u.seen == nil || len(u.seen) >= maxSeen {
		u.seen = map[string]bool{}
	}
	ls, err := letters.Dead(ctx, lettersAtOnce)
	if err != nil {
		return 0, err
	}
	u.dead, u.looked, u.quiet = dead, time.Now(), true
	for _, l := range ls {
		if u.seen[l.Key] {
			continue
		}
		u.quiet = false
		ended, err := u.letter(ctx, l)
		if err != nil {
			return buried, err
		}
		u.seen[l.Key] = true
		if ended {
			buried++
		}
	}
	u.quiet = u.quiet && len(u.seen) >= dead
	return buried, nil
}

func (u *Undertaker) letter(ctx context.Context, l queue.DeadLetter) (bool, error) {
	m, err := decodeMessage(l.Body)
	if err != nil {
		u.Log.WarnContext(ctx, "dead letter names no job", "letter", l.ID, "reason", err)
		return false, nil
	}
	r, err := u.Store.load(ctx, m.JobID)
	if err != nil || r.config == nil || !r.open() {
		return false, err
	}
	f := lostJob(l.Attempt, "")
	switch {
	case r.progress != nil:
		f = lostJob(r.progress.Attempt, r.progress.LastError)
	case l.Reason != "":
		f.Message = fmt.Sprintf("The job was given up before a worker could start it: %s", l.Reason)
	default:
		f.Message = "The job was given up: it was handed out again and again, and no worker came as far as starting it."
	}
	if err := u.Store.putJSON(ctx, Key(m.JobID, FailedFile), f); err != nil {
		return false, err
	}
	u.Log.WarnContext(ctx, "job buried", "job", m.JobID, "reason", f.Message)
	return true, nil
}

// hopeless says that an open job had all its attempts and nobody is at it.
func (r *record) hopeless(now time.Time) bool {
	return r.open() && r.progress != nil && r.progress.stale(now) && r.progress.failures() >= maxFailed
}
