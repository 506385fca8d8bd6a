package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// asked is a parameter over a made-up service and clock.
func asked(get func() (string, error)) (*Parameter, *atomic.Int64) {
	clock := &atomic.Int64{}
	return &Parameter{
		name: "/cityflow/test/key", asking: make(chan struct{}, 1),
		now: func() time.Time { return time.Unix(clock.Load(), 0) },
		get: func(context.Context, string) (string, error) { return get() },
	}, clock
}

func TestAParameterIsReadOnceAndAgainWhenItIsOld(t *testing.T) {
	var calls atomic.Int64
	p, clock := asked(func() (string, error) { return fmt.Sprint("v", calls.Add(1)), nil })
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if v, err := p.Value(t.Context()); err != nil || v.Reveal() != "v1" {
				t.Error(v.Reveal(), err)
			}
		})
	}
	all.Wait()
	clock.Add(int64(refreshEvery/time.Second) - 1)
	if v, _ := p.Value(t.Context()); v.Reveal() != "v1" {
		t.Error("asked again too early")
	}
	clock.Add(1)
	if v, _ := p.Value(t.Context()); v.Reveal() != "v2" || calls.Load() != 2 {
		t.Error(v.Reveal(), calls.Load())
	}
}

func TestAnOldValueIsBetterThanNone(t *testing.T) {
	var down atomic.Bool
	var calls atomic.Int64
	p, clock := asked(func() (string, error) {
		calls.Add(1)
		if down.Load() {
			return "", errors.New("throttled")
		}
		return "v", nil
	})
	down.Store(true)
	if _, err := p.Value(t.Context()); err == nil || !strings.Contains(err.Error(), "/cityflow/test/key") {
		t.Fatalf("no value and no such error: %v", err)
	}
	down.Store(false)
	if _, err := p.Value(t.Context()); err != nil {
		t.Fatal(err)
	}
	down.Store(true)
	clock.Add(int64(refreshEvery / time.Second))
	before := calls.Load()
	for range 5 {
		if v, err := p.Value(t.Context()); err != nil || v.Reveal() != "v" {
			t.Fatal(v, err)
		}
	}
	if n := calls.Load() - before; n != 1 {
		t.Errorf("a service that fails was asked %d times at once", n)
	}
}

func TestASecretNeverShows(t *testing.T) {
	s := NewSecret("geheim")
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Info("x", "secret", s, "group", slog.GroupValue(slog.Any("in", s)))
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "secret", s, "pointer", &s)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+" ", s)
		fmt.Fprintf(&b, verb+" ", struct{ S Secret }{s})
		fmt.Fprintf(&b, verb+" ", struct{ s Secret }{s})
		fmt.Fprintf(&b, verb+" ", Given("geheim"))
	}
	js, err := json.Marshal(map[string]any{"s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(js)
	b.WriteString(fmt.Sprint(s, &s, fmt.Errorf("with %v", s)))
	if out := b.String(); strings.Contains(out, "geheim") || strings.Contains(out, "67656865696d") || !strings.Contains(out, hidden) {
		t.Fatal(out)
	}
}

func TestASecretFromTheEnvironment(t *testing.T) {
	t.Setenv("CITYFLOW_TEST_KEY", "")
	t.Setenv("CITYFLOW_TEST_KEY_PARAMETER", "")
	if p, err := FromEnvironment(t.Context(), "CITYFLOW_TEST_KEY"); p != nil || err != nil {
		t.Fatal(p, err)
	}
	t.Setenv("CITYFLOW_TEST_KEY_PARAMETER", "/cityflow/test/key")
	t.Setenv("CITYFLOW_TEST_KEY", "given")
	p, err := FromEnvironment(t.Context(), "CITYFLOW_TEST_KEY")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := p.Value(t.Context()); err != nil || v.Reveal() != "given" {
		t.Fatal(v, err)
	}
}
