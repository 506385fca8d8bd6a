package run

import "errors"

// ErrUnknownCity is returned for a slug that has no pack.
var ErrUnknownCity = errors.New("unknown city")
