//go:build !slow

package reconcile

// How much the simulations do; make test-slow does more.
const (
	simSeeds = 2
	simJobs  = 300
)
