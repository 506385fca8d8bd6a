//go:build slow

package own

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/spec"
)

// bound is the longest one chaos may take.
const bound = 3 * time.Minute

// seeds are the chaos seeds of one test run: 1, or those of CITYFLOW_CHAOS
// ("1,2,3").
func seeds(t *testing.T) []uint64 {
	list := os.Getenv("CITYFLOW_CHAOS")
	if list == "" {
		list = "1"
	}
	var out []uint64
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// promised is a job that somebody was told an id for.
type promised struct {
	seed  int
	key   string
	id    string
	twice bool
	again bool // the second submit was answered too
}

func wanted(draw *rand.Rand) []*promised {
	var all []*promised
	add := func(seed int) {
		all = append(all, &promised{seed: seed, key: fmt.Sprint("key-", seed), twice: seed%2 == 0})
	}
	for s := firstGood; s < afterGoods; s++ {
		add(s)
	}
	for s := firstPoison; s <= lastPoison; s++ {
		add(s)
	}
	draw.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (p *promised) poison() bool { return p.seed >= firstPoison }

// send submits what has no answer yet; whoever gets none tries again with the
// same key, as clients do.
func (p *promised) send(t *testing.T, url string) bool {
	id, err := submit(url, request(p.seed), p.key)
	if err != nil {
		return false
	}
	if p.id == "" {
		p.id = id
		return true
	}
	p.again = true
	if id != p.id {
		t.Errorf("seed %d sent twice with one key is job %s and job %s", p.seed, p.id, id)
	}
	return true
}

func TestChaosOnALaptop(t *testing.T) {
	want := undisturbed(t)
	bin := program(t, "poisoned", poisoned...)
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { laptopChaos(t, bin, want, seed) })
	}
}

func laptopChaos(t *testing.T, bin string, want map[int]map[string]string, seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 2))
	dir := withTown(t, t.TempDir())
	args := []string{"--addr", "127.0.0.1:0", "--data", "data", "--lease", "1s", "--workers", "2"}
	began := time.Now()
	deadline := began.Add(bound)
	kills, terms, deaths, starts := 0, 0, 0, 0
	jobs := wanted(draw)
	ended := map[string]*spec.Status{}
	for len(ended) < len(jobs) {
		if time.Now().After(deadline) {
			for _, j := range jobs {
				if ended[j.id] == nil {
					t.Logf("open: seed %d job %q", j.seed, j.id)
				}
			}
			t.Fatalf("%d of %d jobs ended within %v; %d kills, %d signals, %d deaths", len(ended), len(jobs), bound, kills, terms, deaths)
		}
		p, err := serve(t, bin, dir, args...)
		starts++
		if err != nil {
			if strings.Contains(p.String(), "cityflow:") {
				t.Fatal(err)
			}
			deaths++ // a poison job was waiting: the process died before it could say where it listens
			continue
		}
		// Disturb for two thirds of the time, then let it finish.
		life := time.Duration(300+draw.IntN(2200)) * time.Millisecond
		if time.Since(began) > bound*2/3 {
			life = bound
		}
		submits, spared := 0, false
		for end := time.Now().Add(life); (spared && time.Now().Before(deadline) || time.Now().Before(end)) && p.running() && len(ended) < len(jobs); time.Sleep(30 * time.Millisecond) {
			for _, j := range jobs { // a few submits in each life
				if j.id != "" && (!j.twice || j.again) {
					continue
				}
				if submits == 5 || !j.send(t, p.url) {
					break
				}
				submits++
			}
			// A job whose workers die again and again is poison by the rule. On a
			// slow machine one good job could meet every kill: after three tries
			// it is let finish.
			spared = false
			for _, j := range jobs {
				if j.id == "" || ended[j.id] != nil {
					continue
				}
				st, err := statusOf(p.url, j.id)
				if err != nil {
					break
				}
				if st.State == spec.Complete || st.State == spec.Failed {
					ended[j.id] = st
				} else if !j.poison() && st.Attempt >= 3 {
					spared = true
				}
			}
		}
		switch {
		case !p.running():
			deaths++
		case len(ended) < len(jobs) && (kills+terms)%3 == 2:
			terms++
			if err := p.stop(t); err != nil && p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Errorf("after SIGTERM: %v\n%s", err, p.String())
			}
		case len(ended) < len(jobs):
			kills++
			p.kill()
		default:
			p.kill()
		}
	}
	t.Logf("seed %d: all ended after %.0f s; %d starts, %d kill -9, %d SIGTERM, %d deaths by poison", seed, time.Since(began).Seconds(), starts, kills, terms, deaths)
	if kills < 3 || terms < 1 || deaths < 3 {
		t.Errorf("too little happened: the test shows nothing")
	}
	p, err := serve(t, bin, dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, p, filepath.Join(dir, "data"))
	q, err := jetstream.Embed(t.Context(), filepath.Join(dir, "data", "queue"), jetstream.Options{Lease: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	b := folder(t, filepath.Join(dir, "data", "store"))
	defer b.Close()
	judge(t, q, b, jobs, ended, want, lastPoison-firstPoison+1)
}

// settle waits until what is left over is cleared up, markers of submits that
// were cut off and messages of jobs that are done, and stops the server.
func settle(t *testing.T, p *process, data string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		left, err := os.ReadDir(filepath.Join(data, "store", "pending"))
		left = slices.DeleteFunc(left, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".tmp") }) // see markers
		var h struct {
			Queue struct{ Waiting, Running int }
		}
		// A message may be left of a job whose server died just after it was done.
		a, herr := ask("GET", p.url+"/v1/health", "", "")
		if herr == nil {
			herr = json.Unmarshal([]byte(a.body), &h)
		}
		if err == nil && len(left) == 0 && herr == nil && a.code == 200 && h.Queue.Waiting+h.Queue.Running == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("left: %v %v, %+v %v\n%s", left, err, h, herr, p.String())
			break
		}
	}
	if err := p.stop(t); err != nil {
		t.Errorf("%v\n%s", err, p.String())
	}
}
