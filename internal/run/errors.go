package run

import "errors"

// ErrUnknownCity is returned for a slug that has no pack.
var ErrUnknownCity = errors.New("unknown city")

// ErrOtherVersion is returned for what only another version of the program can
// run: trying again elsewhere may help.
var ErrOtherVersion = errors.New("this worker has the wrong version of cityflow")
