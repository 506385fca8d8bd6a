package jetstream

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEmbeddedConforms(t *testing.T) {
	var dir string
	open := func(t *testing.T) queue.Queue {
		q, err := Embed(context.Background(), dir, Options{Lease: queuetest.Lease})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	queuetest.Run(t, queuetest.Driver{
		Open:   func(t *testing.T) queue.Queue { dir = t.TempDir(); return open(t) },
		Reopen: open,
	})
}

func TestRedactDropsCredentials(t *testing.T) {
	if got := redact("nats://user:secret@host:4222"); got != "nats://host:4222" {
		t.Fatal(got)
	}
}
