package stacks

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// allStatements are the statements of every role, policy and resource policy
// that is ours. CDK's own helpers are named in cdkHelpers.
func allStatements(a *assembly) []policyStatement {
	var out []policyStatement
	for _, r := range a.resources {
		where := r.Stack + "/" + r.ID
		switch r.Type {
		case "AWS::IAM::Role":
			out = append(out, r.permissions()...)
		case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy":
			out = append(out, statementsOf(where, r.get("PolicyDocument"))...)
		}
	}
	return out
}

func TestNoWildcardAction(t *testing.T) {
	for _, s := range allStatements(plan(t)) {
		for _, action := range s.actions {
			if !strings.Contains(action, "*") {
				continue
			}
			// A denial may be as wide as it likes.
			if s.effect != "Deny" {
				t.Errorf("%s allows %s", s.where, action)
			}
		}
	}
}

// wholeAccount lists what AWS can only grant on "*", with the page that says
// so. https://docs.aws.amazon.com/service-authorization/latest/reference/
var wholeAccount = map[string]string{
	"ecr:GetAuthorizationToken":  "list_amazonelasticcontainerregistry.html: no resource type",
	"ecs:DescribeTaskDefinition": "list_amazonelasticcontainerservice.html: no resource type",
	"ecs:ListTasks":              "list_amazonelasticcontainerservice.html: container-instance only; the cluster is a condition",
}

func TestNoWildcardResource(t *testing.T) {
	n := 0
	for _, s := range allStatements(plan(t)) {
		if s.effect == "Deny" {
			continue
		}
		for _, r := range s.resources {
			if r != "*" {
				// Whatever follows a resource type is a name or a prefix of ours.
				if str, ok := r.(string); ok && strings.HasSuffix(str, ":*") && strings.Count(str, ":") < 6 {
					t.Errorf("%s reaches all of %s", s.where, str)
				}
				continue
			}
			for _, action := range s.actions {
				n++
				if wholeAccount[action] == "" {
					t.Errorf("%s allows %s on everything, and no reason is known", s.where, action)
				}
				if action == "ecs:ListTasks" && !strings.Contains(text(s.conditions), "ecs:cluster") {
					t.Errorf("%s lists the tasks of every cluster", s.where)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no statement on * was seen: the test looks in the wrong place")
	}
}

// TestPublicFunctionStartsNothing: whoever takes over the API can neither
// start tasks nor hand out roles, nor read what is not its business.
func TestPublicFunctionStartsNothing(t *testing.T) {
	role := plan(t).one(t, "cityflow-api", "AWS::IAM::Role", "RoleName=cityflow-api")
	actions := actionsOf(role.permissions())
	want := []string{"lambda:InvokeFunction", "logs:CreateLogStream", "logs:PutLogEvents", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
		"sqs:GetQueueAttributes", "sqs:SendMessage", "ssm:GetParameter"}
	if !slices.Equal(actions, want) {
		t.Errorf("the public function may\n  %v, want\n  %v", actions, want)
	}
	for _, s := range role.permissions() {
		if s.sid == "Clear" && fmt.Sprint(s.resources) != "[arn:aws:s3:::cityflow-artifacts/pending/* arn:aws:s3:::cityflow-artifacts/spend/*/model-*]" {
			t.Errorf("it may delete %v", s.resources)
		}
		if s.sid == "Write" && fmt.Sprint(s.resources) != "[arn:aws:s3:::cityflow-artifacts/jobs/* arn:aws:s3:::cityflow-artifacts/pending/* arn:aws:s3:::cityflow-artifacts/spend/*/model-*]" {
			t.Errorf("it may write %v", s.resources)
		}
		if s.sid == "Wake" && fmt.Sprint(s.resources) != "[arn:aws:lambda:eu-west-2:123456789012:function:cityflow-reconciler:live]" {
			t.Errorf("it may invoke %v", s.resources)
		}
	}
}

func TestOnlyTheReconcilerStartsTasks(t *testing.T) {
	for _, r := range plan(t).all("", "AWS::IAM::Role") {
		for _, s := range r.permissions() {
			for _, action := range s.actions {
				switch action {
				case "ecs:RunTask":
					if r.get("RoleName") != "cityflow-reconciler" {
						t.Errorf("%s may start tasks", s.where)
					}
					if text(s.resources) != `["arn:aws:ecs:eu-west-2:123456789012:task-definition/cityflow-worker:*"]` || !strings.Contains(text(s.conditions), "cluster/cityflow\"") {
						t.Errorf("%s starts %v if %v", s.where, text(s.resources), text(s.conditions))
					}
				case "iam:PassRole":
					if name := r.get("RoleName"); name != "cityflow-reconciler" && name != "cityflow-worker-deploy" {
						t.Errorf("%s may hand out roles", s.where)
					}
					if text(s.resources) != `["arn:aws:iam::123456789012:role/cityflow-worker-execution","arn:aws:iam::123456789012:role/cityflow-worker-task"]` ||
						!strings.Contains(text(s.conditions), `"iam:PassedToService":"ecs-tasks.amazonaws.com"`) {
						t.Errorf("%s hands out %v if %v", s.where, text(s.resources), text(s.conditions))
					}
				}
			}
		}
	}
}

// TestBucketsAreReadOnlyThroughTheDistribution: besides roles of ours, the
// distribution alone reads; of the artifacts only the files of jobs and basemaps.
func TestBucketsAreReadOnlyThroughTheDistribution(t *testing.T) {
	a := plan(t)
	d := a.one(t, "cityflow-web", "AWS::CloudFront::Distribution")
	for bucket, resources := range map[string][]string{"cityflow-web": {"arn:aws:s3:::cityflow-web/*"},
		"cityflow-artifacts": {"arn:aws:s3:::cityflow-artifacts/jobs/*", "arn:aws:s3:::cityflow-artifacts/cities/*/basemap.pmtiles"}} {
		allowed := 0
		for _, s := range statementsOf(bucket, a.one(t, "cityflow-web", "AWS::S3::BucketPolicy", "Bucket="+bucket).get("PolicyDocument")) {
			if s.effect == "Deny" {
				if s.principal != "*" || !strings.Contains(text(s.conditions), `{"Bool":{"aws:SecureTransport":"false"}}`) {
					t.Errorf("%s denies %s", s.where, text(s.conditions))
				}
				continue
			}
			allowed++
			if text(s.principal) != `{"Service":"cloudfront.amazonaws.com"}` || !slices.Equal(s.actions, []string{"s3:GetObject"}) || text(s.resources) != text(resources) {
				t.Errorf("%s allows %s to %v on %s", s.where, text(s.principal), s.actions, text(s.resources))
			}
			want := `{"StringEquals":{"AWS:SourceArn":{"Fn::Join":["",["arn:aws:cloudfront::123456789012:distribution/",{"Ref":"` + d.ID + `"}]]}}}`
			if text(s.conditions) != want {
				t.Errorf("%s if %s, want %s", s.where, text(s.conditions), want)
			}
		}
		if allowed != 1 {
			t.Errorf("%s: %d statements allow, want 1", bucket, allowed)
		}
	}
	for _, b := range a.all("", "AWS::S3::Bucket") {
		for _, k := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			b.want(t, true, "PublicAccessBlockConfiguration", k)
		}
	}
}

func TestWorkflowRolesTrustOneWorkflowEach(t *testing.T) {
	a := plan(t)
	repo := "repo:malikobaid/cityflow:environment:"
	file := ":job_workflow_ref:malikobaid/cityflow/.github/workflows/"
	for name, subjects := range map[string][]string{
		"web":    {repo + "web" + file + "web-deploy.yml@refs/heads/main"},
		"api":    {repo + "api" + file + "api-deploy.yml@refs/heads/main", repo + "api" + file + "api-deploy.yml@refs/tags/v*"},
		"worker": {repo + "worker" + file + "worker-deploy.yml@refs/tags/v*"},
		"infra":  {repo + "infra" + file + "infra-deploy.yml@refs/heads/main"},
		// Sees what would change, before anybody approves.
		"infra-diff": {repo + "infra-diff" + file + "infra-deploy.yml@refs/heads/main"},
	} {
		r := a.one(t, "cityflow-pipeline", "AWS::IAM::Role", "RoleName=cityflow-"+name+"-deploy")
		trust := "AssumeRolePolicyDocument"
		r.want(t, "sts:AssumeRoleWithWebIdentity", trust, "Statement", "0", "Action")
		r.want(t, "sts.amazonaws.com", trust, "Statement", "0", "Condition", "StringEquals", "token.actions.githubusercontent.com:aud")
		r.want(t, subjects, trust, "Statement", "0", "Condition", "StringLike", "token.actions.githubusercontent.com:sub")
		if n := len(r.get(trust, "Statement").([]any)); n != 1 {
			t.Errorf("%s is trusted by %d statements", name, n)
		}
	}
	if n := len(a.all("cityflow-pipeline", "AWS::IAM::Role")); n != 5 {
		t.Errorf("%d roles for workflows, want 5: ci gets none", n)
	}
	if n := len(a.all("", "AWS::IAM::AccessKey")) + len(a.all("", "AWS::IAM::User")); n != 0 {
		t.Errorf("%d users or long-lived keys", n)
	}
}

// TestWorkflowRolesMayWhatTheyDo lists the permissions of each workflow.
func TestWorkflowRolesMayWhatTheyDo(t *testing.T) {
	a := plan(t)
	for name, want := range map[string]string{
		"web": "cloudfront:CreateInvalidation s3:ListBucket s3:PutObject ssm:GetParameters",
		"api": "lambda:GetAlias lambda:GetFunction lambda:GetFunctionConfiguration lambda:InvokeFunction lambda:PublishVersion lambda:UpdateAlias lambda:UpdateFunctionCode ssm:GetParameter",
		"worker": "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:CompleteLayerUpload ecr:DescribeImages ecr:GetAuthorizationToken ecr:InitiateLayerUpload " +
			"ecr:PutImage ecr:UploadLayerPart ecs:DescribeTaskDefinition ecs:RegisterTaskDefinition ecs:TagResource iam:PassRole",
		"infra":      "logs:PutRetentionPolicy ssm:GetParameter sts:AssumeRole",
		"infra-diff": "ssm:GetParameter sts:AssumeRole",
	} {
		r := a.one(t, "cityflow-pipeline", "AWS::IAM::Role", "RoleName=cityflow-"+name+"-deploy")
		if got := strings.Join(actionsOf(r.permissions()), " "); got != want {
			t.Errorf("%s may\n  %s, want\n  %s", name, got, want)
		}
		for _, s := range r.permissions() {
			for _, res := range s.resources {
				s3 := fmt.Sprint(res)
				if res != "*" && !strings.Contains(s3, "cityflow") && !strings.Contains(text(s.conditions), `"aws:ResourceTag/app":"cityflow"`) {
					t.Errorf("%s reaches %v, which is not ours alone", s.where, res)
				}
			}
		}
	}
}

// TestCDKHelpers: the only managed policies of AWS are those of the helpers
// that carry two values between the regions.
func TestCDKHelpers(t *testing.T) {
	for _, r := range plan(t).all("", "AWS::IAM::Role") {
		helper := strings.Contains(r.ID, "CustomCrossRegionExport")
		if managed := r.get("ManagedPolicyArns"); managed != nil && !helper {
			t.Errorf("%s/%s uses %s", r.Stack, r.ID, text(managed))
		}
		if helper {
			for _, s := range r.permissions() {
				for _, res := range s.resources {
					if !strings.Contains(text(res), "parameter/cdk/exports/") {
						t.Errorf("%s reaches %s", s.where, text(res))
					}
				}
			}
		}
	}
}
