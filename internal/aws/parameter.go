package aws

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const (
	// refreshEvery is how long a parameter's value is used before it is asked
	// for again: a rotated key is picked up without a restart.
	refreshEvery = 5 * time.Minute
	// retryEvery spares a service that just failed to answer.
	retryEvery = 30 * time.Second
	// askTimeout bounds one reading, tries included.
	askTimeout = 10 * time.Second
)

// Secret is a value that must not be seen. However it is printed, logged or
// encoded, it shows as hidden; only Reveal gives it.
type Secret struct {
	// A pointer, because fmt prints the fields of foreign structs without
	// asking their methods, but does not follow pointers in them.
	value *string
}

const hidden = "[hidden]"

// NewSecret hides a value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal gives the value, to be handed to whom it is for and to nobody else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

func (s Secret) String() string               { return hidden }
func (s Secret) GoString() string             { return hidden }
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(hidden)) }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Parameter is a secret kept in an SSM parameter (a SecureString, decrypted by
// the service) or given outright. A value once read is served for a few
// minutes, and for as long as a newer one cannot be had. It is safe for
// concurrent use.
type Parameter struct {
	name string // "" for a value that was given
	get  func(ctx context.Context, name string) (string, error)
	now  func() time.Time
	// asking is held by the one caller that asks the service.
	asking chan struct{}

	mu    sync.Mutex
	value Secret
	have  bool
	next  time.Time // when to ask again
}

// Given is a parameter with a fixed value.
func Given(value string) *Parameter { return &Parameter{value: NewSecret(value), have: true} }

// NewParameter is the SSM parameter of this name. Nothing is asked yet.
func NewParameter(cfg sdk.Config, name string) *Parameter {
	client := ssm.NewFromConfig(cfg)
	return &Parameter{name: name, now: time.Now, asking: make(chan struct{}, 1), get: func(ctx context.Context, name string) (string, error) {
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: sdk.Bool(true)})
		if err != nil {
			return "", err
		}
		return sdk.ToString(out.Parameter.Value), nil
	}}
}

// FromEnvironment is the secret that the variable name holds, else the one in
// the SSM parameter that the variable name+"_PARAMETER" names, else nil.
func FromEnvironment(ctx context.Context, name string) (*Parameter, error) {
	if v := os.Getenv(name); v != "" {
		return Given(v), nil
	}
	p := os.Getenv(name + "_PARAMETER")
	if p == "" {
		return nil, nil
	}
	cfg, err := Config(ctx)
	if err != nil {
		return nil, err
	}
	return NewParameter(cfg, p), nil
}

// Value is the secret, at most refreshEvery old unless the service does not
// answer. It fails only when there never was a value.
func (p *Parameter) Value(ctx context.Context) (Secret, error) {
	if v, ok := p.cached(); ok {
		return v, nil
	}
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return Secret{}, ctx.Err()
	}
	if v, ok := p.cached(); ok { // asked by another meanwhile
		return v, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	v, err := p.get(ctx, p.name)
	if err == nil && v == "" {
		err = fmt.Errorf("it is empty")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.value, p.have, p.next = NewSecret(v), true, p.now().Add(refreshEvery)
		return p.value, nil
	}
	if p.have {
		p.next = p.now().Add(retryEvery)
		return p.value, nil
	}
	return Secret{}, fmt.Errorf("SSM parameter %s: %w", p.name, err)
}

func (p *Parameter) cached() (Secret, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.value, p.have && (p.name == "" || p.now().Before(p.next))
}

// Reader reads SecureStrings by name and keeps each one as a Parameter. It asks
// for the settings of the account when the first one is wanted.
func Reader() func(ctx context.Context, name string) (string, error) {
	var mu sync.Mutex
	known := map[string]*Parameter{}
	return func(ctx context.Context, name string) (string, error) {
		mu.Lock()
		p, ok := known[name]
		mu.Unlock()
		if !ok {
			cfg, err := Config(ctx)
			if err != nil {
				return "", err
			}
			p = NewParameter(cfg, name)
			mu.Lock()
			known[name] = p
			mu.Unlock()
		}
		s, err := p.Value(ctx)
		if err != nil {
			return "", err
		}
		return s.Reveal(), nil
	}
}
