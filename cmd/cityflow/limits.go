package main

import (
	"fmt"
	"net"
	"net/url"

	"github.com/malikobaid/cityflow/internal/httpapi"
	"github.com/malikobaid/cityflow/spec"
)

// limitFlags say what a stranger may ask of a server, and who is none.
type limitFlags struct {
	MaxAgents       int      `env:"CITYFLOW_MAX_AGENTS" default:"200000" placeholder:"N" help:"Most people simulated in one run (default 200000)."`
	MaxReplications int      `env:"CITYFLOW_MAX_REPLICATIONS" default:"50" placeholder:"N" help:"Most replications of one run (default 50)."`
	MaxConnections  int      `default:"2048" placeholder:"N" help:"Most open connections, a quarter of them from one client (default 2048)."`
	RateSubmit      string   `env:"CITYFLOW_RATE_SUBMIT" default:"auto" placeholder:"RATE" help:"Submits and questions of one client, such as 10/m, or none. auto: none when only this machine can reach the server, else 10/m."`
	RateRead        string   `env:"CITYFLOW_RATE_READ" default:"auto" placeholder:"RATE" help:"All other requests of one client. auto: none when only this machine can reach the server, else 600/m."`
	TrustedProxy    []string `env:"CITYFLOW_TRUSTED_PROXIES" placeholder:"CIDR" help:"Proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8."`
	Host            []string `placeholder:"NAME" help:"Names this server answers to. Default: any; on a loopback address only localhost, or what a trusted proxy asks for."`
	Private         bool     `env:"CITYFLOW_PRIVATE" help:"Every call but the health check needs a token."`
	TokenHash       []string `env:"CITYFLOW_TOKEN_HASHES" placeholder:"HEX" help:"SHA-256 of a bearer token that is let in; several may be given. See: cityflow token."`
	Token           string   `env:"CITYFLOW_TOKEN" placeholder:"TOKEN" help:"One more token, in clear; only its hash stays in memory."`
}

// The rates of servers that strangers can reach.
const (
	publicSubmits = "10/m"
	publicReads   = "600/m"
)

// limits are those of one request.
func (c *limitFlags) limits() (spec.Limits, error) {
	l := spec.DefaultLimits()
	if c.MaxAgents < 1 || c.MaxAgents > 10_000_000 {
		return l, usagef("--max-agents %d, want 1 to 10000000", c.MaxAgents)
	}
	if c.MaxReplications < 2 || c.MaxReplications > 1000 {
		return l, usagef("--max-replications %d, want 2 to 1000: an interval needs two", c.MaxReplications)
	}
	if c.MaxConnections < 8 {
		return l, usagef("--max-connections %d, want 8 or more", c.MaxConnections)
	}
	l.MaxAgents, l.MaxReplications = c.MaxAgents, c.MaxReplications
	return l, nil
}

// options turns flags into what the API takes; listening is the address.
func (c *limitFlags) options(listening net.Addr, origins []string) (httpapi.Options, error) {
	var o httpapi.Options
	var err error
	if o.Limits, err = c.limits(); err != nil {
		return o, err
	}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			return o, usagef("--origin %q, want scheme and host exactly as browsers send them, such as https://cityflow.example", origin)
		}
	}
	o.Origins = origins
	if o.Proxies, err = httpapi.ParseProxies(c.TrustedProxy); err != nil {
		return o, usagef("--trusted-proxy: %v", err)
	}
	alone := httpapi.LoopbackAddr(listening.String())
	for _, r := range []struct {
		flag, given, public string
		to                  *httpapi.Rate
	}{{"--rate-submit", c.RateSubmit, publicSubmits, &o.Submits}, {"--rate-read", c.RateRead, publicReads, &o.Reads}} {
		if r.given == "auto" {
			r.given = r.public
			if alone && len(o.Proxies) == 0 {
				r.given = "none"
			}
		}
		if *r.to, err = httpapi.ParseRate(r.given); err != nil {
			return o, usagef("%s: %v", r.flag, err)
		}
	}
	o.Limits.RateSubmit, o.Limits.RateRead = o.Submits.String(), o.Reads.String()
	o.Hosts, o.CheckHost = c.Host, alone || len(c.Host) > 0
	if o.Tokens, err = httpapi.ParseTokenHashes(c.TokenHash); err != nil {
		return o, usagef("--token-hash: %v", err)
	}
	if c.Token != "" {
		o.Tokens = append(o.Tokens, httpapi.HashToken(c.Token))
		c.Token = ""
	}
	if o.Private = c.Private; c.Private && len(o.Tokens) == 0 {
		return o, usagef("--private needs a token: `cityflow token` makes one, --token-hash takes its hash")
	}
	return o, nil
}

type tokenCmd struct{}

// Run prints a new token with its hash.
func (tokenCmd) Run(e *env) error {
	token := httpapi.NewToken()
	hash := httpapi.HashToken(token)
	format := "token %s\nhash  %x\n"
	if e.json {
		format = `{"token":"%s","hash":"%x"}` + "\n"
	}
	_, err := fmt.Fprintf(e.stdout, format, token, hash[:])
	return err
}
