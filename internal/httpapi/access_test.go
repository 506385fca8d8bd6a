package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestAPrivateDeploymentIsClosed(t *testing.T) {
	const token = "cf_a token with spaces; and \"quotes\""
	r := newRig(t, func(o *Options) {
		o.Private, o.Tokens = true, []TokenHash{HashToken("other"), HashToken(token)}
	})
	res, b := r.do("POST", "/v1/submit", shortForm, "Content-Type", "application/json", "Authorization", "Bearer "+token)
	var sub struct {
		JobID string `json:"job_id"`
	}
	if err := json.Unmarshal(b, &sub); err != nil || res.StatusCode != 202 {
		t.Fatalf("%d %s", res.StatusCode, b)
	}
	r.work()
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(OpenAPI("test"), &doc); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{job_id}", sub.JobID, "{slug}", "testville", "{artifact}", "summary.json")
	closed := []string{"GET /openapi.json", "GET /metrics", "GET /nothing", "PATCH /v1/submit", "GET /v1/jobs/x/../../v1/jobs"}
	for path, methods := range doc.Paths {
		for method := range methods {
			if path != "/v1/health" && path != "/v1/session" {
				closed = append(closed, strings.ToUpper(method)+" "+fill.Replace(path))
			}
		}
	}
	if len(closed) < 12 {
		t.Fatalf("only %v", closed)
	}
	for _, c := range closed {
		method, path, _ := strings.Cut(c, " ")
		for _, h := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Bearer " + token + " and more that is long enough for any token"}, {"Authorization", token}, {"Cookie", sessionCookie + "=wrong"}, {"Authorization", "Bearer "}} {
			res, b := r.do(method, path, "", h...)
			if f := asFault(t, res, b, 401); f.Status != 401 || res.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %q is open: %d", c, h, res.StatusCode)
			}
		}
	}
	for _, path := range []string{"/v1/health", "/", "/web/index.html", "/web/config/site.json"} {
		if res, _ := r.do("GET", path, ""); res.StatusCode >= 400 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}

	// A browser signs in once, and then its cookie opens everything.
	for _, given := range []string{"", "Bearer wrong", token} {
		res, b := r.do("POST", "/v1/session", "", "Authorization", given)
		if asFault(t, res, b, 401); res.Header.Get("Set-Cookie") != "" {
			t.Error("a cookie for nothing")
		}
	}
	res, _ = r.do("POST", "/v1/session", "", "Authorization", "Bearer "+token)
	cookies := res.Cookies()
	if res.StatusCode != 204 || len(cookies) != 1 {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure || strings.Contains(c.Value, "token") {
		t.Errorf("%+v", c)
	}
	for _, h := range [][]string{{"Authorization", "Bearer " + token}, {"Cookie", c.Name + "=" + c.Value}} {
		for _, path := range []string{"/v1/cities", "/v1/jobs", "/files/jobs/" + sub.JobID + "/summary.json", "/openapi.json", "/metrics"} {
			res, b := r.do("GET", path, "", h...)
			if res.StatusCode != 200 || strings.Contains(res.Header.Get("Cache-Control"), "public") || !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Authorization") {
				t.Errorf("%s: %d %v %.100s", path, res.StatusCode, res.Header, b)
			}
		}
	}
	if res, _ := r.do("DELETE", "/v1/session", ""); res.StatusCode != 204 || len(res.Cookies()) != 1 || res.Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %v", res.StatusCode, res.Header)
	}
}

func TestAPrivateDeploymentWithoutATokenDoesNotStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it started")
		}
	}()
	New(Options{Private: true})
}

func TestTokenHashesAreReadStrictly(t *testing.T) {
	token := NewToken()
	if len(token) < 25 || token == NewToken() {
		t.Fatal(token)
	}
	h := HashToken("x")
	const x = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // sha256sum of "x"
	for _, list := range [][]string{{x}, {" " + strings.ToUpper(x) + " ", ""}} {
		got, err := ParseTokenHashes(list)
		if err != nil || len(got) != 1 || got[0] != h {
			t.Errorf("%v: %v %v", list, got, err)
		}
	}
	for _, bad := range []string{"x", x[1:], x + "00", strings.Repeat("g", 64), token} {
		if _, err := ParseTokenHashes([]string{bad}); err == nil || strings.Contains(err.Error(), bad) && len(bad) > 1 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOriginsAreComparedExactly(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Origins = []string{"https://friend.example", "http://localhost:5173"} })
	for origin, ok := range map[string]bool{
		"https://friend.example": true, "http://localhost:5173": true, "http://friend.example": false, "https://friend.example:8443": false,
		"https://friend.example.evil": false, "https://evil-friend.example": false, "https://a.friend.example": false, "null": false, "*": false,
		"https://FRIEND.example": false, "https://friend.example/": false, "http://localhost": false, "file://": false, "https://friend.example, https://evil.example": false,
	} {
		for _, method := range []string{"GET", "POST"} {
			res, _ := r.do(method, "/v1/cities", "", "Origin", origin)
			if got := res.Header.Get("Access-Control-Allow-Origin"); (got == origin) != ok || !ok && got != "" {
				t.Errorf("%s: %q", origin, got)
			}
			if res.Header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s: %v", origin, res.Header)
			}
		}
		res, _ := r.do("OPTIONS", "/v1/submit", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		if (res.StatusCode == 204) != ok || (res.Header.Get("Access-Control-Allow-Methods") != "") != ok {
			t.Errorf("preflight of %s: %d %v", origin, res.StatusCode, res.Header)
		}
	}
}

func TestHeadersThatKeepPagesFromBeingMisused(t *testing.T) {
	proxies, err := ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options) { o.Proxies = proxies })
	for _, path := range []string{"/web/index.html", "/v1/health", "/v1/cities", "/nothing", "/openapi.json", "/v1/status/x", "/metrics"} {
		for _, proto := range []string{"https", "http"} {
			res, _ := r.do("GET", path, "", "X-Forwarded-Proto", proto, "X-Forwarded-For", "203.0.113.1")
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin", "X-Permitted-Cross-Domain-Policies": "none",
				"Strict-Transport-Security": map[string]string{"https": "max-age=31536000"}[proto],
			} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s over %s: %s is %q, want %q", path, proto, name, got, want)
				}
			}
			csp := res.Header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") != strings.HasPrefix(path, "/web/") {
				t.Errorf("%s: %s", path, csp)
			}
		}
	}
}

// A client that did not hear the answer asks again with the same key and gets
// the same job; whoever sends no key, another key or another request does not.
func TestARepeatedSubmitIsOneJob(t *testing.T) {
	r := newRig(t, nil)
	ask := func(body, key string) string {
		t.Helper()
		h := []string{"Content-Type", "application/json"}
		if key != "" {
			h = append(h, "Idempotency-Key", key)
		}
		res, b := r.do("POST", "/v1/submit", body, h...)
		var sub struct {
			JobID string `json:"job_id"`
		}
		if err := json.Unmarshal(b, &sub); err != nil || res.StatusCode != 202 || sub.JobID == "" {
			t.Fatalf("%d %s", res.StatusCode, b)
		}
		return sub.JobID
	}
	const one, two = `{"city":"testville","seed":1}`, `{"city":"testville","seed":2}`
	first := ask(one, "a")
	if again := ask(one, "a"); again != first {
		t.Errorf("the same request with the same key is %s and %s", first, again)
	}
	seen := map[string]bool{first: true}
	for _, x := range [][2]string{{one, "b"}, {two, "a"}, {one, ""}, {one, ""}} {
		if id := ask(x[0], x[1]); seen[id] {
			t.Errorf("%v is the job %s of another request", x, id)
		} else {
			seen[id] = true
		}
	}
	res, b := r.do("POST", "/v1/submit", one, "Content-Type", "application/json", "Idempotency-Key", strings.Repeat("k", 256))
	asFault(t, res, b, 422)
}
