package stacks

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func att(id string) map[string]any { return map[string]any{"Fn::GetAtt": []string{id, "Arn"}} }
func ref(id string) map[string]any { return map[string]any{"Ref": id} }

// TestEachPathHasItsOwnBehaviour: what CloudFront does before, with and after
// an answer of each part of the site.
func TestEachPathHasItsOwnBehaviour(t *testing.T) {
	a := plan(t)
	d := a.one(t, "cityflow-web", cf)
	d.want(t, "/files/*", "DistributionConfig", "CacheBehaviors", "0", "PathPattern")
	for _, b := range []struct{ part, function, policy string }{
		{"DefaultCacheBehavior", "cityflow-viewer", "cityflow-page"},
		{"CacheBehaviors 0", "cityflow-files", "cityflow-files"},
		{"CacheBehaviors 1", "cityflow-files", "cityflow-files"},
	} {
		at := func(rest ...string) []string {
			return append(append([]string{"DistributionConfig"}, strings.Fields(b.part)...), rest...)
		}
		f := a.one(t, "cityflow-web", "AWS::CloudFront::Function", "Name="+b.function)
		d.want(t, []any{map[string]any{"EventType": "viewer-request", "FunctionARN": map[string]any{"Fn::GetAtt": []string{f.ID, "FunctionARN"}}}}, at("FunctionAssociations")...)
		d.want(t, ref(a.one(t, "cityflow-web", "AWS::CloudFront::CachePolicy", "CachePolicyConfig.Name="+b.policy).ID), at("CachePolicyId")...)
		d.want(t, ref(a.one(t, "cityflow-web", "AWS::CloudFront::ResponseHeadersPolicy", "ResponseHeadersPolicyConfig.Name="+b.policy).ID), at("ResponseHeadersPolicyId")...)
		// Nothing is written through the site.
		d.want(t, []string{"GET", "HEAD"}, at("AllowedMethods")...)
	}
	// A bucket that may not be listed says 403 of what is not there.
	for i, code := range []int{403, 404} {
		e := []string{"DistributionConfig", "CustomErrorResponses", fmt.Sprint(i)}
		d.want(t, code, append(e, "ErrorCode")...)
		d.want(t, 404, append(e, "ResponseCode")...)
		d.want(t, "/web/404.html", append(e, "ResponsePagePath")...)
	}
	for _, name := range []string{"cityflow-viewer", "cityflow-files"} {
		want := map[string]string{"cityflow-viewer": ViewerFunction(load(t)), "cityflow-files": FilesFunction()}[name]
		a.one(t, "cityflow-web", "AWS::CloudFront::Function", "Name="+name).want(t, want, "FunctionCode")
	}
}

// TestGatewayLetsInWhatTheAPIDoes: on AWS the gateway answers other origins,
// elsewhere the program: a client must not notice.
func TestGatewayLetsInWhatTheAPIDoes(t *testing.T) {
	b, err := os.ReadFile("../../internal/httpapi/middleware.go")
	if err != nil {
		t.Fatal(err)
	}
	h := plan(t).one(t, "cityflow-api", "AWS::ApiGatewayV2::Api")
	for _, x := range []struct {
		header, key string
		letters     func(string) string
	}{
		{"Methods", "AllowMethods", strings.ToUpper}, {"Allow-Headers", "AllowHeaders", strings.ToLower}, {"Expose-Headers", "ExposeHeaders", strings.ToLower},
	} {
		m := regexp.MustCompile(`"Access-Control-[A-Za-z-]*` + x.header + `", "([^"]+)"`).FindStringSubmatch(string(b))
		if m == nil {
			t.Fatalf("the program says no %s", x.header)
		}
		want := strings.Split(x.letters(m[1]), ", ")
		var got []string
		list, _ := h.get("CorsConfiguration", x.key).([]any)
		for _, v := range list {
			got = append(got, fmt.Sprint(v))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s of the gateway: %v, of the program: %v", x.key, got, want)
		}
	}
}

// TestRoutesReachTheFunction: every call, and submits with a limit of their
// own, through a stage that is really deployed.
func TestRoutesReachTheFunction(t *testing.T) {
	a := plan(t)
	api, i := a.one(t, "cityflow-api", "AWS::ApiGatewayV2::Api"), a.one(t, "cityflow-api", "AWS::ApiGatewayV2::Integration")
	keys := map[string]bool{}
	for _, r := range a.all("cityflow-api", "AWS::ApiGatewayV2::Route") {
		keys[fmt.Sprint(r.get("RouteKey"))] = true
		r.want(t, map[string]any{"Fn::Join": []any{"", []any{"integrations/", ref(i.ID)}}}, "Target")
		r.want(t, ref(api.ID), "ApiId")
	}
	s := a.one(t, "cityflow-api", "AWS::ApiGatewayV2::Stage")
	s.want(t, true, "AutoDeploy")
	s.want(t, map[string]any{"POST /v1/submit": map[string]any{"ThrottlingRateLimit": 2, "ThrottlingBurstLimit": 10}}, "RouteSettings")
	if len(keys) != 2 || !keys["$default"] || !keys["POST /v1/submit"] {
		t.Errorf("routes %v", keys)
	}
	a.one(t, "cityflow-api", "AWS::ApiGatewayV2::ApiMapping").want(t, ref(api.ID), "ApiId")
	// The gateway waits at least as long as the function may take.
	if f := a.one(t, "cityflow-api", "AWS::Lambda::Function"); i.get("TimeoutInMillis").(float64) <= 1000*f.get("Timeout").(float64) {
		t.Errorf("the gateway gives up after %v ms", i.get("TimeoutInMillis"))
	}
}

// TestFunctionsAreCalledByTheirCallersAlone: the permissions on both functions
// name one source each.
func TestFunctionsAreCalledByTheirCallersAlone(t *testing.T) {
	var got []string
	for _, p := range plan(t).all("", "AWS::Lambda::Permission") {
		got = append(got, strings.Join([]string{text(p.get("FunctionName")), fmt.Sprint(p.get("Action")), fmt.Sprint(p.get("Principal")), text(p.get("SourceArn"))}, " "))
	}
	slices.Sort(got)
	want := []string{
		`{"Ref":"FunctionLive"} lambda:InvokeFunction apigateway.amazonaws.com {"Fn::Join":["",["arn:aws:execute-api:eu-west-2:123456789012:",{"Ref":"Api"},"/*"]]}`,
		`{"Ref":"ReconcilerLive"} lambda:InvokeFunction events.amazonaws.com {"Fn::GetAtt":["EveryMinute","Arn"]}`,
		`{"Ref":"ReconcilerLive"} lambda:InvokeFunction events.amazonaws.com {"Fn::GetAtt":["TaskStopped","Arn"]}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("permissions\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRulesAreSwitchedOn: a rule that sleeps looks like one that works.
func TestRulesAreSwitchedOn(t *testing.T) {
	rules := plan(t).all("", "AWS::Events::Rule")
	if len(rules) != 3 {
		t.Errorf("%d rules, want the minute, the stopped task, the failed task", len(rules))
	}
	for _, r := range rules {
		r.want(t, "ENABLED", "State")
		if r.get("ScheduleExpression") == nil {
			r.want(t, []string{"aws.ecs"}, "EventPattern", "source")
			r.want(t, []string{"ECS Task State Change"}, "EventPattern", "detail-type")
			r.want(t, []string{"STOPPED"}, "EventPattern", "detail", "lastStatus")
		}
	}
}

// TestTasksReachWhatTheyNeed: room for temporary files under a root that is
// read-only, the lease of the queue, a log, and ways to AWS: through S3's
// endpoint and through the internet gateway.
func TestTasksReachWhatTheyNeed(t *testing.T) {
	a := plan(t)
	d := a.one(t, "cityflow-jobs", "AWS::ECS::TaskDefinition")
	box := func(p ...string) []string { return append([]string{"ContainerDefinitions", "0"}, p...) }
	d.want(t, []any{map[string]any{"Name": "tmp"}}, "Volumes")
	d.want(t, []any{map[string]any{"ContainerPath": "/tmp", "SourceVolume": "tmp"}}, box("MountPoints")...)
	q := a.one(t, "cityflow-jobs", "AWS::SQS::Queue", "QueueName=cityflow-jobs")
	q.want(t, 20, "ReceiveMessageWaitTimeSeconds")
	lease := fmt.Sprint(q.get("VisibilityTimeout"), "s")
	d.want(t, []any{map[string]any{"Name": "CITYFLOW_LEASE", "Value": lease}, map[string]any{"Name": "CITYFLOW_LOG_LEVEL", "Value": "info"}}, box("Environment")...)
	d.want(t, "awslogs", box("LogConfiguration", "LogDriver")...)
	d.want(t, "eu-west-2", box("LogConfiguration", "Options", "awslogs-region")...)

	// The reconciler starts them on the queue that the API fills, with its
	// lease, in these subnets.
	api, rec := a.one(t, "", "AWS::Lambda::Function", "FunctionName=cityflow-api"), a.one(t, "", "AWS::Lambda::Function", "FunctionName=cityflow-reconciler")
	for _, k := range []string{"CITYFLOW_STORE", "CITYFLOW_QUEUE", "CITYFLOW_LEASE", "CITYFLOW_TASK_SECONDS_PER_DAY"} {
		rec.want(t, api.get("Environment", "Variables", k), "Environment", "Variables", k)
	}
	rec.want(t, lease, "Environment", "Variables", "CITYFLOW_LEASE")
	rec.want(t, map[string]any{"Fn::GetAtt": []string{a.one(t, "cityflow-jobs", "AWS::EC2::SecurityGroup").ID, "GroupId"}}, "Environment", "Variables", "CITYFLOW_SECURITY_GROUPS")

	e := a.one(t, "cityflow-jobs", "AWS::EC2::VPCEndpoint")
	e.want(t, map[string]any{"Fn::Join": []any{"", []any{"com.amazonaws.", ref("AWS::Region"), ".s3"}}}, "ServiceName")
	igw := a.one(t, "cityflow-jobs", "AWS::EC2::InternetGateway")
	tables := text(e.get("RouteTableIds"))
	routes := a.all("cityflow-jobs", "AWS::EC2::Route")
	for _, r := range routes {
		r.want(t, "0.0.0.0/0", "DestinationCidrBlock")
		r.want(t, ref(igw.ID), "GatewayId")
		if !strings.Contains(tables, text(r.get("RouteTableId"))) {
			t.Errorf("%s goes past the endpoint of S3", r.ID)
		}
	}
	if len(routes) != 3 || len(a.all("cityflow-jobs", "AWS::EC2::SubnetRouteTableAssociation")) != 3 {
		t.Errorf("%d ways out of three subnets", len(routes))
	}
}

// TestOldStateIsKeptLongEnough: for a roll-back of the page and of the image.
func TestOldStateIsKeptLongEnough(t *testing.T) {
	a := plan(t)
	rules := a.one(t, "cityflow-web", s3type, "BucketName=cityflow-web").json()
	if !strings.Contains(rules, `"NoncurrentVersionExpiration":{"NoncurrentDays":30}`) {
		t.Errorf("earlier pages: %s", rules)
	}
	images := fmt.Sprint(a.one(t, "cityflow-jobs", "AWS::ECR::Repository").get("LifecyclePolicy", "LifecyclePolicyText"))
	if !strings.Contains(images, `"tagPatternList":["v*"],"countType":"imageCountMoreThan","countNumber":10`) || strings.Count(images, "rulePriority") != 2 {
		t.Errorf("earlier images: %s", images)
	}
}

// TestAlarmsRingInTime: what each alarm looks at and when it rings; the others
// of its lines are in TestAlarms.
func TestAlarmsRingInTime(t *testing.T) {
	want := map[string]string{
		"cityflow-api-5xx":           `Sum of 300 s >= 5, 1 of 1, ["ApiId=*","Stage=prod"]`,
		"cityflow-site-5xx":          `Average of 300 s >= 5, 2 of 2, ["DistributionId=*","Region=Global"]`,
		"cityflow-api-errors":        `Sum of 300 s >= 3, 1 of 1, ["FunctionName=cityflow-api"]`,
		"cityflow-reconciler-errors": `Sum of 300 s >= 2, 2 of 3, ["FunctionName=cityflow-reconciler"]`,
		"cityflow-dead-letters":      `Maximum of 300 s >= 1, 1 of 1, ["QueueName=cityflow-jobs-dlq"]`,
		"cityflow-queue-age":         `Maximum of 300 s >= 900, 1 of 1, ["QueueName=cityflow-jobs"]`,
		"cityflow-task-failures":     `Sum of 900 s >= 3, 1 of 1, ["RuleName=cityflow-task-failed"]`,
	}
	alarms := plan(t).all("", "AWS::CloudWatch::Alarm")
	for _, r := range alarms {
		var dims []string
		list, _ := r.get("Dimensions").([]any)
		for _, d := range list {
			value, ok := dig(d, "Value").(string)
			if !ok {
				value = "*" // an id that AWS gives
			}
			dims = append(dims, fmt.Sprint(dig(d, "Name"), "=", value))
		}
		op := map[any]string{"GreaterThanOrEqualToThreshold": ">="}[r.get("ComparisonOperator")]
		got := fmt.Sprintf("%v of %v s %s %v, %v of %v, %s", r.get("Statistic"), r.get("Period"), op, r.get("Threshold"), r.get("DatapointsToAlarm"), r.get("EvaluationPeriods"), text(dims))
		if name := fmt.Sprint(r.get("AlarmName")); got != want[name] {
			t.Errorf("%s: %s, want %s", name, got, want[name])
		}
		r.want(t, "notBreaching", "TreatMissingData")
	}
	if len(alarms) != len(want) {
		t.Errorf("%d alarms, want %d", len(alarms), len(want))
	}
}

// TestBudgetTellsAndActsInTime: before it is spent, and when it is.
func TestBudgetTellsAndActsInTime(t *testing.T) {
	a := plan(t)
	var notices []string
	list, _ := a.one(t, "", "AWS::Budgets::Budget").get("NotificationsWithSubscribers").([]any)
	for _, n := range list {
		notices = append(notices, fmt.Sprint(dig(n, "Notification", "NotificationType"), " ", dig(n, "Notification", "ComparisonOperator"), " ",
			dig(n, "Notification", "Threshold"), " ", dig(n, "Notification", "ThresholdType"), " ", text(dig(n, "Subscribers", "0", "Address"))))
	}
	over := ` PERCENTAGE {"Ref":"Alerts"}`
	if want := []string{"ACTUAL GREATER_THAN 50" + over, "ACTUAL GREATER_THAN 80" + over, "ACTUAL GREATER_THAN 100" + over, "FORECASTED GREATER_THAN 100" + over}; !slices.Equal(notices, want) {
		t.Errorf("notices %v, want %v", notices, want)
	}
	act := a.one(t, "", "AWS::Budgets::BudgetsAction")
	act.want(t, map[string]any{"Type": "PERCENTAGE", "Value": 100}, "ActionThreshold")
	act.want(t, "ACTUAL", "NotificationType")
	act.want(t, "APPLY_IAM_POLICY", "ActionType")
	act.want(t, ref(a.one(t, "", "AWS::IAM::ManagedPolicy").ID), "Definition", "IamActionDefinition", "PolicyArn")
	act.want(t, att(a.one(t, "", "AWS::IAM::Role", "RoleName=cityflow-budget").ID), "ExecutionRoleArn")
}

// TestDashboardShowsBothOfEachPair: p90 and p99, 4xx and 5xx, Spot and on
// demand.
func TestDashboardShowsBothOfEachPair(t *testing.T) {
	widgets := dashboardWidgets(t, plan(t))
	for title, both := range map[string][]string{
		"Duration (ms)":       {`"label":"p90"`, `"label":"p99"`, `"Duration","FunctionName","cityflow-api"`},
		"Errors (%)":          {"4xxErrorRate", "5xxErrorRate"},
		"Answers":             {`"4xx"`, `"5xx"`, `"Count"`, "AWS/ApiGateway"},
		"Tasks started a day": {`capacity=\"spot\"`, `capacity=\"on_demand\"`, "86400"},
		"Jobs in the queue":   {"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible", "cityflow-jobs"},
		"Failures":            {"cityflow-task-failed", `outcome=\"failed\"`},
	} {
		for _, s := range both {
			if !strings.Contains(widgets[title], s) {
				t.Errorf("%q lacks %s: %s", title, s, widgets[title])
			}
		}
	}
	plan(t).one(t, "", "AWS::Athena::WorkGroup").want(t, "s3://cityflow-logs/athena/", "WorkGroupConfiguration", "ResultConfiguration", "OutputLocation")
}

// TestGitHubIsWhoSaysSo: tokens are believed of one issuer, made for us.
func TestGitHubIsWhoSaysSo(t *testing.T) {
	a := plan(t)
	p := a.one(t, "cityflow-pipeline", "AWS::IAM::OIDCProvider")
	p.want(t, "https://token.actions.githubusercontent.com", "Url")
	p.want(t, []string{"sts.amazonaws.com"}, "ClientIdList")
	for _, r := range a.all("cityflow-pipeline", "AWS::IAM::Role") {
		r.want(t, map[string]any{"Federated": att(p.ID)}, "AssumeRolePolicyDocument", "Statement", "0", "Principal")
	}
}

// TestNamesPointAtTheirTargets: site and old host at the distribution, the API
// at its own domain name.
func TestNamesPointAtTheirTargets(t *testing.T) {
	for _, r := range plan(t).all("cityflow-dns", "AWS::Route53::RecordSet") {
		to, zone := text(r.get("AliasTarget", "DNSName")), text(r.get("AliasTarget", "HostedZoneId"))
		site := strings.Contains(to, "DistributionDomainName") || strings.Contains(to, "DomainName") && strings.Contains(to, "Distribution")
		if api := strings.HasPrefix(fmt.Sprint(r.get("Name")), "api."); api == site || api && !(strings.Contains(to, "RegionalDomainName") && strings.Contains(zone, "RegionalHostedZoneId")) {
			t.Errorf("%v points at %s of zone %s", r.get("Name"), to, zone)
		}
	}
}
