package job

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
)

// The process dies at its point, and at the point of one city only for jobs of
// that city.
func TestFailpoints(t *testing.T) {
	if os.Getenv("CITYFLOW_TEST_FAILPOINT") != "" {
		failpoint(slog.New(slog.NewTextHandler(io.Discard, nil)), "worker.took_job", "porto")
		return
	}
	for value, dies := range map[string]bool{
		"": false, "worker.took_job": true, "worker.took_job@porto": true, "worker.took_job@newport": false, "worker.before_done": false, "worker.took_job@": false, "@porto": false,
	} {
		c := exec.Command(os.Args[0], "-test.run=^TestFailpoints$")
		c.Env = append(os.Environ(), "CITYFLOW_TEST_FAILPOINT=yes", FailpointEnv+"="+value)
		if err := c.Run(); (err != nil) != dies {
			t.Errorf("%q: %v", value, err)
		}
	}
}
