package stacks

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// executionPolicy is bootstrap/execution-policy.yaml, which is no stack of the
// app: it must be there before the first one.
func executionPolicy(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile("../bootstrap/execution-policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	// !Sub and its kin are read as their text.
	if err := yaml.Unmarshal([]byte(strings.NewReplacer("!Sub ", "", "!Join ", "", "!Ref ", "").Replace(string(b))), &doc); err != nil {
		t.Fatal(err)
	}
	return doc["Resources"].(map[string]any)
}

func TestExecutionPolicyIsScoped(t *testing.T) {
	// What AWS cannot limit to a name; the reasons are beside the statements.
	unnamed := map[string]bool{"CloudFront": true, "Unnamed": true, "NetworkOfOurs": true, "LogSettings": true, "Visitors": true}
	for name, r := range executionPolicy(t) {
		doc := dig(r, "Properties", "PolicyDocument")
		if n := len(text(doc)); n > 6144 {
			t.Errorf("%s has %d characters, AWS takes 6144", name, n)
		}
		for _, s := range statementsOf(name, doc) {
			for _, a := range s.actions {
				if strings.Contains(a, "*") {
					t.Errorf("%s allows %s", s.where, a)
				}
			}
			for _, res := range s.resources {
				str := fmt.Sprint(res)
				// Named by AWS: what is ours carries our tag, or is for one service.
				if limit := map[string]string{"identitypool/*": `"aws:ResourceTag/app":"cityflow"`, "role/aws-service-role/*": `"iam:AWSServiceName":["ecs.amazonaws.com","ops.apigateway.amazonaws.com"]`}[str[strings.LastIndexByte(str, ':')+1:]]; !strings.Contains(text(s.conditions), limit) {
					t.Errorf("%s reaches all of %s", s.where, str)
				}
				if str == "*" {
					if !unnamed[s.sid] {
						t.Errorf("%s reaches everything", s.where)
					}
					continue
				}
				if !regexp.MustCompile(`cityflow|BucketPrefix|ZoneId|catalog$|token\.actions|apigateway|:delivery:|identitypool/|aws-service-role/`).MatchString(str) {
					t.Errorf("%s reaches %s", s.where, str)
				}
			}
		}
	}
}

// creators says which action CloudFormation needs to make a kind of resource.
var creators = map[string]string{
	"AWS::ApiGatewayV2::Api": "apigateway:POST", "AWS::ApiGatewayV2::ApiMapping": "apigateway:POST", "AWS::ApiGatewayV2::DomainName": "apigateway:POST",
	"AWS::ApiGatewayV2::Integration": "apigateway:POST", "AWS::ApiGatewayV2::Route": "apigateway:POST", "AWS::ApiGatewayV2::Stage": "apigateway:POST",
	"AWS::Athena::NamedQuery": "athena:CreateNamedQuery", "AWS::Athena::WorkGroup": "athena:CreateWorkGroup", "AWS::Budgets::Budget": "budgets:ModifyBudget",
	"AWS::Budgets::BudgetsAction": "budgets:CreateBudgetAction", "AWS::CertificateManager::Certificate": "acm:RequestCertificate", "AWS::CloudFront::CachePolicy": "cloudfront:CreateCachePolicy",
	"AWS::CloudFront::Distribution": "cloudfront:CreateDistribution", "AWS::CloudFront::Function": "cloudfront:CreateFunction", "AWS::CloudFront::OriginAccessControl": "cloudfront:CreateOriginAccessControl",
	"AWS::CloudFront::ResponseHeadersPolicy": "cloudfront:CreateResponseHeadersPolicy", "AWS::CloudFront::MonitoringSubscription": "cloudfront:CreateMonitoringSubscription", "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm", "AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard",
	"AWS::Cognito::IdentityPool": "cognito-identity:CreateIdentityPool", "AWS::Cognito::IdentityPoolRoleAttachment": "cognito-identity:SetIdentityPoolRoles",
	"AWS::EC2::InternetGateway": "ec2:CreateInternetGateway", "AWS::EC2::Route": "ec2:CreateRoute", "AWS::EC2::RouteTable": "ec2:CreateRouteTable", "AWS::EC2::SecurityGroup": "ec2:CreateSecurityGroup",
	"AWS::EC2::Subnet": "ec2:CreateSubnet", "AWS::EC2::SubnetRouteTableAssociation": "ec2:AssociateRouteTable", "AWS::EC2::VPC": "ec2:CreateVpc", "AWS::EC2::VPCEndpoint": "ec2:CreateVpcEndpoint",
	"AWS::EC2::VPCGatewayAttachment": "ec2:AttachInternetGateway", "AWS::ECR::Repository": "ecr:CreateRepository", "AWS::ECS::Cluster": "ecs:CreateCluster", "AWS::ECS::TaskDefinition": "ecs:RegisterTaskDefinition",
	"AWS::Events::Rule": "events:PutRule", "AWS::Glue::Database": "glue:CreateDatabase", "AWS::Glue::Table": "glue:CreateTable", "AWS::IAM::ManagedPolicy": "iam:CreatePolicy",
	"AWS::IAM::OIDCProvider": "iam:CreateOpenIDConnectProvider", "AWS::IAM::Policy": "iam:PutRolePolicy", "AWS::IAM::Role": "iam:CreateRole", "AWS::Lambda::Alias": "lambda:CreateAlias",
	"AWS::Lambda::EventInvokeConfig": "lambda:PutFunctionEventInvokeConfig", "AWS::Lambda::Function": "lambda:CreateFunction", "AWS::Lambda::Permission": "lambda:AddPermission", "AWS::Logs::Delivery": "logs:CreateDelivery",
	"AWS::Logs::DeliveryDestination": "logs:PutDeliveryDestination", "AWS::Logs::DeliverySource": "logs:PutDeliverySource", "AWS::Logs::LogGroup": "logs:CreateLogGroup",
	"AWS::Logs::ResourcePolicy": "logs:PutResourcePolicy", "AWS::RUM::AppMonitor": "rum:CreateAppMonitor", "AWS::Route53::RecordSet": "route53:ChangeResourceRecordSets", "AWS::S3::Bucket": "s3:CreateBucket",
	"AWS::S3::BucketPolicy": "s3:PutBucketPolicy", "AWS::SNS::Subscription": "sns:Subscribe", "AWS::SNS::Topic": "sns:CreateTopic", "AWS::SNS::TopicPolicy": "sns:SetTopicAttributes",
	"AWS::SQS::Queue": "sqs:CreateQueue", "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes", "AWS::SSM::Parameter": "ssm:PutParameter",
	"Custom::CrossRegionExportReader": "lambda:InvokeFunction", "Custom::CrossRegionExportWriter": "lambda:InvokeFunction",
}

// TestExecutionPolicySuffices: whatever the stacks hold can be made.
func TestExecutionPolicySuffices(t *testing.T) {
	allowed := map[string]bool{}
	for name, r := range executionPolicy(t) {
		for _, s := range statementsOf(name, dig(r, "Properties", "PolicyDocument")) {
			for _, a := range s.actions {
				allowed[a] = true
			}
		}
	}
	for _, r := range plan(t).resources {
		if action, ok := creators[r.Type]; !ok {
			t.Errorf("%s/%s: nobody said what makes a %s", r.Stack, r.ID, r.Type)
		} else if !allowed[action] {
			t.Errorf("%s/%s: the execution policy lacks %s", r.Stack, r.ID, action)
		}
	}
}
