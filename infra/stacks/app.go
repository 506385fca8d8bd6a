package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/malikobaid/cityflow/infra/config"
)

// Context are the settings of CDK itself.
var Context = map[string]any{
	// Errors of a template fail its synthesis.
	"@aws-cdk/core:validateAgainstDefaultRules": true,
	"@aws-cdk/core:stackRelativeExports":        true,
	// A stack that another one reads from cannot lose what is read.
	"@aws-cdk/core:defaultCrossStackReferences": "strong",
}

// Build makes all stacks for a config, checked by cdk-nag's AwsSolutions. It
// writes the templates to outdir when the app is synthesized.
func Build(c *config.Config, outdir string) awscdk.App {
	props := &awscdk.AppProps{Context: &map[string]any{}, AnalyticsReporting: jsii.Bool(false), TreeMetadata: jsii.Bool(false)}
	for k, v := range Context {
		(*props.Context)[k] = v
	}
	// CDK would ask the account for them.
	(*props.Context)["availability-zones:account="+c.Account+":region="+c.Region] = zones(c)
	if outdir != "" {
		props.Outdir = str(outdir)
	}
	app := awscdk.NewApp(props)
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)

	pipeline(app, c)
	jobsStack := jobs(app, c)
	edgeStack, cert := edge(app, c)
	webStack, distribution := web(app, c, cert)
	webStack.AddStackDependency(jobsStack, str("the policy of the artifacts bucket is in Web"))
	if edgeStack != nil {
		webStack.AddStackDependency(edgeStack, str("the certificate"))
	}
	apiStack, apiID, name := api(app, c)
	apiStack.AddStackDependency(jobsStack, str("bucket, queue and reconciler are named"))
	m := made{distribution: *distribution.DistributionId(), api: apiID}
	observability(app, c, m).AddStackDependency(webStack, str("the bucket of logs"))
	edgeObservability(app, c, m.distribution).AddStackDependency(webStack, str("the bucket of logs"))
	if hasRecords(c) {
		dns(app, c, distribution, name)
	}
	return app
}
