// Package queue is the small interface through which jobs wait for workers.
// Drivers live beside it (jetstream here, others by URL) and all pass the same
// conformance suite, queuetest.
//
// A message is taken under a lease: while the lease holds nobody else gets the
// message; when it lapses, the message is handed out again. Delivery is at
// least once, so a message may be seen twice and even by two workers at the
// same time; the work must bear that.
//
// The worker acknowledges, never the driver: a message disappears only by
// Done or Bury. A job can be delayed, never lost.
package queue

import (
	"context"
	"errors"
	"time"
)

// ErrLeaseLost says that the lease lapsed before the call: the message may
// already be with somebody else, and nothing was changed.
var ErrLeaseLost = errors.New("queue: the lease has lapsed")

// ErrClosed is returned by a queue after Close.
var ErrClosed = errors.New("queue: closed")

// Queue is a durable queue of small messages. It is safe for concurrent use.
type Queue interface {
	// Send stores a message; when it returns nil the message survives a crash.
	// While the queue still holds a message of the same id, drivers that can
	// tell keep just one. The id is made of letters, digits and "-", at most
	// 128. The body is printable text (JSON) of 1 byte to 200 KiB.
	Send(ctx context.Context, id string, body []byte) error
	// Receive waits for a message and leases it. It ends with ctx.Err().
	Receive(ctx context.Context) (*Lease, error)
	// Extend starts the lease anew. ErrLeaseLost when it had lapsed.
	Extend(ctx context.Context, l *Lease) error
	// Done removes the message for good.
	Done(ctx context.Context, l *Lease) error
	// Release gives the message back, to be handed out after the delay.
	Release(ctx context.Context, l *Lease, delay time.Duration) error
	// Bury moves the message to the dead letters, where it is kept with the
	// reason and handed out no more.
	Bury(ctx context.Context, l *Lease, reason string) error
	// Depth counts messages. It is also the health check.
	Depth(ctx context.Context) (Depth, error)
	// Close stops the driver; running calls end with an error.
	Close() error
}

// Holder is a Queue that can tell whether it still holds a message, waiting or
// leased. The sweeper uses it to find jobs whose message is gone. In a cluster
// it may say yes for a moment after Done: the next sweep asks again.
type Holder interface {
	Holds(ctx context.Context, id string) (bool, error)
}

// Aged is a Queue that can cheaply tell when its oldest message was sent, of
// those not done with, waiting or leased; the zero time when it holds none. A
// queue without it is watched by its own host (SQS: the CloudWatch metric
// ApproximateAgeOfOldestMessage).
type Aged interface {
	Oldest(ctx context.Context) (time.Time, error)
}

// DeadLetters is a Queue whose dead letters can be read. They stay where they
// are; a letter that cannot be shown at the moment (another reader holds it)
// may be missing.
type DeadLetters interface {
	// Dead gives at most limit dead letters, in no promised order.
	Dead(ctx context.Context, limit int) ([]DeadLetter, error)
}

// DeadLetter is a buried message.
type DeadLetter struct {
	ID string
	// Key tells letters apart: a message that was sent twice can leave two with
	// one ID.
	Key  string
	Body []byte
	// Reason given to Bury; where the product itself gave the message up, words
	// that say so.
	Reason string
	// Attempt is the delivery that was buried, 0 when unknown.
	Attempt int
	// Buried is when, zero when unknown.
	Buried time.Time
}

// Lease is the right to work on one message for a while. Its token belongs to
// this delivery alone: a worker whose lease lapsed cannot touch the delivery
// that somebody else holds.
type Lease struct {
	ID   string
	Body []byte
	// Attempt counts deliveries from 1. Drivers may lose the count in a crash.
	Attempt int
	// Token is the driver's own handle.
	Token any
}

// Depth is how full a queue is. Some products only estimate it, and count
// released messages whose delay runs as leased.
type Depth struct {
	Waiting int // nobody has them
	Leased  int // somebody is at work
	Dead    int // buried
}
