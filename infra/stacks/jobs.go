package stacks

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/malikobaid/cityflow/infra/config"
)

// LiveTag is the one image tag that moves: worker-deploy points it at each new
// image, so the task definition of the stack always means the deployed one.
const LiveTag = "live"

// jobs is where simulations happen: artifacts, queue, image, task, and the
// reconciler that starts tasks. Nothing here costs while nothing runs.
func jobs(app constructs.Construct, c *config.Config) awscdk.Stack {
	stack := newStack(app, c, "jobs", c.Region, "queue, worker tasks and their files", true)
	artifacts(stack, c)
	queues(stack, c)
	parameter(stack, c, "ArtifactsParameter", "artifacts-bucket", c.Names.ArtifactsBucket, "Bucket of the files of jobs")
	parameter(stack, c, "QueueParameter", "queue-url", queueURL(c), "Queue of jobs")
	parameter(stack, c, "ApiParameter", "api-base", c.APIURL(), "Address of the API")
	subnets, group := network(stack, c)
	worker(stack, c)
	reconciler(stack, c, subnets, group)
	return stack
}

// artifacts holds everything that outlives a request. No versions: progress and
// leases are rewritten all the time, and a lost result is computed again from
// its config. Its policy is made in the Web stack, which knows the distribution.
func artifacts(stack awscdk.Stack, c *config.Config) {
	rules := []*awss3.LifecycleRule{
		{Id: str("broken-uploads"), AbortIncompleteMultipartUploadAfter: days(2)},
		{Id: str("colder-files"), Prefix: str("jobs/"), Transitions: &[]*awss3.Transition{
			{StorageClass: awss3.StorageClass_INTELLIGENT_TIERING(), TransitionAfter: days(7)},
		}},
		{Id: str("spent-days"), Prefix: str("spend/"), Expiration: days(90)},
	}
	if c.Jobs.KeepDays > 0 {
		// The janitor of the reconciler removes a job with all that names it;
		// this is the net below it.
		rules = append(rules,
			&awss3.LifecycleRule{Id: str("ended-jobs"), Prefix: str("jobs/"), Expiration: days(c.Jobs.KeepDays + 7)},
			&awss3.LifecycleRule{Id: str("ended-runs"), Prefix: str("runs/"), Expiration: days(c.Jobs.KeepDays + 7)})
	}
	b := bucket(stack, "Artifacts", c.Names.ArtifactsBucket, false, rules...)
	accept(b, "AwsSolutions-S1", "Readers come through CloudFront, whose access log is kept; writers are two roles of ours. A second log would only cost.")
	accept(b, "AwsSolutions-S10", "The policy that refuses requests without TLS is in the Web stack, beside the distribution that it names.")
}

func queueURL(c *config.Config) string {
	return "https://sqs." + c.Region + ".amazonaws.com/" + c.Account + "/" + c.Names.Queue
}

func queues(stack awscdk.Stack, c *config.Config) {
	dead := awssqs.NewQueue(stack, str("DeadLetters"), &awssqs.QueueProps{
		QueueName: str(c.Names.DeadLetters), RetentionPeriod: days(14), Encryption: awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL: yes, RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	awssqs.NewQueue(stack, str("Queue"), &awssqs.QueueProps{
		QueueName: str(c.Names.Queue), RetentionPeriod: days(14), Encryption: awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL: yes, RemovalPolicy: awscdk.RemovalPolicy_RETAIN, VisibilityTimeout: seconds(c.Jobs.LeaseSeconds),
		// Long polls: an idle worker asks every 20 s and not all the time.
		ReceiveMessageWaitTime: seconds(20),
		// Far above the five failed attempts that bury a job: Spot stops and
		// released messages are deliveries too, and no failures.
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: dead, MaxReceiveCount: num(c.Jobs.MaxReceives)},
	})
}

func parameter(stack awscdk.Stack, c *config.Config, id, name, value, about string) {
	awsssm.NewCfnParameter(stack, str(id), &awsssm.CfnParameterProps{
		Name: str(c.Parameter(name)), Type: str("String"), Value: str(value), Description: str(about),
	})
}

// network is public subnets in several zones: a task has a public address and
// no way in. A NAT gateway would cost more than everything else together.
func network(stack awscdk.Stack, c *config.Config) (subnets []string, group string) {
	vpc := awsec2.NewVpc(stack, str("Network"), &awsec2.VpcProps{
		VpcName: str("cityflow"), IpAddresses: awsec2.IpAddresses_Cidr(str("10.42.0.0/20")), NatGateways: num(0),
		// Named here: looking them up would need the account at synthesis.
		AvailabilityZones: jsii.Strings(zones(c)...),
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
			{Name: str("public"), SubnetType: awsec2.SubnetType_PUBLIC, CidrMask: num(24), MapPublicIpOnLaunch: no},
		},
		// Files of jobs travel inside AWS, free of charge.
		GatewayEndpoints: &map[string]*awsec2.GatewayVpcEndpointOptions{"S3": {Service: awsec2.GatewayVpcEndpointAwsService_S3()}},
	})
	accept(vpc, "AwsSolutions-VPC7", "Nothing listens in this network: tasks only open connections to AWS. Flow logs would cost more than the tasks.")
	sg := awsec2.NewCfnSecurityGroup(stack, str("WorkerGroup"), &awsec2.CfnSecurityGroupProps{
		GroupName: str("cityflow-worker"), GroupDescription: str("Worker tasks: HTTPS out, nothing in"), VpcId: vpc.VpcId(),
		SecurityGroupEgress: list{&awsec2.CfnSecurityGroup_EgressProperty{
			IpProtocol: str("tcp"), FromPort: num(443), ToPort: num(443), CidrIp: str("0.0.0.0/0"), Description: str("HTTPS to AWS"),
		}},
	})
	for _, s := range *vpc.PublicSubnets() {
		subnets = append(subnets, *s.SubnetId())
	}
	return subnets, *sg.AttrGroupId()
}

// worker is the image repository, the cluster and the task.
func worker(stack awscdk.Stack, c *config.Config) {
	awsecr.NewRepository(stack, str("Images"), &awsecr.RepositoryProps{
		RepositoryName: str(c.Names.Worker), ImageScanOnPush: yes, RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
		ImageTagMutability: awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION,
		ImageTagMutabilityExclusionFilters: &[]awsecr.ImageTagMutabilityExclusionFilter{
			awsecr.ImageTagMutabilityExclusionFilter_Wildcard(str(LiveTag)),
		},
		LifecycleRules: &[]*awsecr.LifecycleRule{
			{Description: str("parts of replaced images"), TagStatus: awsecr.TagStatus_UNTAGGED, MaxImageAge: days(14), RulePriority: num(1)},
			{Description: str("enough to roll back"), TagStatus: awsecr.TagStatus_TAGGED, TagPatternList: strs("v*"), MaxImageCount: num(10), RulePriority: num(2)},
		},
	})
	cluster := awsecs.NewCfnCluster(stack, str("Cluster"), &awsecs.CfnClusterProps{
		ClusterName: str(c.Names.Cluster), CapacityProviders: &list{"FARGATE_SPOT", "FARGATE"},
		ClusterSettings: list{&awsecs.CfnCluster_ClusterSettingsProperty{Name: str("containerInsights"), Value: str("disabled")}},
	})
	accept(cluster, "AwsSolutions-ECS4", "Container Insights is paid per task and metric; the program reports its own counts of tasks, run times and failures.")
	logs := logGroup(stack, c, "WorkerLogs", "/cityflow/"+c.Environment+"/worker")

	image := arn(c, "ecr", "repository/"+c.Names.Worker)
	execution := role(stack, "ExecutionRole", c.Names.Worker+"-execution", "ecs-tasks.amazonaws.com", "Fetches the image and the settings of a worker task",
		onlyFrom(c, arn(c, "ecs", "*")),
		statement{sid: "Registry", actions: []string{"ecr:GetAuthorizationToken"}, resources: []string{"*"}},
		statement{sid: "Image", actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}, resources: []string{image}},
		statement{sid: "Logs", actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, resources: []string{arn(c, "logs", "log-group:/cityflow/"+c.Environment+"/worker:*")}},
		statement{sid: "Settings", actions: []string{"ssm:GetParameters"}, resources: parameters(c, "artifacts-bucket", "queue-url", "api-base")},
	)
	accept(execution, "AwsSolutions-IAM5", "ecr:GetAuthorizationToken knows no resource; log streams get names when they are made.")

	s3 := "arn:aws:s3:::" + c.Names.ArtifactsBucket
	task := role(stack, "TaskRole", c.Names.Worker+"-task", "ecs-tasks.amazonaws.com", "What a running worker may do",
		onlyFrom(c, arn(c, "ecs", "*")),
		statement{sid: "Read", actions: []string{"s3:GetObject"}, resources: []string{s3 + "/jobs/*", s3 + "/runs/*", s3 + "/cities/*"}},
		statement{sid: "Write", actions: []string{"s3:PutObject"}, resources: []string{s3 + "/jobs/*", s3 + "/runs/*", s3 + "/cities/*"}},
		// Without it a missing object is answered 403 and not 404.
		statement{sid: "List", actions: []string{"s3:ListBucket"}, resources: []string{s3}},
		statement{sid: "Work", actions: []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}, resources: []string{arn(c, "sqs", c.Names.Queue)}},
		statement{sid: "Bury", actions: []string{"sqs:SendMessage"}, resources: []string{arn(c, "sqs", c.Names.DeadLetters)}},
	)
	accept(task, "AwsSolutions-IAM5", "Objects of jobs, runs and cities get their names when they are written; the prefixes are the limit.")

	secrets := list{}
	for _, p := range [][2]string{{"ARTIFACTS_BUCKET", "artifacts-bucket"}, {"QUEUE_URL", "queue-url"}, {"API_BASE", "api-base"}} {
		secrets = append(secrets, &awsecs.CfnTaskDefinition_SecretProperty{Name: str(p[0]), ValueFrom: str(arn(c, "ssm", "parameter"+c.Parameter(p[1])))})
	}
	definition := awsecs.NewCfnTaskDefinition(stack, str("Task"), &awsecs.CfnTaskDefinitionProps{
		Family: str(c.Names.Worker), Cpu: str(fmt.Sprint(c.Jobs.CPU)), Memory: str(fmt.Sprint(c.Jobs.MemoryMB)),
		NetworkMode: str("awsvpc"), RequiresCompatibilities: strs("FARGATE"), ExecutionRoleArn: execution.AttrArn(), TaskRoleArn: task.AttrArn(),
		RuntimePlatform: &awsecs.CfnTaskDefinition_RuntimePlatformProperty{CpuArchitecture: str("ARM64"), OperatingSystemFamily: str("LINUX")},
		// The root of the container is read-only; this is its room for
		// temporary files.
		Volumes: list{&awsecs.CfnTaskDefinition_VolumeProperty{Name: str("tmp")}},
		ContainerDefinitions: list{&awsecs.CfnTaskDefinition_ContainerDefinitionProperty{
			Name: str(c.Names.Worker), Image: str(c.Account + ".dkr.ecr." + c.Region + ".amazonaws.com/" + c.Names.Worker + ":" + LiveTag),
			Command: strs("worker", "--task"), Essential: yes, ReadonlyRootFilesystem: yes, User: str("65532:65532"),
			// Fargate gives at most two minutes after SIGTERM: enough to give
			// the message back.
			StopTimeout: num(120),
			Environment: list{
				&awsecs.CfnTaskDefinition_KeyValuePairProperty{Name: str("CITYFLOW_LEASE"), Value: str(lease(c))},
				&awsecs.CfnTaskDefinition_KeyValuePairProperty{Name: str("CITYFLOW_LOG_LEVEL"), Value: str("info")},
			},
			Secrets:     secrets,
			MountPoints: list{&awsecs.CfnTaskDefinition_MountPointProperty{SourceVolume: str("tmp"), ContainerPath: str("/tmp")}},
			LogConfiguration: &awsecs.CfnTaskDefinition_LogConfigurationProperty{LogDriver: str("awslogs"), Options: &map[string]*string{
				"awslogs-group": logs.Ref(), "awslogs-region": str(c.Region), "awslogs-stream-prefix": str("task"),
			}},
		}},
	})
	accept(definition, "AwsSolutions-ECS2", "Plain settings that are no secrets; names of bucket and queue come from parameters.")
}

func lease(c *config.Config) string { return fmt.Sprintf("%ds", c.Jobs.LeaseSeconds) }

func parameters(c *config.Config, names ...string) []string {
	var out []string
	for _, n := range names {
		out = append(out, arn(c, "ssm", "parameter"+c.Parameter(n)))
	}
	return out
}

// onlyFrom keeps a service of AWS from using a role for somebody else's
// account.
func onlyFrom(c *config.Config, source string) obj {
	return obj{"StringEquals": obj{"aws:SourceAccount": c.Account}, "ArnLike": obj{"aws:SourceArn": source}}
}

// reconciler looks at the queue and starts tasks: woken by the API, by tasks
// that end, and once a minute.
func reconciler(stack awscdk.Stack, c *config.Config, subnets []string, group string) {
	s3 := "arn:aws:s3:::" + c.Names.ArtifactsBucket
	cluster := arn(c, "ecs", "cluster/"+c.Names.Cluster)
	r := role(stack, "ReconcilerRole", c.Names.Reconciler, "lambda.amazonaws.com", "Starts worker tasks for what the queue holds", nil,
		statement{sid: "Logs", actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, resources: []string{arn(c, "logs", "log-group:/aws/lambda/"+c.Names.Reconciler+":*")}},
		statement{sid: "Start", actions: []string{"ecs:RunTask"}, resources: []string{arn(c, "ecs", "task-definition/"+c.Names.Worker+":*")},
			conditions: obj{"ArnEquals": obj{"ecs:cluster": cluster}}},
		statement{sid: "Watch", actions: []string{"ecs:ListTasks"}, resources: []string{"*"}, conditions: obj{"ArnEquals": obj{"ecs:cluster": cluster}}},
		statement{sid: "Tasks", actions: []string{"ecs:DescribeTasks", "ecs:StopTask"}, resources: []string{arn(c, "ecs", "task/"+c.Names.Cluster+"/*")}},
		// Tasks carry the tags of their definition: the cost is theirs.
		statement{sid: "Tag", actions: []string{"ecs:TagResource"}, resources: []string{arn(c, "ecs", "task/"+c.Names.Cluster+"/*")},
			conditions: obj{"StringEquals": obj{"ecs:CreateAction": "RunTask"}}},
		statement{sid: "Hand", actions: []string{"iam:PassRole"}, resources: []string{iamRole(c, c.Names.Worker+"-execution"), iamRole(c, c.Names.Worker+"-task")},
			conditions: obj{"StringEquals": obj{"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
		statement{sid: "Queue", actions: []string{"sqs:GetQueueAttributes", "sqs:SendMessage"}, resources: []string{arn(c, "sqs", c.Names.Queue)}},
		// Read and shown again: what SQS gave up gets its failed.json.
		statement{sid: "DeadLetters", actions: []string{"sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}, resources: []string{arn(c, "sqs", c.Names.DeadLetters)}},
		statement{sid: "Read", actions: []string{"s3:GetObject"}, resources: []string{s3 + "/jobs/*", s3 + "/runs/*", s3 + "/pending/*", s3 + "/reconcile/*", s3 + "/spend/*"}},
		statement{sid: "Write", actions: []string{"s3:PutObject"}, resources: []string{s3 + "/jobs/*", s3 + "/reconcile/*", s3 + "/spend/*"}},
		// The janitor removes ended jobs, what names them, and the spend of long
		// ago.
		statement{sid: "Clean", actions: []string{"s3:DeleteObject"}, resources: []string{s3 + "/jobs/*", s3 + "/runs/*", s3 + "/pending/*", s3 + "/spend/*"}},
		statement{sid: "List", actions: []string{"s3:ListBucket"}, resources: []string{s3}},
	)
	accept(r, "AwsSolutions-IAM5", "Listing tasks knows no resource (a condition limits it to the cluster); revisions, tasks, objects and log streams get names when they are made.")

	logs := logGroup(stack, c, "ReconcilerLogs", "/aws/lambda/"+c.Names.Reconciler)
	env := obj{
		"CITYFLOW_STORE": storeURL(c), "CITYFLOW_QUEUE": queueURL(c), "CITYFLOW_LEASE": lease(c), "CITYFLOW_LOG_LEVEL": "info",
		"CITYFLOW_CLUSTER": c.Names.Cluster, "CITYFLOW_TASK_FAMILY": c.Names.Worker, "CITYFLOW_SUBNETS": strings.Join(subnets, ","),
		"CITYFLOW_SECURITY_GROUPS": group, "CITYFLOW_MAX_TASKS": fmt.Sprint(c.Jobs.MaxTasks),
		"CITYFLOW_TASK_SECONDS_PER_DAY": fmt.Sprint(c.Jobs.TaskSecondsPerDay), "CITYFLOW_TASK_MAX_SECONDS": fmt.Sprint(c.Jobs.TaskMaxSeconds),
		"CITYFLOW_KEEP": fmt.Sprintf("%dh", 24*c.Jobs.KeepDays),
	}
	reserved := -1
	if c.Jobs.ReserveConcurrency {
		reserved = 1 // the single writer of the daily spend
	}
	_, live := function(stack, functionProps{id: "Reconciler", name: c.Names.Reconciler, role: *r.AttrArn(), memory: 256, timeout: 50, reserved: reserved, env: env, logs: *logs.Ref(),
		about: "Starts worker tasks for what the queue holds"})
	// A late or repeated wake-up is useless: the next minute comes anyway.
	awslambda.NewCfnEventInvokeConfig(stack, str("ReconcilerWakeUps"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName: str(c.Names.Reconciler), Qualifier: str(LiveAlias), MaximumRetryAttempts: num(0), MaximumEventAgeInSeconds: num(60),
	}).Node().AddDependency(live)

	rule := func(id, name, about string, props *awsevents.CfnRuleProps) {
		props.Name, props.Description, props.State = str(name), str(about), str("ENABLED")
		props.Targets = list{&awsevents.CfnRule_TargetProperty{Id: str("reconciler"), Arn: live.Ref()}}
		r := awsevents.NewCfnRule(stack, str(id), props)
		awslambda.NewCfnPermission(stack, str(id+"Permission"), &awslambda.CfnPermissionProps{
			Action: str("lambda:InvokeFunction"), FunctionName: live.Ref(), Principal: str("events.amazonaws.com"), SourceArn: r.AttrArn(),
		})
	}
	rule("EveryMinute", "cityflow-every-minute", "Wakes the reconciler", &awsevents.CfnRuleProps{ScheduleExpression: str("rate(1 minute)")})
	rule("TaskStopped", "cityflow-task-stopped", "Wakes the reconciler when a worker task has ended", &awsevents.CfnRuleProps{EventPattern: obj{
		"source": list{"aws.ecs"}, "detail-type": list{"ECS Task State Change"}, "detail": obj{"clusterArn": list{cluster}, "lastStatus": list{"STOPPED"}},
	}})
}

func storeURL(c *config.Config) string {
	return "s3://" + c.Names.ArtifactsBucket + "?region=" + c.Region
}

func iamRole(c *config.Config, name string) string {
	return "arn:aws:iam::" + c.Account + ":role/" + name
}
