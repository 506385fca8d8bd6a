package main

import (
	"context"
	"log/slog"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// wakeTime bounds the wake-up: a visitor waits for it.
const wakeTime = 2 * time.Second

// waker starts the reconciler without waiting for it, so that a worker starts
// now. A failure is only logged: the reconciler also runs every minute, and the
// message is in the queue already.
func waker(settings sdk.Config, function string, log *slog.Logger) func(context.Context) {
	client := lambda.NewFromConfig(settings, func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, wakeTime)
		defer cancel()
		_, err := client.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: &function, InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"source":"cityflow.submit"}`),
		})
		if err != nil {
			log.WarnContext(ctx, "reconciler not woken, its schedule will", "function", function, "error", err)
		}
	}
}
