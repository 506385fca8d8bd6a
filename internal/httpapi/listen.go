package httpapi

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/netutil"
)

// Listen bounds the open connections of a listener: total of them, a quarter
// of which one client may hold. More of one client are closed at once; beyond
// the total they wait in the system's queue until idle ones time out. Trusted
// proxies carry everybody's requests and have no bound of their own.
func Listen(l net.Listener, total int, proxies []netip.Prefix) net.Listener {
	return &clientListener{Listener: netutil.LimitListener(l, total), most: max(1, total/4), proxies: proxies, open: map[string]int{}}
}

type clientListener struct {
	net.Listener
	most    int
	proxies []netip.Prefix
	mu      sync.Mutex
	open    map[string]int // connections by client, under mu
}

// Accept implements net.Listener.
func (l *clientListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, ok := address(c.RemoteAddr().String())
		if !ok || within(l.proxies, peer) {
			return c, nil
		}
		key := clientKey(peer)
		if l.enter(key) {
			return &clientConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(key) })}, nil
		}
		_ = c.Close() // the client learns it by itself
	}
}

func (l *clientListener) enter(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[key] >= l.most {
		return false
	}
	l.open[key]++
	return true
}

func (l *clientListener) leave(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[key]--; l.open[key] == 0 {
		delete(l.open, key)
	}
}

type clientConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *clientConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
