package stacks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/infra/config"
)

func load(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load("../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestQueueWithDeadLetters(t *testing.T) {
	a := plan(t)
	q, d := a.one(t, "cityflow-jobs", "AWS::SQS::Queue", "QueueName=cityflow-jobs"), a.one(t, "cityflow-jobs", "AWS::SQS::Queue", "QueueName=cityflow-jobs-dlq")
	q.want(t, map[string]any{"Fn::GetAtt": []string{d.ID, "Arn"}}, "RedrivePolicy", "deadLetterTargetArn")
	q.want(t, 1000, "RedrivePolicy", "maxReceiveCount")
	q.want(t, 120, "VisibilityTimeout")
	for _, x := range []resource{q, d} {
		x.want(t, true, "SqsManagedSseEnabled")
		x.want(t, 14*86400, "MessageRetentionPeriod")
	}
}

func TestArtifactsBucket(t *testing.T) {
	b := plan(t).one(t, "cityflow-jobs", s3type, "BucketName=cityflow-artifacts")
	rules := b.get("LifecycleConfiguration", "Rules").([]any)
	var jobs []string
	for _, r := range rules {
		if dig(r, "Prefix") == "jobs/" {
			jobs = append(jobs, fmt.Sprint(dig(r, "Id"), " ", dig(r, "ExpirationInDays"), " ", text(dig(r, "Transitions"))))
		}
	}
	if len(jobs) != 2 || !strings.Contains(strings.Join(jobs, "|"), "ended-jobs 37") || !strings.Contains(strings.Join(jobs, "|"), "INTELLIGENT_TIERING") {
		t.Errorf("lifecycle of jobs/: %v", jobs)
	}
	c := load(t)
	c.Jobs.KeepDays = 0
	if r := synth(t, c).one(t, "cityflow-jobs", s3type, "BucketName=cityflow-artifacts").json(); strings.Contains(r, "ended-jobs") {
		t.Errorf("jobs are to be kept for ever, and %s", r)
	}
}

func TestImageRepository(t *testing.T) {
	r := plan(t).one(t, "cityflow-jobs", "AWS::ECR::Repository")
	r.want(t, "cityflow-worker", "RepositoryName")
	r.want(t, "IMMUTABLE_WITH_EXCLUSION", "ImageTagMutability")
	r.want(t, "live", "ImageTagMutabilityExclusionFilters", "0", "ImageTagMutabilityExclusionFilterValue")
	r.want(t, true, "ImageScanningConfiguration", "ScanOnPush")
}

func TestWorkerTask(t *testing.T) {
	a := plan(t)
	d := a.one(t, "cityflow-jobs", "AWS::ECS::TaskDefinition")
	d.want(t, "cityflow-worker", "Family")
	d.want(t, "1024", "Cpu")
	d.want(t, "2048", "Memory")
	d.want(t, []string{"FARGATE"}, "RequiresCompatibilities")
	d.want(t, map[string]string{"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}, "RuntimePlatform")
	box := func(p ...string) []string { return append([]string{"ContainerDefinitions", "0"}, p...) }
	d.want(t, "cityflow-worker", box("Name")...)
	d.want(t, []string{"worker", "--task"}, box("Command")...)
	d.want(t, true, box("ReadonlyRootFilesystem")...)
	d.want(t, "65532:65532", box("User")...)
	d.want(t, 120, box("StopTimeout")...)
	ssm := "arn:aws:ssm:eu-west-2:123456789012:parameter/cityflow/prod/"
	d.want(t, []map[string]string{
		{"Name": "ARTIFACTS_BUCKET", "ValueFrom": ssm + "artifacts-bucket"}, {"Name": "QUEUE_URL", "ValueFrom": ssm + "queue-url"}, {"Name": "API_BASE", "ValueFrom": ssm + "api-base"},
	}, box("Secrets")...)
	for name, value := range map[string]string{"artifacts-bucket": "cityflow-artifacts", "queue-url": "https://sqs.eu-west-2.amazonaws.com/123456789012/cityflow-jobs", "api-base": "https://api.cityflow.obaidmalik.co.uk"} {
		a.one(t, "cityflow-jobs", "AWS::SSM::Parameter", "Name=/cityflow/prod/"+name).want(t, value, "Value")
	}
	if n := len(a.all("", "AWS::ECS::Service")) + len(a.all("", "AWS::EC2::Instance")); n != 0 {
		t.Errorf("%d services or machines that run all the time", n)
	}
}

func TestWorkerRole(t *testing.T) {
	a := plan(t)
	task := a.one(t, "cityflow-jobs", "AWS::IAM::Role", "RoleName=cityflow-worker-task")
	want := []string{"s3:GetObject", "s3:ListBucket", "s3:PutObject", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"}
	if got := actionsOf(task.permissions()); !slices.Equal(got, want) {
		t.Errorf("a worker may %v, want %v", got, want)
	}
	for _, s := range task.permissions() {
		if strings.Contains(text(s.resources), "/pending") || strings.Contains(text(s.resources), "/spend") {
			t.Errorf("%s reaches what is the API's or the reconciler's: %v", s.where, s.resources)
		}
		if s.sid == "Bury" && text(s.resources) != `["arn:aws:sqs:eu-west-2:123456789012:cityflow-jobs-dlq"]` {
			t.Errorf("a worker sends to %v", s.resources)
		}
	}
	execution := a.one(t, "cityflow-jobs", "AWS::IAM::Role", "RoleName=cityflow-worker-execution")
	if got := actionsOf(execution.permissions()); !slices.Contains(got, "ssm:GetParameters") {
		t.Errorf("the settings of a task cannot be read: %v", got)
	}
}

func TestNetworkHasNoNAT(t *testing.T) {
	a := plan(t)
	if n := len(a.all("", "AWS::EC2::NatGateway")) + len(a.all("", "AWS::EC2::EIP")); n != 0 {
		t.Errorf("%d NAT gateways or addresses: they cost while nothing runs", n)
	}
	zones := map[string]bool{}
	for _, s := range a.all("cityflow-jobs", "AWS::EC2::Subnet") {
		zones[fmt.Sprint(s.get("AvailabilityZone"))] = true
	}
	if len(zones) != 3 {
		t.Errorf("subnets in %v, want three zones", zones)
	}
	e := a.one(t, "cityflow-jobs", "AWS::EC2::VPCEndpoint")
	e.want(t, "Gateway", "VpcEndpointType")
	g := a.one(t, "cityflow-jobs", "AWS::EC2::SecurityGroup")
	if g.get("SecurityGroupIngress") != nil || len(a.all("", "AWS::EC2::SecurityGroupIngress")) != 0 {
		t.Error("something may connect to a task")
	}
	g.want(t, []map[string]any{{"CidrIp": "0.0.0.0/0", "Description": "HTTPS to AWS", "FromPort": 443, "IpProtocol": "tcp", "ToPort": 443}}, "SecurityGroupEgress")
}

func TestReconciler(t *testing.T) {
	a := plan(t)
	f := a.one(t, "cityflow-jobs", "AWS::Lambda::Function", "FunctionName=cityflow-reconciler")
	f.want(t, 1, "ReservedConcurrentExecutions")
	env := func(k string) any { return f.get("Environment", "Variables", k) }
	for k, v := range map[string]string{"CITYFLOW_CLUSTER": "cityflow", "CITYFLOW_TASK_FAMILY": "cityflow-worker", "CITYFLOW_MAX_TASKS": "10", "CITYFLOW_TASK_SECONDS_PER_DAY": "36000",
		"CITYFLOW_TASK_MAX_SECONDS": "1800", "CITYFLOW_KEEP": "720h", "CITYFLOW_STORE": "s3://cityflow-artifacts?region=eu-west-2"} {
		if env(k) != v {
			t.Errorf("%s=%v, want %s", k, env(k), v)
		}
	}
	if n := strings.Count(text(env("CITYFLOW_SUBNETS")), `"Ref"`); n != 3 {
		t.Errorf("subnets: %s", text(env("CITYFLOW_SUBNETS")))
	}
	live := map[string]any{"Ref": "ReconcilerLive"}
	a.one(t, "cityflow-jobs", "AWS::Events::Rule", "ScheduleExpression=rate(1 minute)").want(t, live, "Targets", "0", "Arn")
	stopped := a.one(t, "cityflow-jobs", "AWS::Events::Rule", "Name=cityflow-task-stopped")
	stopped.want(t, live, "Targets", "0", "Arn")
	stopped.want(t, []string{"STOPPED"}, "EventPattern", "detail", "lastStatus")
	stopped.want(t, []string{"arn:aws:ecs:eu-west-2:123456789012:cluster/cityflow"}, "EventPattern", "detail", "clusterArn")
	a.one(t, "cityflow-jobs", "AWS::Lambda::EventInvokeConfig").want(t, 0, "MaximumRetryAttempts")
	if n := len(a.all("", "AWS::Pipes::Pipe")) + len(a.all("", "AWS::Lambda::EventSourceMapping")); n != 0 {
		t.Errorf("%d pipes or mappings: they lose jobs when a task is accepted and never starts", n)
	}
	c := load(t)
	c.Jobs.ReserveConcurrency = false
	if got := synth(t, c).one(t, "cityflow-jobs", "AWS::Lambda::Function", "FunctionName=cityflow-reconciler").get("ReservedConcurrentExecutions"); got != nil {
		t.Errorf("the account's quota forbids reserving, and %v is reserved", got)
	}
}

func TestSpotFirstIsPossible(t *testing.T) {
	plan(t).one(t, "cityflow-jobs", "AWS::ECS::Cluster").want(t, []string{"FARGATE_SPOT", "FARGATE"}, "CapacityProviders")
}
