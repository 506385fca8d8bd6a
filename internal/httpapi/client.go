package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// client is who a request comes from, as far as an address tells.
type client struct {
	// key is what rates and idempotency go by: an IPv4 address, or the /64 of
	// an IPv6 one, within which one household or host may take any address.
	key string
	// local is true for loopback without a proxy in between.
	local bool
	// proxied is true behind a trusted proxy, tls when the visitor came by
	// HTTPS, to us or to the proxy.
	proxied, tls bool
}

// maxHops bounds how many entries of X-Forwarded-For are looked at.
const maxHops = 16

// identify works out the client. X-Forwarded-For counts only where a trusted
// proxy wrote it: from the right, over further trusted proxies, to the first
// address that is none of them. What stands left of that is hearsay.
func identify(r *http.Request, trusted []netip.Prefix) client {
	peer, ok := address(r.RemoteAddr)
	if !ok { // a stand-in connection of a test, a Unix socket
		return client{key: r.RemoteAddr, tls: r.TLS != nil}
	}
	c := client{tls: r.TLS != nil}
	at := peer
	if within(trusted, peer) {
		c.proxied = true
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
			hop, ok := address(strings.TrimSpace(hops[i]))
			if !ok {
				break // the last good address is the best we know
			}
			at = hop
			if !within(trusted, hop) {
				break
			}
		}
		protos := strings.Split(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",")
		c.tls = c.tls || strings.EqualFold(strings.TrimSpace(protos[len(protos)-1]), "https")
	}
	// Any sign of a proxy that nobody told us of: its visitors are not local.
	h := r.Header
	c.local = peer.IsLoopback() && !c.proxied && h.Get("X-Forwarded-For") == "" && h.Get("Forwarded") == "" && h.Get("Via") == ""
	c.key = clientKey(at)
	return c
}

// address reads "1.2.3.4", "1.2.3.4:5", "[::1]:5" or "::1".
func address(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

func clientKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

func within(ps []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

// ParseProxies reads addresses and networks ("10.0.0.0/8", "127.0.0.1").
func ParseProxies(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if a, aerr := netip.ParseAddr(s); err != nil && aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no network, want one such as 10.0.0.0/8 or an address", s)
		}
		if p.Bits() == 0 {
			return nil, fmt.Errorf("%q trusts everybody: anyone could then pretend to be anyone", s)
		}
		out = append(out, p)
	}
	return out, nil
}

// LoopbackAddr says whether host:port (or a bare host) is this machine only.
func LoopbackAddr(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

type clientCtx struct{}

func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientCtx{}).(client)
	return c
}

// named refuses addresses that are not this server's. A page of another site
// can have its own name resolve to loopback and then read what only this
// machine should: its requests carry that name in the Host header.
func (a *api) named(next http.Handler) http.Handler {
	if !a.CheckHost {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A trusted proxy answers for the names it serves. No name at all is
		// HTTP/1.0, which no browser speaks.
		own := r.Host == "" || LoopbackAddr(r.Host) || clientOf(r.Context()).proxied && len(a.Hosts) == 0
		if !own && !slices.ContainsFunc(a.Hosts, func(h string) bool { return sameHost(h, r.Host) }) {
			misdirected.fault("This server does not answer to that name. Its operator can allow names with --host.").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameHost compares a configured name with a Host header, whatever the port.
func sameHost(name, header string) bool {
	if host, _, err := net.SplitHostPort(header); err == nil {
		header = host
	}
	return strings.EqualFold(name, strings.TrimSuffix(header, "."))
}
