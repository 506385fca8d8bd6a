//go:build !unix

package main

import "runtime"

// maxRSS is the memory this process has from the system, in bytes.
func maxRSS() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
