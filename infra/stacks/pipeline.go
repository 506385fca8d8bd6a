package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/malikobaid/cityflow/infra/config"
)

// The issuer of GitHub's tokens, and who they are for.
const (
	tokenIssuer   = "token.actions.githubusercontent.com"
	tokenAudience = "sts.amazonaws.com"
)

// Workflow is one job of a deploy workflow: the GitHub environment it runs in,
// and the refs it may run from.
type Workflow struct {
	Name string // of the environment and the role
	File string // of the workflow <File>-deploy.yml
	Main bool
	Tags bool
}

// Workflows are those that get a role. ci gets none.
var Workflows = []Workflow{
	{Name: "web", File: "web", Main: true},
	{Name: "api", File: "api", Main: true, Tags: true},
	{Name: "worker", File: "worker", Tags: true},
	{Name: "infra", File: "infra", Main: true},
	// What would change is shown before anybody is asked to approve.
	{Name: "infra-diff", File: "infra", Main: true},
}

// Subjects are the token subjects that a workflow's role trusts. The
// repository is told to put environment and workflow into the subject
// (docs/deploy.md): without that setting no token fits, and nothing deploys.
func (w Workflow) Subjects(repository string) []string {
	head := "repo:" + repository + ":environment:" + w.Name + ":job_workflow_ref:" + repository + "/.github/workflows/" + w.File + "-deploy.yml@refs/"
	var out []string
	if w.Main {
		out = append(out, head+"heads/main")
	}
	if w.Tags {
		out = append(out, head+"tags/v*")
	}
	return out
}

// pipeline is how GitHub may deploy: the provider of its tokens and one role
// for each workflow, with what that workflow needs and no more.
func pipeline(app constructs.Construct, c *config.Config) awscdk.Stack {
	stack := newStack(app, c, "pipeline", c.Region, "roles of the deploy workflows", true)
	provider := c.Existing.OIDCProvider
	if provider == "" {
		p := awsiam.NewCfnOIDCProvider(stack, str("GitHub"), &awsiam.CfnOIDCProviderProps{Url: str("https://" + tokenIssuer), ClientIdList: strs(tokenAudience)})
		// Other repositories may come to use it.
		p.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
		provider = *p.AttrArn()
	}
	taken := map[string]string{"web": c.Existing.Roles.Web, "api": c.Existing.Roles.API, "worker": c.Existing.Roles.Worker, "infra": c.Existing.Roles.Infra}
	permissions := map[string][]statement{"web": webPermissions(c), "api": apiPermissions(c), "worker": workerPermissions(c), "infra": infraPermissions(c), "infra-diff": diffPermissions(c)}
	for _, w := range Workflows {
		if arn := taken[w.Name]; arn != "" {
			r := awsiam.Role_FromRoleArn(stack, str("Role-"+w.Name), str(arn), nil)
			awsiam.NewCfnPolicy(stack, str("Policy-"+w.Name), &awsiam.CfnPolicyProps{
				PolicyName: str("cityflow-" + w.Name + "-deploy"), Roles: strs(*r.RoleName()), PolicyDocument: document(permissions[w.Name]...),
			})
			continue
		}
		r := awsiam.NewCfnRole(stack, str("Role-"+w.Name), &awsiam.CfnRoleProps{
			RoleName: str("cityflow-" + w.Name + "-deploy"), Description: str("Assumed by the workflow " + w.File + "-deploy of " + c.Repository), MaxSessionDuration: num(3600),
			AssumeRolePolicyDocument: obj{"Version": "2012-10-17", "Statement": list{obj{
				"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": obj{"Federated": provider},
				"Condition": obj{
					"StringEquals": obj{tokenIssuer + ":aud": tokenAudience},
					"StringLike":   obj{tokenIssuer + ":sub": w.Subjects(c.Repository)},
				},
			}}},
			Policies: list{obj{"policyName": "permissions", "policyDocument": document(permissions[w.Name]...)}},
		})
		accept(r, "AwsSolutions-IAM5", "Objects of the page, versions, revisions and logins get their names when they are made: see the reason beside each statement.")
	}
	return stack
}

// webPermissions: sync of the page and invalidation.
func webPermissions(c *config.Config) []statement {
	b := "arn:aws:s3:::" + c.WebBucket()
	return []statement{
		{sid: "Look", actions: []string{"s3:ListBucket"}, resources: []string{b}},
		// Nothing is deleted: open pages still ask for old assets.
		{sid: "Send", actions: []string{"s3:PutObject"}, resources: []string{b + "/web/*"}},
		// The distribution is known by its id only after it was made; the tag
		// that every part carries limits this to ours.
		{sid: "Invalidate", actions: []string{"cloudfront:CreateInvalidation"},
			resources: []string{"arn:aws:cloudfront::" + c.Account + ":distribution/*"}, conditions: obj{"StringEquals": obj{"aws:ResourceTag/app": "cityflow"}}},
		{sid: "Settings", actions: []string{"ssm:GetParameters"}, resources: parameters(c, "web-bucket", "distribution", "api-base", "rum")},
	}
}

// apiPermissions: code of both functions, versions, alias.
func apiPermissions(c *config.Config) []statement {
	var functions, versions []string
	for _, f := range []string{c.Names.Function, c.Names.Reconciler} {
		functions = append(functions, arn(c, "lambda", "function:"+f))
		versions = append(versions, arn(c, "lambda", "function:"+f+":*"))
	}
	return []statement{
		{sid: "Code", actions: []string{"lambda:GetAlias", "lambda:GetFunction", "lambda:PublishVersion", "lambda:UpdateAlias", "lambda:UpdateFunctionCode"}, resources: functions},
		// The digests of single versions.
		{sid: "Versions", actions: []string{"lambda:GetFunctionConfiguration"}, resources: append(versions, functions...)},
		// The check after a deploy: one call that does what every minute does.
		{sid: "Check", actions: []string{"lambda:InvokeFunction"}, resources: []string{arn(c, "lambda", "function:"+c.Names.Reconciler+":"+LiveAlias)}},
		{sid: "Settings", actions: []string{"ssm:GetParameter"}, resources: parameters(c, "api-base")},
	}
}

// workerPermissions: push of an image, new revision of the task.
func workerPermissions(c *config.Config) []statement {
	return []statement{
		// A login to the registry knows no resource.
		{sid: "Login", actions: []string{"ecr:GetAuthorizationToken"}, resources: []string{"*"}},
		{sid: "Push", actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
			"ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"}, resources: []string{arn(c, "ecr", "repository/"+c.Names.Worker)}},
		// Describing a definition knows no resource.
		{sid: "Look", actions: []string{"ecs:DescribeTaskDefinition"}, resources: []string{"*"}},
		{sid: "Register", actions: []string{"ecs:RegisterTaskDefinition", "ecs:TagResource"}, resources: []string{arn(c, "ecs", "task-definition/"+c.Names.Worker+":*")}},
		{sid: "Hand", actions: []string{"iam:PassRole"}, resources: []string{iamRole(c, c.Names.Worker+"-execution"), iamRole(c, c.Names.Worker+"-task")},
			conditions: obj{"StringEquals": obj{"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
	}
}

// infraPermissions: the roles that bootstrap made for this app, in both
// regions; what CloudFormation may do is the scoped execution policy.
func infraPermissions(c *config.Config) []statement {
	return append(bootstrapped(c, "deploy", "file-publishing", "lookup"),
		// RUM makes its own log group: the deploy limits how long it keeps.
		statement{sid: "Retention", actions: []string{"logs:PutRetentionPolicy"}, resources: []string{arn(c, "logs", "log-group:/aws/vendedlogs/RUMService_cityflow*")}})
}

// diffPermissions: reading what is deployed.
func diffPermissions(c *config.Config) []statement { return bootstrapped(c, "lookup") }

func bootstrapped(c *config.Config, names ...string) []statement {
	var roles, version []string
	for _, region := range []string{c.Region, config.EdgeRegion} {
		for _, r := range names {
			roles = append(roles, iamRole(c, "cdk-"+Qualifier+"-"+r+"-role-"+c.Account+"-"+region))
		}
		version = append(version, "arn:aws:ssm:"+region+":"+c.Account+":parameter/cdk-bootstrap/"+Qualifier+"/version")
	}
	return []statement{
		{sid: "Deploy", actions: []string{"sts:AssumeRole"}, resources: roles},
		{sid: "Bootstrap", actions: []string{"ssm:GetParameter"}, resources: version},
	}
}
