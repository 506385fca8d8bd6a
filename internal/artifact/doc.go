// Package artifact writes what a run found: tables, maps and JSON, each a pure
// function of plain data. It decides nothing: no indicator is computed here.
// No artifact holds a job id, a host or a clock; equal runs give equal bytes.
package artifact
