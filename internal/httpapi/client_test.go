package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestWhoIsAsking(t *testing.T) {
	trusted, err := ParseProxies([]string{"10.0.0.0/8", "127.0.0.1", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote string
		xff          []string
		key          string
		local        bool
	}{
		{"directly", "203.0.113.9:1234", nil, "203.0.113.9", false},
		{"a header that nobody trusted wrote", "203.0.113.9:1234", []string{"198.51.100.1"}, "203.0.113.9", false},
		{"behind one proxy", "10.1.1.1:80", []string{"198.51.100.1"}, "198.51.100.1", false},
		{"what a client wrote itself stands left", "10.1.1.1:80", []string{"1.1.1.1, 2.2.2.2, 198.51.100.1"}, "198.51.100.1", false},
		{"two proxies", "10.1.1.1:80", []string{"1.1.1.1, 198.51.100.1, 10.9.9.9"}, "198.51.100.1", false},
		{"several lines", "10.1.1.1:80", []string{"1.1.1.1", "198.51.100.1"}, "198.51.100.1", false},
		{"rubbish ends the search", "10.1.1.1:80", []string{"198.51.100.1, rubbish, 10.2.2.2"}, "10.2.2.2", false},
		{"no header", "10.1.1.1:80", nil, "10.1.1.1", false},
		{"only proxies", "10.1.1.1:80", []string{"10.3.3.3, 10.2.2.2"}, "10.3.3.3", false},
		{"with ports", "10.1.1.1:80", []string{"[2001:db8:1:2:3:4:5:6]:99"}, "2001:db8:1:2::/64", false},
		{"the same network of IPv6", "[2001:db8:1:2:aaaa::1]:99", nil, "2001:db8:1:2::/64", false},
		{"IPv4 in IPv6", "[::ffff:203.0.113.9]:99", nil, "203.0.113.9", false},
		{"without a port, as behind a gateway", "203.0.113.9", nil, "203.0.113.9", false},
		{"loopback", "[::1]:99", nil, "::/64", true},
		{"loopback with signs of a proxy", "[::1]:99", []string{"1.1.1.1"}, "::/64", false},
		{"a trusted loopback proxy", "127.0.0.1:99", []string{"1.1.1.1"}, "1.1.1.1", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		r.Header["X-Forwarded-For"] = c.xff
		if got := identify(r, trusted); got.key != c.key || got.local != c.local {
			t.Errorf("%s: %+v, want %s", c.name, got, c.key)
		}
	}
	for proto, want := range map[string]bool{"https": true, "http": false, "https, http": false, "http, HTTPS": true, "": false} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-Proto", proto)
		if got := identify(r, trusted).tls; got != want {
			t.Errorf("%q: %v", proto, got)
		}
		if r.RemoteAddr = "203.0.113.1:1"; identify(r, trusted).tls {
			t.Errorf("a stranger said %q and was believed", proto)
		}
	}
	for _, bad := range []string{"0.0.0.0/0", "::/0", "proxy.example", "10.0.0.0/33", ""} {
		if _, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestRatesOfEachClient(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := newLimiter(Rate{3, time.Minute}, 2)
	l.now = func() time.Time { return now }
	ask := func(key string) string {
		wait, ok := l.allow(key)
		return fmt.Sprint(ok, " ", wait)
	}
	for i, want := range []string{"true 0s", "true 0s", "true 0s", "false 20s", "false 20s"} {
		if got := ask("a"); got != want {
			t.Errorf("request %d: %s, want %s", i, got, want)
		}
	}
	if got := ask("b"); got != "true 0s" {
		t.Error("another client pays for the first:", got)
	}
	now = now.Add(20 * time.Second)
	if a, b := ask("a"), ask("a"); a != "true 0s" || b != "false 20s" {
		t.Error("after the wait:", a, b)
	}
	ask("c") // b was quiet the longest and is forgotten
	if len(l.by) != 2 || l.recent.Len() != 2 || l.by["a"] == nil || l.by["b"] != nil {
		t.Errorf("%d clients are kept", len(l.by))
	}
	for i := range 10_000 {
		ask(fmt.Sprint(i))
	}
	if len(l.by) != 2 || l.recent.Len() != 2 {
		t.Errorf("%d clients are kept", len(l.by))
	}
	if _, ok := (*limiter)(nil).allow("x"); !ok {
		t.Error("no rate is a bound")
	}
}

func TestRatesAreReadAndWritten(t *testing.T) {
	for s, want := range map[string]Rate{"10/m": {10, time.Minute}, "5/s": {5, time.Second}, "1/h": {1, time.Hour}, "100/d": {100, 24 * time.Hour}, "none": {}, "0": {}} {
		got, err := ParseRate(s)
		if err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
		if s[len(s)-1] != 'e' && s != "0" && got.String() != s {
			t.Errorf("%s becomes %q", s, got)
		}
	}
	for _, s := range []string{"", "10", "10/w", "-1/m", "0/m", "x/m", "/m", "10/m/m", "99999999999/s"} {
		if _, err := ParseRate(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestClientsThatAskTooOftenMustWait(t *testing.T) {
	proxies, err := ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options) {
		o.Submits, o.Reads, o.Proxies = Rate{2, time.Hour}, Rate{3, time.Hour}, proxies
	})
	send := func(from, method, path string) *http.Response {
		t.Helper()
		res, b := r.do(method, path, shortForm, "Content-Type", "application/json", "X-Forwarded-For", from, "Origin", "https://friend.example")
		if res.StatusCode == 429 {
			asFault(t, res, b, 429)
			if n := res.Header.Get("Retry-After"); n == "" || n == "0" || res.Header.Get("Access-Control-Allow-Origin") == "" {
				t.Errorf("Retry-After %q, %v", n, res.Header)
			}
		}
		return res
	}
	count := func(n int, from, method, path string, want int) {
		t.Helper()
		for range n {
			if res := send(from, method, path); res.StatusCode != want {
				t.Fatalf("%s %s %s: %d, want %d", from, method, path, res.StatusCode, want)
			}
		}
	}
	count(2, "203.0.113.1", "POST", "/v1/submit", 202)
	count(2, "203.0.113.1", "POST", "/v1/submit", 429)
	count(3, "203.0.113.1", "GET", "/v1/cities", 200) // counted apart
	count(1, "203.0.113.1", "GET", "/v1/health", 429)
	count(1, "203.0.113.1", "GET", "/nothing", 429)
	count(5, "203.0.113.1", "GET", "/web/index.html", 200)
	count(1, "203.0.113.1", "POST", "/v1/chat", 429)   // a question is as dear as a submit
	count(1, "203.0.113.2", "POST", "/v1/submit", 202) // another client
	// One household of IPv6 is one client, whatever address it takes.
	count(2, "2001:db8::1", "POST", "/v1/submit", 202)
	count(1, "2001:db8::2", "POST", "/v1/submit", 429)
	count(1, "2001:db8:0:1::2", "POST", "/v1/submit", 202)
}
