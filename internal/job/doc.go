// Package job is the life of a job: submit, queue, worker, artifacts, end. It
// leans on a store of objects, a queue and run.Model, and knows nothing of
// HTTP or of where the store lives.
//
//	submit ──> config.json ──> message ──> worker takes it ──> progress.json
//	                                           │ heartbeat: lease, cancel
//	      cancel.json <── cancel               ▼
//	                         artifacts ──> manifest.json ──> runs/<key>.json ──> message done
//	                         or failed.json ─────────────────────────────────────> message done
//
// The state of a job is which objects exist under jobs/<id>/, by precedence
// manifest > failed > cancel > progress > config. Every object has one writer,
// writers of equal bytes, or writers of which any is valid; nothing rests on
// conditional writes. A step that is interrupted anywhere is repeated by the
// next worker that gets the message, and gives the same bytes.
package job

import "errors"

var (
	// ErrNotFound is returned for a job or artifact that does not exist.
	ErrNotFound = errors.New("no such job")
	// ErrEnded is returned for a cancel of a job that is complete or failed.
	ErrEnded = errors.New("the job has ended")
	// ErrNotComplete is returned for results of a job that has none yet.
	ErrNotComplete = errors.New("the job is not complete")
	// ErrStore is wrapped by every failure of the store.
	ErrStore = errors.New("store")
	// ErrFull is wrapped besides when the store has no space left.
	ErrFull = errors.New("the store is full")
	// ErrReadOnly is wrapped besides when the store refuses to be written to.
	ErrReadOnly = errors.New("the store cannot be written")
)
