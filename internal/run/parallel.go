package run

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// each calls work(worker, i) for every i in [0, n) on GOMAXPROCS goroutines.
// Results must be written by index, never appended in order of arrival: that
// is what keeps bytes equal at any GOMAXPROCS. It stops early when ctx ends; a
// panic in a worker is raised again in the caller, with the worker's stack.
func each(ctx context.Context, n int, work func(worker, i int)) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	var next atomic.Int64
	var group sync.WaitGroup
	panics := make([]any, workers)
	for w := range workers {
		group.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics[w] = fmt.Sprintf("%v\n%s", p, debug.Stack())
				}
			}()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				work(w, i)
			}
		})
	}
	group.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	return ctx.Err()
}

// maxWorkers is how many worker numbers each may hand out for n items.
func maxWorkers(n int) int { return max(1, min(runtime.GOMAXPROCS(0), n)) }
