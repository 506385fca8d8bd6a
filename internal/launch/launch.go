// Package launch is the small interface through which workers are started on a
// platform that is paid by the second. internal/launch/ecs is its driver.
//
// Starting is a wish, not a fact: a platform may accept a task that never runs,
// list it late, and answer an error for a task that it did start. Whoever
// starts tasks must therefore look at Tasks, and never count its own calls.
package launch

import (
	"context"
	"errors"
	"time"
)

// State of a task.
type State string

// A task is Pending until its program runs and Stopped from the moment at
// which nothing more can be expected of it.
const (
	Pending State = "pending"
	Running State = "running"
	Stopped State = "stopped"
)

// Capacity is how a task is paid for.
type Capacity string

// Spot is cheap, may be refused and may be stopped with two minutes' notice.
const (
	Spot     Capacity = "spot"
	OnDemand Capacity = "on-demand"
)

// Task is one started worker.
type Task struct {
	ID       string
	State    State
	Capacity Capacity
	// Token is the one that Start was called with.
	Token string
	// Created is when the platform accepted it, Billed when paying began (zero
	// before), Ran when the program was started (zero if it never was), Ended
	// when paying ended (zero before).
	Created, Billed, Ran, Ended time.Time
	// Reason says why it stopped, in the platform's words.
	Reason string
	// NoCapacity says that it stopped because the platform had no room for it.
	NoCapacity bool
}

// Failure is one task that was not started.
type Failure struct {
	Reason, Detail string
	// Capacity says that there was no room: another kind of capacity may help.
	Capacity bool
}

// ErrRefused is wrapped by errors of Start that surely started nothing.
var ErrRefused = errors.New("launch: refused")

// Launcher starts and lists tasks of one kind.
type Launcher interface {
	// Tasks lists all tasks, the stopped ones for at least an hour. A task that
	// was just started may be missing for some seconds.
	Tasks(ctx context.Context) ([]Task, error)
	// Start starts n tasks with at most MaxToken characters of token on them.
	// A call that is repeated with the same token starts nothing twice. What
	// could not be placed is in failures; err says that nothing is known of the
	// tasks in neither list, unless it is an ErrRefused.
	Start(ctx context.Context, n int, c Capacity, token string) (started []Task, failures []Failure, err error)
	// Stop asks a task to end.
	Stop(ctx context.Context, id, reason string) error
}

// MaxToken is the longest token that every driver takes.
const MaxToken = 32
