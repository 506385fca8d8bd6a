package job

import (
	"log/slog"
	"os"
	"strings"
)

// FailpointEnv names a point at which the process kills itself, hard, the way
// a power cut would. It is a test aid: tests use it to die at the worst
// moments and prove that a restart loses nothing. Points:
//
//	submit.stored_config    config stored, message not yet sent
//	worker.took_job         attempt counted, nothing done
//	worker.wrote_artifacts  all artifacts stored, no manifest
//	worker.before_done      manifest and pointer stored, message still there
//
// "worker.took_job@porto" is the point for jobs of the city porto alone: every
// worker that takes one dies, while other jobs run.
const FailpointEnv = "CITYFLOW_FAILPOINT"

func failpoint(log *slog.Logger, name, city string) {
	if want, only, limited := strings.Cut(os.Getenv(FailpointEnv), "@"); want != name || limited && only != city {
		return
	}
	log.Error("failpoint reached", "failpoint", name)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic("job: failpoint cannot kill the process: " + err.Error())
	}
	select {}
}
