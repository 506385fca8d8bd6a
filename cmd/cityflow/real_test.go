package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/catalog"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// town is a small analytical city that real runs finish in a moment.
func town() *city.City {
	return testcity.Grid(testcity.Small())
}

// workshop is a working folder with what `make build` leaves: here Newport,
// compiled from its sources, and the town. What one test settles the next
// finds settled.
var workshop = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cityflow-test-")
	if err != nil {
		return "", err
	}
	newport, err := build.City(os.DirFS(filepath.Join("..", "..", "cities", "newport")), "newport", nil)
	if err != nil {
		return dir, err
	}
	built, err := openBuilt(filepath.Join(dir, "build"))
	if err != nil {
		return dir, err
	}
	defer built.Close()
	cities := catalog.Over(built)
	return dir, errors.Join(cities.Add(context.Background(), newport), cities.Add(context.Background(), town()))
})

var workshopMade bool

func inWorkshop(t *testing.T) string {
	t.Helper()
	workshopMade = true
	dir, err := workshop()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func removeWorkshop() {
	if workshopMade {
		dir, _ := workshop()
		_ = os.RemoveAll(dir)
	}
}

// cityflow runs a command of the real program in the workshop to its end.
func cityflow(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Dir = inWorkshop(t)
	c.Env = append(os.Environ(), asCityflow+"="+realEngine)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// The real engine, killed at the worst moments, gives after a restart the bytes
// of a run that nobody disturbed.
func TestTheRealEngineKilledGivesTheSameBytes(t *testing.T) {
	dir := inWorkshop(t)
	ids := append([]string(nil), town().Timetable.StopID...)
	sort.Strings(ids)
	request := fmt.Sprintf(`{"city":"testcity","tram_start":%q,"tram_end":%q,"num_agents":300,"replications":2,"iterations":2,"average_last":1}`, ids[0], ids[len(ids)-1])

	lease := []string{"--lease", "2s"} // the engine takes all cores: longer than the small model's
	calm := t.TempDir()
	p := launch(t, dir, realEngine, calm, "", lease...)
	id := p.submit(request)
	p.until(id, spec.Complete)
	p.stop()
	want := artifacts(t, calm, id)
	if len(want) < 9 || !strings.Contains(want["summary.json"], `"verdict"`) {
		t.Fatalf("the calm run left %d files", len(want))
	}
	for point, attempt := range map[string]int{"worker.took_job": 2, "worker.before_done": 1} {
		t.Run(point, func(t *testing.T) {
			data := t.TempDir()
			p := launch(t, dir, realEngine, data, point, lease...)
			// The process may die before it answers: the store knows the id.
			if res, err := client.Post(p.url+"/v1/submit", "application/json", strings.NewReader(request)); err == nil {
				res.Body.Close()
			}
			if err := p.wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("ended with %v, want killed", err)
			}
			if log := p.String(); !strings.Contains(log, "failpoint="+point) {
				t.Fatalf("the point was not reached:\n%s", log)
			}
			dirs, err := os.ReadDir(filepath.Join(data, "store", "jobs"))
			if err != nil || len(dirs) != 1 {
				t.Fatal(dirs, err)
			}
			id := dirs[0].Name()
			_, err = os.Stat(filepath.Join(data, "store", "jobs", id, job.ManifestFile))
			if done := err == nil; done != (point == "worker.before_done") {
				t.Errorf("a manifest is there: %v", done)
			}
			p = launch(t, dir, realEngine, data, "", lease...)
			if st := p.until(id, spec.Complete); st.Attempt != attempt {
				t.Errorf("attempt %d, want %d", st.Attempt, attempt)
			}
			p.untilLogged("job complete", "job already complete")
			p.stop()
			if d := cmp.Diff(want, artifacts(t, data, id)); d != "" {
				t.Error(d)
			}
		})
	}
}
