// Package spec is the versioned JSON contract between people, the API, the
// worker and the artifacts: what a run request may say, what a job reports and
// what a summary holds. It leans on nothing else of CityFlow, so that a client
// can import it alone.
//
// Invariants: a RunRequest is what a person typed (short form or full form); a
// Config is the same thing with every default written out, and its canonical
// bytes (RFC 8785) plus the city digest and the model version are the identity
// of a run. Reading is strict: unknown fields and wrong types are Problems,
// all reported together, each with its JSON path and what would be valid.
package spec

// SchemaVersion is the version of every JSON document in this package. Raise
// it when a field changes meaning or disappears; adding a field keeps it.
const SchemaVersion = 1
