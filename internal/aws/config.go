// Package aws is what CityFlow needs of Amazon Web Services besides its
// drivers: one SDK configuration for all clients, the opener of s3:// stores
// (any S3-compatible store), and secrets read from SSM parameters.
//
// Region, credentials and endpoints come from the SDK's standard environment
// (AWS_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, a task's or function's
// role ...). Every call is bounded: a limited number of tries with a limited
// pause between them, and timeouts on connecting and answering.
package aws

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
)

const (
	// maxAttempts of one call, the first included. Whoever calls has a retry of
	// his own (the queue's redelivery), so this only smooths over short hiccups.
	maxAttempts = 5
	// firstBackoff doubles with each try. The SDK's own pauses of up to 20 s are
	// for batch work; somebody waits for our answers.
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 2 * time.Second

	dialTimeout = 5 * time.Second
	// answerTimeout must exceed the longest long poll of a queue (20 s).
	answerTimeout = 40 * time.Second
)

// client is shared by all services, so that connections are. Once an answer has
// begun, its body is bounded by the caller's context and TCP's keep-alive.
var client = awshttp.NewBuildableClient().
	WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
	WithTransportOptions(func(t *http.Transport) {
		t.TLSHandshakeTimeout = dialTimeout
		t.ResponseHeaderTimeout = answerTimeout
	})

// bounded limits the tries of a retryer and the pauses between them.
func bounded(r sdk.Retryer) sdk.Retryer {
	return quick{retry.AddWithMaxAttempts(r, maxAttempts).(sdk.RetryerV2)}
}

type quick struct{ sdk.RetryerV2 }

// RetryDelay implements sdk.Retryer: doubling, with half of it left to chance
// so that clients do not come back all at once.
func (quick) RetryDelay(attempt int, _ error) (time.Duration, error) {
	d := min(firstBackoff<<min(max(attempt-1, 0), 10), maxBackoff)
	return d/2 + rand.N(d/2), nil // #nosec G404 -- a pause, not a secret
}

// Config is the configuration for clients of any service. It asks the network
// for nothing: credentials are fetched when first needed.
func Config(ctx context.Context, more ...func(*config.LoadOptions) error) (sdk.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, append([]func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRetryer(func() sdk.Retryer { return bounded(retry.NewStandard()) }),
	}, more...)...)
	if err != nil {
		return cfg, fmt.Errorf("AWS settings: %w", err)
	}
	return cfg, nil
}
