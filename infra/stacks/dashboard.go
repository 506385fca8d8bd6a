package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

	"github.com/malikobaid/cityflow/infra/config"
)

// grid places widgets in rows of 24 columns.
type grid struct {
	widgets list
	x, y, h int
}

func (g *grid) add(width, height int, kind string, properties obj) {
	if g.x+width > 24 {
		g.row()
	}
	g.widgets = append(g.widgets, obj{"type": kind, "x": g.x, "y": g.y, "width": width, "height": height, "properties": properties})
	g.x += width
	g.h = max(g.h, height)
}

func (g *grid) row() { g.x, g.y, g.h = 0, g.y+g.h, 0 }

func (g *grid) title(text string) {
	g.row()
	g.add(24, 1, "text", obj{"markdown": "## " + text, "background": "transparent"})
	g.row()
}

// dashboard is everything on one page: visits, CloudFront, API, jobs.
func dashboard(stack awscdk.Stack, c *config.Config, m made, rumGroup string) {
	g := &grid{}
	visits(g, c, rumGroup)
	cloudFront(g, c, m.distribution)
	functions(g, c, m.api)
	work(g, c)
	awscloudwatch.NewCfnDashboard(stack, str("Dashboard"), &awscloudwatch.CfnDashboardProps{
		DashboardName: str("cityflow"), DashboardBody: stack.ToJsonString(obj{"start": "-P7D", "periodOverride": "inherit", "widgets": g.widgets}, nil),
	})
}

// metric is a line of a widget: namespace, name, dimensions, then options.
func metric(namespace, name string, options obj, dimensions ...string) list {
	m := list{namespace, name}
	for _, d := range dimensions {
		m = append(m, d)
	}
	return append(m, options)
}

func graph(title, region, stat string, period int, metrics ...list) obj {
	var ms list
	for _, m := range metrics {
		ms = append(ms, m)
	}
	return obj{"title": title, "region": region, "stat": stat, "period": period, "view": "timeSeries", "metrics": ms, "yAxis": obj{"left": obj{"min": 0}}}
}

const (
	minutes5 = 300
	hour     = 3600
	day      = 86400
)

// visits: RUM sells no metric of visitors or of the length of a session, so
// both are asked of its log. With sampling the counts are of the sample: the
// saved questions to the access log count everybody.
func visits(g *grid, c *config.Config, group string) {
	if group == "" {
		g.title("Visits")
		g.add(24, 2, "text", obj{"markdown": "Browsers measure nothing (`observability.rum_sample_percent` is 0). Everybody is counted by Athena, workgroup `cityflow`: `cityflow-visitors-per-day`, `cityflow-average-session`."})
		return
	}
	g.title("Visits (a sample; everybody: Athena, workgroup cityflow)")
	ask := func(title, view, query string) obj {
		return obj{"title": title, "region": c.Region, "view": view, "query": "SOURCE '" + group + "' | " + query}
	}
	g.add(6, 6, "log", ask("Visitors a day", "bar", "stats count_distinct(user_details.userId) as visitors by bin(1d)"))
	g.add(6, 6, "log", ask("Sessions a day", "bar", "stats count_distinct(user_details.sessionId) as sessions by bin(1d)"))
	g.add(6, 6, "log", ask("Average session (s)", "table",
		"stats (max(event_timestamp) - min(event_timestamp)) / 1000 as length, min(event_timestamp) as began by user_details.sessionId"+
			" | stats avg(length) as average_seconds, count(*) as sessions"))
	g.add(6, 6, "metric", graph("JavaScript errors", c.Region, "Sum", hour, metric("AWS/RUM", "JsErrorCount", obj{}, "application_name", "cityflow")))
	g.add(12, 6, "log", ask("Pages", "table", "filter event_type = 'com.amazon.rum.page_view_event' | stats count(*) as views by metadata.pageId | sort views desc | limit 20"))
	g.add(12, 6, "log", ask("Countries", "table", "stats count_distinct(user_details.userId) as visitors by metadata.countryCode | sort visitors desc | limit 20"))
}

func cloudFront(g *grid, c *config.Config, id string) {
	g.title("Site (CloudFront)")
	at := []string{"Region", "Global", "DistributionId", id}
	one := func(name, stat, label string) list {
		return metric("AWS/CloudFront", name, obj{"stat": stat, "label": label}, at...)
	}
	g.add(6, 6, "metric", graph("Requests", config.EdgeRegion, "Sum", hour, one("Requests", "Sum", "requests")))
	g.add(6, 6, "metric", graph("Errors (%)", config.EdgeRegion, "Average", hour, one("4xxErrorRate", "Average", "4xx"), one("5xxErrorRate", "Average", "5xx")))
	g.add(6, 6, "metric", graph("Bytes sent", config.EdgeRegion, "Sum", hour, one("BytesDownloaded", "Sum", "bytes")))
	if c.Observability.CacheMetrics {
		g.add(6, 6, "metric", graph("Cache hits (%)", config.EdgeRegion, "Average", hour, one("CacheHitRate", "Average", "hits")))
	} else {
		g.add(6, 6, "text", obj{"markdown": "**Cache hits**: the metric is paid (`observability.cache_metrics`). Free: Athena, workgroup `cityflow`, query `cityflow-cache-hits`."})
	}
}

func functions(g *grid, c *config.Config, id string) {
	g.title("API")
	one := func(name, stat, label string) list {
		return metric("AWS/Lambda", name, obj{"stat": stat, "label": label}, "FunctionName", c.Names.Function)
	}
	g.add(6, 6, "metric", graph("Invocations", c.Region, "Sum", hour, one("Invocations", "Sum", "invocations"), one("Throttles", "Sum", "throttled")))
	g.add(6, 6, "metric", graph("Duration (ms)", c.Region, "p90", hour, one("Duration", "p90", "p90"), one("Duration", "p99", "p99")))
	g.add(6, 6, "metric", graph("Errors of the function", c.Region, "Sum", hour, one("Errors", "Sum", "errors")))
	gateway := func(name string) list {
		return metric("AWS/ApiGateway", name, obj{"stat": "Sum"}, "ApiId", id, "Stage", Stage)
	}
	g.add(6, 6, "metric", graph("Answers", c.Region, "Sum", hour, gateway("Count"), gateway("4xx"), gateway("5xx")))
}

// work: the metrics of namespace CityFlow are the program's own
// (docs/telemetry.md); a search adds up their labels.
func work(g *grid, c *config.Config) {
	g.title("Jobs")
	sum := func(label, search string, period string) list {
		return list{obj{"expression": "SUM(SEARCH('" + search + "', 'Sum', " + period + "))", "label": label, "region": c.Region}}
	}
	queue := func(name, metricName, stat, label string) list {
		return metric("AWS/SQS", metricName, obj{"stat": stat, "label": label}, "QueueName", name)
	}
	g.add(6, 6, "metric", graph("Oldest job in the queue (s)", c.Region, "Maximum", minutes5, queue(c.Names.Queue, "ApproximateAgeOfOldestMessage", "Maximum", "age")))
	g.add(6, 6, "metric", graph("Jobs in the queue", c.Region, "Maximum", minutes5, queue(c.Names.Queue, "ApproximateNumberOfMessagesVisible", "Maximum", "waiting"),
		queue(c.Names.Queue, "ApproximateNumberOfMessagesNotVisible", "Maximum", "running")))
	g.add(6, 6, "metric", graph("Dead letters", c.Region, "Maximum", minutes5, queue(c.Names.DeadLetters, "ApproximateNumberOfMessagesVisible", "Maximum", "dead letters")))
	g.add(6, 6, "metric", graph("Tasks started a day", c.Region, "Sum", day,
		sum("spot", `{CityFlow,capacity,outcome} MetricName="cityflow_task_starts_total" capacity="spot"`, "86400"),
		sum("on demand", `{CityFlow,capacity,outcome} MetricName="cityflow_task_starts_total" capacity="on_demand"`, "86400")))
	g.add(6, 6, "metric", graph("Average run time (s)", c.Region, "Average", hour, metric("CityFlow", "cityflow_job_seconds", obj{"stat": "Average", "label": "average"}, "stage", "total"),
		metric("CityFlow", "cityflow_job_seconds", obj{"stat": "p90", "label": "p90"}, "stage", "total")))
	g.add(6, 6, "metric", graph("Failures", c.Region, "Sum", hour,
		metric("AWS/Events", "TriggeredRules", obj{"stat": "Sum", "label": "failed tasks"}, "RuleName", "cityflow-task-failed"),
		sum("failed jobs", `{CityFlow,outcome} MetricName="cityflow_jobs_total" outcome="failed"`, "3600")))
	g.add(6, 6, "metric", graph("Paid seconds a day", c.Region, "Sum", day, metric("CityFlow", "cityflow_task_seconds_total", obj{"stat": "Sum", "label": "seconds"})))
	g.add(6, 6, "metric", graph("Reconciler", c.Region, "Sum", hour, metric("AWS/Lambda", "Errors", obj{"stat": "Sum", "label": "errors"}, "FunctionName", c.Names.Reconciler)))
}
