package main

import (
	"errors"

	"github.com/malikobaid/cityflow/internal/run"
)

// openModel opens the engine with the cities of a data folder. It is a
// variable so that the tests of the service can run on a small model.
var openModel = func(data string) (run.Model, error) {
	return nil, errors.New("this build has no engine and cannot run cities")
}
