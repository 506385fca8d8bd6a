package loading_test

import (
	"testing"

	"go.uber.org/goleak"
)

// The goroutines of a run end with it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
