package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// TokenHash is the SHA-256 of a bearer token: all that is kept of it.
type TokenHash [sha256.Size]byte

// HashToken is how tokens are kept. Tokens are long and random, so that a
// plain hash is as good as a slow one.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// NewToken makes a token of at least 128 random bits.
func NewToken() string { return "cf_" + strings.ToLower(rand.Text()) }

// ParseTokenHashes reads SHA-256 hashes in hex.
func ParseTokenHashes(list []string) ([]TokenHash, error) {
	var out []TokenHash
	for i, s := range list {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		var h TokenHash
		b, err := hex.DecodeString(s)
		if err != nil || copy(h[:], b) != len(h) || len(b) != len(h) {
			// The text itself stays out of the message: it may be a token.
			return nil, fmt.Errorf("token hash %d of %d is not 64 hexadecimal digits: `cityflow token` makes one", i+1, len(list))
		}
		out = append(out, h)
	}
	return out, nil
}

// sessionCookie carries the token of a browser that signed in.
const sessionCookie = "cityflow_session"

// holder says whether a request carries a known token, in its header or, from
// a browser that signed in, in its cookie. Every hash is compared, each in
// constant time, so that the time tells nothing about which one is close.
func (a *api) holder(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		c, err := r.Cookie(sessionCookie)
		if err != nil {
			return false
		}
		b, err := base64.RawURLEncoding.DecodeString(c.Value)
		if err != nil {
			return false
		}
		given = string(b)
	}
	return a.knows(given)
}

func (a *api) knows(token string) bool {
	hash, known := HashToken(token), 0
	for _, want := range a.Tokens {
		known |= subtle.ConstantTimeCompare(hash[:], want[:])
	}
	return known == 1
}

func needToken() *Fault {
	return unauthorized.fault("Send a token of this deployment: Authorization: Bearer <token>.").with("WWW-Authenticate", `Bearer realm="cityflow"`)
}

// guard keeps a private deployment closed: every call needs a token but the
// health check and the page, which holds no secret and asks for the token.
func (a *api) guard(next http.Handler) http.Handler {
	if !a.Private {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPage(r.URL.Path) || r.URL.Path == "/v1/health" || r.URL.Path == "/v1/session" || a.holder(r) {
			next.ServeHTTP(w, r)
			return
		}
		needToken().write(w)
	})
}

// operator lets holders of a token through and, where there are none, whoever
// sits at this machine. A page of another site that has its name resolve to
// loopback is kept out by the Host header, a local proxy's visitors by the
// headers a proxy adds.
func (a *api) operator(ctx context.Context) error {
	r := requestOf(ctx)
	if len(a.Tokens) > 0 {
		if a.holder(r) {
			return nil
		}
		return needToken()
	}
	if !clientOf(ctx).local || !LoopbackAddr(r.Host) {
		return forbidden.fault("The list of all jobs is for the machine itself, or for a token.")
	}
	return nil
}

type sessionOutput struct {
	SetCookie    http.Cookie `header:"Set-Cookie"`
	CacheControl string      `header:"Cache-Control"`
}

// sessionRoutes sign a browser in and out. The cookie is for the page of the
// same origin: no script can read it and no other site can have it sent, so
// downloads and maps work without the token in any address.
func (a *api) sessionRoutes() {
	in := operation("POST", "/v1/session", "sign-in", "Keep the bearer token of this request as the cookie of this browser", 401)
	in.DefaultStatus = http.StatusNoContent
	in.Security = []map[string][]string{{"token": {}}}
	huma.Register(a.huma, in, func(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
		given, ok := strings.CutPrefix(requestOf(ctx).Header.Get("Authorization"), "Bearer ")
		if !ok || !a.knows(given) {
			return nil, needToken()
		}
		return session(ctx, given, 0), nil
	})
	out := operation("DELETE", "/v1/session", "sign-out", "Forget the token in this browser")
	out.DefaultStatus = http.StatusNoContent
	huma.Register(a.huma, out, func(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
		return session(ctx, "", -1), nil
	})
}

func session(ctx context.Context, token string, age int) *sessionOutput {
	return &sessionOutput{CacheControl: "no-store", SetCookie: http.Cookie{Name: sessionCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(token)), Path: "/", MaxAge: age,
		HttpOnly: true, Secure: clientOf(ctx).tls, SameSite: http.SameSiteStrictMode}}
}

// check finds options that would leave a deployment open by mistake.
func (o *Options) check() error {
	if o.Private && len(o.Tokens) == 0 {
		return errors.New("a private deployment needs at least one token")
	}
	return nil
}
