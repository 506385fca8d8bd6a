package reconcile

// need is the start rule: how many tasks are missing.
//
//	need = min(most, visible + min(leased, running)) - running - pending
//
// A visible message wants a task. So does a leased one, but that task is there
// already, unless it died: then its message stays leased until the lease lapses
// and is visible again, and nothing is lost by waiting for that. How many of the
// leased messages have a live task behind them is not known; it cannot be more
// than the running tasks, hence min(leased, running). Leased messages of dead
// tasks beyond that number start nothing.
//
// A running task without message is about to take a visible one, and a pending
// one will: both are subtracted. Were busy tasks not counted on the left, each
// of them would seem to be free for a visible message, and nothing would start
// until it ends. Counting messages alone (visible - pending) would start a task
// for every message that idle tasks are just about to take.
//
// All counts are a little old and need not fit each other. Too high a result is
// a task that ends after an idle wait; too low a result is put right by the next
// tick. Neither loses a job, for a job is lost only with its message.
func need(most, visible, leased, running, pending int) int {
	want := min(most, visible+min(leased, running))
	return max(0, want-running-pending)
}
