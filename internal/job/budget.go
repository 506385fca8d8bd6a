package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/malikobaid/cityflow/spec"
)

// ErrBudget is returned by Submit when the computing time of the day is used
// up. The error in hand is a *BudgetError, which says until when.
var ErrBudget = errors.New("the computing time of today is used up")

// BudgetError is an ErrBudget.
type BudgetError struct {
	// Reset is when the next day begins, in UTC like all days of a budget.
	Reset time.Time
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("%v; new runs are possible again from %s", ErrBudget, e.Reset.Format(time.RFC3339))
}

// Is makes errors.Is(err, ErrBudget) true.
func (e *BudgetError) Is(target error) bool { return target == ErrBudget }

// Cap is how many seconds workers may work in one UTC day; nil is no limit.
type Cap *float64

// ParseCap reads a cap: a number of seconds, 0 for "start nothing", "" or
// "none" for no limit.
func ParseCap(s string) (Cap, error) {
	if s = strings.TrimSpace(s); s == "" || s == "none" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("%q is no number of seconds a day, want 0 (start nothing) or more, or none", s)
	}
	return &v, nil
}

// Spent is the part of spend/<day>.json that a submit looks at. Whoever holds
// the lease of the reconciler writes it.
type Spent struct {
	Schema int    `json:"schema"`
	Day    string `json:"day"`
	// Seconds that workers have used of the day.
	Seconds float64 `json:"seconds"`
	// CapSeconds is the limit they were compared with, null for none.
	CapSeconds Cap `json:"cap_seconds"`
	// Closed says that no worker can be started any more today.
	Closed bool `json:"closed"`
}

// Day is the day of a budget that t belongs to.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// SpendKey is the object of a day.
func SpendKey(day string) string { return spendPrefix + day + ".json" }

// WorkedPrefix is where workers note their seconds of a day, one object a job.
func WorkedPrefix(day string) string { return spendPrefix + day + "/" }

const spendPrefix = "spend/"

// Worked is spend/<day>/<job>.json: the seconds that all attempts at the job
// which began on that day have taken so far. The lease holder writes it, so it
// has one writer at a time, and reading all of a day can be repeated at will.
type Worked struct {
	Schema  int     `json:"schema"`
	Seconds float64 `json:"seconds"`
}

// Budget is the gate of new jobs. It only reads; cached answers never pass it.
type Budget struct {
	Store *Store
	Cap   Cap
	Log   *slog.Logger
	// Fresh is how long a look at the store is believed; 0 means five seconds.
	Fresh time.Duration

	mu     sync.Mutex
	looked time.Time
	closed bool
}

// Check returns a *BudgetError while the day is used up. When the store cannot
// tell, jobs are accepted: the reconciler starts nothing beyond the cap anyway,
// so the job is late at worst. A nil *Budget has no limit.
func (b *Budget) Check(ctx context.Context) error {
	if b == nil || b.Cap == nil {
		return nil
	}
	now := time.Now().UTC()
	if *b.Cap > 0 && !b.used(ctx, now) {
		return nil
	}
	return &BudgetError{Reset: now.Truncate(24 * time.Hour).Add(24 * time.Hour)}
}

func (b *Budget) used(ctx context.Context, now time.Time) bool {
	fresh := b.Fresh
	if fresh == 0 {
		fresh = 5 * time.Second
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.looked.IsZero() && now.Sub(b.looked) < fresh && Day(now) == Day(b.looked) {
		return b.closed
	}
	doc, err := getJSON[Spent](ctx, b.Store, SpendKey(Day(now)))
	if err != nil {
		b.Log.WarnContext(ctx, "the spend of today cannot be read, accepting the job", "error", err)
		return false
	}
	b.looked = now
	b.closed = doc != nil && (doc.Closed || doc.Seconds >= *b.Cap)
	return b.closed
}

// keepWorked notes what this attempt and the earlier ones of today took. It is
// a count for the budget: failing to note it must not fail the job.
func (a *attempt) keepWorked(ctx context.Context) {
	if !a.Ledger {
		return
	}
	a.p.mu.Lock()
	started, before := a.p.StartedAt, a.p.WorkedSec
	a.p.mu.Unlock()
	key := WorkedPrefix(Day(started)) + a.r.id + ".json"
	if err := a.Store.putJSON(ctx, key, Worked{Schema: spec.SchemaVersion, Seconds: before + time.Since(started).Seconds()}); err != nil {
		a.Worker.Log.Warn("seconds not noted", "job", a.r.id, "error", err)
	}
}

// workedBefore is the time that earlier attempts of the same day took, as far
// as the last of them lived to say.
func workedBefore(last *progress, now time.Time) float64 {
	if last == nil || Day(last.StartedAt) != Day(now) {
		return 0
	}
	return last.WorkedSec + max(0, last.UpdatedAt.Sub(last.StartedAt).Seconds())
}
