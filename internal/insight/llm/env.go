package llm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
)

// Parameter reads a secret by its name where a host keeps parameters.
type Parameter func(ctx context.Context, name string) (string, error)

// defaultCalls a day: enough for a demonstration, cheap enough to forget.
const defaultCalls = 200

// CallsPerDay is CITYFLOW_MODEL_CALLS_PER_DAY.
func CallsPerDay() (int, error) {
	s := os.Getenv("CITYFLOW_MODEL_CALLS_PER_DAY")
	if s == "" {
		return defaultCalls, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("CITYFLOW_MODEL_CALLS_PER_DAY is %q, want a whole number of 0 or more", s)
	}
	return n, nil
}

// FromEnv makes the client that the environment asks for, nil when it asks for
// none: OPENAI_API_KEY, or OPENAI_API_KEY_PARAMETER read through read, or
// OPENAI_BASE_URL alone for a server that wants no key. OPENAI_MODEL names the
// model. The rest of the options is the caller's.
func FromEnv(o Options, read Parameter) (*Client, error) {
	o.BaseURL, o.Model = os.Getenv("OPENAI_BASE_URL"), os.Getenv("OPENAI_MODEL")
	key, name := os.Getenv("OPENAI_API_KEY"), os.Getenv("OPENAI_API_KEY_PARAMETER")
	switch {
	case key != "":
		o.Key = func(context.Context) (string, error) { return key, nil }
	case name != "" && read == nil:
		return nil, errors.New("OPENAI_API_KEY_PARAMETER is set, but this program reads no parameter store: set OPENAI_API_KEY")
	case name != "":
		o.Key = func(ctx context.Context) (string, error) { return read(ctx, name) }
	case o.BaseURL == "":
		return nil, nil
	}
	if o.BaseURL != "" {
		u, err := url.Parse(o.BaseURL)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
			return nil, errors.New("OPENAI_BASE_URL is no address such as https://host/v1")
		}
		if ip := net.ParseIP(u.Hostname()); o.Key != nil && u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, errors.New("OPENAI_BASE_URL is plain http to another machine: the key could be read on the way; use https")
		}
	}
	return New(o), nil
}
