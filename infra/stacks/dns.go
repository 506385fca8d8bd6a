package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/malikobaid/cityflow/infra/config"
)

// CloudFrontZone is the hosted zone that every alias to CloudFront names.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-route53-recordset-aliastarget.html
const CloudFrontZone = "Z2FDTNDATAQYW2"

// dns points the names at what was made: A and AAAA alias records, which cost
// nothing to ask for. A stack of its own, so that the names move last.
func dns(app constructs.Construct, c *config.Config, d awscloudfront.Distribution, name awsapigatewayv2.CfnDomainName) awscdk.Stack {
	stack := newStack(app, c, "dns", c.Region, "names of site and API", true)
	alias := func(id, host string, target *awsroute53.CfnRecordSet_AliasTargetProperty) {
		for _, kind := range []string{"A", "AAAA"} {
			r := awsroute53.NewCfnRecordSet(stack, str(id+kind), &awsroute53.CfnRecordSetProps{
				HostedZoneId: str(c.Domain.ZoneID), Name: str(host + "."), Type: str(kind), AliasTarget: target,
			})
			r.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
		}
	}
	site := &awsroute53.CfnRecordSet_AliasTargetProperty{DnsName: d.DistributionDomainName(), HostedZoneId: str(CloudFrontZone), EvaluateTargetHealth: no}
	if c.Domain.Records.Site {
		alias("Site", c.Domain.Site, site)
	}
	if c.Domain.Records.Old && c.Domain.Old != "" {
		alias("Old", c.Domain.Old, site)
	}
	if c.Domain.Records.API {
		alias("Api", c.Domain.API, &awsroute53.CfnRecordSet_AliasTargetProperty{
			DnsName: name.AttrRegionalDomainName(), HostedZoneId: name.AttrRegionalHostedZoneId(), EvaluateTargetHealth: no,
		})
	}
	return stack
}

// hasRecords says whether the Dns stack would hold anything.
func hasRecords(c *config.Config) bool {
	r := c.Domain.Records
	return c.Domain.ZoneID != "" && (r.Site || r.API || r.Old && c.Domain.Old != "")
}
