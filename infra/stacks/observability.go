package stacks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrum"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/malikobaid/cityflow/infra/config"
)

// made is what the observability stacks look at.
type made struct {
	distribution string // id
	api          string // id
}

// observability is what tells how CityFlow is doing and what it costs: RUM,
// Athena, the dashboard, alarms and the budget.
func observability(app constructs.Construct, c *config.Config, m made) awscdk.Stack {
	stack := newStack(app, c, "observability", c.Region, "visits, dashboard, alarms, budget", false)
	rumGroup := rum(stack, c)
	athena(stack, c, m.distribution)
	topic := topic(stack, c, c.Region)
	failures(stack, c, topic)
	if c.Observability.Alarms {
		alarms(stack, c, m, topic)
	}
	dashboard(stack, c, m, rumGroup)
	budget(stack, c, topic)
	return stack
}

// topic gathers the people who are told; a region's alarms can only tell a
// topic of the same region.
func topic(stack awscdk.Stack, c *config.Config, region string) string {
	t := awssns.NewCfnTopic(stack, str("Alerts"), &awssns.CfnTopicProps{TopicName: str("cityflow-alerts"), DisplayName: str("CityFlow")})
	arn := "arn:aws:sns:" + region + ":" + c.Account + ":cityflow-alerts"
	ours := obj{"StringEquals": obj{"aws:SourceAccount": c.Account}}
	awssns.NewCfnTopicPolicy(stack, str("AlertsPolicy"), &awssns.CfnTopicPolicyProps{Topics: strs(*t.Ref()), PolicyDocument: document(
		statement{sid: "Alarms", service: "cloudwatch.amazonaws.com", actions: []string{"sns:Publish"}, resources: []string{arn}, conditions: ours},
		statement{sid: "Events", service: "events.amazonaws.com", actions: []string{"sns:Publish"}, resources: []string{arn}, conditions: ours},
		statement{sid: "Budgets", service: "budgets.amazonaws.com", actions: []string{"sns:Publish"}, resources: []string{arn}, conditions: ours},
		statement{sid: "OnlyTLS", deny: true, anyone: true, actions: []string{"sns:Publish"}, resources: []string{arn}, conditions: obj{"Bool": obj{"aws:SecureTransport": "false"}}},
	)})
	for i, e := range c.Observability.Emails {
		awssns.NewCfnSubscription(stack, str(fmt.Sprintf("Alerts%d", i+1)), &awssns.CfnSubscriptionProps{TopicArn: t.Ref(), Protocol: str("email"), Endpoint: str(e)})
	}
	return *t.Ref()
}

// rum measures visits in the browsers of those who agree. Reports are signed:
// an identity pool gives every browser a guest's credentials, which may report
// to this one monitor and do nothing else. It returns the name of the monitor's
// log group, or "" where no visit is sampled and none of this is made.
func rum(stack awscdk.Stack, c *config.Config) string {
	const about = "What site.json says about the measuring of visits"
	if !c.RUM() {
		parameter(stack, c, "RumParameter", "rum", "null", about)
		return ""
	}
	name := "cityflow"
	pool := awscognito.NewCfnIdentityPool(stack, str("Visitors"), &awscognito.CfnIdentityPoolProps{
		// The classic flow would let a guest choose among roles.
		IdentityPoolName: str("cityflow-visitors"), AllowUnauthenticatedIdentities: yes, AllowClassicFlow: no,
	})
	accept(pool, "AwsSolutions-COG7", "Visitors have no accounts: a guest may report to the monitor of visits and do nothing else.")
	guest := awsiam.NewCfnRole(stack, str("VisitorRole"), &awsiam.CfnRoleProps{
		RoleName: str("cityflow-visitor"), Description: str("A browser that measures its visit: may report it"),
		AssumeRolePolicyDocument: obj{"Version": "2012-10-17", "Statement": list{obj{
			"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": obj{"Federated": "cognito-identity.amazonaws.com"},
			"Condition": obj{
				"StringEquals":           obj{"cognito-identity.amazonaws.com:aud": *pool.Ref()},
				"ForAnyValue:StringLike": obj{"cognito-identity.amazonaws.com:amr": "unauthenticated"},
			},
		}}},
		Policies: list{obj{"policyName": "permissions", "policyDocument": document(
			statement{sid: "Report", actions: []string{"rum:PutRumEvents"}, resources: []string{arn(c, "rum", "appmonitor/"+name)}})}},
	})
	awscognito.NewCfnIdentityPoolRoleAttachment(stack, str("VisitorsAre"), &awscognito.CfnIdentityPoolRoleAttachmentProps{
		IdentityPoolId: pool.Ref(), Roles: obj{"unauthenticated": *guest.AttrArn()},
	})
	sampled := c.Observability.RUMSamplePercent / 100
	monitor := awsrum.NewCfnAppMonitor(stack, str("Visits"), &awsrum.CfnAppMonitorProps{
		Name: str(name), Domain: str(c.Domain.Site), CwLogEnabled: yes,
		AppMonitorConfiguration: &awsrum.CfnAppMonitor_AppMonitorConfigurationProperty{
			// Cookies tell returning visitors; the page sets them only after
			// consent.
			AllowCookies: yes, EnableXRay: no, SessionSampleRate: jsii.Number(sampled),
			Telemetries: strs("errors", "performance", "http"), IdentityPoolId: pool.Ref(), GuestRoleArn: guest.AttrArn(),
		},
	})
	value := stack.ToJsonString(obj{"app_monitor_id": *monitor.AttrId(), "identity_pool_id": *pool.Ref(), "region": c.Region,
		"sample_rate": sampled, "endpoint": c.RUMEndpoint()}, nil)
	parameter(stack, c, "RumParameter", "rum", *value, about)
	// RUM names its group after the monitor and the first 8 letters of its id.
	group := "/aws/vendedlogs/RUMService_" + name + *awscdk.Fn_Select(num(0), awscdk.Fn_Split(str("-"), monitor.AttrId(), nil))
	awscdk.NewCfnOutput(stack, str("RumLogGroup"), &awscdk.CfnOutputProps{Value: str(group), Description: str("scripts/deploy/infra limits how long it keeps")})
	return group
}

// failures tells about tasks that end badly. Spot stops are the normal course
// of things, and so is a task that is told to stop.
func failures(stack awscdk.Stack, c *config.Config, topic string) {
	cluster := arn(c, "ecs", "cluster/"+c.Names.Cluster)
	awsevents.NewCfnRule(stack, str("TaskFailed"), &awsevents.CfnRuleProps{
		Name: str("cityflow-task-failed"), Description: str("Worker tasks that ended with an error or never started"), State: str("ENABLED"),
		EventPattern: obj{
			"source": list{"aws.ecs"}, "detail-type": list{"ECS Task State Change"},
			"detail": obj{
				"clusterArn": list{cluster}, "lastStatus": list{"STOPPED"},
				"stopCode": list{obj{"anything-but": list{"SpotInterruption", "UserInitiated", "ServiceSchedulerInitiated"}}},
				"$or": list{
					obj{"stopCode": list{"TaskFailedToStart"}},
					obj{"containers": obj{"exitCode": list{obj{"anything-but": list{0, 143}}}}},
				},
			},
		},
		// One line in the log each; the alarm counts and tells.
		Targets: list{&awsevents.CfnRule_TargetProperty{Id: str("log"), Arn: str(arn(c, "logs", "log-group:/aws/events/cityflow-tasks"))}},
	})
	g := logGroup(stack, c, "TaskFailures", "/aws/events/cityflow-tasks")
	policy := awslogs.NewCfnResourcePolicy(stack, str("TaskFailuresPolicy"), &awslogs.CfnResourcePolicyProps{PolicyName: str("cityflow-tasks"),
		PolicyDocument: stack.ToJsonString(document(statement{sid: "Events", service: "events.amazonaws.com", actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			resources: []string{arn(c, "logs", "log-group:/aws/events/cityflow-tasks:*")}}), nil)})
	policy.Node().AddDependency(g)
}

// alarm is one line of the table below.
type alarm struct {
	id, name, about    string
	namespace, metric  string
	dimensions         map[string]string
	statistic          string
	period, of, points int // seconds, periods, and how many of them
	threshold          float64
}

func alarms(stack awscdk.Stack, c *config.Config, m made, topic string) {
	for _, a := range []alarm{
		{id: "Api5xx", name: "cityflow-api-5xx", about: "The API answers 5xx. Runbook: incident", namespace: "AWS/ApiGateway", metric: "5xx",
			dimensions: map[string]string{"ApiId": m.api, "Stage": Stage}, statistic: "Sum", period: 300, of: 1, points: 1, threshold: 5},
		{id: "ApiErrors", name: "cityflow-api-errors", about: "The API's function fails or times out. Runbook: incident", namespace: "AWS/Lambda", metric: "Errors",
			dimensions: map[string]string{"FunctionName": c.Names.Function}, statistic: "Sum", period: 300, of: 1, points: 1, threshold: 3},
		{id: "ReconcilerErrors", name: "cityflow-reconciler-errors", about: "Tasks may not be started: the reconciler fails. Runbook: incident", namespace: "AWS/Lambda", metric: "Errors",
			dimensions: map[string]string{"FunctionName": c.Names.Reconciler}, statistic: "Sum", period: 300, of: 3, points: 2, threshold: 2},
		{id: "DeadLetters", name: "cityflow-dead-letters", about: "A job was given up. Runbook: dead-letters", namespace: "AWS/SQS", metric: "ApproximateNumberOfMessagesVisible",
			dimensions: map[string]string{"QueueName": c.Names.DeadLetters}, statistic: "Maximum", period: 300, of: 1, points: 1, threshold: 1},
		{id: "QueueAge", name: "cityflow-queue-age", about: "A job waits for 15 minutes. Runbook: incident", namespace: "AWS/SQS", metric: "ApproximateAgeOfOldestMessage",
			dimensions: map[string]string{"QueueName": c.Names.Queue}, statistic: "Maximum", period: 300, of: 1, points: 1, threshold: 900},
		{id: "TaskFailures", name: "cityflow-task-failures", about: "Worker tasks end with errors or never start. Runbook: incident", namespace: "AWS/Events", metric: "TriggeredRules",
			dimensions: map[string]string{"RuleName": "cityflow-task-failed"}, statistic: "Sum", period: 900, of: 1, points: 1, threshold: 3},
	} {
		a.add(stack, topic)
	}
}

func (a alarm) add(stack awscdk.Stack, topic string) {
	var dims list
	for _, k := range slices.Sorted(maps.Keys(a.dimensions)) {
		dims = append(dims, &awscloudwatch.CfnAlarm_DimensionProperty{Name: str(k), Value: str(a.dimensions[k])})
	}
	to := list{topic}
	awscloudwatch.NewCfnAlarm(stack, str(a.id+"Alarm"), &awscloudwatch.CfnAlarmProps{
		AlarmName: str(a.name), AlarmDescription: str(a.about), Namespace: str(a.namespace), MetricName: str(a.metric), Dimensions: dims,
		Statistic: str(a.statistic), Period: num(a.period), EvaluationPeriods: num(a.of), DatapointsToAlarm: num(a.points), Threshold: jsii.Number(a.threshold),
		ComparisonOperator: str("GreaterThanOrEqualToThreshold"), TreatMissingData: str("notBreaching"), AlarmActions: &to, OkActions: &to,
	})
}

// budget tells before the month gets expensive, and at the end of it takes the
// reconciler's right to start tasks: the page and all results stay up.
func budget(stack awscdk.Stack, c *config.Config, topic string) {
	notify := func(kind string, percent int) obj {
		return obj{
			"notification": obj{"notificationType": kind, "comparisonOperator": "GREATER_THAN", "threshold": percent, "thresholdType": "PERCENTAGE"},
			"subscribers":  list{obj{"subscriptionType": "SNS", "address": topic}},
		}
	}
	b := awsbudgets.NewCfnBudget(stack, str("Budget"), &awsbudgets.CfnBudgetProps{
		Budget:                       obj{"budgetName": "cityflow", "budgetType": "COST", "timeUnit": "MONTHLY", "budgetLimit": obj{"amount": c.Observability.MonthlyBudgetUSD, "unit": "USD"}},
		NotificationsWithSubscribers: list{notify("ACTUAL", 50), notify("ACTUAL", 80), notify("ACTUAL", 100), notify("FORECASTED", 100)},
	})
	if !c.Observability.StopAtBudget {
		return
	}
	stop := awsiam.NewCfnManagedPolicy(stack, str("StopTasks"), &awsiam.CfnManagedPolicyProps{
		ManagedPolicyName: str("cityflow-stop-tasks"), Description: str("Attached to the reconciler by the budget: no new worker tasks"),
		PolicyDocument: document(statement{sid: "NoNewTasks", deny: true, actions: []string{"ecs:RunTask"}, resources: []string{arn(c, "ecs", "task-definition/"+c.Names.Worker+":*")}}),
	})
	accept(stop, "AwsSolutions-IAM5", "It forbids: every revision of the worker's task is meant.")
	r := role(stack, "BudgetRole", "cityflow-budget", "budgets.amazonaws.com", "Lets the budget forbid new worker tasks",
		onlyFrom(c, "arn:aws:budgets::"+c.Account+":budget/cityflow"),
		statement{sid: "Attach", actions: []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy"}, resources: []string{iamRole(c, c.Names.Reconciler)},
			conditions: obj{"ArnEquals": obj{"iam:PolicyARN": "arn:aws:iam::" + c.Account + ":policy/cityflow-stop-tasks"}}})
	action := awsbudgets.NewCfnBudgetsAction(stack, str("StopAtBudget"), &awsbudgets.CfnBudgetsActionProps{
		BudgetName: str("cityflow"), ActionType: str("APPLY_IAM_POLICY"), ApprovalModel: str("AUTOMATIC"), NotificationType: str("ACTUAL"),
		ActionThreshold:  obj{"value": 100, "type": "PERCENTAGE"},
		Definition:       obj{"iamActionDefinition": obj{"policyArn": *stop.Ref(), "roles": list{c.Names.Reconciler}}},
		ExecutionRoleArn: r.AttrArn(), Subscribers: list{obj{"type": "SNS", "address": topic}},
	})
	action.AddResourceDependency(b, nil)
}

// edgeObservability is what can only be in us-east-1: CloudFront's metrics and
// the delivery of its access log.
func edgeObservability(app constructs.Construct, c *config.Config, distribution string) awscdk.Stack {
	stack := newStack(app, c, "edge-observability", config.EdgeRegion, "alarms on CloudFront and its access log", false)
	t := topic(stack, c, config.EdgeRegion)
	if c.Observability.Alarms {
		alarm{id: "Site5xx", name: "cityflow-site-5xx", about: "More than 5% of the answers of CloudFront are 5xx. Runbook: incident", namespace: "AWS/CloudFront", metric: "5xxErrorRate",
			dimensions: map[string]string{"DistributionId": distribution, "Region": "Global"}, statistic: "Average", period: 300, of: 2, points: 2, threshold: 5}.add(stack, t)
	}
	source := awslogs.NewCfnDeliverySource(stack, str("AccessLogSource"), &awslogs.CfnDeliverySourceProps{
		Name: str("cityflow-access"), LogType: str("ACCESS_LOGS"), ResourceArn: str("arn:aws:cloudfront::" + c.Account + ":distribution/" + distribution),
	})
	destination := awslogs.NewCfnDeliveryDestination(stack, str("AccessLogDestination"), &awslogs.CfnDeliveryDestinationProps{
		Name: str("cityflow-access"), DeliveryDestinationType: str("S3"), OutputFormat: str("json"), DestinationResourceArn: str("arn:aws:s3:::" + c.Names.LogsBucket),
	})
	var fields []string
	for _, col := range AccessColumns {
		fields = append(fields, col.Field)
	}
	awslogs.NewCfnDelivery(stack, str("AccessLog"), &awslogs.CfnDeliveryProps{
		DeliverySourceName: source.Ref(), DeliveryDestinationArn: destination.AttrArn(), RecordFields: jsii.Strings(fields...),
		S3SuffixPath: str("{yyyy}/{MM}/{dd}"), S3EnableHiveCompatiblePath: no,
	})
	return stack
}
