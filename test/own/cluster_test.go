//go:build slow

package own

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/queue/jetstream"
	"github.com/malikobaid/cityflow/internal/queue/queuetest"
)

// cluster is a JetStream cluster of three nodes in this process, with many
// accounts, each of which is a world of its own.
type cluster struct {
	dir   string
	ports []int // of clients, then of routes
	mu    sync.Mutex
	nodes [3]*server.Server
}

const accounts = 60

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var out []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir(), ports: freePorts(t, 6)}
	for i := range c.nodes {
		c.up(t, i)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.down(i)
		}
	})
	c.ready(t, 3)
	return c
}

// up starts a node, with what it kept from before.
func (c *cluster) up(t *testing.T, i int) {
	t.Helper()
	var conf strings.Builder
	fmt.Fprintf(&conf, "server_name: n%d\nlisten: \"127.0.0.1:%d\"\njetstream { store_dir: %q }\n", i, c.ports[i], filepath.Join(c.dir, fmt.Sprint("n", i)))
	fmt.Fprintf(&conf, "cluster { name: own, listen: \"127.0.0.1:%d\", routes: [", c.ports[3+i])
	for _, p := range c.ports[3:] {
		fmt.Fprintf(&conf, "\"nats://127.0.0.1:%d\", ", p)
	}
	conf.WriteString("] }\naccounts {\n")
	for a := range accounts {
		fmt.Fprintf(&conf, "A%d { jetstream: enabled, users: [ { user: a%d, password: secret } ] }\n", a, a)
	}
	conf.WriteString("}\n")
	path := filepath.Join(c.dir, fmt.Sprintf("n%d.conf", i))
	if err := os.WriteFile(path, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.NoLog, o.NoSigs, o.SyncInterval = true, true, time.Second
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	c.mu.Lock()
	c.nodes[i] = srv
	c.mu.Unlock()
}

// down ends a node without a word to the others.
func (c *cluster) down(i int) {
	c.mu.Lock()
	srv := c.nodes[i]
	c.nodes[i] = nil
	c.mu.Unlock()
	if srv != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
	}
}

// ready waits until the nodes agree on a leader.
func (c *cluster) ready(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		current, led := 0, false
		c.mu.Lock()
		for _, n := range c.nodes {
			if n == nil || !n.JetStreamIsCurrent() {
				continue
			}
			current++
			led = led || n.JetStreamIsLeader() && len(n.JetStreamClusterPeers()) == 3
		}
		c.mu.Unlock()
		if current >= want && led {
			return
		}
	}
	t.Fatal("the cluster has no leader")
}

// url is the address of the queue of one account, without options.
func (c *cluster) url(account int) string {
	var hosts []string
	for _, p := range c.ports[:3] {
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", p))
	}
	return fmt.Sprintf("nats://a%d:secret@%s", account, strings.Join(hosts, ","))
}

// driver opens queues with three replicas; the same folder is the same account.
func (c *cluster) driver() queuetest.Driver {
	var mu sync.Mutex
	byDir := map[string]int{}
	return queuetest.Driver{Open: func(t *testing.T, dir string) queue.Queue {
		mu.Lock()
		n, ok := byDir[dir]
		if !ok {
			n = len(byDir)
			byDir[dir] = n
		}
		mu.Unlock()
		if n >= accounts {
			t.Fatal("more queues than accounts: raise accounts")
		}
		q, err := jetstream.Dial(context.Background(), c.url(n), jetstream.Options{Lease: queuetest.Lease, Replicas: 3})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}}
}

func TestAClusterOfThreeConforms(t *testing.T) { queuetest.Run(t, newCluster(t).driver()) }

func TestOnAClusterNothingIsLostWhenCallsGoWrong(t *testing.T) {
	queuetest.RunFaulty(t, newCluster(t).driver(), queuetest.Some)
}

// Messages that were taken in are there when a node is gone, whichever it is,
// and when another one follows after the first came back.
func TestAnyOneNodeOfAClusterMayDie(t *testing.T) {
	c := newCluster(t)
	q, err := jetstream.Dial(t.Context(), c.url(0), jetstream.Options{Lease: 2 * time.Second, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	sent := 0
	send := func() {
		t.Helper()
		for deadline := time.Now().Add(patience); ; {
			err := q.Send(t.Context(), fmt.Sprint("m-", sent), []byte("{}"))
			if err == nil {
				sent++
				return
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	for i := range c.nodes {
		for range 5 {
			send()
		}
		c.down(i)
		for range 5 {
			send()
		}
		c.up(t, i)
		c.ready(t, 3)
	}
	seen := map[string]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(seen) < sent {
		l, err := q.Receive(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d messages are there", len(seen), sent)
		}
		if err != nil {
			continue
		}
		if err := q.Done(ctx, l); err == nil {
			seen[l.ID] = true
		}
	}
}
