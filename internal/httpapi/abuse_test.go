package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/job"
)

// hang bounds every wait of these tests; a connection that is still open then
// was not cut off.
const hang = time.Minute

// dial opens a socket to the server of the rig.
func (r *rig) dial() net.Conn {
	r.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(hang)); err != nil {
		r.Fatal(err)
	}
	return c
}

// raw sends bytes and returns all answers until the server closes.
func (r *rig) raw(request string) string {
	r.Helper()
	c := r.dial()
	// A refusal may come, and the connection go, before all is written.
	go func() { _, _ = io.WriteString(c, request) }()
	b, err := io.ReadAll(c)
	if err, ok := err.(net.Error); ok && err.Timeout() {
		r.Errorf("%.80q: the connection stays open", request)
	}
	return string(b)
}

func status(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	_, code, _ := strings.Cut(line, " ")
	code, _, _ = strings.Cut(code, " ")
	return code
}

// dribble writes a byte at a time until the server has had enough, and returns
// what the server said.
func (r *rig) dribble(begin, with string) string {
	r.Helper()
	c := r.dial()
	if _, err := io.WriteString(c, begin); err != nil {
		r.Fatal(err)
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				if _, err := io.WriteString(c, with); err != nil {
					return
				}
			}
		}
	})
	b, err := io.ReadAll(c)
	close(stop)
	done.Wait()
	if err, ok := err.(net.Error); ok && err.Timeout() {
		r.Errorf("%.60q: the slow client was never cut off", begin)
	}
	return string(b)
}

func TestSlowClientsAreCutOff(t *testing.T) {
	r := newRig(t, nil) // with timeouts of 0.3 s
	if got := r.dribble("GET /v1/cities HTTP/1.1\r\nHost: x\r\nX-Slow: ", "a"); got != "" && status(got) != "408" {
		t.Errorf("slow headers: %q", got)
	}
	if got := r.dribble("POST /v1/submit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n", " "); status(got) != "408" {
		t.Errorf("slow body: %q", got)
	}
	if got := r.dribble("POST /v1/submit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"); status(got) != "408" {
		t.Errorf("slow chunks: %q", got)
	}
}

func TestTheServerHasEveryTimeout(t *testing.T) {
	s := Server(http.NotFoundHandler(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("%+v", s)
	}
}

func TestHugeHeadersAreRefused(t *testing.T) {
	r := newRig(t, nil)
	for name, request := range map[string]string{
		"one header":   "GET /v1/cities HTTP/1.1\r\nHost: x\r\nX-Big: " + strings.Repeat("a", 100_000) + "\r\n\r\n",
		"many headers": "GET /v1/cities HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 20_000) + "\r\n",
		"the address":  "GET /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		if got := r.raw(request); status(got) != "431" && got != "" {
			t.Errorf("%s: %.200q", name, got)
		}
	}
}

func TestConnectionsOfOneClientAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, 8, nil) // two for each client
	s := Server(http.NotFoundHandler(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() { _ = s.Close(); <-served }()
	var open []net.Conn
	from := func(ip string) net.Conn {
		t.Helper()
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Skipf("this system has no second loopback address: %v", err)
		}
		_ = c.SetDeadline(time.Now().Add(hang))
		open = append(open, c)
		return c
	}
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	answers := func(c net.Conn) bool {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return false
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return err == nil
	}
	a, b := from("127.0.0.1"), from("127.0.0.1")
	if !answers(a) || !answers(b) {
		t.Fatal("the first two are not served")
	}
	for range 20 { // idle ones take no place from others
		if answers(from("127.0.0.1")) {
			t.Fatal("a third connection of one client is served")
		}
	}
	if !answers(from("127.0.0.2")) {
		t.Fatal("another client is shut out")
	}
	_ = a.Close()
	for deadline := time.Now().Add(hang); !answers(from("127.0.0.1")); {
		if time.Now().After(deadline) {
			t.Fatal("a closed connection is still counted")
		}
	}
}

// Nothing but the public files of a job can be read through /files, however
// the address is written.
func TestFilesCannotBeLeft(t *testing.T) {
	r := newRig(t, nil)
	ctx := context.Background()
	_, sub := r.submit(`{"city":"testville"}`)
	r.work()
	_, other := r.submit(`{"city":"testville","seed":2}`)
	r.work()
	const secret = "TOP SECRET"
	for _, key := range []string{"runs/secret.json", "secret", "jobs/secret", "jobs/" + sub.JobID + "/secret.key", "cities/newport/x.pack", "jobs/" + sub.JobID + "/.hidden.json"} {
		if err := r.jobs.Store.Bucket.WriteAll(ctx, key, []byte(secret), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := job.KindOf("jobs/" + sub.JobID + "/secret.key"); ok {
		t.Fatal("the test's secret is a public file")
	}
	base := "/files/jobs/" + sub.JobID + "/"
	for _, path := range []string{
		base + "../../runs/secret.json", base + "..%2f..%2fruns%2fsecret.json", base + "%2e%2e/%2e%2e/secret", base + "%2e%2e%2f%2e%2e%2fsecret",
		base + "..%5c..%5csecret", base + `..\..\secret`, base + "..%252f..%252fsecret", base + "....//....//secret", base + "secret.key", base + ".hidden.json",
		base + "%2fetc%2fpasswd", base + "//etc/passwd", base + "summary.json%00.key", base + "secret.key%00.json", base + "%c0%ae%c0%ae/secret", base + "secret.key;.json",
		base + "secret.key?x=.json", base + "secret.key%23.json", base + "./secret.key", base + "%20secret.key", base + "secret.key%0a",
		"/files/../secret", "/files/jobs/../secret", "/files/jobs/secret", "//files/jobs//secret", "/files/jobs/" + sub.JobID + "%2fsecret.key",
		"/files/%6aobs/" + sub.JobID + "/secret.key", "/files/jobs/./" + sub.JobID + "/../../runs/secret.json", "/files/jobs/%2e%2e/runs/secret.json",
		"/files/runs/secret.json", "/files/jobs/*/secret.key", "/files/secret", "/files/", "/files/jobs/", base,
		"/web/../secret", "/web/%2e%2e/secret", "/web/..%5csecret.json", "/web//etc/passwd", "/web/assets/../../api.go", "/web/secret.key", "/web/%00",
		// Of one job to another's files.
		base + "../" + other.JobID + "/secret.key", base + "..%2f" + other.JobID + "%2fkpis.csv",
	} {
		answer := r.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		code := status(answer)
		if strings.Contains(answer, secret) || strings.Contains(answer, "root:") || code != "404" && code != "400" && code != "307" && code != "301" {
			t.Errorf("%s: %.200q", path, answer)
		}
		if _, to, ok := strings.Cut(answer, "Location: "); ok { // a cleaned path is asked for again
			to, _, _ = strings.Cut(to, "\r\n")
			again := r.raw("GET " + to + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			if strings.Contains(again, secret) || status(again) == "200" && !strings.HasPrefix(to, "/web/index") {
				t.Errorf("%s leads to %s: %.200q", path, to, again)
			}
		}
	}
	_, mine := r.do("GET", base+"kpis.csv", "")
	_, theirs := r.do("GET", "/files/jobs/"+other.JobID+"/kpis.csv", "")
	if bytes.Equal(mine, theirs) {
		t.Error("two jobs answer with one file")
	}
}

func TestRangesThatAreNoneOrTooMany(t *testing.T) {
	r := newRig(t, nil)
	_, sub := r.submit(`{"city":"testville"}`)
	r.work()
	path := "/files/jobs/" + sub.JobID + "/links.geojson"
	_, whole := r.do("GET", path, "")
	if len(whole) < 4000 {
		t.Fatal(len(whole))
	}
	for _, h := range []string{"bytes=99999-", "bytes=5-2", "bytes=-", "bytes=a-b", "bytes=--5", "bytes=1-2-3", "bytes=99999999999999999999-", "bytes=", "bytes", "lines=1-2", "bytes=-0", "bytes=0x1-2", "\x00"} {
		if strings.Contains(h, "\x00") {
			continue // no client library sends it; see the raw one below
		}
		res, b := r.do("GET", path, "", "Range", h)
		switch res.StatusCode {
		case 416:
			asFault(t, res, b, 416)
			if res.Header.Get("ETag") != "" {
				t.Errorf("%s: an ETag of an error", h)
			}
		case 200: // a range that is none is ignored
			if !bytes.Equal(b, whole) {
				t.Errorf("%s: %d bytes", h, len(b))
			}
		default:
			t.Errorf("%s: %d", h, res.StatusCode)
		}
	}
	res, b := r.do("GET", path, "", "Range", "bytes=99999-")
	if asFault(t, res, b, 416); res.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", len(whole)) {
		t.Error(res.Header)
	}
	// Each of many small or overlapping ranges would be a seek and a part.
	for name, h := range map[string]string{
		"two": "bytes=0-1,5-6", "7,000 of one byte": "bytes=0-0" + strings.Repeat(",1-1", 7000), "overlapping": "bytes=0-" + strings.Repeat(",0-", 7000), "spaces": "bytes=0-1 , 2-3",
	} {
		res, b := r.do("GET", path, "", "Range", h)
		if res.StatusCode != 200 || !bytes.Equal(b, whole) {
			t.Errorf("%s: %d, %d bytes", name, res.StatusCode, len(b))
		}
	}
	if got := r.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nRange: bytes=0-" + strings.Repeat(",0-", 20_000) + "\r\n\r\n"); status(got) != "431" && got != "" {
		t.Errorf("a header of 60 kB: %.100q", got)
	}
	if got := r.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\nRange: bytes=1-1\r\nConnection: close\r\n\r\n"); status(got) != "200" {
		t.Errorf("two headers: %.100q", got)
	}
	for _, h := range []string{`"no-such"`, `W/"x"`} {
		res, b := r.do("GET", path, "", "If-Match", h)
		asFault(t, res, b, 412)
	}
}

// Whatever a proxy before us may have made of these, at most one of the two
// requests in them is answered here.
func TestRequestsThatHideAnotherOne(t *testing.T) {
	r := newRig(t, nil)
	const hidden = "GET /v1/cities HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, head := range map[string]string{
		"length and chunks":         fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", len(hidden)+5),
		"chunks and length":         "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
		"two lengths":               "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
		"a list of lengths":         "Content-Length: 0, 44\r\n\r\n",
		"a signed length":           "Content-Length: +0\r\n\r\n",
		"a hexadecimal length":      "Content-Length: 0x0\r\n\r\n",
		"a negative length":         "Content-Length: -1\r\n\r\n",
		"two encodings":             "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an encoding in disguise":   "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"a space before the colon":  "Content-Length : 0\r\n\r\n",
		"a folded header":           "X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
		"a chunk size with rubbish": "Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n",
	} {
		answer := r.raw("POST /v1/submit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + head + hidden + hidden)
		if n := strings.Count(answer, "HTTP/1.1 "); n > 1 || strings.Contains(answer, `"slug"`) {
			t.Errorf("%s: %d answers: %.600q", name, n, answer)
		}
		if code := status(answer); code != "" && code[0] != '4' && code != "501" {
			t.Errorf("%s: %.200q", name, answer)
		}
	}
}

func TestCompressedBodiesAreRefused(t *testing.T) {
	r := newRig(t, nil)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, zeros{}, 10<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "gzip, gzip"} {
		res, b := r.do("POST", "/v1/submit", bomb.String(), "Content-Type", "application/json", "Content-Encoding", encoding)
		if asFault(t, res, b, 415); res.Header.Get("Accept-Encoding") != "identity" {
			t.Error(res.Header)
		}
	}
	if res, b := r.do("POST", "/v1/submit", shortForm, "Content-Type", "application/json", "Content-Encoding", "identity"); res.StatusCode != 202 {
		t.Errorf("%d %s", res.StatusCode, b)
	}
}

func TestOldAndOddRequests(t *testing.T) {
	r := newRig(t, func(o *Options) { o.CheckHost, o.Hosts = true, []string{"cityflow.example"} })
	for request, want := range map[string]string{
		"GET /v1/health HTTP/1.0\r\n\r\n":                                                          "200",
		"GET /v1/health HTTP/1.0\r\nHost: evil.example\r\n\r\n":                                    "421",
		"GET http://localhost/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":  "200",
		"GET http://evil.example/v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n": "421",
		"GET /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n":                                     "400",
		"GET /v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                                    "400",
		"GET /v1/health HTTP/3.7\r\nHost: localhost\r\n\r\n":                                       "505",
		"BREW /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":                 "405",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":        "421",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":                       "200",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP at all\r\n\r\n":                     "400",
		"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX-A: \x00\r\nConnection: close\r\n\r\n":     "400",
	} {
		if got := r.raw(request); status(got) != want {
			t.Errorf("%q: want %s, got %.300q", request, want, got)
		}
	}
	for host, want := range map[string]int{
		"localhost": 200, "127.0.0.1:8080": 200, "[::1]:80": 200, "cityflow.example": 200, "CityFlow.example:443": 200, "cityflow.example.": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example": 421, "evilcityflow.example": 421, "8.8.8.8": 421,
	} {
		res, b := r.do("GET", "/v1/cities", "", "Host", host)
		if res.StatusCode != want {
			t.Errorf("%s: %d", host, res.StatusCode)
		}
		if want == 421 {
			asFault(t, res, b, 421)
		}
	}
}

func TestEventStreamsOfOneClientAreBounded(t *testing.T) {
	closing := make(chan struct{})
	r := newRig(t, func(o *Options) { o.Closing = closing })
	_, sub := r.submit(`{"city":"testville"}`) // and nobody works on it
	path := "/v1/jobs/" + sub.JobID + "/events"
	for i := range maxClientStreams {
		res, err := r.client.Get(r.url + path)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(i, err)
		}
		defer res.Body.Close()
	}
	for range 3 {
		res, b := r.do("GET", path, "")
		if asFault(t, res, b, 429); res.Header.Get("Retry-After") == "" {
			t.Error(res.Header)
		}
	}
	if res, _ := r.do("GET", "/v1/status/"+sub.JobID, ""); res.StatusCode != 200 {
		t.Errorf("the status beside the streams: %d", res.StatusCode)
	}
	close(closing)
	for deadline := time.Now().Add(hang); ; { // places come free again
		if res, _ := r.do("GET", path, ""); res.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the places stay taken")
		}
	}
}

// Documents made to hurt whoever reads them.
func TestJSONBombs(t *testing.T) {
	r := newRig(t, nil)
	fields := &strings.Builder{}
	for i := range 20_000 {
		fmt.Fprintf(fields, `,"f%d":1`, i)
	}
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"100,000 open lists":      {strings.Repeat("[", 100_000), 400},
		"100,000 nested lists":    {strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), 400},
		"nested objects":          {strings.Repeat(`{"a":`, 40_000) + "1" + strings.Repeat("}", 40_000), 400},
		"9,000 lists in a field":  {`{"city":"testville","modifications":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + "}", 422},
		"a number of 200 kB":      {`{"city":"testville","num_agents":` + strings.Repeat("9", 200_000) + "}", 422},
		"a huge exponent":         {`{"city":"testville","seed":1e999999999}`, 422},
		"a text of 200 kB":        {`{"city":"` + strings.Repeat("x", 200_000) + `"}`, 422},
		"256 KiB of escapes":      {`{"city":"testville","tram_start":"` + strings.Repeat(`\u0041`, 43_000) + `"}`, 422},
		"20,000 unknown fields":   {`{"city":"testville"` + fields.String() + "}", 422},
		"a field 20,000 times":    {`{"city":"testville"` + strings.Repeat(`,"seed":1`, 20_000) + "}", 422},
		"80,000 modifications":    {`{"city":"testville","modifications":[` + strings.Repeat("{},", 80_000) + "{}]}", 422},
		"a name of control codes": {`{"city":"testville","modifications":[{"type":"toll","name":"a\r\nSet-Cookie: x"}]}`, 422},
	} {
		res, b := r.do("POST", "/v1/submit", c.body, "Content-Type", "application/json")
		f := asFault(t, res, b, c.want)
		if len(f.Errors) == 0 || len(f.Errors) > mostErrors || len(b) > 128<<10 {
			t.Errorf("%s: %d errors in %d bytes", name, len(f.Errors), len(b))
		}
	}
}
