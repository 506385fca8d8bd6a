//go:build slow

package own

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"gocloud.dev/blob"

	"github.com/malikobaid/cityflow/internal/aws"
	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/spec"
)

// bucket is an S3-compatible store on loopback, and the address that programs
// reach it by.
func bucket(t *testing.T) (address string, b *blob.Bucket) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	backend := s3mem.New()
	if err := backend.CreateBucket("artifacts"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(srv.Close)
	address = "s3://artifacts?region=eu-west-2&use_path_style=true&endpoint=" + url.QueryEscape(srv.URL)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = aws.OpenBucket(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return address, b
}

func TestChaosOnACluster(t *testing.T) {
	want := undisturbed(t)
	bin := program(t, "poisoned", poisoned...)
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { clusterChaos(t, bin, want, seed) })
	}
}

// clusterChaos runs two APIs and three places for workers on a cluster of three
// nodes. Workers are killed and told to stop at random and replaced, a node of
// the cluster goes away in the middle and comes back, an API is killed.
func clusterChaos(t *testing.T, bin string, want map[int]map[string]string, seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 3))
	c := newCluster(t)
	store, b := bucket(t)
	// As docs/own-servers.md says: cities go in once, and nobody else has any.
	dir := t.TempDir()
	if p := launched(t, bin, withTown(t, t.TempDir()), "city", "publish", "--store", store); p.wait(t) != nil {
		t.Fatal(p.String())
	}
	both := []string{"--store", store, "--queue", c.url(0), "--lease", "2s"}
	var apis [2]*process
	api := func(i int) {
		p, err := serve(t, bin, dir, append([]string{"--addr", "127.0.0.1:0", "--workers", "0", "--data", "data"}, both...)...)
		if err != nil {
			t.Fatal(err)
		}
		apis[i] = p
	}
	api(0)
	api(1)
	var workers [3]*process
	began := time.Now()
	jobs := wanted(draw)
	ended := map[string]*spec.Status{}
	kills, terms, deaths, starts := 0, 0, 0, 0
	victim, downAt, upAt, apiAt := draw.IntN(3), 12, 40, 25 // ended jobs at which things happen
	isDown, wasDown, apiDied := false, false, false
	next := time.Now()
	for len(ended) < len(jobs) {
		if time.Since(began) > bound {
			for _, j := range jobs {
				if ended[j.id] == nil {
					st, err := statusOf(apis[0].url, j.id)
					t.Logf("open: seed %d job %q %+v %v", j.seed, j.id, st, err)
				}
			}
			t.Fatalf("%d of %d jobs ended within %v\n%s", len(ended), len(jobs), bound, apis[0].String())
		}
		for i, w := range workers {
			if w == nil || !w.running() {
				if w != nil {
					deaths++
				}
				workers[i] = launched(t, bin, dir, append([]string{"worker"}, both...)...)
				starts++
			}
		}
		if time.Now().After(next) && time.Since(began) < bound*2/3 {
			next = time.Now().Add(time.Duration(500+draw.IntN(2500)) * time.Millisecond)
			i := draw.IntN(len(workers))
			if (kills+terms)%3 == 2 {
				terms++
				if err := workers[i].stop(t); err != nil && !strings.Contains(err.Error(), "signal: ") { // poison, or not yet listening to signals
					t.Errorf("after SIGTERM: %v\n%s", err, workers[i].String())
				}
			} else {
				kills++
				workers[i].kill()
			}
			workers[i] = nil
		}
		switch n := len(ended); {
		case n >= downAt && !wasDown:
			c.down(victim)
			isDown, wasDown = true, true
		case isDown && (n >= upAt || time.Since(began) > bound/2):
			c.up(t, victim)
			isDown = false
		case n >= apiAt && !apiDied:
			apis[0].kill()
			api(0)
			apiDied = true
		}
		sent := 0
		for k, j := range jobs {
			if j.id != "" && (!j.twice || j.again) {
				continue
			}
			// The second of two goes to the other API.
			if sent++; sent > 3 || k > len(ended)+20 || !j.send(t, apis[draw.IntN(2)].url) {
				break
			}
		}
		for _, j := range jobs {
			if j.id == "" || ended[j.id] != nil {
				continue
			}
			st, err := statusOf(apis[1].url, j.id)
			if err != nil {
				break
			}
			if st.State == spec.Complete || st.State == spec.Failed {
				ended[j.id] = st
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("seed %d: all ended after %.0f s; %d workers started, %d kill -9, %d SIGTERM, %d deaths by poison; node %d was away", seed, time.Since(began).Seconds(), starts, kills, terms, deaths, victim)
	if kills < 3 || terms < 1 || deaths < 10 || !wasDown || !apiDied {
		t.Errorf("too little happened: the test shows nothing")
	}
	if isDown {
		c.up(t, victim)
	}
	// Whoever is left clears up: late messages, markers of submits cut off.
	for deadline := time.Now().Add(patience); len(markers(t, b)) > 0 && time.Now().Before(deadline); {
		time.Sleep(200 * time.Millisecond)
	}
	q, err := jetstream.Dial(t.Context(), c.url(0), jetstream.Options{Lease: 2 * time.Second, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	judge(t, q, b, jobs, ended, want, lastPoison-firstPoison+1)
	for _, p := range append(workers[:], apis[:]...) {
		if p != nil && p.running() {
			if err := p.stop(t); err != nil {
				t.Errorf("%s: %v\n%s", p.name, err, p.String())
			}
		}
	}
}

// Without a majority the queue takes nothing: a submit is kept in the store all
// the same, the health check says what is broken, and the job is sent once a
// second node is back.
func TestTwoNodesAwayDelayJobsAndLoseNone(t *testing.T) {
	p := &pair{T: t, dir: t.TempDir()}
	p.store, p.b = bucket(t)
	p.publish(town())
	c := newCluster(t)
	p.both = []string{"--store", p.store, "--queue", c.url(0), "--lease", "2s"}
	api := p.api(program(t, "plain"))
	p.worker(program(t, "plain"))
	first, _ := p.ask(api, 1)
	until(t, api, first, spec.Complete)
	c.down(0)
	c.down(1)
	id, _ := p.ask(api, 2)
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		a, err := ask("GET", api.url+"/v1/health", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if a.code == 503 && strings.Contains(a.body, "queue") {
			break // the last node needs a moment to see that it is alone
		}
		if time.Now().After(deadline) {
			t.Errorf("health: %+v", a)
			break
		}
	}
	c.up(t, 0)
	began := time.Now()
	until(t, api, id, spec.Complete)
	t.Logf("complete %.0f s after a second node was back", time.Since(began).Seconds())
	if a, err := ask("GET", api.url+"/v1/health", "", ""); err != nil || a.code != 200 {
		t.Errorf("health: %+v %v", a, err)
	}
}
