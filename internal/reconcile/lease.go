package reconcile

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/spec"
)

// leaseDoc is reconcile/lease.json: who may start tasks and write the spend,
// and where the walk over all jobs stands.
//
// A store has no lock, and nothing may rest on conditional writes: two
// reconcilers that start within a moment may both believe they hold it. That is
// why one is run with reserved concurrency 1 where that can be had. Where it
// cannot, the lease makes it rare, and what it costs is a task too many.
type leaseDoc struct {
	Schema  int       `json:"schema"`
	Owner   string    `json:"owner"`
	Expires time.Time `json:"expires"`
	// WalkedAt is when the last walk over all jobs began; Walk is where it goes
	// on, nil when it is over.
	WalkedAt time.Time   `json:"walked_at"`
	Walk     *job.Cursor `json:"walk,omitempty"`
}

// peek reads the lease. A damaged one counts as none: it holds nothing that
// cannot be done again.
func (r *Reconciler) peek(ctx context.Context) (leaseDoc, error) {
	var d leaseDoc
	found, err := r.Store.ReadStrict(ctx, job.LeaseKey, &d)
	if err != nil && !found {
		return d, err
	}
	if err != nil {
		d = leaseDoc{}
	}
	return d, nil
}

// acquire takes the lease for this tick: write, let others write, read again.
// ok is false when somebody else has it.
func (r *Reconciler) acquire(ctx context.Context) (ok bool, err error) {
	if r.held {
		return true, nil
	}
	d, err := r.peek(ctx)
	if err != nil {
		return false, err
	}
	if r.Owner == "" {
		r.Owner = rand.Text()
	}
	if d.Owner != "" && d.Owner != r.Owner && time.Now().Before(d.Expires) {
		return false, nil
	}
	d.Schema, d.Owner, d.Expires = spec.SchemaVersion, r.Owner, time.Now().UTC().Add(r.leaseFor())
	if err := r.Store.Write(ctx, job.LeaseKey, d); err != nil {
		return false, err
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(r.settle()):
	}
	now, err := r.peek(ctx)
	if err != nil {
		return false, err
	}
	r.held, r.lease = now.Owner == r.Owner, now
	return r.held, nil
}

// giveBack lets the next reconciler begin at once. It also stores where the
// walk stands.
func (r *Reconciler) giveBack(ctx context.Context) error {
	if !r.held {
		return nil
	}
	r.held = false
	r.lease.Owner = ""
	return r.Store.Write(ctx, job.LeaseKey, r.lease)
}

func (r *Reconciler) leaseFor() time.Duration {
	if r.LeaseFor == 0 {
		return time.Minute
	}
	return r.LeaseFor
}

func (r *Reconciler) settle() time.Duration {
	if r.Settle == 0 {
		return 250 * time.Millisecond
	}
	return r.Settle
}
