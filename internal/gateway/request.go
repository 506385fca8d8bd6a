package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/net/http/httpguts"
)

// hop are headers of one connection; the gateway's mean nothing here, and ours
// nothing to it.
var hop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"}

// request makes of an event what net/http would have read from a connection,
// and gives the path prefix that it took away.
func (a *Adapter) request(ctx context.Context, e *events.APIGatewayV2HTTPRequest) (*http.Request, string, error) {
	method := e.RequestContext.HTTP.Method
	if !httpguts.ValidHeaderFieldName(method) { // both are tokens
		return nil, "", errors.New("the method is no token")
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, "", errors.New("the body is not base64 as the event says")
		}
	}
	u, prefix, err := a.address(e)
	if err != nil {
		return nil, "", err
	}
	header := http.Header{}
	for name, value := range e.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, "", errors.New("a header has characters that no header may have")
		}
		header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		cookies := strings.Join(e.Cookies, "; ")
		if !httpguts.ValidHeaderFieldValue(cookies) {
			return nil, "", errors.New("a cookie has characters that no header may have")
		}
		header.Set("Cookie", cookies)
	}
	host := header.Get("Host")
	if host == "" {
		host = e.RequestContext.DomainName
	}
	if !httpguts.ValidHostHeader(host) {
		return nil, "", errors.New("the host is not valid")
	}
	for _, name := range append(hop, "Host", "Content-Length") {
		header.Del(name)
	}
	// The gateway's id finds the request in its log and ours. Its padding is
	// no part of an id.
	if id := strings.TrimRight(e.RequestContext.RequestID, "="); header.Get("X-Request-Id") == "" && httpguts.ValidHeaderFieldValue(id) && id != "" {
		header.Set("X-Request-Id", id)
	}
	r := &http.Request{
		Method: method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: http.NoBody, ContentLength: int64(len(body)),
		Host: host, RemoteAddr: remote(e.RequestContext.HTTP.SourceIP), RequestURI: u.RequestURI(),
	}
	// The gateway speaks HTTPS with visitors and nothing else: cookies are Secure.
	r.TLS = &tls.ConnectionState{HandshakeComplete: true, ServerName: host}
	if len(body) > 0 {
		header.Set("Content-Length", fmt.Sprint(len(body)))
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r.WithContext(ctx), prefix, nil
}

// address reads path and query. Function URLs send the path as it was, HTTP
// APIs send it decoded: what is no valid encoding is then meant literally.
func (a *Adapter) address(e *events.APIGatewayV2HTTPRequest) (*url.URL, string, error) {
	raw := e.RawPath
	if raw == "" {
		raw = e.RequestContext.HTTP.Path
	}
	if !strings.HasPrefix(raw, "/") {
		return nil, "", errors.New("the path does not begin with a slash")
	}
	if strings.ContainsFunc(raw+e.RawQueryString, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, "", errors.New("the address has control characters")
	}
	stage := a.Stage
	if stage == "" && e.RequestContext.Stage != "$default" {
		stage = e.RequestContext.Stage
	}
	prefix := ""
	if stage != "" {
		if rest, ok := strings.CutPrefix(raw, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			raw, prefix = rest, "/"+stage
		}
	}
	if raw == "" {
		raw = "/"
	}
	u := &url.URL{Path: raw, RawQuery: e.RawQueryString}
	if path, err := url.PathUnescape(raw); err == nil && path != raw {
		if strings.ContainsFunc(path, func(r rune) bool { return r == 0 }) {
			return nil, "", errors.New("the path has a zero byte")
		}
		u.Path, u.RawPath = path, raw
		if (&url.URL{Path: path}).EscapedPath() == raw {
			u.RawPath = "" // as net/url does for the default encoding
		}
	}
	return u, prefix, nil
}

// nowhere stands for an address that gives nobody any right.
const nowhere = "0.0.0.0:0"

// remote is the address the gateway saw. One of this machine cannot have come
// through a gateway.
func remote(sourceIP string) string {
	ip, err := netip.ParseAddr(sourceIP)
	if err != nil || ip.Unmap().IsLoopback() {
		return nowhere
	}
	return net.JoinHostPort(ip.Unmap().WithZone("").String(), "0")
}
