// Package jetstream is the queue over NATS JetStream: a server embedded in the
// process with its files in one folder (Embed), or a cluster (Dial).
//
// Jobs are one work-queue stream with a subject per job and at most one
// message per subject, so the stream itself refuses a second message for a job
// it still holds, however much later it is sent. One durable pull consumer is
// shared by all workers; its AckWait is the lease and a little more. Buried messages go to a
// second stream that keeps them.
//
// The server takes an acknowledgement from any delivery of a message, even one
// whose lease lapsed. So each lease carries its own deadline on the local
// monotonic clock, and a call after it changes nothing.
package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/malikobaid/cityflow/internal/queue"
)

const (
	jobStream    = "CITYFLOW_JOBS"
	deadStream   = "CITYFLOW_DEAD"
	jobSubject   = "cityflow.jobs."
	deadSubject  = "cityflow.dead."
	workers      = "workers"
	reasonHeader = "Cityflow-Reason"
	// attemptHeader is which delivery was buried.
	attemptHeader = "Cityflow-Attempt"
	// deadAge is how long buried messages are kept; they are evidence, not work.
	deadAge = 30 * 24 * time.Hour
	// perSubjectErr is JetStream's "store failed" code, returned for a subject
	// that is at its limit of messages.
	perSubjectErr = 10077
)

// Options of a queue.
type Options struct {
	// Lease is how long a message stays with a silent worker.
	Lease time.Duration
	// Replicas of the streams on a cluster; 0 means 1.
	Replicas int
}

// Queue is a queue.Queue, a queue.Holder, a queue.DeadLetters and queue.Aged.
type Queue struct {
	opts Options
	srv  *server.Server // nil on a cluster
	nc   *nats.Conn
	js   jetstream.JetStream
	cons jetstream.Consumer
	// receiving ends when the queue closes, and with it every Receive.
	receiving context.Context
	stop      context.CancelFunc
	closing   sync.Once
}

// token is one delivery and the moment until which it is surely ours.
type token struct {
	msg jetstream.Msg
	mu  sync.Mutex
	end time.Time
}

// Embed starts a server inside this process that keeps its files in dir and
// writes every message through to the disk before it is confirmed. The caller
// makes sure that no other process uses dir. It listens on no port.
func Embed(ctx context.Context, dir string, o Options) (*Queue, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "cityflow", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: true,
		// Messages are 200 bytes each; these bounds only stop a runaway.
		JetStreamMaxMemory: 16 << 20, JetStreamMaxStore: 1 << 30,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("queue in %s: %w", dir, err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		srv.Shutdown()
		return nil, fmt.Errorf("queue in %s: the embedded server did not start (is the folder writable, the disk full?)", dir)
	}
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.MaxReconnects(-1))
	if err == nil {
		var q *Queue
		if q, err = open(ctx, nc, o); err == nil {
			q.srv = srv
			return q, nil
		}
		nc.Close()
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	return nil, fmt.Errorf("queue in %s: %w", dir, err)
}

// Dial connects to a NATS server or cluster with JetStream, such as
// "nats://a:4222,nats://b:4222". It keeps trying to reconnect for ever.
func Dial(ctx context.Context, url string, o Options) (*Queue, error) {
	nc, err := nats.Connect(everyHost(url), nats.Name("cityflow"), nats.MaxReconnects(-1))
	if err != nil {
		return nil, fmt.Errorf("queue at %s: %w", redact(url), err)
	}
	q, err := open(ctx, nc, o)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("queue at %s: %w", redact(url), err)
	}
	return q, nil
}

// everyHost makes nats://user:password@a,b into an address for each host, all
// with that user.
func everyHost(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	user, hosts, has := strings.Cut(rest, "@")
	if !ok || !has || strings.Contains(hosts, "://") {
		return url
	}
	var all []string
	for h := range strings.SplitSeq(hosts, ",") {
		all = append(all, scheme+"://"+user+"@"+h)
	}
	return strings.Join(all, ",")
}

// redact drops user and password from a URL for messages.
func redact(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if _, host, has := strings.Cut(rest, "@"); ok && has {
		return scheme + "://" + host
	}
	return url
}

func open(ctx context.Context, nc *nats.Conn, o Options) (*Queue, error) {
	if o.Lease <= 0 {
		o.Lease = 15 * time.Second
	}
	o.Replicas = max(o.Replicas, 1)
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: jobStream, Subjects: []string{jobSubject + "*"},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: o.Replicas,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("stream of jobs: %w", err)
	}
	if _, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: deadStream, Subjects: []string{deadSubject + "*"}, MaxAge: deadAge,
		Storage: jetstream.FileStorage, Replicas: o.Replicas, MaxMsgsPerSubject: 1,
	}); err != nil {
		return nil, fmt.Errorf("stream of dead letters: %w", err)
	}
	cons, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: workers, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: o.Lease + min(o.Lease/2, onTheWay), MaxDeliver: -1, MaxAckPending: -1,
	})
	if err != nil {
		return nil, fmt.Errorf("consumer: %w", err)
	}
	q := &Queue{opts: o, nc: nc, js: js, cons: cons}
	q.receiving, q.stop = context.WithCancel(context.Background())
	return q, nil
}

// Send implements queue.Queue.
func (q *Queue) Send(ctx context.Context, id string, body []byte) error {
	_, err := q.js.Publish(ctx, jobSubject+id, body)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == perSubjectErr && strings.Contains(api.Description, "per subject") {
		return nil // the queue still holds it
	}
	if err != nil {
		return fmt.Errorf("queue: send %s: %w", id, err)
	}
	return nil
}

// Holds implements queue.Holder.
func (q *Queue) Holds(ctx context.Context, id string) (bool, error) {
	stream, err := q.js.Stream(ctx, jobStream)
	if err != nil {
		return false, fmt.Errorf("queue: look for %s: %w", id, err)
	}
	_, err = stream.GetLastMsgForSubject(ctx, jobSubject+id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("queue: look for %s: %w", id, err)
	}
	return true, nil
}

// pullWait bounds one pull. The server forgets a pull after it, so a Receive
// that ended leaves no request behind that could swallow a message for long.
const pullWait = 2 * time.Second

// Receive implements queue.Queue.
func (q *Queue) Receive(ctx context.Context) (*queue.Lease, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if q.receiving.Err() != nil {
			return nil, queue.ErrClosed
		}
		l, err := q.pull(ctx)
		if l != nil {
			return l, nil
		}
		if err != nil && ctx.Err() == nil && q.receiving.Err() == nil {
			return nil, fmt.Errorf("queue: receive: %w", err)
		}
	}
}

func (q *Queue) pull(ctx context.Context) (*queue.Lease, error) {
	pctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	defer context.AfterFunc(q.receiving, cancel)()
	batch, err := q.cons.Fetch(1, jetstream.FetchContext(pctx))
	if err != nil {
		// The library takes a deadline that has just passed, but not fired yet,
		// for a wrong option.
		if end, ok := pctx.Deadline(); ok && !time.Now().Before(end) {
			return nil, nil
		}
		return nil, err
	}
	if msg, ok := <-batch.Messages(); ok {
		end := time.Now().Add(q.opts.Lease)
		meta, err := msg.Metadata()
		if err != nil {
			return nil, err
		}
		return &queue.Lease{
			ID: strings.TrimPrefix(msg.Subject(), jobSubject), Body: msg.Data(),
			Attempt: int(meta.NumDelivered), Token: &token{msg: msg, end: end},
		}, nil
	}
	switch err := batch.Error(); {
	case err == nil, pctx.Err() != nil, errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return nil, nil
	default:
		return nil, err
	}
}

// held returns the delivery while its lease holds.
func (q *Queue) held(l *queue.Lease) (*token, error) {
	t := l.Token.(*token)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !time.Now().Before(t.end) {
		return nil, queue.ErrLeaseLost
	}
	return t, nil
}

// finish ends the lease on our side once the server has been told.
func (t *token) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = time.Time{}
}

// onTheWay is how much longer than the lease the server waits before it hands
// a message out again. Its clock starts when it sends, ours when we receive: a
// lease that we think holds must never be somebody else's already.
const onTheWay = 2 * time.Second

// Extend implements queue.Queue.
func (q *Queue) Extend(_ context.Context, l *queue.Lease) error {
	t, err := q.held(l)
	if err != nil {
		return err
	}
	now := time.Now()
	if err := t.msg.InProgress(); err != nil {
		return fmt.Errorf("queue: extend %s: %w", l.ID, err)
	}
	t.mu.Lock()
	t.end = now.Add(q.opts.Lease)
	t.mu.Unlock()
	return nil
}

// Done implements queue.Queue; it waits for the server's confirmation.
func (q *Queue) Done(ctx context.Context, l *queue.Lease) error {
	t, err := q.held(l)
	if err != nil {
		return err
	}
	if err := t.msg.DoubleAck(ctx); err != nil {
		return fmt.Errorf("queue: done %s: %w", l.ID, err)
	}
	t.finish()
	return nil
}

// Release implements queue.Queue.
func (q *Queue) Release(ctx context.Context, l *queue.Lease, delay time.Duration) error {
	t, err := q.held(l)
	if err != nil {
		return err
	}
	if delay > 0 {
		err = t.msg.NakWithDelay(delay)
	} else {
		err = t.msg.Nak()
	}
	if err == nil {
		err = q.nc.FlushWithContext(ctx)
	}
	if err != nil {
		return fmt.Errorf("queue: release %s: %w", l.ID, err)
	}
	t.finish()
	return nil
}

// Bury implements queue.Queue: first kept among the dead, then taken out, so
// that a crash in between leaves it in both rather than in neither.
func (q *Queue) Bury(ctx context.Context, l *queue.Lease, reason string) error {
	t, err := q.held(l)
	if err != nil {
		return err
	}
	dead := nats.NewMsg(deadSubject + l.ID)
	dead.Data = l.Body
	dead.Header.Set(reasonHeader, strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, reason))
	dead.Header.Set(attemptHeader, strconv.Itoa(l.Attempt))
	if _, err := q.js.PublishMsg(ctx, dead); err != nil {
		return fmt.Errorf("queue: bury %s: %w", l.ID, err)
	}
	if err := t.msg.DoubleAck(ctx); err != nil {
		return fmt.Errorf("queue: bury %s: %w", l.ID, err)
	}
	t.finish()
	return nil
}

// deadGaps bounds how many places without a letter Dead looks at: a job that
// was buried again leaves one.
const deadGaps = 1000

// Dead implements queue.DeadLetters, newest first.
func (q *Queue) Dead(ctx context.Context, limit int) ([]queue.DeadLetter, error) {
	stream, err := q.js.Stream(ctx, deadStream)
	if err != nil {
		return nil, fmt.Errorf("queue: dead letters: %w", err)
	}
	var out []queue.DeadLetter
	state, gaps := stream.CachedInfo().State, 0
	for seq := state.LastSeq; state.Msgs > 0 && seq >= max(state.FirstSeq, 1) && len(out) < limit && gaps < deadGaps; seq-- {
		m, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			gaps++
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("queue: dead letters: %w", err)
		}
		attempt, _ := strconv.Atoi(m.Header.Get(attemptHeader)) // letters of older versions have none
		out = append(out, queue.DeadLetter{ID: strings.TrimPrefix(m.Subject, deadSubject), Key: strconv.FormatUint(seq, 10), Body: m.Data,
			Reason: m.Header.Get(reasonHeader), Attempt: attempt, Buried: m.Time.UTC()})
	}
	return out, nil
}

// Depth implements queue.Queue.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	var d queue.Depth
	c, err := q.cons.Info(ctx)
	if err != nil {
		return d, fmt.Errorf("queue: depth: %w", err)
	}
	s, err := q.js.Stream(ctx, deadStream)
	if err != nil {
		return d, fmt.Errorf("queue: depth: %w", err)
	}
	d.Leased = c.NumAckPending
	d.Waiting = int(c.NumPending)
	d.Dead = int(s.CachedInfo().State.Msgs)
	return d, nil
}

// Oldest implements queue.Aged: a message leaves the stream when it is done.
func (q *Queue) Oldest(ctx context.Context) (time.Time, error) {
	s, err := q.js.Stream(ctx, jobStream)
	if err != nil {
		return time.Time{}, fmt.Errorf("queue: oldest: %w", err)
	}
	if state := s.CachedInfo().State; state.Msgs > 0 {
		return state.FirstTime, nil
	}
	return time.Time{}, nil
}

// Close implements queue.Queue. An embedded server is shut down with it.
func (q *Queue) Close() error {
	q.closing.Do(func() {
		q.stop()
		q.nc.Close()
		if q.srv != nil {
			q.srv.Shutdown()
			q.srv.WaitForShutdown()
		}
	})
	return nil
}
