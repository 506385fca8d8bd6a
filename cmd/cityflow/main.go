// Command cityflow is the whole of CityFlow in one program: the model on the
// terminal, and the service with its page. One file per command; wire.go turns
// URLs into drivers. This is the only place that knows both halves.
//
// stdout is only the answer; progress and logs go to stderr. Exit codes: 0
// done, 1 failed, 2 bad input.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

type cli struct {
	Format    []string   `default:"text" placeholder:"FORMAT" help:"How answers are printed: text or json (default text)."`
	LogFormat string     `enum:"auto,text,json" default:"auto" env:"CITYFLOW_LOG_FORMAT" help:"How logs are written: text, json, or auto: text on a terminal and JSON elsewhere."`
	LogLevel  slog.Level `default:"info" env:"CITYFLOW_LOG_LEVEL" help:"Least important log lines to write: debug, info, warn or error."`

	Simulate simulateCmd `cmd:"" help:"Run a what-if on this machine and print the answer."`
	Assign   assignCmd   `cmd:"" help:"Static user equilibrium of a road network and a trip matrix, or of a city."`
	Traffic  trafficCmd  `cmd:"" help:"Load a demand on a network, both given as CSV, and print what the trips took."`
	City     cityCmd     `cmd:"" help:"List, describe and compile cities."`
	Serve    serveCmd    `cmd:"" help:"Run the page, the API and workers, all in this process."`
	Worker   workerCmd   `cmd:"" help:"Run jobs from a queue that is shared with other machines."`
	Cost     costCmd     `cmd:"" help:"Estimate what a month costs on AWS, by service."`
	OpenAPI  openapiCmd  `cmd:"" name:"openapi" help:"Print the OpenAPI document of the HTTP API."`
	Token    tokenCmd    `cmd:"" help:"Make a bearer token for a private deployment, and print it with its hash."`
	Version  versionCmd  `cmd:"" help:"Print the versions of program, model and packs."`
	Smoke    smokeCmd    `cmd:"" help:"Check a running CityFlow the way a visitor would: five acceptance tests."`
}

// env is what every command gets.
type env struct {
	// ctx ends with the first SIGINT or SIGTERM.
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
	log    *slog.Logger
	json   bool
	export string // the format that city export writes
}

// answer reads --format: text or json, and for city export, which may be given
// two, the format to write.
func (e *env) answer(command string, formats []string) error {
	for _, f := range formats {
		switch {
		case f == "text" || f == "json":
			e.json = f == "json"
		case command == "city export" && e.export == "" && slices.ContainsFunc(exportFormats(), func(x formatLine) bool { return x.Format == f }):
			e.export = f
		case command == "city export":
			return usagef("--format %s: want one of %s, and text or json besides", f, formatNames())
		default:
			return usagef("--format %s: want text or json", f)
		}
	}
	return nil
}

// usageError is bad input: exit code 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// version is stamped by -ldflags "-X main.version=...".
var version string

// buildVersion is the stamped version, or what the toolchain knows.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "devel" {
			v += "-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal finds the default behaviour again and ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(mainExit(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func mainExit(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("cityflow"), kong.Writers(stdout, stderr),
		kong.ExplicitGroups([]kong.Group{{Key: "any", Title: "A city without a folder:"}}),
		kong.Description("CityFlow: what would change if we built this? Pick a real city, draw a change, get who gains, by how much, and how sure."))
	if err != nil {
		panic(err) // the struct above is wrong
	}
	kctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "cityflow: %v\nSee cityflow --help.\n", err)
		return 2
	}
	e := &env{ctx: ctx, stdout: stdout, stderr: stderr}
	err = e.answer(kctx.Command(), c.Format)
	if err == nil {
		e.log, err = telemetry.Logger(stderr, c.LogFormat, c.LogLevel)
	}
	if err == nil {
		err = kctx.Run(e)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "cityflow: %v\n", err)
	var usage usageError
	var problems spec.Problems
	if errors.As(err, &usage) || errors.As(err, &problems) {
		return 2
	}
	return 1
}
