//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// maxRSS is the peak memory of this process in bytes.
func maxRSS() int64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	n := int64(r.Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		n *= 1024 // kibibytes everywhere else
	}
	return n
}
