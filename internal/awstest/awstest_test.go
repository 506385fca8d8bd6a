package awstest

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// With this variable set the test binary only starts moto and waits.
const asParent = "CITYFLOW_TEST_MOTO_PARENT"

func TestMain(m *testing.M) {
	if python := os.Getenv(asParent); python != "" {
		s, err := start(python)
		if err != nil {
			panic(err)
		}
		fmt.Println(s.URL)
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// However a test binary ends, its server ends with it.
func TestMotoEndsWithAKilledParent(t *testing.T) {
	Moto(t) // skips where there is no Python
	python, _ := Python()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), asParent+"="+python)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line)
	if err := get(url); err != nil {
		t.Fatalf("before: %v", err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	for end := time.Now().Add(patience); get(url) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("moto outlives its parent")
		}
	}
}

func get(url string) error {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	r, err := c.Get(url + "/moto-api/")
	if err == nil {
		err = r.Body.Close()
	}
	return err
}

// try is one try of a call as the SDK makes it.
func try(t *testing.T, url, path, call string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+path, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Amz-Sdk-Invocation-Id", call)
	r, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	_, _ = io.Copy(io.Discard, r.Body)
	return r.StatusCode
}

func TestTheProxyDoesWhatItSays(t *testing.T) {
	var reached atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer srv.Close()
	for _, c := range []struct {
		name     string
		faults   Faults
		statuses []int // of three tries of one call
		reached  int64
	}{
		{"none", Faults{}, []int{200, 200, 200}, 3},
		{"not stored", Faults{NotStored: 1}, []int{503, 503, 503}, 0},
		{"not stored once", Faults{NotStored: 1, Single: true}, []int{503, 200, 200}, 2},
		{"cut", Faults{Cut: 1}, []int{0, 0, 0}, 0},
		{"stored but error", Faults{StoredButError: 1}, []int{500, 503, 503}, 1},
		{"delayed", Faults{Delayed: 1, Delay: time.Millisecond}, []int{200, 200, 200}, 3},
		{"another operation", Faults{NotStored: 1, Match: func(op string) bool { return op == "s3 GetObject" }}, []int{200, 200, 200}, 3},
	} {
		reached.Store(0)
		p := NewProxy(t, srv.URL, c.faults)
		for i, want := range c.statuses {
			if got := try(t, p.URL, "/b/k", "call"); got != want {
				t.Errorf("%s: try %d answered %d, want %d", c.name, i+1, got, want)
			}
		}
		if n := reached.Load(); n != c.reached {
			t.Errorf("%s: %d tries reached the server, want %d", c.name, n, c.reached)
		}
		if n := p.Counts()["s3 PutObject"]; n != 3 {
			t.Errorf("%s: %v", c.name, p.Counts())
		}
	}
}

// What goes wrong follows from the seed and the object, not from the order.
func TestFaultsAreTheSameInAnyOrder(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	const n = 40
	all := func(seed uint64, order func(int) int) (out [n]int) {
		p := NewProxy(t, srv.URL, Faults{Seed: seed, NotStored: 0.2, StoredButError: 0.2})
		for i := range n {
			i = order(i)
			out[i] = try(t, p.URL, fmt.Sprint("/b/", i), fmt.Sprint("call ", i))
		}
		return out
	}
	forth := func(i int) int { return i }
	first := all(1, forth)
	if back := all(1, func(i int) int { return n - 1 - i }); first != back {
		t.Error("the order counts")
	}
	if first == all(2, forth) {
		t.Error("the seed does not count")
	}
}

// The share of calls that go wrong is the one asked for, within four standard
// deviations of a draw of that many.
func TestSharesAreKept(t *testing.T) {
	f := Faults{Seed: 3, NotStored: 0.2, Cut: 0.05, StoredButError: 0.1}
	const n = 20000
	got := map[fate]int{}
	for i := range n {
		got[f.draw(fmt.Sprintf("s3 PutObject /b/jobs/%d/config.json", i%500), i/500+1)]++
	}
	for what, share := range map[fate]float64{notStored: 0.2, cut: 0.05, storedButError: 0.1, delayed: 0} {
		if d := math.Abs(float64(got[what]) - share*n); d > 4*math.Sqrt(n*share*(1-share)) {
			t.Errorf("%v: %d of %d, want %.0f", what, got[what], n, share*n)
		}
	}
}
