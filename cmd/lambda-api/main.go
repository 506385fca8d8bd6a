// Command lambda-api is the API of CityFlow as an AWS Lambda function: the same
// http.Handler that `cityflow serve` runs, behind an API Gateway HTTP API. It
// has no page (a static host serves it) and no queue of its own; config.go lists
// its environment. Built as "bootstrap" for the runtime provided.al2023.
//
// It reads its secrets once at the start. What it cannot do without is opened
// before the first request, so that a wrong setting shows in the first log line
// and not in a visitor's answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

// version is stamped by -ldflags "-X main.version=...".
var version = "devel"

// startTime bounds what is opened at the start; Lambda gives 10 s.
const startTime = 9 * time.Second

func main() {
	log, err := telemetry.Logger(os.Stderr, "json", slog.LevelInfo)
	if err != nil {
		panic(err) // the format above is wrong
	}
	if err := start(); err != nil {
		var problems spec.Problems
		if errors.As(err, &problems) {
			for _, p := range problems {
				log.Error("setting", "name", p.Path, "problem", p.Message, "valid", p.Valid)
			}
		}
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
}

func start() error {
	c, problems := configFrom(os.Getenv)
	if err := problems.Err(); err != nil {
		return err
	}
	log, err := telemetry.Logger(os.Stderr, "json", c.LogLevel)
	if err != nil {
		return err
	}
	// The collector must work harder before Lambda ends the process.
	debug.SetMemoryLimit(int64(c.MemoryMB) << 20 * 8 / 10)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	handler, err := wire(ctx, c, log)
	if err != nil {
		return err
	}
	lambda.Start(handler)
	return fmt.Errorf("the runtime has no more events")
}

// memoryMB is what Lambda gives the function.
func memoryMB(getenv func(string) string) int {
	if n, err := strconv.Atoi(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); err == nil && n >= 128 {
		return n
	}
	return 512
}
