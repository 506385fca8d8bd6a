// Package llm is the optional language model: any server that speaks OpenAI's
// chat completions. It is given published figures or our own documentation,
// with everything that somebody else wrote marked as data, and what it answers
// is checked: words only (Sanitise) and no number that the sources do not hold
// (Invented). Whatever goes wrong is an error that names its kind, so that the
// rules can answer instead.
//
// The key is read through a Secret when it is needed, kept for minutes, read
// again when the server refuses it, and never logged; nor is what the server
// says in errors, which may quote it.
package llm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/malikobaid/cityflow/internal/telemetry"
)

// Secret reads a key where it is kept.
type Secret func(ctx context.Context) (string, error)

// Budget says whether one more call may be paid for.
type Budget interface {
	// Take takes one call from today's; ErrSpent when none is left.
	Take(ctx context.Context) error
}

// Options of a Client.
type Options struct {
	// BaseURL of the server, with its version: "https://api.openai.com/v1".
	BaseURL string
	Model   string
	// Key may be nil for servers that want none.
	Key    Secret
	Budget Budget
	// Timeout bounds one question with everything it takes; 0 means 7 s.
	Timeout time.Duration
	Log     *slog.Logger
	Metrics *telemetry.Metrics
	// HTTP may be nil.
	HTTP *http.Client
}

// Defaults.
const (
	DefaultBaseURL = "https://api.openai.com/v1"
	DefaultModel   = "gpt-4.1-mini"
	defaultTimeout = 7 * time.Second
)

const (
	keyFor    = 5 * time.Minute  // how long a key is kept
	pauseFor  = 30 * time.Second // after a failure of the server
	maxPause  = time.Hour
	maxTokens = 700
	maxReply  = 256 << 10 // bytes of a server's answer
	atOnce    = 4         // calls of one process
)

// Kind is why there is no answer; it is also the label of the metric.
type Kind string

// The kinds.
const (
	Answered     Kind = "answered"
	Refused      Kind = "refused"      // the answer did not pass our checks
	Timeout      Kind = "timeout"      // no answer in time
	Busy         Kind = "busy"         // 429, or too many calls of our own
	Unauthorized Kind = "unauthorized" // the key is not accepted, or cannot be read
	Failed       Kind = "failed"       // anything else of server and network
	Paused       Kind = "paused"       // a failure was moments ago
	Spent        Kind = "spent"        // today's calls are used up
)

// Error is a question that got no usable answer. Its text can be shown.
type Error struct {
	Kind Kind
	Note string
}

func (e *Error) Error() string { return e.Note }

// ErrSpent is what a Budget says when it is used up.
var ErrSpent = errors.New("the calls of today are used up")

// Client asks the model. It is safe for concurrent use.
type Client struct {
	o     Options
	http  bounded
	slots chan struct{}

	mu     sync.Mutex
	key    string
	keyAt  time.Time
	paused time.Time
}

// New makes a client; it calls nobody yet.
func New(o Options) *Client {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.Model == "" {
		o.Model = DefaultModel
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	h := http.Client{}
	if o.HTTP != nil {
		h = *o.HTTP
	}
	// A redirect would carry questions to somewhere else.
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{o: o, http: bounded{&h}, slots: make(chan struct{}, atOnce)}
}

// Model is the name of the model.
func (c *Client) Model() string { return c.o.Model }

// bounded reads no endless answers.
type bounded struct{ *http.Client }

func (b bounded) Do(r *http.Request) (*http.Response, error) {
	res, err := b.Client.Do(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxReply), res.Body}
	}
	return res, err
}

// turn is one message of a conversation.
type turn struct{ role, text string }

// ask sends one conversation and checks the answer against its sources.
// names of the material are taken out first.
func (c *Client) ask(ctx context.Context, system string, turns []turn, names []string, sources ...string) (string, error) {
	ctx, end := telemetry.Span(ctx, "language model")
	text, err := c.answer(ctx, system, turns)
	if err == nil {
		text = Sanitise(text)
		switch invented := Invented(without(text, names), sources...); {
		case text == "":
			err = &Error{Refused, "The language model gave an empty answer."}
		case len(invented) > 0:
			err = &Error{Refused, fmt.Sprintf("The language model's answer held %d number(s) that the figures do not.", len(invented))}
		}
	}
	end(err)
	kind := Answered
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Failed, "The language model could not be asked."}
		}
		kind, text, err = e.Kind, "", e
		if c.o.Log != nil {
			c.o.Log.WarnContext(ctx, "no answer of the language model", "kind", string(kind), "note", e.Note)
		}
	}
	c.o.Metrics.Add("cityflow_model_calls_total", 1, "outcome", string(kind))
	return text, err
}

func (c *Client) answer(ctx context.Context, system string, turns []turn) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		return "", &Error{Busy, "The language model is busy with other questions."}
	}
	c.mu.Lock()
	paused := time.Now().Before(c.paused)
	c.mu.Unlock()
	if paused {
		return "", &Error{Paused, "The language model did not work a moment ago."}
	}
	key, err := c.secret(ctx, false)
	if err != nil {
		c.pause(pauseFor)
		return "", err
	}
	if c.o.Budget != nil {
		if err := c.o.Budget.Take(ctx); errors.Is(err, ErrSpent) {
			return "", &Error{Spent, "The language model's calls of today are used up."}
		} else if err != nil {
			return "", &Error{Failed, "The language model's calls could not be counted."}
		}
	}
	text, err := c.call(ctx, key, system, turns)
	var e *Error
	if errors.As(err, &e) && e.Kind == Unauthorized && c.o.Key != nil {
		// The key may have been changed since it was read.
		if fresh, kerr := c.secret(ctx, true); kerr == nil && fresh != key {
			text, err = c.call(ctx, fresh, system, turns)
		}
	}
	if errors.As(err, &e) && (e.Kind == Unauthorized || e.Kind == Failed || e.Kind == Timeout) {
		c.pause(pauseFor)
	}
	return text, err
}

func (c *Client) pause(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(min(d, maxPause)); until.After(c.paused) {
		c.paused = until
	}
}

// secret gives the key, read anew when it is old or known to be wrong.
func (c *Client) secret(ctx context.Context, anew bool) (string, error) {
	if c.o.Key == nil {
		return "", nil
	}
	c.mu.Lock()
	key, at := c.key, c.keyAt
	c.mu.Unlock()
	if !anew && key != "" && time.Since(at) < keyFor {
		return key, nil
	}
	fresh, err := c.o.Key(ctx)
	if err != nil || fresh == "" {
		if key != "" && !anew {
			return key, nil // an old key is better than none
		}
		return "", &Error{Unauthorized, "The language model's key cannot be read."}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.keyAt = fresh, time.Now()
	return fresh, nil
}

// call makes one HTTP request; its errors hold no text of the server.
func (c *Client) call(ctx context.Context, key, system string, turns []turn) (string, error) {
	// The service alone reads no environment: only what stands here counts.
	opts := []option.RequestOption{option.WithBaseURL(c.o.BaseURL), option.WithHTTPClient(c.http), option.WithMaxRetries(0)}
	if key != "" {
		opts = append(opts, option.WithAPIKey(key))
	}
	chat := openai.NewChatCompletionService(opts...)
	messages := []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system)}
	for _, t := range turns {
		if t.role == "assistant" {
			messages = append(messages, openai.AssistantMessage(t.text))
		} else {
			messages = append(messages, openai.UserMessage(t.text))
		}
	}
	res, err := chat.New(ctx, openai.ChatCompletionNewParams{Model: c.o.Model, Messages: messages, MaxCompletionTokens: openai.Int(maxTokens)})
	var api *openai.Error
	switch {
	case err == nil && len(res.Choices) > 0:
		return res.Choices[0].Message.Content, nil
	case err == nil:
		return "", &Error{Failed, "The language model gave no answer."}
	case ctx.Err() != nil:
		return "", &Error{Timeout, fmt.Sprintf("The language model did not answer within %v.", c.o.Timeout)}
	case errors.As(err, &api) && (api.StatusCode == http.StatusUnauthorized || api.StatusCode == http.StatusForbidden):
		return "", &Error{Unauthorized, "The language model does not accept the key."}
	case errors.As(err, &api) && api.StatusCode == http.StatusTooManyRequests:
		wait := pauseFor
		if api.Response != nil {
			if s, err := strconv.Atoi(api.Response.Header.Get("Retry-After")); err == nil && s > 0 {
				wait = time.Duration(min(s, int(maxPause/time.Second))) * time.Second
			}
		}
		c.pause(wait)
		return "", &Error{Busy, "The language model is busy (429)."}
	case errors.As(err, &api):
		return "", &Error{Failed, fmt.Sprintf("The language model's server answered %d.", api.StatusCode)}
	}
	return "", &Error{Failed, "The language model's server could not be reached."}
}
