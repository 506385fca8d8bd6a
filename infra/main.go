// Command infra is the CDK app of CityFlow: it turns config.yaml into the
// templates of all stacks. cdk.json names it; docs/deploy.md says how it is
// used.
package main

import (
	"fmt"
	"os"

	"github.com/aws/jsii-runtime-go"

	"github.com/malikobaid/cityflow/infra/config"
	"github.com/malikobaid/cityflow/infra/stacks"
)

func main() {
	path := os.Getenv("CITYFLOW_CONFIG")
	if path == "" {
		path = "config.yaml"
	}
	c, err := config.Load(path)
	if err != nil {
		fmt.Fprintf(os.Stderr, "infra: %v\n", err)
		os.Exit(2)
	}
	defer jsii.Close()
	stacks.Build(c, os.Getenv("CDK_OUTDIR")).Synth(nil)
}
