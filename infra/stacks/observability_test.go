package stacks

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestRUM(t *testing.T) {
	a := plan(t)
	m := a.one(t, "cityflow-observability", "AWS::RUM::AppMonitor")
	m.want(t, "cityflow.obaidmalik.co.uk", "Domain")
	m.want(t, true, "CwLogEnabled")
	m.want(t, 0.1, "AppMonitorConfiguration", "SessionSampleRate")
	m.want(t, []string{"errors", "performance", "http"}, "AppMonitorConfiguration", "Telemetries")
	if m.get("ResourcePolicy") != nil {
		t.Errorf("whoever knows the monitor's id may report: %s", text(m.get("ResourcePolicy")))
	}

	// A guest, and nobody else, gets the one role, through the flow that lets
	// him choose none.
	pool := a.one(t, "cityflow-observability", "AWS::Cognito::IdentityPool")
	pool.want(t, true, "AllowUnauthenticatedIdentities")
	pool.want(t, false, "AllowClassicFlow")
	ref := map[string]string{"Ref": pool.ID}
	m.want(t, ref, "AppMonitorConfiguration", "IdentityPoolId")
	guest := a.one(t, "cityflow-observability", "AWS::IAM::Role", "RoleName=cityflow-visitor")
	arn := map[string][]string{"Fn::GetAtt": {guest.ID, "Arn"}}
	m.want(t, arn, "AppMonitorConfiguration", "GuestRoleArn")
	roles := a.one(t, "cityflow-observability", "AWS::Cognito::IdentityPoolRoleAttachment")
	roles.want(t, map[string]any{"unauthenticated": arn}, "Roles")
	roles.want(t, ref, "IdentityPoolId")
	guest.want(t, []any{map[string]any{"Action": "sts:AssumeRoleWithWebIdentity", "Condition": map[string]any{
		"ForAnyValue:StringLike": map[string]string{"cognito-identity.amazonaws.com:amr": "unauthenticated"},
		"StringEquals":           map[string]any{"cognito-identity.amazonaws.com:aud": ref}},
		"Effect": "Allow", "Principal": map[string]string{"Federated": "cognito-identity.amazonaws.com"}}}, "AssumeRolePolicyDocument", "Statement")
	ss := guest.permissions()
	if len(ss) != 1 || !slices.Equal(ss[0].actions, []string{"rum:PutRumEvents"}) || text(ss[0].resources) != `["arn:aws:rum:eu-west-2:123456789012:appmonitor/cityflow"]` {
		t.Errorf("a visitor may %s", text(guest.get("Policies")))
	}

	// What web-deploy writes into site.json: these keys, which the page reads.
	p := a.one(t, "cityflow-observability", "AWS::SSM::Parameter", "Name=/cityflow/prod/rum")
	var said strings.Builder
	for _, part := range dig(p.get("Value"), "Fn::Join", "1").([]any) {
		if str, ok := part.(string); ok {
			said.WriteString(str)
		} else {
			said.WriteString(strings.Trim(text(part), `{}`)[1:4]) // Ref or Fn:
		}
	}
	if want := `{"app_monitor_id":"Fn:","endpoint":"https://dataplane.rum.eu-west-2.amazonaws.com","identity_pool_id":"Ref","region":"eu-west-2","sample_rate":0.1}`; said.String() != want {
		t.Errorf("site.json would say %s, want %s", said.String(), want)
	}
}

// TestRUMOff: no sampling, and nothing that measures is made, told to the page
// or let through by its policy.
func TestRUMOff(t *testing.T) {
	c := load(t)
	on := PagePolicy(c)
	c.Observability.RUMSamplePercent = 0
	off := PagePolicy(c)
	for _, host := range []string{"https://dataplane.rum.eu-west-2.amazonaws.com", "https://cognito-identity.eu-west-2.amazonaws.com"} {
		if !strings.Contains(on, " "+host) || strings.Contains(off, host) {
			t.Errorf("%s: measured %q, not measured %q", host, on, off)
		}
	}
	if strings.Contains(on+off, "sts.") || !strings.Contains(off, "connect-src 'self' https://api.cityflow.obaidmalik.co.uk;") {
		t.Errorf("not measured: %q", off)
	}
	a := synth(t, c)
	for _, kind := range []string{"AWS::RUM::AppMonitor", "AWS::Cognito::IdentityPool", "AWS::Cognito::IdentityPoolRoleAttachment"} {
		if n := len(a.all("", kind)); n != 0 {
			t.Errorf("%d of %s", n, kind)
		}
	}
	a.one(t, "cityflow-observability", "AWS::SSM::Parameter", "Name=/cityflow/prod/rum").want(t, "null", "Value")
	if w := text(dashboardWidgets(t, a)); strings.Contains(w, "RUMService") || strings.Contains(w, "AWS/RUM") || !strings.Contains(w, "cityflow-visitors-per-day") {
		t.Errorf("the dashboard asks what nobody measures: %s", w)
	}
}

func TestAccessLog(t *testing.T) {
	a := plan(t)
	s := a.one(t, "cityflow-edge-observability", "AWS::Logs::DeliverySource")
	s.want(t, "ACCESS_LOGS", "LogType")
	if !strings.Contains(text(s.get("ResourceArn")), ":distribution/") {
		t.Errorf("the log is of %s", text(s.get("ResourceArn")))
	}
	d := a.one(t, "cityflow-edge-observability", "AWS::Logs::DeliveryDestination")
	d.want(t, "arn:aws:s3:::cityflow-logs", "DestinationResourceArn")
	d.want(t, "json", "OutputFormat")
	l := a.one(t, "cityflow-edge-observability", "AWS::Logs::Delivery")
	var fields []string
	for _, c := range AccessColumns {
		fields = append(fields, c.Field)
	}
	l.want(t, fields, "RecordFields")
	for _, private := range []string{"cs(Cookie)", "cs-uri-query", "x-forwarded-for"} {
		if slices.Contains(fields, private) {
			t.Errorf("the log keeps %s", private)
		}
	}
	b := a.one(t, "cityflow-web", s3type, "BucketName=cityflow-logs")
	if !strings.Contains(b.json(), `{"ExpirationInDays":90,"Id":"access-logs","Prefix":"AWSLogs/","Status":"Enabled"}`) {
		t.Errorf("access logs stay: %s", b.json())
	}
	p := statementsOf("logs", a.one(t, "cityflow-web", "AWS::S3::BucketPolicy", "Bucket=cityflow-logs").get("PolicyDocument"))
	if text(p[0].principal) != `{"Service":"delivery.logs.amazonaws.com"}` || text(p[0].resources) != `["arn:aws:s3:::cityflow-logs/AWSLogs/123456789012/CloudFront/*"]` {
		t.Errorf("logs are written by %s to %s", text(p[0].principal), text(p[0].resources))
	}
	// Where the delivery writes is where the table looks.
	table := a.one(t, "cityflow-observability", "AWS::Glue::Table")
	table.want(t, "s3://cityflow-logs/AWSLogs/123456789012/CloudFront/${day}", "TableInput", "Parameters", "storage.location.template")
	l.want(t, "{yyyy}/{MM}/{dd}", "S3SuffixPath")
	table.want(t, "yyyy/MM/dd", "TableInput", "Parameters", "projection.day.format")
}

// TestAthena: every question of the plan is saved. What they answer is
// computed in scripts/test_queries.py.
func TestAthena(t *testing.T) {
	a := plan(t)
	w := a.one(t, "cityflow-observability", "AWS::Athena::WorkGroup")
	w.want(t, true, "WorkGroupConfiguration", "EnforceWorkGroupConfiguration")
	w.want(t, 1<<30, "WorkGroupConfiguration", "BytesScannedCutoffPerQuery")
	var names []string
	for _, q := range a.all("cityflow-observability", "AWS::Athena::NamedQuery") {
		names = append(names, fmt.Sprint(q.get("Name")))
		if len(fmt.Sprint(q.get("Description"))) < 20 {
			t.Errorf("%v does not say what it answers", q.get("Name"))
		}
	}
	slices.Sort(names)
	want := []string{"cityflow-average-session", "cityflow-cache-hits", "cityflow-countries", "cityflow-errors", "cityflow-referrers", "cityflow-top-pages", "cityflow-visitors-per-day"}
	if !slices.Equal(names, want) {
		t.Errorf("questions %v, want %v", names, want)
	}
}

// dashboard is the body with CloudFormation's joins taken as text.
func dashboardWidgets(t *testing.T, a *assembly) map[string]string {
	t.Helper()
	body := a.one(t, "cityflow-observability", "AWS::CloudWatch::Dashboard").get("DashboardBody")
	var s strings.Builder
	if str, ok := body.(string); ok {
		s.WriteString(str)
	} else {
		for _, part := range dig(body, "Fn::Join", "1").([]any) {
			if str, ok := part.(string); ok {
				s.WriteString(str)
			} else {
				s.WriteString("TOKEN")
			}
		}
	}
	var d struct {
		Widgets []struct {
			Type       string         `json:"type"`
			X, Y       int            `json:"-"`
			Width      int            `json:"width"`
			Properties map[string]any `json:"properties"`
		} `json:"widgets"`
	}
	if err := json.Unmarshal([]byte(s.String()), &d); err != nil {
		t.Fatalf("the dashboard is no JSON: %v\n%s", err, s.String())
	}
	out := map[string]string{}
	for _, w := range d.Widgets {
		title, ok := w.Properties["title"].(string)
		if !ok {
			title = fmt.Sprint(w.Properties["markdown"])
		}
		if w.Width < 1 || w.Width > 24 {
			t.Errorf("%s is %d wide", title, w.Width)
		}
		out[title] = text(w.Properties)
	}
	return out
}

func TestDashboard(t *testing.T) {
	widgets := dashboardWidgets(t, plan(t))
	for title, holds := range map[string]string{
		"Visitors a day":              "count_distinct(user_details.userId) as visitors by bin(1d)",
		"Sessions a day":              "count_distinct(user_details.sessionId)",
		"Average session (s)":         "avg(length) as average_seconds",
		"JavaScript errors":           "JsErrorCount",
		"Requests":                    `"AWS/CloudFront","Requests","Region","Global","DistributionId"`,
		"Errors (%)":                  "5xxErrorRate",
		"Bytes sent":                  "BytesDownloaded",
		"Invocations":                 `"AWS/Lambda","Invocations","FunctionName","cityflow-api"`,
		"Duration (ms)":               `"stat":"p99"`,
		"Errors of the function":      `"Errors"`,
		"Oldest job in the queue (s)": "ApproximateAgeOfOldestMessage",
		"Dead letters":                "cityflow-jobs-dlq",
		"Tasks started a day":         "cityflow_task_starts_total",
		"Average run time (s)":        "cityflow_job_seconds",
		"Failures":                    "cityflow-task-failed",
	} {
		if !strings.Contains(widgets[title], holds) {
			t.Errorf("%q: %s, want %s in it", title, widgets[title], holds)
		}
	}
	// The acceptance tests ask the same.
	asked, err := os.ReadFile("../../cmd/cityflow/smoke_visits.go")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(string(asked), "\" +\n\t\t\"", "")
	for _, title := range []string{"Visitors a day", "Average session (s)"} {
		_, query, _ := strings.Cut(widgets[title], "' | ")
		query, _, _ = strings.Cut(query, `"`)
		if query == "" || !strings.Contains(plain, query) {
			t.Errorf("%q asks %q, which cityflow smoke does not", title, query)
		}
	}
	for title, w := range widgets {
		if strings.Contains(w, "AWS/CloudFront") && !strings.Contains(w, `"region":"us-east-1"`) {
			t.Errorf("%q asks for CloudFront's metrics where there are none", title)
		}
	}
	c := load(t)
	if !strings.Contains(text(widgets), "cityflow-cache-hits") {
		t.Error("without the paid metric the dashboard does not say where the cache hit ratio is")
	}
	c.Observability.CacheMetrics = true
	paid := synth(t, c)
	if w := dashboardWidgets(t, paid)["Cache hits (%)"]; !strings.Contains(w, "CacheHitRate") {
		t.Errorf("cache hits: %s", w)
	}
	paid.one(t, "cityflow-web", "AWS::CloudFront::MonitoringSubscription")
}

func TestAlarms(t *testing.T) {
	a := plan(t)
	got := map[string]resource{}
	for _, r := range a.all("", "AWS::CloudWatch::Alarm") {
		got[fmt.Sprint(r.get("AlarmName"))] = r
		for _, actions := range []string{"AlarmActions", "OKActions"} {
			r.want(t, []map[string]string{{"Ref": "Alerts"}}, actions)
		}
		// The topic of the alarm's own region.
		a.one(t, r.Stack, "AWS::SNS::Topic")
		if doc := fmt.Sprint(r.get("AlarmDescription")); !strings.Contains(doc, "Runbook: ") {
			t.Errorf("%s names no runbook", r.ID)
		} else if _, name, _ := strings.Cut(doc, "Runbook: "); !exists("../../docs/runbooks/" + name + ".md") {
			t.Errorf("%s: there is no runbook %q", r.ID, name)
		}
	}
	for name, metric := range map[string]string{
		"cityflow-api-5xx": "AWS/ApiGateway 5xx", "cityflow-site-5xx": "AWS/CloudFront 5xxErrorRate", "cityflow-api-errors": "AWS/Lambda Errors", "cityflow-reconciler-errors": "AWS/Lambda Errors",
		"cityflow-dead-letters": "AWS/SQS ApproximateNumberOfMessagesVisible", "cityflow-queue-age": "AWS/SQS ApproximateAgeOfOldestMessage", "cityflow-task-failures": "AWS/Events TriggeredRules",
	} {
		r, ok := got[name]
		if !ok || fmt.Sprint(r.get("Namespace"), " ", r.get("MetricName")) != metric {
			t.Errorf("%s: %s, want %s", name, r.json(), metric)
		}
	}
	if got["cityflow-site-5xx"].Stack != "cityflow-edge-observability" {
		t.Error("CloudFront's metrics are in us-east-1, its alarm is not")
	}
	if len(got) > 10 {
		t.Errorf("%d alarms: ten are free", len(got))
	}
	c := load(t)
	c.Observability.Alarms, c.Observability.Emails = false, []string{"ops@example.org"}
	quiet := synth(t, c)
	if n := len(quiet.all("", "AWS::CloudWatch::Alarm")); n != 0 {
		t.Errorf("%d alarms", n)
	}
	if n := len(quiet.all("", "AWS::SNS::Subscription")); n != 2 {
		t.Errorf("%d subscriptions, want the same people in both regions", n)
	}
	for _, s := range quiet.all("", "AWS::SNS::Subscription") {
		s.want(t, "email", "Protocol")
		s.want(t, "ops@example.org", "Endpoint")
		s.want(t, map[string]string{"Ref": "Alerts"}, "TopicArn")
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestBudgetStopsTasks(t *testing.T) {
	a := plan(t)
	b := a.one(t, "cityflow-observability", "AWS::Budgets::Budget")
	b.want(t, map[string]any{"Amount": 10, "Unit": "USD"}, "Budget", "BudgetLimit")
	if n := len(b.get("NotificationsWithSubscribers").([]any)); n != 4 {
		t.Errorf("%d notices", n)
	}
	act := a.one(t, "cityflow-observability", "AWS::Budgets::BudgetsAction")
	act.want(t, "AUTOMATIC", "ApprovalModel")
	act.want(t, []string{"cityflow-reconciler"}, "Definition", "IamActionDefinition", "Roles")
	stop := statementsOf("stop", a.one(t, "cityflow-observability", "AWS::IAM::ManagedPolicy").get("PolicyDocument"))
	if len(stop) != 1 || stop[0].effect != "Deny" || !slices.Equal(stop[0].actions, []string{"ecs:RunTask"}) {
		t.Errorf("the budget forbids %v", stop)
	}
	r := a.one(t, "cityflow-observability", "AWS::IAM::Role", "RoleName=cityflow-budget")
	for _, s := range r.permissions() {
		if text(s.resources) != `["arn:aws:iam::123456789012:role/cityflow-reconciler"]` || !strings.Contains(text(s.conditions), "policy/cityflow-stop-tasks") {
			t.Errorf("%s may %v on %s if %s", s.where, s.actions, text(s.resources), text(s.conditions))
		}
	}
}

func TestTaskFailuresAreSeen(t *testing.T) {
	a := plan(t)
	r := a.one(t, "cityflow-observability", "AWS::Events::Rule", "Name=cityflow-task-failed")
	p := text(r.get("EventPattern"))
	for _, want := range []string{`"anything-but":["SpotInterruption"`, `"TaskFailedToStart"`, `"exitCode"`, "cluster/cityflow"} {
		if !strings.Contains(p, want) {
			t.Errorf("the rule lacks %s: %s", want, p)
		}
	}
	a.one(t, "cityflow-observability", "AWS::Logs::ResourcePolicy")
}
