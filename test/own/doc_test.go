//go:build slow

// Package own puts real processes through what happens on somebody's own
// machines: servers and workers that are killed, disks that fill up, folders
// that cannot be written, a node of the queue's cluster that goes away, and
// versions that do not match. Everything listens on loopback, is bounded in
// number and time, and ends with the test.
package own
