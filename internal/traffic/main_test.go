package traffic_test

import (
	"testing"

	"go.uber.org/goleak"
)

// The threads of a run end with it, cancelled runs included.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
