//go:build slow

package reconcile

const (
	simSeeds = 8
	simJobs  = 1000
)
