// Package stacks is the deployment as CDK stacks: Jobs, Web (with its Edge
// stack in us-east-1), Api, Dns, Observability (likewise) and Pipeline. They
// own settings; the deploy workflows own code (docs/deploy.md).
//
// Physical names come from the config, and stacks refer to parts of each other
// by those names and by explicit order. Only values that AWS invents cross
// between stacks: the certificate and the id of the distribution.
package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/malikobaid/cityflow/infra/config"
)

// zones of availability that tasks run in.
func zones(c *config.Config) []string {
	var out []string
	for _, z := range []string{"a", "b", "c"}[:c.Jobs.AvailabilityZones] {
		out = append(out, c.Region+z)
	}
	return out
}

// Short names for the pointers that CDK's Go binding wants everywhere.
var (
	str  = jsii.String
	yes  = jsii.Bool(true)
	no   = jsii.Bool(false)
	strs = func(s ...string) *[]*string { return jsii.Strings(s...) }
	num  = func(n int) *float64 { return jsii.Number(n) }
)

// obj and list build the plain JSON that low-level constructs take.
type (
	obj  = map[string]any
	list = []any
)

// Qualifier marks the bootstrap parts of this app, so that its deploys use a
// scoped execution policy and not the account's default one.
const Qualifier = "cityflow"

// newStack makes one stack. Those with state refuse to be deleted.
func newStack(app constructs.Construct, c *config.Config, name, region, about string, stateful bool) awscdk.Stack {
	stack := awscdk.NewStack(app, str("cityflow-"+name), &awscdk.StackProps{
		StackName: str("cityflow-" + name), Description: str("CityFlow: " + about),
		Env:         &awscdk.Environment{Account: str(c.Account), Region: str(region)},
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{Qualifier: str(Qualifier)}),
		// The certificate and the distribution's id cross between regions.
		CrossRegionReferences: yes, TerminationProtection: jsii.Bool(stateful),
	})
	// Activated as cost allocation tags these give the cost of each part.
	for _, tag := range [][2]string{{"app", "cityflow"}, {"environment", c.Environment}, {"part", name}} {
		awscdk.Tags_Of(stack).Add(str(tag[0]), str(tag[1]), nil)
	}
	return stack
}

// statement is one IAM statement with its name; a nil principal makes it part
// of a role's policy.
type statement struct {
	sid        string
	actions    []string
	resources  []string
	conditions obj
	deny       bool
	service    string // principal of a resource policy
	anyone     bool   // principal "*" of a resource policy
}

func (s statement) json() obj {
	o := obj{"Sid": s.sid, "Effect": "Allow", "Action": one(s.actions), "Resource": one(s.resources)}
	if s.deny {
		o["Effect"] = "Deny"
	}
	if s.conditions != nil {
		o["Condition"] = s.conditions
	}
	if s.service != "" {
		o["Principal"] = obj{"Service": s.service}
	}
	if s.anyone {
		o["Principal"] = "*"
	}
	return o
}

func one(ss []string) any {
	if len(ss) == 1 {
		return ss[0]
	}
	return ss
}

func document(ss ...statement) obj {
	var out list
	for _, s := range ss {
		out = append(out, s.json())
	}
	return obj{"Version": "2012-10-17", "Statement": out}
}

// role makes a role that a service of AWS takes on, with one inline policy.
func role(scope constructs.Construct, id, name, service, about string, conditions obj, ss ...statement) awsiam.CfnRole {
	trust := obj{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": obj{"Service": service}}
	if conditions != nil {
		trust["Condition"] = conditions
	}
	props := &awsiam.CfnRoleProps{
		RoleName: str(name), Description: str(about),
		AssumeRolePolicyDocument: obj{"Version": "2012-10-17", "Statement": list{trust}},
	}
	if len(ss) > 0 {
		props.Policies = list{obj{"policyName": "permissions", "policyDocument": document(ss...)}}
	}
	return awsiam.NewCfnRole(scope, str(id), props)
}

// logGroup makes a log group whose events do not stay for ever.
func logGroup(scope constructs.Construct, c *config.Config, id, name string) awslogs.CfnLogGroup {
	g := awslogs.NewCfnLogGroup(scope, str(id), &awslogs.CfnLogGroupProps{LogGroupName: str(name), RetentionInDays: num(c.Observability.LogDays)})
	g.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil)
	return g
}

// bucket makes a private bucket that outlives its stack.
func bucket(scope constructs.Construct, id, name string, versioned bool, rules ...*awss3.LifecycleRule) awss3.Bucket {
	props := &awss3.BucketProps{
		BucketName: str(name), BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption: awss3.BucketEncryption_S3_MANAGED, ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN, Versioned: jsii.Bool(versioned),
	}
	if len(rules) > 0 {
		props.LifecycleRules = &rules
	}
	return awss3.NewBucket(scope, str(id), props)
}

func days(n int) awscdk.Duration    { return awscdk.Duration_Days(num(n)) }
func seconds(n int) awscdk.Duration { return awscdk.Duration_Seconds(num(n)) }

// bucketPolicy is the whole policy of a bucket: nothing without TLS, and the
// statements given.
func bucketPolicy(scope constructs.Construct, id, name string, after constructs.IDependable, ss ...statement) awss3.CfnBucketPolicy {
	arn := "arn:aws:s3:::" + name
	tls := statement{sid: "OnlyTLS", deny: true, anyone: true, actions: []string{"s3:*"}, resources: []string{arn, arn + "/*"},
		conditions: obj{"Bool": obj{"aws:SecureTransport": "false"}}}
	p := awss3.NewCfnBucketPolicy(scope, str(id), &awss3.CfnBucketPolicyProps{Bucket: str(name), PolicyDocument: document(append(ss, tls)...)})
	if after != nil {
		p.Node().AddDependency(after)
	}
	return p
}

// accept tells cdk-nag that a finding is meant, and why.
func accept(on constructs.IConstruct, rule, reason string, appliesTo ...any) {
	s := &cdknag.NagPackSuppression{Id: str(rule), Reason: str(reason)}
	if len(appliesTo) > 0 {
		s.AppliesTo = &appliesTo
	}
	cdknag.NagSuppressions_AddResourceSuppressions(on, &[]*cdknag.NagPackSuppression{s}, yes)
}

// arn of something in the account and region of the config.
func arn(c *config.Config, service, rest string) string {
	return "arn:aws:" + service + ":" + c.Region + ":" + c.Account + ":" + rest
}
