package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
	"github.com/malikobaid/cityflow/internal/launch"
	"github.com/malikobaid/cityflow/internal/telemetry"
)

// scripted starts what each call is told to.
type scripted struct {
	*cloud
	calls []func(n int) ([]launch.Task, []launch.Failure, error)
}

func (s *scripted) Start(_ context.Context, n int, _ launch.Capacity, _ string) ([]launch.Task, []launch.Failure, error) {
	f := s.calls[0]
	s.calls = s.calls[1:]
	return f(n)
}

// Every start that was asked for is metered with what became of it.
func TestStartsAreMetered(t *testing.T) {
	full := launch.Failure{Reason: "Capacity is unavailable", Capacity: true}
	for name, c := range map[string]struct {
		calls []func(n int) ([]launch.Task, []launch.Failure, error)
		want  map[string]float64
	}{
		"Spot is full for one": {[]func(n int) ([]launch.Task, []launch.Failure, error){
			func(int) ([]launch.Task, []launch.Failure, error) {
				return []launch.Task{{ID: "a", Created: time.Now()}, {ID: "b", Created: time.Now()}}, []launch.Failure{full}, nil
			},
			func(int) ([]launch.Task, []launch.Failure, error) {
				return []launch.Task{{ID: "c", Created: time.Now()}}, nil, nil
			},
		}, map[string]float64{"spot started": 2, "spot no_room": 1, "on-demand started": 1}},
		"one is refused": {[]func(n int) ([]launch.Task, []launch.Failure, error){
			func(int) ([]launch.Task, []launch.Failure, error) {
				return []launch.Task{{ID: "a", Created: time.Now()}, {ID: "b", Created: time.Now()}}, []launch.Failure{{Reason: "no subnet"}}, nil
			},
		}, map[string]float64{"spot started": 2, "spot refused": 1}},
		"the call is refused": {[]func(n int) ([]launch.Task, []launch.Failure, error){
			func(int) ([]launch.Task, []launch.Failure, error) {
				return nil, nil, fmt.Errorf("%w: no such family", launch.ErrRefused)
			},
		}, map[string]float64{"spot refused": 3}},
		"the answer is lost": {[]func(n int) ([]launch.Task, []launch.Failure, error){
			func(int) ([]launch.Task, []launch.Failure, error) { return nil, nil, errors.New("connection reset") },
		}, map[string]float64{"spot unknown": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			still(t, func(t *testing.T, _ *job.Store, cl *cloud, r *Reconciler) {
				var out bytes.Buffer
				r.Metrics = telemetry.NewMetrics(telemetry.EMF(&out), nil)
				r.Launcher = &scripted{cl, c.calls}
				for _, id := range []string{"x", "y", "z"} {
					cl.visible[id] = time.Now()
				}
				_, _ = r.Tick(t.Context()) // its errors are not the matter here
				if err := r.Metrics.Close(context.Background()); err != nil {
					t.Fatal(err)
				}
				got := map[string]float64{}
				for line := range strings.Lines(out.String()) {
					var m struct {
						Starts            float64 `json:"cityflow_task_starts_total"`
						Capacity, Outcome string
					}
					if err := json.Unmarshal([]byte(line), &m); err != nil {
						t.Fatal(err)
					}
					if m.Starts > 0 {
						got[m.Capacity+" "+m.Outcome] += m.Starts
					}
				}
				if !maps.Equal(got, c.want) {
					t.Errorf("%v, want %v\n%s", got, c.want, &out)
				}
			})
		})
	}
}
