// Command settings checks the config of a deployment and prints what the deploy
// scripts need of it, one name=value a line. All problems are reported at once,
// one a line, and nothing else; so is a config whose account or zone is still
// the example's (-example lets it pass, for rehearsals).
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/malikobaid/cityflow/infra/config"
)

func main() {
	example := flag.Bool("example", false, "let the example account and zone pass")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "settings: want the config file")
		os.Exit(2)
	}
	os.Exit(run(flag.Arg(0), *example, os.Stdout, os.Stderr))
}

func run(path string, example bool, stdout, stderr io.Writer) int {
	c, problems := config.Examine(path)
	if c != nil && !example {
		problems = append(problems, c.NotFilledIn()...)
	}
	if len(problems) > 0 {
		for _, p := range problems {
			fmt.Fprintf(stderr, "%s: %s\n", path, p)
		}
		return 2
	}
	zone := c.Domain.ZoneID
	if zone == "" {
		zone = "none"
	}
	for _, kv := range [][2]any{
		{"account", c.Account}, {"region", c.Region}, {"edge_region", config.EdgeRegion}, {"environment", c.Environment}, {"site_url", c.SiteURL()}, {"api_url", c.APIURL()},
		{"zone_id", zone}, {"bucket_prefix", c.BucketPrefix()}, {"web_bucket", c.WebBucket()}, {"artifacts_bucket", c.Names.ArtifactsBucket},
		{"logs_bucket", c.Names.LogsBucket}, {"queue", c.Names.Queue}, {"dead_letters", c.Names.DeadLetters}, {"cluster", c.Names.Cluster}, {"function", c.Names.Function}, {"reconciler", c.Names.Reconciler},
		{"worker", c.Names.Worker}, {"openai", c.API.OpenAI}, {"tokens", c.API.Tokens}, {"private", c.API.Private}, {"reserve_concurrency", c.Jobs.ReserveConcurrency}, {"rum", c.RUM()},
	} {
		fmt.Fprintf(stdout, "%s=%v\n", kv[0], kv[1])
	}
	// Where the AWS command line and the scripts look by themselves.
	fmt.Fprintf(stdout, "export AWS_REGION=%s AWS_DEFAULT_REGION=%[1]s CITYFLOW_ENVIRONMENT=%s CITYFLOW_TASK_FAMILY=%s\n", c.Region, c.Environment, c.Names.Worker)
	return 0
}
