package jetstream

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var options = Options{Lease: queuetest.Lease}

var embedded = queuetest.Driver{Open: func(t *testing.T, dir string) queue.Queue {
	q, err := Embed(context.Background(), dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return q
}}

func TestEmbeddedConforms(t *testing.T) { queuetest.Run(t, embedded) }

func TestNothingIsLostWhenCallsGoWrong(t *testing.T) {
	queuetest.RunFaulty(t, embedded, queuetest.Some)
}

// served is a queue on a server of its own, reached over the network.
type served struct {
	*Queue
	srv *server.Server
}

func (s served) Close() error {
	err := s.Queue.Close()
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	return err
}

func TestOverTheNetworkConforms(t *testing.T) {
	queuetest.Run(t, queuetest.Driver{Open: func(t *testing.T, dir string) queue.Queue {
		srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
		if err != nil {
			t.Fatal(err)
		}
		srv.Start()
		if !srv.ReadyForConnections(10 * time.Second) {
			t.Fatal("the server did not start")
		}
		q, err := Dial(context.Background(), srv.ClientURL(), options)
		if err != nil {
			t.Fatal(err)
		}
		return served{q, srv}
	}})
}

func TestNobodyThere(t *testing.T) {
	if _, err := Dial(context.Background(), "nats://user:secret@127.0.0.1:1", options); err == nil {
		t.Fatal("connected to nothing")
	}
	if got := redact("nats://user:secret@host:4222"); got != "nats://host:4222" {
		t.Fatal(got)
	}
}

func TestTheOldestMessageIsTheOneLongestNotDoneWith(t *testing.T) {
	q, err := Embed(t.Context(), t.TempDir(), Options{Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if at, err := q.Oldest(t.Context()); err != nil || !at.IsZero() {
		t.Fatalf("an empty queue's oldest message is from %v %v", at, err)
	}
	for _, id := range []string{"a", "b"} {
		if err := q.Send(t.Context(), id, []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	first, err := q.Oldest(t.Context())
	if err != nil || first.IsZero() {
		t.Fatal(first, err)
	}
	l, err := q.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := q.Oldest(t.Context()); err != nil || !at.Equal(first) {
		t.Errorf("while it is leased: %v, want %v (%v)", at, first, err)
	}
	if err := q.Done(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if at, err := q.Oldest(t.Context()); err != nil || !at.After(first) {
		t.Errorf("once it is done: %v, want later than %v (%v)", at, first, err)
	}
}

var _ queue.Aged = (*Queue)(nil)

// Whoever waits until a deadline is told that it has passed, however close to
// it the last look was, and nothing else.
func TestAWaitEndsWithItsDeadline(t *testing.T) {
	q, err := Embed(t.Context(), t.TempDir(), Options{Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for i := range 400 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*10*time.Microsecond)
		if l, err := q.Receive(ctx); l != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %d0 us: %v", i, err)
		}
		cancel()
	}
}
