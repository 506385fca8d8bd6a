package httpapi

import (
	"container/list"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how many requests one client may send: N at once, refilled evenly
// over Per. The zero value sets no bound.
type Rate struct {
	N   int
	Per time.Duration
}

var periods = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// ParseRate reads "10/m" (s, m, h or d); "none" and "0" are no bound.
func ParseRate(s string) (Rate, error) {
	if s == "none" || s == "0" {
		return Rate{}, nil
	}
	n, unit, ok := strings.Cut(s, "/")
	count, err := strconv.Atoi(n)
	if per := periods[unit]; ok && err == nil && count > 0 && count <= 1e9 && per > 0 {
		return Rate{count, per}, nil
	}
	return Rate{}, fmt.Errorf("%q is no rate, want one such as 10/m (s, m, h or d), or none", s)
}

// String is the form that ParseRate reads, "" for no bound.
func (r Rate) String() string {
	for unit, per := range periods {
		if r.N > 0 && per == r.Per {
			return fmt.Sprintf("%d/%s", r.N, unit)
		}
	}
	return ""
}

// mostClients bounds the memory of a limiter, about 20 MB. The client that was
// quiet the longest is forgotten first, which costs nothing: its bucket is the
// fullest. Whoever has more addresses than this has as many rates anyway.
const mostClients = 1 << 16

// limiter keeps a token bucket for each client.
type limiter struct {
	rate Rate
	most int
	now  func() time.Time

	mu     sync.Mutex
	recent *list.List // of *bucket, the last seen in front
	by     map[string]*list.Element
}

type bucket struct {
	key    string
	tokens *rate.Limiter
}

// newLimiter is nil, which allows everything, for no rate.
func newLimiter(r Rate, most int) *limiter {
	if r.N == 0 {
		return nil
	}
	return &limiter{rate: r, most: most, now: time.Now, recent: list.New(), by: map[string]*list.Element{}}
}

// allow takes a token of a client, or says how long until there is one.
func (l *limiter) allow(key string) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	now := l.now()
	l.mu.Lock()
	e, known := l.by[key]
	if known {
		l.recent.MoveToFront(e)
	} else {
		if l.recent.Len() >= l.most {
			oldest := l.recent.Back()
			delete(l.by, l.recent.Remove(oldest).(*bucket).key)
		}
		every := rate.Every(l.rate.Per / time.Duration(l.rate.N))
		e = l.recent.PushFront(&bucket{key, rate.NewLimiter(every, l.rate.N)})
		l.by[key] = e
	}
	b := e.Value.(*bucket)
	l.mu.Unlock()
	r := b.tokens.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait == 0 {
		return 0, true
	}
	r.CancelAt(now)
	return wait, false
}

// throttle refuses clients that ask too often. The page's own files are free:
// they are small, in memory, and a visit needs many of them at once.
func (a *api) throttle(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l, name := a.reads, "requests"
		switch {
		case isPage(r.URL.Path):
			next.ServeHTTP(w, r)
			return
		case isDear(r):
			l, name = a.submits, "submits and questions"
		}
		wait, ok := l.allow(clientOf(r.Context()).key)
		if !ok {
			tooMany.fault(fmt.Sprintf("One client may send %s %s. Nothing was started.", l.rate, name)).
				with("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds())))).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isDear says that a request starts work or may ask a language model.
func isDear(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/v1/submit" || strings.HasPrefix(r.URL.Path, "/v1/") && strings.HasSuffix(r.URL.Path, "/chat"))
}

// isPage says that a path belongs to the web page.
func isPage(path string) bool {
	return path == "/" || path == "/web" || strings.HasPrefix(path, "/web/")
}
