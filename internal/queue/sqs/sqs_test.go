package sqs

import (
	"context"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/goleak"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/queue/queuetest"
)

func TestMain(m *testing.M) {
	// Connections wait in the SDK's pool for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

var options = Options{Lease: queuetest.Lease, Wait: time.Second}

func open(t testing.TB, address string, o Options) *Queue {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Open(t.Context(), awstest.Moto(t).Config(), u, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// driver opens the queue that belongs to a folder.
func driver() queuetest.Driver {
	var mu sync.Mutex
	queues := map[string]string{}
	return queuetest.Driver{Open: func(t *testing.T, dir string) queue.Queue {
		mu.Lock()
		defer mu.Unlock()
		if queues[dir] == "" {
			queues[dir] = awstest.Moto(t).Queue(t, 100)
		}
		return open(t, queues[dir], options)
	}}
}

func TestConforms(t *testing.T) {
	awstest.Moto(t)
	queuetest.Run(t, driver())
}

func TestNothingIsLostWhenCallsGoWrong(t *testing.T) {
	awstest.Moto(t)
	queuetest.RunFaulty(t, driver(), queuetest.Some)
}

func TestMessagesThatAreNotOurs(t *testing.T) {
	s := awstest.Moto(t)
	address := s.Queue(t, 100)
	q := open(t, address, options)
	client := sdk.NewFromConfig(s.Config())
	for _, c := range []struct{ body, id string }{
		{`{"v":1,"job_id":"abc-123"}`, "abc-123"}, // put in by hand
		{`{"v":1,"job_id":"a b\n"}`, ""},
		{"hello", ""},
	} {
		out, err := client.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: &address, MessageBody: &c.body})
		if err != nil {
			t.Fatal(err)
		}
		want := c.id
		if want == "" {
			want = *out.MessageId
		}
		l, err := q.Receive(t.Context())
		if err != nil || l.ID != want || string(l.Body) != c.body {
			t.Fatalf("%+v %v, want %s", l, err, want)
		}
		if err := q.Bury(t.Context(), l, "not ours"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := q.Dead(t.Context(), 10)
	if err != nil || len(all) != 3 || all[0].Reason != "not ours" {
		t.Fatal(all, err)
	}
}

func TestAMessageThatSQSGaveUpIsADeadLetterWithAReason(t *testing.T) {
	q := open(t, awstest.Moto(t).Queue(t, 2), options)
	if err := q.Send(t.Context(), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l, err := q.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Release(t.Context(), l, 0); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if l, err := q.Receive(ctx); err == nil {
		t.Fatalf("%+v", l)
	}
	all, err := q.Dead(t.Context(), 10)
	if err != nil || len(all) != 1 || all[0].ID != "a" || all[0].Reason != gaveUp {
		t.Fatal(all, err)
	}
}

// With a long lease, a message that went to a receiver which has gone would not
// be seen again while the test waits.
func TestAReceiverThatWentAwayTakesNoMessageWithIt(t *testing.T) {
	address := awstest.Moto(t).Queue(t, 100)
	q := open(t, address, Options{Lease: time.Hour, Wait: 2 * time.Second})
	gone, leave := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if l, err := q.Receive(gone); err == nil {
			t.Errorf("%+v", l)
		}
	})
	time.Sleep(200 * time.Millisecond) // the request is under way by then, or the test shows less
	leave()
	waiting.Wait()
	if err := q.Send(t.Context(), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if l, err := q.Receive(ctx); err != nil || l.ID != "a" {
		t.Fatal(l, err)
	}
}

func TestQueuesThatCannotBeOpened(t *testing.T) {
	s := awstest.Moto(t)
	ours := s.Queue(t, 100)
	for _, c := range []struct{ address, says string }{
		{s.URL + "/123456789012/nobody", "does not exist"},
		{ours + "-dlq", "RedrivePolicy"},
		{s.URL, "want the address"},
		{ours + "?x=y", "want the address"},
	} {
		u, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), s.Config(), u, options); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.address, err, c.says)
		}
	}
	u, _ := url.Parse(ours)
	for _, o := range []Options{{Lease: 13 * time.Hour}, {Lease: -1}, {Wait: time.Minute}} {
		if _, err := Open(t.Context(), s.Config(), u, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// A queue's own address names its region and needs no endpoint.
func TestARealAddressNamesItsRegion(t *testing.T) {
	s := awstest.Moto(t)
	t.Setenv("AWS_REGION", "us-west-2")
	u, err := url.Parse(strings.Replace(s.Queue(t, 100), s.URL, "https://sqs.eu-west-2.amazonaws.com", 1))
	if err != nil {
		t.Fatal(err)
	}
	q, err := Open(t.Context(), s.Config(), u, options)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if r := q.client.Options().Region; r != "eu-west-2" || os.Getenv("AWS_REGION") == r {
		t.Error(r)
	}
	if want := u.String() + "-dlq"; q.dead != want {
		t.Errorf("dead letters at %s, want %s", q.dead, want)
	}
	if err := q.Send(t.Context(), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
}
