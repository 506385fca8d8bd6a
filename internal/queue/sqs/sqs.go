// Package sqs is the queue over Amazon SQS: a standard queue named by its own
// address, and the dead-letter queue that its RedrivePolicy names.
//
// A message's visibility timeout is the lease. It is set by every call that
// starts a lease, whatever the queue's default is. SQS takes a call with the
// receipt of a lapsed delivery, so each lease carries its own deadline on the
// local monotonic clock, a little before the server's, and a call after it
// changes nothing.
//
// What SQS cannot do: tell whether it holds a message of an id (no
// queue.Holder, so a second Send is a second message), and keep one message
// leased for more than 12 hours in all. Depths are estimates.
package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/malikobaid/cityflow/internal/queue"
)

// Message attributes. An operator sees them in the console.
const (
	idAttribute      = "cityflow-id"
	reasonAttribute  = "cityflow-reason"
	attemptAttribute = "cityflow-attempt"
	messageAttribute = "cityflow-message"
)

const (
	defaultLease = 120 * time.Second
	defaultWait  = 5 * time.Second
	maxWait      = 20 * time.Second // SQS's own
	maxLease     = 12 * time.Hour   // SQS's own
	// grace is what a request for a message may take beyond its wait, tries
	// included.
	grace = 15 * time.Second
	// maxReason bounds the reason kept with a dead letter.
	maxReason = 2000
)

// Options of a queue.
type Options struct {
	// Lease is how long a message stays with a silent worker; 0 means 120 s.
	// SQS counts whole seconds: the server's side is rounded up.
	Lease time.Duration
	// Wait is how long one request waits for a message, in whole seconds up to
	// 20; 0 means 5 s. An idle receiver costs one request per Wait. Close takes
	// up to as long.
	Wait time.Duration
}

// Queue is a queue.Queue and a queue.DeadLetters.
type Queue struct {
	client    *sdk.Client
	url, dead string
	lease     time.Duration
	wait      int32

	// closed ends every Receive; polls are the requests under way.
	closed context.Context
	close  context.CancelFunc
	mu     sync.Mutex // guards Add to polls against Wait
	polls  sync.WaitGroup
}

// token is one delivery and the moment until which it is surely ours.
type token struct {
	receipt string
	message string // SQS's own id
	mu      sync.Mutex
	end     time.Time
}

// regional is the host of SQS itself.
var regional = regexp.MustCompile(`^sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$`)

// Open opens the queue at an address such as
// "https://sqs.eu-west-2.amazonaws.com/123456789012/cityflow-jobs", or at the
// same path of a stand-in. It asks the queue where its dead letters go.
func Open(ctx context.Context, cfg aws.Config, u *url.URL, o Options) (*Queue, error) {
	address := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	fail := func(err error) (*Queue, error) { return nil, fmt.Errorf("queue %s: %w", address, err) }
	if parts := strings.Split(strings.Trim(u.Path, "/"), "/"); len(parts) != 2 || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return fail(errors.New("want the address that SQS gives, https://sqs.<region>.amazonaws.com/<account>/<name>"))
	}
	if o.Lease == 0 {
		o.Lease = defaultLease
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	if o.Lease < 0 || o.Lease > maxLease || o.Wait < time.Second || o.Wait > maxWait {
		return fail(fmt.Errorf("lease %v, wait %v: SQS allows leases up to %v and waits of 1 to 20 s", o.Lease, o.Wait, maxLease))
	}
	q := &Queue{url: address, lease: o.Lease, wait: int32(o.Wait / time.Second)}
	q.client = sdk.NewFromConfig(cfg, func(so *sdk.Options) {
		if m := regional.FindStringSubmatch(u.Host); m != nil {
			so.Region = m[1]
			return
		}
		so.BaseEndpoint = aws.String(u.Scheme + "://" + u.Host)
		if so.Region == "" {
			so.Region = "us-east-1" // a stand-in does not care, the signature must name one
		}
	})
	out, err := q.client.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	if err != nil {
		return fail(err)
	}
	var policy struct {
		Dead string `json:"deadLetterTargetArn"`
	}
	if text := out.Attributes[string(types.QueueAttributeNameRedrivePolicy)]; text != "" {
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			return fail(fmt.Errorf("its RedrivePolicy: %w", err))
		}
	}
	// A dead-letter queue is always in its queue's account and region.
	name := policy.Dead[strings.LastIndex(policy.Dead, ":")+1:]
	if name == "" {
		return fail(errors.New("it has no RedrivePolicy: messages that nobody can work on would have no place to be kept"))
	}
	dead := *u
	dead.Path = path.Join(path.Dir(strings.TrimSuffix(u.Path, "/")), name)
	q.dead = dead.String()
	q.closed, q.close = context.WithCancel(context.Background())
	return q, nil
}

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
}

// Send implements queue.Queue.
func (q *Queue) Send(ctx context.Context, id string, body []byte) error {
	if q.closed.Err() != nil {
		return queue.ErrClosed
	}
	_, err := q.client.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(body)),
		MessageAttributes: map[string]types.MessageAttributeValue{idAttribute: text(id)}})
	if err != nil {
		return fmt.Errorf("queue: send %s: %w", id, err)
	}
	return nil
}

// polled is the outcome of one request for a message.
type polled struct {
	lease *queue.Lease
	err   error
}

// Receive implements queue.Queue. SQS may still hand a message to a request
// whose caller has gone; nobody would know of it until the lease lapses. So a
// request is never broken off: what it brings too late is given back at once.
func (q *Queue) Receive(ctx context.Context) (*queue.Lease, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		got := make(chan polled)
		if !q.poll(ctx, got) {
			return nil, queue.ErrClosed
		}
		select {
		case p := <-got:
			if p.lease != nil {
				return p.lease, nil
			}
			if p.err != nil {
				return nil, fmt.Errorf("queue: receive: %w", p.err)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-q.closed.Done():
			return nil, queue.ErrClosed
		}
	}
}

// poll asks for one message in the background, unless the queue is closed.
func (q *Queue) poll(ctx context.Context, got chan<- polled) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Err() != nil {
		return false
	}
	q.polls.Add(1)
	go func() {
		defer q.polls.Done()
		asking, done := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(q.wait)*time.Second+grace)
		defer done()
		l, err := q.ask(asking)
		select {
		case got <- polled{l, err}:
		case <-ctx.Done():
			q.giveBack(l)
		case <-q.closed.Done():
			q.giveBack(l)
		}
	}()
	return true
}

// giveBack releases a delivery that nobody waits for any more.
func (q *Queue) giveBack(l *queue.Lease) {
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.lease)
	defer cancel()
	_ = q.release(ctx, l, 0) // else its lease lapses
}

// whole is a duration in whole seconds, rounded up.
func whole(d time.Duration) int32 { return int32(math.Ceil(d.Seconds())) }

// until is when a lease that begins now ends for us: the server's clock started
// while its answer was on the way.
func (q *Queue) until(now time.Time) time.Time {
	return now.Add(q.lease - min(q.lease/10, 2*time.Second))
}

// ask makes one request for a message: a lease, or nil when there was none.
func (q *Queue) ask(ctx context.Context) (*queue.Lease, error) {
	out, err := q.client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: 1, WaitTimeSeconds: q.wait, VisibilityTimeout: whole(q.lease),
		MessageAttributeNames:       []string{idAttribute},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil || len(out.Messages) == 0 {
		return nil, err
	}
	m := out.Messages[0]
	attempt, _ := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	return &queue.Lease{
		ID: idOf(m), Body: []byte(aws.ToString(m.Body)), Attempt: max(attempt, 1),
		Token: &token{receipt: aws.ToString(m.ReceiptHandle), message: aws.ToString(m.MessageId), end: q.until(time.Now())},
	}, nil
}

// validID is what Send accepts by contract; a stranger may have sent anything.
var validID = regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`)

// idOf is the id under which a message was sent. One that was put in by hand
// may only name its job in the body; at the least it has SQS's own id.
func idOf(m types.Message) string {
	if a, ok := m.MessageAttributes[idAttribute]; ok && validID.MatchString(aws.ToString(a.StringValue)) {
		return *a.StringValue
	}
	var body struct {
		JobID string `json:"job_id"`
	}
	if json.Unmarshal([]byte(aws.ToString(m.Body)), &body) == nil && validID.MatchString(body.JobID) {
		return body.JobID
	}
	return aws.ToString(m.MessageId)
}

// held returns the delivery while its lease holds.
func (q *Queue) held(l *queue.Lease) (*token, error) {
	if q.closed.Err() != nil {
		return nil, queue.ErrClosed
	}
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

// told explains an error of the server about a delivery.
func told(what string, l *queue.Lease, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "ReceiptHandleIsInvalid", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight":
			return queue.ErrLeaseLost
		}
	}
	return fmt.Errorf("queue: %s %s: %w", what, l.ID, err)
}

func (q *Queue) hide(ctx context.Context, t *token, seconds int32) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &sdk.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: &t.receipt, VisibilityTimeout: seconds,
	})
	return err
}

// Extend implements queue.Queue.
func (q *Queue) Extend(ctx context.Context, l *queue.Lease) error {
	t, err := q.held(l)
	if err != nil {
		return err
	}
	now := time.Now()
	if err := q.hide(ctx, t, whole(q.lease)); err != nil {
		return told("extend", l, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.end.IsZero() { // not finished meanwhile
		t.end = q.until(now)
	}
	return nil
}

// Done implements queue.Queue.
func (q *Queue) Done(ctx context.Context, l *queue.Lease) error {
	t, err := q.held(l)
	if err != nil {
		return err
	}
	if err := q.remove(ctx, t); err != nil {
		return told("done", l, err)
	}
	t.finish()
	return nil
}

func (q *Queue) remove(ctx context.Context, t *token) error {
	_, err := q.client.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &t.receipt})
	return err
}

// Release implements queue.Queue. Delays are rounded up to whole seconds.
func (q *Queue) Release(ctx context.Context, l *queue.Lease, delay time.Duration) error {
	if _, err := q.held(l); err != nil {
		return err
	}
	return q.release(ctx, l, delay)
}

func (q *Queue) release(ctx context.Context, l *queue.Lease, delay time.Duration) error {
	t := l.Token.(*token)
	if err := q.hide(ctx, t, whole(min(max(delay, 0), maxLease-q.lease))); err != nil {
		return told("release", l, err)
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
	_, err = q.client.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: &q.dead, MessageBody: aws.String(string(l.Body)),
		MessageAttributes: map[string]types.MessageAttributeValue{
			idAttribute: text(l.ID), reasonAttribute: text(printable(reason)),
			attemptAttribute: text(strconv.Itoa(l.Attempt)), messageAttribute: text(t.message),
		}})
	if err == nil {
		err = q.remove(ctx, t)
	}
	if err != nil {
		return told("bury", l, err)
	}
	t.finish()
	return nil
}

// printable makes a text one that an attribute may hold: not empty, bounded, of
// allowed characters.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + " ..."
	}
	if strings.TrimSpace(s) == "" {
		return "no reason given"
	}
	return s
}

// Depth implements queue.Queue, with two requests.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	var d queue.Depth
	if q.closed.Err() != nil {
		return d, queue.ErrClosed
	}
	visible, hidden, err := q.count(ctx, q.url)
	if err != nil {
		return d, fmt.Errorf("queue: depth: %w", err)
	}
	dead, read, err := q.count(ctx, q.dead)
	if err != nil {
		return d, fmt.Errorf("queue: depth of dead letters: %w", err)
	}
	return queue.Depth{Waiting: visible, Leased: hidden, Dead: dead + read}, nil
}

func (q *Queue) count(ctx context.Context, url string) (visible, hidden int, err error) {
	names := []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}
	out, err := q.client.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return 0, 0, err
	}
	var n [3]int
	for i, name := range names {
		if n[i], err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return n[0] + n[1], n[2], nil
}

// Close implements queue.Queue. It waits for requests under way, so that none
// of them is handed a message that nobody takes.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.close()
	q.mu.Unlock()
	q.polls.Wait()
	return nil
}

var (
	_ queue.Queue       = (*Queue)(nil)
	_ queue.DeadLetters = (*Queue)(nil)
)
